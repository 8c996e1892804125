//! What waits on a client's own WebSocket, in the runtime, because the client does not read it.

use std::cell::Cell;

/// What the runtime keeps for each message besides its bytes, about (workerd 1.20261117: 409 bytes measured).
const MESSAGE_COST: usize = 512;

/// An estimate from above, counted up with each message. The runtime tells only the bytes that wait, and is asked only when
/// the estimate becomes too large; how many messages those are follows from their average size.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Cell<usize>,
    messages: Cell<usize>,
}

impl Outgoing {
    /// Messages of this many bytes together were sent.
    pub fn add(&self, messages: usize, bytes: usize) {
        self.messages.set(self.messages.get().saturating_add(messages));
        self.bytes.set(self.bytes.get().saturating_add(bytes));
    }

    /// This many bytes still wait.
    pub fn correct(&self, waiting: usize) {
        let sent = self.bytes.replace(waiting);
        // At most as many as there were; where nothing waits, none.
        let left = self.messages.get().saturating_mul(waiting).div_ceil(sent.max(1));
        self.messages.set(left.min(self.messages.get()));
    }

    /// What it takes in memory.
    pub fn cost(&self) -> usize {
        self.bytes.get().saturating_add(self.messages.get().saturating_mul(MESSAGE_COST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_messages_count_for_more_than_their_bytes() {
        let outgoing = Outgoing::default();
        outgoing.add(1, 10_000);
        outgoing.add(1_000, 2_000);
        assert_eq!(outgoing.cost(), 12_000 + 1_001 * MESSAGE_COST);
    }

    #[test]
    fn what_the_client_read_counts_no_more() {
        let outgoing = Outgoing::default();
        outgoing.add(100, 1_000);
        outgoing.correct(500);
        assert_eq!(outgoing.cost(), 500 + 50 * MESSAGE_COST);
        outgoing.correct(1);
        assert_eq!(outgoing.cost(), 1 + MESSAGE_COST, "what waits is at least one message");
        outgoing.correct(0);
        assert_eq!(outgoing.cost(), 0);
    }
}
