//! The memory that everything waiting for the clients of one object takes.
//!
//! Each message is counted as long as anybody has it, once for all whom it goes to; each connection has a part of its own for
//! what lists its messages, and for what the runtime keeps on its WebSocket. Where that becomes too much, what waits over HTTP
//! moves to rows of storage, which do not count.

use crate::connection::Entry;
use crate::log;
use crate::object::Object;
use crate::runtime::now;
use sockjs_protocol::frame::Message;
use sockjs_protocol::meter::{Meter, Part};
use sockjs_protocol::session::{CloseReason, TOO_SLOW};
use std::cell::Cell;
use std::rc::Rc;

/// Memory of one object's queues.
#[derive(Default)]
pub(crate) struct Memory {
    used: Meter,
    /// The largest `object_queue_limit` of the services that have connections here.
    limit: Cell<usize>,
    /// True if it was short when it was last looked at.
    was_short: Cell<bool>,
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

    /// True if more than half of it is used.
    pub fn is_short(&self) -> bool {
        self.used.sum() > self.limit.get() / 2
    }

    fn is_used_up(&self) -> bool {
        self.used.sum() > self.limit.get()
    }
}

impl Entry {
    /// Counts the memory of what waits for the client, without the texts of messages.
    pub(crate) fn count_memory(&self) {
        self.memory.set(self.session.borrow().overhead().saturating_add(self.outgoing.cost()));
    }

    /// Memory that would be free without this connection, if nothing that waits for it waits for others.
    fn memory_held(&self) -> usize {
        self.memory.bytes().saturating_add(self.session.borrow().bytes_in_memory())
    }
}

impl Object {
    /// Counts the memory of a connection, and leaves what waits for it to storage if memory is short.
    pub(crate) fn spare_memory(self: &Rc<Self>, entry: &Rc<Entry>) {
        entry.count_memory();
        if !self.memory.is_short() {
            return;
        }
        if entry.info.transport.is_websocket() {
            // The estimate alone never becomes smaller.
            entry.buffered_on_socket();
        } else {
            entry.session.borrow_mut().store_early();
            self.drain(entry);
            entry.session.borrow_mut().leave_in_rows();
        }
        entry.count_memory();
    }

    /// Frees memory where it is short. True if a connection was closed for it, which is touched.
    pub(crate) fn free_memory(self: &Rc<Self>) -> bool {
        if !self.memory.is_short() {
            self.memory.was_short.set(false);
            return false;
        }
        let entries = self.table.borrow().entries();
        if !self.memory.was_short.replace(true) || self.memory.is_used_up() {
            entries.iter().for_each(|entry| self.spare_memory(entry));
        }
        if !self.memory.is_used_up() {
            return false;
        }
        let open = entries.iter().filter(|entry| entry.session.borrow().is_open() && entry.memory_held() > 0);
        let Some(fullest) = open.max_by_key(|entry| entry.memory_held()) else { return false };
        log::warn(
            "memory",
            Some(&fullest.info.service),
            "object_queue_limit is used up: the fullest connection is closed",
        );
        fullest.session.borrow_mut().end(now(), 1013, TOO_SLOW, CloseReason::TooSlow);
        // What the runtime still has of it cannot be taken back.
        fullest.outgoing.give_up();
        self.touch_now(fullest);
        true
    }
}
