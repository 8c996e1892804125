//! The client's messages of which the Worker that holds a WebSocket knows that they are handled.

use std::cell::Cell;

/// Bytes of handled messages after which the Worker is told even if no frame goes to the client.
const TELL_BYTES: usize = 32 << 10;

/// The number up to which the Worker knows the client's messages to be handled, and what came since.
#[derive(Debug, Default)]
pub(crate) struct Told {
    number: Cell<u64>,
    /// Bytes that arrived since.
    bytes: Cell<usize>,
    /// True while the object is about to tell it.
    pub is_planned: Cell<bool>,
}

impl Told {
    /// Notes what the Worker knows.
    pub fn knows(&self, number: u64) {
        self.number.set(self.number.get().max(number));
    }

    /// Notes the arrival of so many bytes.
    pub fn arrived(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }

    /// True if the Worker does not know that everything up to `handled` is handled.
    pub fn is_behind(&self, handled: u64) -> bool {
        self.number.get() < handled
    }

    /// True if so much is not told that it cannot wait.
    pub fn is_much(&self) -> bool {
        self.bytes.get() >= TELL_BYTES
    }

    /// Returns `handled` if it is news, which the Worker is told now.
    pub fn tell(&self, handled: u64) -> Option<u64> {
        self.bytes.set(0);
        (self.number.replace(handled) < handled).then_some(handled)
    }
}
