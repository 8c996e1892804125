//! Tracks which of the client's messages the Worker that holds its WebSocket knows to be handled.

use std::cell::Cell;

/// Bytes of handled messages after which the Worker is notified even if no frame is sent to the client.
const TELL_BYTES: usize = 32 << 10;

/// The number up to which the Worker knows the client's messages to be handled, and the bytes that arrived since.
#[derive(Debug, Default)]
pub(crate) struct Told {
    number: Cell<u64>,
    /// Bytes that arrived since.
    bytes: Cell<usize>,
    /// True while a notification is planned.
    pub is_planned: Cell<bool>,
}

impl Told {
    /// Notes the number that the Worker knows.
    pub fn knows(&self, number: u64) {
        self.number.set(self.number.get().max(number));
    }

    /// Notes that this many bytes arrived.
    pub fn arrived(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }

    /// True if the Worker does not know that everything up to `handled` is handled.
    pub fn is_behind(&self, handled: u64) -> bool {
        self.number.get() < handled
    }

    /// True if too many bytes are not reported to wait any longer.
    pub fn is_much(&self) -> bool {
        self.bytes.get() >= TELL_BYTES
    }

    /// Returns `handled` if the Worker does not know it yet. The caller reports it.
    pub fn tell(&self, handled: u64) -> Option<u64> {
        self.bytes.set(0);
        (self.number.replace(handled) < handled).then_some(handled)
    }
}
