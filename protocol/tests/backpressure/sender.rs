//! The client as it sends: by its own WebSocket, or by requests that the Worker hands over, and over again.

use crate::plan::Plan;
use crate::world::{Event, World};
use sockjs_protocol::sockjs::pacing::{InboxFull, Pacing, Refusal, SendAnswer};
use sockjs_protocol::sockjs::payload::{Messages, PayloadLimits};
use sockjs_protocol::time::Millis;
use std::collections::{BTreeMap, BTreeSet};

/// A request for a send. Those of one id are the same send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    pub id: u64,
    /// True if the client waits for the answer: the one before it went lost.
    is_last: bool,
}

#[derive(Debug)]
pub struct Sender {
    /// Number of messages that the client still makes, and the sizes of those that it has not sent yet.
    left: usize,
    backlog: Vec<usize>,
    under_way: usize,
    lanes: usize,
    ids: u64,
    /// Requests that wait for their answer.
    waiting: Vec<Try>,
    facts: BTreeMap<u64, Facts>,
    /// The moment at which the newest message of a WebSocket comes.
    newest: Millis,
    /// True once the client gives up.
    pub is_broken: bool,
    /// True once a send was refused: the session is closed at the same moment.
    pub is_refused: bool,
    /// The first of the line, if it is not here and others wait: when it arrived, and since when.
    pub blocked: Option<(u64, Millis, Millis)>,
}

/// History of a send at the object.
#[derive(Debug, Clone, Copy)]
struct Facts {
    /// The moment at which it took its place, and the latest at which a request for it came.
    held: Millis,
    arrived: Millis,
    /// The moment at which its messages were last here.
    brought: Millis,
    /// The moment at which it was last told to come again.
    told_later: Millis,
    /// The longest time for which it was to be asked for again and was not.
    away: Millis,
    /// Sends that waited when it arrived.
    found: usize,
}

impl Sender {
    pub fn new(plan: &Plan) -> Self {
        Self {
            left: plan.messages,
            backlog: Vec::new(),
            under_way: 0,
            lanes: plan.lanes,
            ids: 0,
            waiting: Vec::new(),
            facts: BTreeMap::new(),
            newest: Millis(0),
            is_broken: false,
            is_refused: false,
            blocked: None,
        }
    }

    pub fn take_waiting(&mut self) -> Vec<Try> {
        std::mem::take(&mut self.waiting)
    }

    pub fn wait(&mut self, send: Try) {
        self.waiting.push(send);
    }

    pub fn waiting_ids(&self) -> BTreeSet<u64> {
        self.waiting.iter().map(|send| send.id).collect()
    }

    pub fn is_waiting(&self, id: u64) -> bool {
        self.waiting.iter().any(|send| send.id == id)
    }

    pub fn is_anybody_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub fn ids_in_line(&self, pacing: &Pacing) -> Vec<u64> {
        self.facts.keys().copied().filter(|id| pacing.knows(*id) && !pacing.is_taken(*id)).collect()
    }

    pub fn arrived_at(&self, id: u64) -> Millis {
        self.facts[&id].arrived
    }

    /// The moment at which it was last asked for.
    pub fn asked_at(&self, id: u64) -> Millis {
        self.facts[&id].arrived.max(self.facts[&id].brought)
    }

    pub fn held_since(&self, id: u64) -> Millis {
        self.facts[&id].held
    }

    /// The longest time for which the others could not have it.
    pub fn missing_for(&self, now: Millis, id: u64) -> Millis {
        let facts = &self.facts[&id];
        facts.away.max(now - facts.arrived.max(facts.told_later))
    }

    pub fn found(&self, id: u64) -> usize {
        self.facts[&id].found
    }

    /// True if the client has no message left.
    pub fn is_done(&self) -> bool {
        self.left == 0 && self.backlog.is_empty() && self.under_way == 0
    }
}

impl World {
    pub fn produce(&mut self) {
        if self.sender.is_broken || self.reader.is_gone || self.sender.left == 0 {
            return;
        }
        self.sender.left -= 1;
        let size = self.plan.dice.size(self.plan.limits.message);
        self.sender.backlog.push(size);
        match self.is_websocket() {
            true => self.send_on_socket(),
            false => self.send_request(),
        }
        self.plan_within(self.plan.pause, Event::Produce);
    }

    fn new_body(&mut self, sizes: &[usize]) -> u64 {
        self.sender.ids += 1;
        self.ledger.make(self.sender.ids, sizes);
        self.sender.ids
    }

    fn send_on_socket(&mut self) {
        let sizes = std::mem::take(&mut self.sender.backlog);
        let sizes = if self.plan.dice.one_in(9) { vec![] } else { sizes };
        let id = self.new_body(&sizes);
        let after = self.now + Millis(self.plan.dice.up_to(50));
        self.sender.newest = self.sender.newest.max(after);
        self.plan_at((self.sender.newest - self.now).0, Event::Message(id));
    }

    fn messages(&self, id: u64) -> Messages {
        Messages::of_body(self.ledger.body(id).text(), PayloadLimits::of(&self.plan.config())).unwrap()
    }

    /// A message of a WebSocket comes.
    pub fn message(&mut self, id: u64) {
        if self.reader.is_gone || self.object.socket.is_over {
            return;
        }
        self.object.in_burst = self.plan.dice.one_in(3);
        let messages = self.messages(id);
        if !messages.is_empty() {
            self.object.session.receive();
        }
        let (_, before) = self.ledger.unhandled(|id| self.ledger.body(id).is_accepted);
        match self.object.pacing.receive(messages) {
            Ok(()) => {
                self.ledger.arrives(id);
                if self.object.session.is_open() {
                    self.ledger.accept(id);
                }
                self.touch_and_settle();
            }
            Err(InboxFull) => {
                // Those without messages may count, too.
                let bytes = self.object.pacing.inbox_bytes() + self.ledger.body(id).cost();
                assert!(bytes > self.plan.limits.inbox, "closed with {before} bytes in its inbox");
                self.overrun(Refusal::Full);
                self.touch_and_settle();
            }
        }
    }

    /// Sends what waits, as far as the client may have requests under way.
    fn send_request(&mut self) {
        while self.sender.under_way < self.sender.lanes && !self.sender.backlog.is_empty() && !self.sender.is_broken {
            let (mut bytes, mut number) = (2, 0);
            let most = if self.sender.lanes == 1 { usize::MAX } else { 1 };
            for size in self.sender.backlog.iter().take(most) {
                bytes += size.max(&24) + 3;
                if number > 0 && bytes > self.plan.limits.body {
                    break;
                }
                number += 1;
            }
            let sizes: Vec<_> = self.sender.backlog.drain(..number).collect();
            let sizes = if self.plan.has_faults && self.plan.dice.one_in(20) { vec![] } else { sizes };
            let id = self.new_body(&sizes);
            self.sender.under_way += 1;
            let is_repeated = self.plan.has_faults && self.plan.dice.one_in(8);
            let after = self.plan.dice.up_to(50);
            self.plan_at(after, Event::Arrive(Try { id, is_last: !is_repeated }));
            if is_repeated {
                let later = after + self.plan.dice.up_to(4_000);
                self.plan_at(later, Event::Arrive(Try { id, is_last: true }));
            }
        }
    }

    pub fn arrive(&mut self, send: Try) {
        let Try { id, is_last } = send;
        if self.reader.is_gone && !self.plan.dice.one_in(4) {
            return;
        }
        if !self.object.session.is_open() {
            let status = if self.object.session.is_closed() { 404 } else { 204 };
            if is_last {
                self.plan_within(50, Event::Answered(status));
            }
            return;
        }
        // One whose place was given up is asked for again, and not known any more.
        let missing = |facts: &Facts| {
            let since = facts.arrived.max(facts.told_later);
            let is_missing = facts.brought < since || facts.brought == Millis(0);
            facts.away.max(if is_missing { self.now - since } else { Millis(0) })
        };
        let away = self.sender.facts.get(&id).map_or(Millis(0), missing);
        if !self.object.pacing.knows(id) {
            let found = self.sender.ids_in_line(&self.object.pacing).len();
            let (held, arrived) = (self.now, self.now);
            let facts = Facts { held, arrived, brought: Millis(0), told_later: Millis(0), away, found };
            self.sender.facts.insert(id, facts);
            self.ledger.arrives(id);
        }
        let facts = self.sender.facts.get_mut(&id).unwrap();
        facts.away = facts.away.max(away);
        facts.arrived = self.now;
        self.object.pacing.arrive(self.now, id);
        if !(self.plan.has_faults && self.plan.dice.one_in(6)) {
            self.bring(send);
        } else if !self.plan.dice.one_in(4) {
            self.plan_within(3_000, Event::Bring(send));
        } else if is_last {
            self.plan_within(3_000, Event::Answered(0));
        }
    }

    pub fn bring(&mut self, send: Try) {
        let messages = self.messages(send.id);
        if !messages.is_empty() {
            self.object.session.receive();
        }
        self.sender.facts.get_mut(&send.id).unwrap().brought = self.now;
        self.object.pacing.bring(self.now, send.id, messages);
        self.touch_and_settle();
        match self.object.pacing.answer(self.now, send.id) {
            Some(answer) => {
                self.check_answer(send.id, answer);
                self.reply(send, answer);
            }
            None => self.sender.wait(send),
        }
    }

    pub fn reply(&mut self, send: Try, answer: SendAnswer) {
        let Try { id, is_last } = send;
        let status = match answer {
            SendAnswer::Taken => 204,
            SendAnswer::Over => 503,
            SendAnswer::Refused(refusal) => {
                self.overrun(refusal);
                self.touch_and_settle();
                503
            }
            SendAnswer::Later => {
                self.sender.facts.get_mut(&id).unwrap().told_later = self.now;
                if !is_last {
                    return;
                }
                let is_dead = self.reader.is_gone || (self.plan.has_faults && self.plan.dice.one_in(12));
                if is_dead {
                    return self.plan_within(50, Event::Answered(0));
                }
                let most = if self.plan.has_faults && self.plan.dice.one_in(12) { 4_000 } else { 30 };
                return self.plan_within(most, Event::Arrive(send));
            }
        };
        if is_last {
            // A refusal waits until the close frame was read, or for a second.
            let after = if status == 503 && !self.object.session.is_close_read() { 1_000 } else { 50 };
            self.plan_within(after, Event::Answered(status));
        }
    }

    pub fn answered(&mut self, status: u16) {
        self.sender.under_way -= 1;
        if status == 204 || (status == 0 && self.sender.lanes > 1) {
            return self.send_request();
        }
        self.sender.is_broken = true;
        if self.sender.lanes == 1 {
            // A stock client whose send fails goes at once.
            self.leave();
        }
    }
}
