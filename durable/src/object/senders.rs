//! The senders of pushes, and the last push of each that was done: one that comes again is recognized.

use crate::js::clock::now;
use crate::object::Object;
use crate::observe::log;
use crate::store::queries::LastPush;
use sockjs_protocol::inner::envelope::PushNumber;
use sockjs_protocol::service::options::{Config, Durability};
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Time for which a sender is remembered after its last push. Longer than any push is repeated.
const KEEP: Millis = Millis::from_secs(120);

/// Number of senders above which those are forgotten whose time is over.
const MANY: usize = 64;

/// The last push of each sender.
#[derive(Debug, Default)]
pub(super) struct Senders {
    last: RefCell<HashMap<u64, LastPush>>,
    is_loaded: Cell<bool>,
}

impl Senders {
    /// Returns how many connections a push reached that was done before. `None` if it is new.
    fn repeated(&self, number: PushNumber) -> Option<usize> {
        let last = *self.last.borrow().get(&number.sender)?;
        (number.number <= last.number.number).then_some(last.reached)
    }

    /// Notes a push. Returns the senders that are forgotten, if there are some.
    fn note(&self, last: LastPush) -> bool {
        let mut all = self.last.borrow_mut();
        all.insert(last.number.sender, last);
        let before = all.len();
        if before > MANY {
            all.retain(|_, other| last.at - other.at < KEEP);
        }
        all.len() < before
    }
}

impl Object {
    /// Returns how many connections a push reached, if it was done before and comes again.
    pub(super) fn repeated(&self, config: &Config, number: Option<PushNumber>) -> Option<usize> {
        if config.durability == Durability::Outbox && !self.senders.is_loaded.replace(true) {
            match self.store.load_senders() {
                Ok(senders) => senders.into_iter().for_each(|last| {
                    self.senders.note(last);
                }),
                Err(error) => log::error("storage", Some(&config.prefix), error),
            }
        }
        self.senders.repeated(number?)
    }

    /// Notes that a push was done. With an outbox, storage learns of it together with the messages.
    pub(super) fn pushed(&self, config: &Config, number: Option<PushNumber>, reached: usize) {
        let Some(number) = number else { return };
        let last = LastPush { number, reached, at: now() };
        let is_forgetting = self.senders.note(last);
        if config.durability == Durability::Outbox {
            let forgotten = is_forgetting.then(|| last.at - KEEP);
            if let Err(error) = self.store.save_sender(last, forgotten) {
                log::error("storage", Some(&config.prefix), error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(sender: u64, number: u64, at: u64) -> LastPush {
        LastPush { number: PushNumber { sender, number }, reached: 5, at: Millis(at) }
    }

    #[test]
    fn a_push_that_comes_again_is_recognized_by_sender_and_number() {
        let senders = Senders::default();
        senders.note(push(1, 7, 0));
        assert_eq!(senders.repeated(PushNumber { sender: 1, number: 7 }), Some(5));
        assert_eq!(senders.repeated(PushNumber { sender: 1, number: 6 }), Some(5));
        assert_eq!(senders.repeated(PushNumber { sender: 1, number: 8 }), None);
        assert_eq!(senders.repeated(PushNumber { sender: 2, number: 7 }), None);
    }

    #[test]
    fn senders_whose_last_push_is_long_ago_are_forgotten_where_there_are_many() {
        let senders = Senders::default();
        for sender in 0..MANY as u64 {
            assert!(!senders.note(push(sender, 1, 0)));
        }
        assert!(!senders.note(push(1_000, 1, KEEP.0 - 1)), "they may come again");
        assert!(senders.note(push(1_001, 1, KEEP.0)));
        assert_eq!(senders.last.borrow().len(), 2);
    }
}
