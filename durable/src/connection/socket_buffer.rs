//! Messages that wait on a client's own WebSocket, in the runtime, because the client does not read them.

use std::cell::Cell;

/// Bytes that the runtime keeps for each message besides its bytes, about (workerd 1.20261117: 409 bytes measured).
const MESSAGE_COST: usize = 512;

/// An estimate from above, counted up with each message. The runtime tells only the bytes that wait, and is asked only when
/// the estimate becomes too large; how many messages those are follows from their average size.
#[derive(Debug, Default)]
pub(crate) struct SocketBuffer {
    bytes: Cell<usize>,
    messages: Cell<usize>,
    /// True if messages were sent before the object slept: how many of them wait is unknown until the runtime is asked.
    is_unknown: Cell<bool>,
}

impl SocketBuffer {
    /// Notes that messages may wait that were sent before the object slept. workerd 1.20261117 keeps an object in memory while
    /// something waits on one of its sockets, but nothing promises that.
    pub fn forget(&self) {
        self.is_unknown.set(true);
    }

    /// True if the runtime has to be asked before [`SocketBuffer::cost`] is right.
    pub fn is_unknown(&self) -> bool {
        self.is_unknown.get()
    }

    /// Messages of this many bytes together were sent.
    pub fn add(&self, messages: usize, bytes: usize) {
        self.messages.set(self.messages.get().saturating_add(messages));
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }

    /// This many bytes still wait. Returns those that could wait at most, as far as is known: the bytes that waited when the
    /// runtime was asked before, and all that were sent since. If fewer wait, the client has read.
    pub fn correct(&self, waiting: usize) -> usize {
        let sent = self.bytes.replace(waiting);
        if self.is_unknown.take() {
            // Nobody knows how many messages the others were: as if each had as many bytes as it costs.
            let before = waiting.saturating_sub(sent).div_ceil(MESSAGE_COST);
            self.messages.set(self.messages.get().saturating_add(before));
            return sent;
        }
        // At most as many as there were; where nothing waits, none.
        let left = self.messages.get().saturating_mul(waiting).div_ceil(sent.max(1));
        self.messages.set(left.min(self.messages.get()));
        sent
    }

    /// Counts nothing any more, because the socket is closed.
    pub fn give_up(&self) {
        self.bytes.set(0);
        self.messages.set(0);
    }

    /// Returns the memory that they take.
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
