//! The memory for everything that waits for the clients of one object.
//!
//! Each message is counted once for all its recipients, as long as anybody has it. Each connection has a part of its own for the
//! list of its messages, and for the runtime's buffer of its WebSocket. If the total becomes too large, messages that wait over
//! HTTP move to rows of storage, which do not count.

use crate::application::host::MemoryLevel;
use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::object::Object;
use crate::observe::log;
use sockjs_protocol::sockjs::close_code::{CloseCode, TOO_SLOW};
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::meter::{Meter, Part};
use sockjs_protocol::sockjs::session::CloseReason;
use sockjs_protocol::time::Millis;
use std::cell::Cell;
use std::rc::Rc;

/// Time for which senders may wait because memory is short, before the fullest connection is closed.
const SHORT_MAX: Millis = Millis::from_secs(5);

/// The same if all memory is used: time for what was just sent to leave.
const USED_UP_MAX: Millis = Millis(500);

/// Memory for the queues of one object.
#[derive(Default)]
pub(super) struct Memory {
    used: Meter,
    /// The largest `object_queue_limit` of the services that have connections here.
    limit: Cell<usize>,
    /// Times at which a connection is closed if memory is still short, or still used up.
    short_until: Cell<Option<Millis>>,
    used_up_until: Cell<Option<Millis>>,
}

impl Memory {
    /// Creates a message that is counted.
    pub fn message(&self, text: &str) -> Message {
        Message::metered(text, &self.used)
    }

    /// Returns the part for a connection whose service has this `object_queue_limit`.
    pub fn part(&self, limit: usize) -> Part {
        self.limit.set(self.limit.get().max(limit));
        self.used.part()
    }

    /// Returns the meter of the messages.
    pub fn meter(&self) -> &Meter {
        &self.used
    }

    /// Returns the level of the remaining memory.
    pub fn level(&self) -> MemoryLevel {
        match (self.is_used_up(), self.is_short()) {
            (true, _) => MemoryLevel::UsedUp,
            (false, true) => MemoryLevel::Short,
            (false, false) => MemoryLevel::Free,
        }
    }

    /// True if more than half of the memory is used.
    pub fn is_short(&self) -> bool {
        self.used.sum() > self.limit.get() / 2
    }

    /// True if all of the memory is used.
    pub fn is_used_up(&self) -> bool {
        self.used.sum() > self.limit.get()
    }

    /// Returns the time at which the fullest connection is closed if nothing changes; `is_waited_for` is true if anybody waits
    /// for memory.
    pub fn deadline(&self, is_waited_for: bool) -> Option<Millis> {
        let short_until = self.short_until.get().filter(|_| is_waited_for);
        short_until.into_iter().chain(self.used_up_until.get()).min()
    }

    /// Updates the deadlines. Returns true if memory has just become short.
    fn look(&self, now: Millis) -> bool {
        let was_short = self.short_until.get().is_some();
        let until = |is: bool, before: Option<Millis>, time| is.then(|| before.unwrap_or(now + time));
        self.short_until.set(until(self.is_short(), self.short_until.get(), SHORT_MAX));
        self.used_up_until.set(until(self.is_used_up(), self.used_up_until.get(), USED_UP_MAX));
        self.is_short() && !was_short
    }

    /// Notes that a connection was closed: its memory becomes free in a moment.
    fn closed(&self, now: Millis) {
        self.short_until.set(Some(now + USED_UP_MAX));
        self.used_up_until.set(self.used_up_until.get().map(|_| now + USED_UP_MAX));
    }
}

impl Object {
    /// Updates the memory of a connection. If memory is short, its waiting messages are left to storage.
    pub(super) fn spare_memory(self: &Rc<Self>, entry: &Rc<Entry>) {
        entry.count_memory();
        if !self.memory.is_short() {
            return;
        }
        if entry.info.has_own_socket() {
            // The estimate alone never shrinks.
            entry.buffered_on_socket();
        } else {
            entry.session.borrow_mut().store_early();
            self.drain(entry);
            entry.session.borrow_mut().leave_in_rows();
        }
        entry.count_memory();
    }

    /// True if memory of a client's WebSocket may become free without an event.
    pub(super) fn waits_for_memory_of(&self, entry: &Entry) -> bool {
        entry.info.has_own_socket() && entry.socket_buffer.cost() > 0 && self.memory.is_short()
    }

    /// Frees memory if it is short. Returns true if a connection was closed for it, which is then touched.
    ///
    /// No connection is closed at once: clients that read make room in a moment, and further senders wait for that.
    pub(super) fn free_memory(self: &Rc<Self>) -> bool {
        let now = now();
        let is_due = || self.memory.deadline(self.gates.is_waited_at()).is_some_and(|at| at <= now);
        if !self.memory.look(now) && !is_due() {
            return false;
        }
        let entries = self.table.borrow().entries();
        for entry in &entries {
            self.spare_memory(entry);
            if self.waits_for_memory_of(entry) {
                self.look_again(entry);
            }
        }
        self.memory.look(now);
        if !is_due() {
            return false;
        }
        self.memory.closed(now);
        let open = entries.iter().filter(|entry| entry.session.borrow().is_open() && entry.memory_held() > 0);
        let Some(fullest) = open.max_by_key(|entry| entry.memory_held()) else { return false };
        log::warn(
            "memory",
            Some(&fullest.info.service),
            "object_queue_limit is used up: the fullest connection is closed",
        );
        fullest.session.borrow_mut().cut_off(now, CloseCode::TryAgainLater.number(), TOO_SLOW, CloseReason::TooSlow);
        // The runtime's buffer of the socket cannot be taken back.
        fullest.socket_buffer.give_up();
        self.touch_now(fullest);
        true
    }
}
