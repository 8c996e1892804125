//! Sends over HTTP, in the order in which they arrived: a line of waiting sends, and the ids of accepted sends.

use super::inbox::ItemNumber;
use super::{PacingRules, Refusal, SendAnswer};
use crate::sockjs::payload::Messages;
use crate::time::Millis;
use std::collections::VecDeque;

/// Time after which the request of a send is answered although its messages still wait. It is below the time limit of a
/// request to an object, with a margin for a busy machine.
const ANSWER_LATER: Millis = Millis::from_secs(5);

/// Time for which the line waits for the body of the send whose turn it is.
const TURN: Millis = Millis::from_secs(2);

/// Bytes that a place in the line counts as.
const PLACE_COST: usize = 64;

/// Number of sends that are remembered. A repeat follows within seconds, and a client has few sends in flight.
const REMEMBERED: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Sends {
    line: VecDeque<Place>,
    held_bytes: usize,
    taken: VecDeque<Taken>,
    /// Sends that lost their place, and with it their order.
    given_up: VecDeque<u64>,
}

/// The place of a send in the line.
#[derive(Debug)]
struct Place {
    id: u64,
    since: Millis,
    /// Arrival of the waiting request, if there is one.
    asked: Option<Millis>,
    /// The messages, while a request that carries them waits.
    messages: Option<Messages>,
    /// Time at which the place became the first in the line without its messages.
    first_since: Option<Millis>,
    refusal: Option<Refusal>,
}

/// A send whose messages went into the inbox.
#[derive(Debug)]
struct Taken {
    id: u64,
    since: Millis,
    asked: Option<Millis>,
    item: ItemNumber,
    /// True once the Worker knows that the messages are accepted. It does not ask again then.
    is_known: bool,
}

impl Sends {
    pub fn knows(&self, id: u64) -> bool {
        self.is_taken(id) || self.line.iter().any(|place| place.id == id)
    }

    pub fn is_taken(&self, id: u64) -> bool {
        self.taken.iter().any(|taken| taken.id == id)
    }

    pub fn is_at_rest(&self) -> bool {
        self.line.is_empty()
    }

    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub fn arrive(&mut self, now: Millis, id: u64, limit: usize) {
        if self.is_taken(id) {
            return;
        }
        if let Some(place) = self.line.iter_mut().find(|place| place.id == id) {
            place.asked = Some(now);
            // If it was the turn of this place, the turn begins again.
            place.first_since = place.first_since.map(|_| now);
        } else {
            let is_full = self.line.len().saturating_mul(PLACE_COST) > limit;
            let refusal = match self.given_up.contains(&id) {
                true => Some(Refusal::Slow),
                false => is_full.then_some(Refusal::Full),
            };
            let place = Place { id, since: now, asked: Some(now), messages: None, first_since: None, refusal };
            self.line.push_back(place);
        }
    }

    pub fn bring(&mut self, now: Millis, id: u64, messages: Messages) {
        if let Some(taken) = self.taken.iter_mut().find(|taken| taken.id == id) {
            taken.asked = Some(now);
            return;
        }
        // A send that lost its place is refused.
        let Some(place) = self.line.iter_mut().find(|place| place.id == id && place.refusal.is_none()) else { return };
        let cost = messages.cost();
        place.first_since = None;
        let before = place.messages.replace(messages).map_or(0, |messages| messages.cost());
        self.held_bytes = self.held_bytes.saturating_sub(before).saturating_add(cost);
    }

    /// Refuses all sends that are held.
    pub fn drop_held(&mut self) {
        for place in &mut self.line {
            if place.messages.take().is_some() {
                place.refusal = Some(Refusal::Full);
            }
        }
        self.held_bytes = 0;
    }

    /// Returns the messages of the send that is first in the line, if `has_room` for as many bytes. Gives up places
    /// whose turn is over.
    pub fn next(&mut self, now: Millis, has_room: impl Fn(usize) -> bool) -> Option<(u64, Messages)> {
        loop {
            let others_wait = self.line.len() > 1;
            let first = self.line.front_mut()?;
            match &first.messages {
                Some(messages) if has_room(messages.cost()) => {
                    let place = self.line.pop_front()?;
                    let messages = place.messages?;
                    self.held_bytes = self.held_bytes.saturating_sub(messages.cost());
                    self.taken.push_back(Taken {
                        id: place.id,
                        since: place.since,
                        asked: place.asked,
                        item: ItemNumber::MAX,
                        is_known: false,
                    });
                    return Some((place.id, messages));
                }
                Some(_) => return None,
                None if !others_wait => {
                    first.first_since = None;
                    return None;
                }
                None if *first.first_since.get_or_insert(now) + TURN <= now => {
                    if self.given_up.len() == REMEMBERED {
                        self.given_up.pop_front();
                    }
                    self.given_up.extend(self.line.pop_front().map(|place| place.id));
                }
                None => return None,
            }
        }
    }

    /// Notes that the messages of the send with this id became this item of the inbox.
    pub fn taken(&mut self, now: Millis, id: u64, item: ItemNumber, rules: &PacingRules) {
        if let Some(taken) = self.taken.iter_mut().find(|taken| taken.id == id) {
            taken.item = item;
        }
        while self.taken.len() > REMEMBERED {
            // Forgetting a send that is still repeated would accept it twice. After this time nobody repeats it.
            let is_over =
                |taken: &Taken| taken.is_known || taken.since + rules.send_timeout + rules.send_timeout <= now;
            let Some(oldest) = self.taken.iter().position(is_over) else { break };
            self.taken.remove(oldest);
        }
    }

    pub fn answer(
        &mut self,
        now: Millis,
        id: u64,
        rules: &PacingRules,
        unread_since: Option<Millis>,
        is_handled: impl Fn(ItemNumber) -> bool,
    ) -> Option<SendAnswer> {
        if let Some(taken) = self.taken.iter_mut().find(|taken| taken.id == id) {
            let answer = match is_handled(taken.item) {
                true => Some(SendAnswer::Taken),
                false => late(now, taken.since, taken.asked, rules),
            };
            taken.asked.take_if(|_| answer.is_some());
            taken.is_known |= answer == Some(SendAnswer::Taken);
            return answer;
        }
        let Some(at) = self.line.iter().position(|place| place.id == id) else {
            return Some(SendAnswer::Refused(Refusal::Slow));
        };
        let others_wait = self.line.len() > 1;
        let place = self.line.get_mut(at)?;
        let stalls_at = place.stalls_at(rules, unread_since);
        let refusal = place.refusal.or_else(|| stalls_at.filter(|at| *at <= now).map(|_| Refusal::Stalled));
        let answer = match refusal {
            Some(refusal) => SendAnswer::Refused(refusal),
            None => late(now, place.since, place.asked, rules)?,
        };
        place.asked = None;
        // The others wait for this place from now on.
        place.first_since = (at == 0 && others_wait).then_some(now);
        let held = place.messages.take().map_or(0, |messages| messages.cost());
        self.held_bytes = self.held_bytes.saturating_sub(held);
        if matches!(answer, SendAnswer::Refused(_)) {
            self.line.remove(at);
        }
        Some(answer)
    }

    /// Returns the final answer to a send that is not repeated. A send whose messages are not in the inbox loses its place.
    pub fn answer_for_good(&mut self, id: u64) -> SendAnswer {
        if let Some(taken) = self.taken.iter_mut().find(|taken| taken.id == id) {
            taken.asked = None;
            taken.is_known = true;
            return SendAnswer::Taken;
        }
        if let Some(at) = self.line.iter().position(|place| place.id == id) {
            let held = self.line.remove(at).and_then(|place| place.messages).map_or(0, |messages| messages.cost());
            self.held_bytes = self.held_bytes.saturating_sub(held);
        }
        SendAnswer::Refused(Refusal::TimedOut)
    }

    pub fn deadline(&self, rules: &PacingRules, unread_since: Option<Millis>) -> Option<Millis> {
        if self.line.is_empty() && self.taken.is_empty() {
            return None; // as for each message of a WebSocket
        }
        let late = |since: Millis, asked: Option<Millis>| Some((asked? + ANSWER_LATER).min(since + rules.send_timeout));
        let held = self.line.iter().filter(|place| place.messages.is_some()).filter_map(|place| {
            let late = late(place.since, place.asked)?;
            Some(place.stalls_at(rules, unread_since).map_or(late, |stalls| stalls.min(late)))
        });
        let taken = self.taken.iter().filter_map(|taken| late(taken.since, taken.asked));
        // If the other sends have to be repeated, too, nobody waits for this one.
        let others_are_here = self.line.iter().skip(1).any(|place| place.messages.is_some());
        let turn = self.line.front().and_then(|first| first.first_since).map(|since| since + TURN);
        let turn = turn.filter(|_| others_are_here);
        held.chain(taken).chain(turn).min()
    }
}

impl Place {
    /// Returns the time at which the client has read nothing for too long.
    fn stalls_at(&self, rules: &PacingRules, unread_since: Option<Millis>) -> Option<Millis> {
        Some(unread_since?.max(self.since) + rules.stall_timeout)
    }
}

/// Returns the answer to a request that has waited, if the request needs an answer now.
fn late(now: Millis, since: Millis, asked: Option<Millis>, rules: &PacingRules) -> Option<SendAnswer> {
    if since + rules.send_timeout <= now {
        Some(SendAnswer::Refused(Refusal::TimedOut))
    } else if asked.is_none_or(|asked| asked + ANSWER_LATER <= now) {
        Some(SendAnswer::Later)
    } else {
        None
    }
}
