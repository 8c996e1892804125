//! Messages that a client sent over HTTP. A send that the Worker repeats, since its answer was lost, is taken once.

use crate::object::Object;
use crate::runtime::now;
use futures::future::select;
use sockjs_protocol::envelope::{EnvelopeError, decode_batch};
use sockjs_protocol::options::Config;
use sockjs_protocol::time::Millis;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Response, Result};

/// A send whose handlers take longer is answered with them still running.
const ANSWER_AFTER: Duration = Duration::from_secs(1);
/// A send that finds the inbox full waits for room this long.
const WAIT_FOR_ROOM: Millis = Millis::from_secs(5);
/// How often it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A repeat follows within seconds, and a client has few sends under way.
const REMEMBERED: usize = 64;

/// Ids of the latest sends. In memory alone: only a restart in between can double one.
#[derive(Debug, Default)]
pub(crate) struct Sends(VecDeque<u64>);

impl Sends {
    /// Whether `id` was not here before; from now on it was.
    pub fn is_new(&mut self, id: u64) -> bool {
        if self.0.contains(&id) {
            return false;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(id);
        true
    }

    /// `id` was not taken after all.
    pub fn forget(&mut self, id: u64) {
        self.0.retain(|known| *known != id);
    }
}

impl Object {
    /// Gives messages to the handler, and answers when it is done with them.
    pub(crate) async fn send(
        self: Rc<Self>,
        config: &Config,
        session: &str,
        id: u64,
        batch: &[u8],
    ) -> Result<Response> {
        let Some(entry) = self.session(&config.prefix, session)? else {
            return Response::error("no such session", 404);
        };
        let messages = match decode_batch(batch) {
            Ok(messages) => messages,
            Err(error @ EnvelopeError::Version(_)) => return Response::error(error.to_string(), 426),
            Err(error) => return Response::error(error.to_string(), 400),
        };
        // A retry of what was already taken: only its answer was lost.
        if !entry.sends.borrow_mut().is_new(id) {
            return Ok(Response::empty()?.with_status(204));
        }
        let give_up = now() + WAIT_FOR_ROOM;
        let bytes = messages.iter().map(String::len).sum();
        while !entry.inbox.borrow().has_room(bytes, config.body_limit) {
            if now() >= give_up {
                entry.sends.borrow_mut().forget(id);
                return Response::error("the application is busy", 503);
            }
            Delay::from(LOOK_AGAIN).await;
        }
        entry.session.borrow_mut().receive(messages);
        self.touch_and_settle(&entry);
        let wait = entry.inbox.borrow_mut().all_done();
        if let Some(wait) = wait {
            select(wait, Delay::from(ANSWER_AFTER)).await;
        }
        Ok(Response::empty()?.with_status(204))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_is_new_once_and_again_after_it_was_refused() {
        let mut sends = Sends::default();
        assert!(sends.is_new(1));
        assert!(!sends.is_new(1));
        sends.forget(1);
        assert!(sends.is_new(1));
    }

    #[test]
    fn only_the_latest_are_remembered() {
        let mut sends = Sends::default();
        for id in 0..=REMEMBERED as u64 {
            assert!(sends.is_new(id));
        }
        assert!(sends.is_new(0));
        assert!(!sends.is_new(REMEMBERED as u64));
    }
}
