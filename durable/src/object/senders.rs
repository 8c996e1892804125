//! The senders of pushes, with the last completed push of each, so that a repeated push is recognized.

use crate::js::clock::now;
use crate::object::Object;
use crate::object::broadcast::Reached;
use crate::observe::log;
use crate::store::queries::LastPush;
use sockjs_protocol::inner::envelope::PushNumber;
use sockjs_protocol::service::options::{Config, Durability};
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// Time for which a sender is remembered after its last push. Longer than any push is repeated.
const KEEP: Millis = Millis::from_secs(60);

/// Number of senders from which expired ones are removed.
const MANY: usize = 64;

/// Number of senders above which those of the older half of the period are removed, too, although they may repeat a push.
const MOST: usize = 1 << 14;

/// The last push of each sender.
#[derive(Debug)]
pub(super) struct Senders {
    last: RefCell<HashMap<u64, LastPush>>,
    /// Number of senders at which expired ones are removed next. It grows with those that remain, so that not every push searches
    /// all of them.
    look_at: Cell<usize>,
    is_loaded: Cell<bool>,
    /// Time from which no stored sender is needed. `None` if none is stored.
    stored_until: Cell<Option<Millis>>,
}

impl Default for Senders {
    fn default() -> Self {
        Self {
            last: RefCell::default(),
            look_at: Cell::new(MANY),
            is_loaded: Cell::new(false),
            stored_until: Cell::new(None),
        }
    }
}

impl Senders {
    /// Returns the number of connections that a push reached if it was done before. `None` if it is new.
    fn repeated(&self, number: PushNumber) -> Option<usize> {
        let last = *self.last.borrow().get(&number.sender)?;
        (number.number <= last.number.number).then_some(last.reached)
    }

    /// Returns the time at which the object has to be awake to delete stored senders.
    pub fn alarm(&self) -> Option<Millis> {
        self.stored_until.get()
    }

    /// Notes that no sender is stored.
    pub fn forget_stored(&self) {
        self.stored_until.set(None);
    }

    /// Notes a push. If senders are removed now, returns the limit: those with a last push at or before that time.
    fn note(&self, last: LastPush) -> Option<Millis> {
        let mut all = self.last.borrow_mut();
        all.insert(last.number.sender, last);
        if all.len() < self.look_at.get() {
            return None;
        }
        let mut until = last.at - KEEP;
        if all.len() > MOST {
            let oldest = all.values().map(|other| other.at).min().unwrap_or(last.at).max(until);
            until = oldest + Millis((last.at - oldest).0 / 2);
        }
        all.retain(|_, other| other.at > until);
        self.look_at.set((2 * all.len()).clamp(MANY, MOST + 1));
        Some(until)
    }
}

impl Object {
    /// Returns the number of connections that a push reached, if it was done before and is repeated.
    pub(super) fn repeated(&self, config: &Config, number: Option<PushNumber>) -> Option<usize> {
        if config.durability == Durability::Outbox {
            self.load_senders();
        }
        self.senders.repeated(number?)
    }

    /// Loads the stored senders, once.
    fn load_senders(&self) {
        if self.senders.is_loaded.replace(true) {
            return;
        }
        match self.store.load_senders() {
            Ok(senders) => {
                self.senders.stored_until.set(senders.iter().map(|last| last.at + KEEP).max());
                for last in senders {
                    self.senders.note(last);
                }
            }
            Err(error) => log::error("storage", None, error),
        }
    }

    /// Deletes the stored senders, if none of their pushes can be repeated any more. For the alarm.
    pub(super) fn forget_senders(&self) {
        self.load_senders();
        if self.senders.stored_until.get().is_none_or(|until| now() < until) {
            return;
        }
        match self.store.forget_senders() {
            Ok(()) => self.senders.forget_stored(),
            Err(error) => log::error("storage", None, error),
        }
    }

    /// Notes a completed push. With an outbox it is stored together with the messages, unless no recipient survives a restart:
    /// then a repetition could double nothing.
    pub(super) fn pushed(&self, config: &Config, number: Option<PushNumber>, reached: Reached) {
        let Some(number) = number else { return };
        let last = LastPush { number, reached: reached.members, at: now() };
        let forgotten = self.senders.note(last);
        if config.durability != Durability::Outbox || !reached.outlives {
            return;
        }
        match self.store.save_sender(last, forgotten) {
            Ok(()) => self.senders.stored_until.set(Some(last.at + KEEP)),
            Err(error) => log::error("storage", Some(&config.prefix), error),
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
        for sender in 1..MANY as u64 {
            assert_eq!(senders.note(push(sender, 1, 5)), None);
        }
        assert_eq!(senders.note(push(1_000, 1, KEEP.0 + 4)), Some(Millis(4)), "they may come again");
        assert_eq!(senders.last.borrow().len(), MANY);
        for sender in 0..MANY as u64 - 1 {
            assert_eq!(senders.note(push(2_000 + sender, 1, KEEP.0 + 5)), None, "it does not look each time");
        }
        assert_eq!(senders.note(push(1_001, 1, KEEP.0 + 5)), Some(Millis(5)));
        assert_eq!(senders.last.borrow().len(), MANY + 1);
    }

    #[test]
    fn their_number_is_bounded() {
        let senders = Senders::default();
        for sender in 0..3 * MOST as u64 {
            senders.note(push(sender, 1, sender));
        }
        assert!(senders.last.borrow().len() <= MOST);
        assert_eq!(senders.repeated(PushNumber { sender: 3 * MOST as u64 - 1, number: 1 }), Some(5));
    }
}
