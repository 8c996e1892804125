//! The memory that everything waiting for the clients of one object takes.
//!
//! Each message is counted as long as anybody has it, once for all whom it goes to; each connection has a part of its own for
//! what lists its messages, and for what the runtime keeps on its WebSocket. Where that becomes too much, what waits over HTTP
//! moves to rows of storage, which do not count.

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

/// Time for which what is sent may wait because memory is short, before the fullest connection is closed.
const SHORT_MAX: Millis = Millis::from_secs(5);

/// The same where all of it is used: time for what was just sent to leave.
const USED_UP_MAX: Millis = Millis(500);

/// Memory of one object's queues.
#[derive(Default)]
pub(super) struct Memory {
    used: Meter,
    /// The largest `object_queue_limit` of the services that have connections here.
    limit: Cell<usize>,
    /// The moments at which a connection is to be closed if memory is still short, or still used up.
    short_until: Cell<Option<Millis>>,
    used_up_until: Cell<Option<Millis>>,
}

impl Memory {
    /// A message that counts.
    pub fn message(&self, text: &str) -> Message {
        Message::metered(text, &self.used)
    }

    /// The part of a connection whose service has this `object_queue_limit`.
    pub fn part(&self, limit: usize) -> Part {
        self.limit.set(self.limit.get().max(limit));
        self.used.part()
    }

    /// Returns what counts the messages.
    pub fn meter(&self) -> &Meter {
        &self.used
    }

    /// Returns how much of it is left.
    pub fn level(&self) -> MemoryLevel {
        match (self.is_used_up(), self.is_short()) {
            (true, _) => MemoryLevel::UsedUp,
            (false, true) => MemoryLevel::Short,
            (false, false) => MemoryLevel::Free,
        }
    }

    /// True if more than half of it is used.
    pub fn is_short(&self) -> bool {
        self.used.sum() > self.limit.get() / 2
    }

    /// True if all of it is used.
    pub fn is_used_up(&self) -> bool {
        self.used.sum() > self.limit.get()
    }

    /// The moment at which the fullest connection is to be closed if nothing changes; `is_waited_for` if something waits for memory.
    pub fn deadline(&self, is_waited_for: bool) -> Option<Millis> {
        let short_until = self.short_until.get().filter(|_| is_waited_for);
        short_until.into_iter().chain(self.used_up_until.get()).min()
    }

    /// Notes whether memory is short now. True if it was not before.
    fn look(&self, now: Millis) -> bool {
        let was_short = self.short_until.get().is_some();
        let until = |is: bool, before: Option<Millis>, time| is.then(|| before.unwrap_or(now + time));
        self.short_until.set(until(self.is_short(), self.short_until.get(), SHORT_MAX));
        self.used_up_until.set(until(self.is_used_up(), self.used_up_until.get(), USED_UP_MAX));
        self.is_short() && !was_short
    }

    /// A connection was closed: its memory becomes free in a moment.
    fn closed(&self, now: Millis) {
        self.short_until.set(Some(now + USED_UP_MAX));
        self.used_up_until.set(self.used_up_until.get().map(|_| now + USED_UP_MAX));
    }
}

impl Object {
    /// Counts the memory of a connection, and leaves what waits for it to storage if memory is short.
    pub(super) fn spare_memory(self: &Rc<Self>, entry: &Rc<Entry>) {
        entry.count_memory();
        if !self.memory.is_short() {
            return;
        }
        if entry.info.has_own_socket() {
            // The estimate alone never becomes smaller.
            entry.buffered_on_socket();
        } else {
            entry.session.borrow_mut().store_early();
            self.drain(entry);
            entry.session.borrow_mut().leave_in_rows();
        }
        entry.count_memory();
    }

    /// True if something of a client's WebSocket may become free, which nothing tells.
    pub(super) fn waits_for_memory_of(&self, entry: &Entry) -> bool {
        entry.info.has_own_socket() && entry.socket_buffer.cost() > 0 && self.memory.is_short()
    }

    /// Frees memory where it is short. True if a connection was closed for it, which is touched.
    ///
    /// None is closed at once: those who read make room in a moment, and whatever would send more waits for that.
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
        // What the runtime still has of it cannot be taken back.
        fullest.socket_buffer.give_up();
        self.touch_now(fullest);
        true
    }
}
