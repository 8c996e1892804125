//! Messages that a client sent over HTTP. A send that the Worker repeats, since its answer was lost, is taken once.

use crate::events::TOO_FAST;
use crate::inbox::cost;
use crate::object::Object;
use crate::reply::{Reply, done, problem};
use crate::runtime::now;
use futures::future::select;
use sockjs_protocol::envelope::Pass;
use sockjs_protocol::options::Config;
use sockjs_protocol::session::CloseReason;
use sockjs_protocol::time::Millis;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Result};

/// A send whose handlers take longer is answered with them still running.
const ANSWER_AFTER: Duration = Duration::from_secs(1);
/// A send that finds the inbox full waits for room this long.
const WAIT_FOR_ROOM: Millis = Millis::from_secs(5);
/// How often it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A repeat follows within seconds, and a client has few sends under way.
const REMEMBERED: usize = 64;

/// Ids of the latest sends, and of those that wait for room, in their order. In memory alone: only a restart in between can
/// double one.
#[derive(Debug, Default)]
pub(crate) struct Sends {
    taken: VecDeque<u64>,
    waiting: VecDeque<u64>,
    /// Bytes of those that wait.
    held: usize,
}

/// What becomes of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It is the next to be taken.
    Next,
    /// Others are before it.
    Wait,
    /// It was taken before.
    Taken,
}

impl Sends {
    /// Whether it came before.
    pub fn knows(&self, id: u64) -> bool {
        self.taken.contains(&id) || self.waiting.contains(&id)
    }

    /// Lets a send wait for its turn. False if too much waits.
    pub fn enter(&mut self, id: u64, bytes: usize, limit: usize) -> bool {
        if self.knows(id) {
            return true;
        }
        if !self.waiting.is_empty() && self.held.saturating_add(bytes) > limit {
            return false;
        }
        self.held = self.held.saturating_add(bytes);
        self.waiting.push_back(id);
        true
    }

    pub fn turn(&self, id: u64) -> Turn {
        match self.waiting.front() {
            _ if self.taken.contains(&id) => Turn::Taken,
            Some(first) if *first == id => Turn::Next,
            _ => Turn::Wait,
        }
    }

    /// The send waits no more: it was taken, or gave up.
    pub fn leave(&mut self, id: u64, bytes: usize, taken: bool) {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| *waiting != id);
        if self.waiting.len() < before {
            self.held = self.held.saturating_sub(bytes);
        }
        if taken {
            if self.taken.len() == REMEMBERED {
                self.taken.pop_front();
            }
            self.taken.push_back(id);
        }
    }
}

impl Object {
    /// Gives messages to the handler, and answers when it is done with them.
    pub(crate) async fn send(
        self: Rc<Self>,
        config: &Config,
        session: &str,
        pass: Option<&Pass>,
        id: u64,
        messages: Vec<String>,
    ) -> Result<Reply> {
        let Some(entry) = self.session(&config.prefix, session)? else {
            return problem("no such session", 404);
        };
        if !entry.info.is_of(config, pass) {
            return problem("not this client's session", 403);
        }
        if !entry.sends.borrow().knows(id) && !entry.takes(config, messages.len()) {
            // Answered like one that was taken: another status would keep the client from reading why it was closed.
            let reason = CloseReason::Violation { code: 1008, reason: TOO_FAST.into() };
            entry.session.borrow_mut().close(now(), 1008, TOO_FAST, reason);
            self.touch_and_settle(&entry);
            return done();
        }
        let bytes = messages.iter().map(|message| cost(message)).sum();
        if !entry.sends.borrow_mut().enter(id, bytes, config.body_limit) {
            return busy();
        }
        let give_up = now() + WAIT_FOR_ROOM;
        loop {
            let turn = entry.sends.borrow().turn(id);
            if turn == Turn::Taken {
                return done();
            }
            if turn == Turn::Next && entry.inbox.borrow().has_room(&messages, config.body_limit) {
                break;
            }
            if now() >= give_up {
                entry.sends.borrow_mut().leave(id, bytes, false);
                return busy();
            }
            Delay::from(LOOK_AGAIN).await;
        }
        entry.sends.borrow_mut().leave(id, bytes, true);
        entry.session.borrow_mut().receive(messages);
        self.touch_and_settle(&entry);
        let wait = entry.inbox.borrow_mut().all_done();
        if let Some(wait) = wait {
            select(wait, Delay::from(ANSWER_AFTER)).await;
        }
        done()
    }
}

fn busy() -> Result<Reply> {
    problem("the application is busy", 503)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sends_are_taken_in_their_order_and_once() {
        let mut sends = Sends::default();
        assert!(sends.enter(1, 10, 100) && sends.enter(2, 10, 100));
        assert_eq!((sends.turn(1), sends.turn(2)), (Turn::Next, Turn::Wait));
        sends.leave(1, 10, true);
        assert_eq!((sends.turn(1), sends.turn(2)), (Turn::Taken, Turn::Next));
        assert!(sends.enter(1, 10, 100), "a repeat");
        assert_eq!(sends.turn(1), Turn::Taken);
        sends.leave(2, 10, false);
        assert!(sends.enter(2, 10, 100), "refused, it may come again");
        assert_eq!(sends.turn(2), Turn::Next);
    }

    #[test]
    fn no_more_waits_than_may() {
        let mut sends = Sends::default();
        assert!(sends.enter(1, 1_000, 100), "one alone always may");
        assert!(!sends.enter(2, 1, 100));
        sends.leave(1, 1_000, true);
        assert!(sends.enter(2, 60, 100) && sends.enter(3, 40, 100));
        assert!(!sends.enter(4, 1, 100));
        sends.leave(2, 60, false);
        assert!(sends.enter(4, 60, 100));
    }

    #[test]
    fn only_the_latest_are_remembered() {
        let mut sends = Sends::default();
        for id in 0..=REMEMBERED as u64 {
            sends.enter(id, 1, 1);
            sends.leave(id, 1, true);
        }
        assert_eq!(sends.turn(0), Turn::Wait);
        assert_eq!(sends.turn(REMEMBERED as u64), Turn::Taken);
    }
}
