//! Messages that wait on a client's own WebSocket, in the runtime, because the client does not read them.

use std::cell::Cell;

/// Overhead of each message in the runtime, in bytes (workerd 1.20261117: 409 bytes measured).
const MESSAGE_COST: usize = 512;

/// An upper estimate, increased with each message. The runtime only reports the bytes that wait, and is asked only when the
/// estimate becomes too large. The number of messages follows from their average size.
#[derive(Debug, Default)]
pub(crate) struct SocketBuffer {
    bytes: Cell<usize>,
    messages: Cell<usize>,
    /// True if messages were sent before the object hibernated: their number is unknown until the runtime is asked.
    is_unknown: Cell<bool>,
}

impl SocketBuffer {
    /// Notes that messages from before a hibernation may wait. workerd 1.20261117 keeps an object in memory while data waits on
    /// one of its sockets, but does not guarantee it.
    pub fn forget(&self) {
        self.is_unknown.set(true);
    }

    /// True if [`SocketBuffer::cost`] is only right after the runtime was asked.
    pub fn is_unknown(&self) -> bool {
        self.is_unknown.get()
    }

    /// Adds messages of this many bytes together.
    pub fn add(&self, messages: usize, bytes: usize) {
        self.messages.set(self.messages.get().saturating_add(messages));
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }

    /// Corrects the estimate to `waiting` bytes. Returns the most that could wait: the bytes that waited at the last correction,
    /// and all that were sent since. If fewer wait, the client has read.
    pub fn correct(&self, waiting: usize) -> usize {
        let sent = self.bytes.replace(waiting);
        if self.is_unknown.take() {
            // The number of the other messages is unknown: assume that each has as many bytes as its overhead.
            let before = waiting.saturating_sub(sent).div_ceil(MESSAGE_COST);
            self.messages.set(self.messages.get().saturating_add(before));
            return sent;
        }
        // At most as many messages as before, and none if no bytes wait.
        let left = self.messages.get().saturating_mul(waiting).div_ceil(sent.max(1));
        self.messages.set(left.min(self.messages.get()));
        sent
    }

    /// Resets the count, because the socket is closed.
    pub fn give_up(&self) {
        self.bytes.set(0);
        self.messages.set(0);
    }

    /// Returns the memory that the messages take.
    pub fn cost(&self) -> usize {
        self.bytes.get().saturating_add(self.messages.get().saturating_mul(MESSAGE_COST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_messages_count_for_more_than_their_bytes() {
        let socket_buffer = SocketBuffer::default();
        socket_buffer.add(1, 10_000);
        socket_buffer.add(1_000, 2_000);
        assert_eq!(socket_buffer.cost(), 12_000 + 1_001 * MESSAGE_COST);
    }

    #[test]
    fn what_the_client_read_counts_no_more() {
        let socket_buffer = SocketBuffer::default();
        socket_buffer.add(100, 1_000);
        socket_buffer.correct(500);
        assert_eq!(socket_buffer.cost(), 500 + 50 * MESSAGE_COST);
        socket_buffer.correct(1);
        assert_eq!(socket_buffer.cost(), 1 + MESSAGE_COST, "what waits is at least one message");
        socket_buffer.correct(0);
        assert_eq!(socket_buffer.cost(), 0);
    }

    #[test]
    fn what_was_sent_before_a_sleep_counts_once_the_runtime_was_asked() {
        let socket_buffer = SocketBuffer::default();
        socket_buffer.forget();
        assert!(socket_buffer.is_unknown());
        socket_buffer.add(1, 100);
        socket_buffer.correct(100 + 4 * MESSAGE_COST);
        assert!(!socket_buffer.is_unknown());
        assert_eq!(socket_buffer.cost(), 100 + 4 * MESSAGE_COST + 5 * MESSAGE_COST);
        socket_buffer.correct(0);
        assert_eq!(socket_buffer.cost(), 0);
    }

    #[test]
    fn nothing_counts_that_left_while_the_object_slept() {
        let socket_buffer = SocketBuffer::default();
        socket_buffer.forget();
        socket_buffer.correct(0);
        assert_eq!(socket_buffer.cost(), 0);
    }
}
