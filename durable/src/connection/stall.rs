//! The time for which the client of a WebSocket has read nothing.
//!
//! The runtime reports the bytes that wait on a socket only when it is asked, which costs about as much as a send.
//! `object::looks` decides when to ask.

use sockjs_protocol::time::Millis;

/// Time after which the runtime is asked before the next send.
const ASK_AFTER: Millis = Millis::from_secs(10);

/// The slowest rate that counts as reading. A message counts as read only when all of it is.
const BYTES_A_SECOND: u64 = 8 << 10;

/// The time for which the client of one WebSocket has read nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    /// Time at which the client was last seen to read, if data waits for it.
    since: Option<Millis>,
    /// Bytes of the largest message that may wait.
    largest: usize,
    /// Time at which the runtime was last asked.
    asked: Option<Millis>,
}

impl Stall {
    /// Notes that a message of this many bytes was handed to the runtime.
    pub fn give(&mut self, bytes: usize) {
        self.largest = self.largest.max(bytes);
    }

    /// Notes that `waiting` bytes wait, out of at most `given`. Returns true if the client read something that was seen to wait.
    pub fn look(&mut self, now: Millis, given: usize, waiting: usize) -> bool {
        self.asked = Some(now);
        let has_read = self.since.is_some() && waiting < given;
        if waiting == 0 {
            self.since = None;
            self.largest = 0;
        } else if self.since.is_none() || waiting < given {
            self.since = Some(now);
        }
        has_read
    }

    /// True if the runtime was not asked for a while.
    pub fn is_due(&mut self, now: Millis) -> bool {
        *self.asked.get_or_insert(now) + ASK_AFTER <= now
    }

    /// True if the client has read nothing for `timeout`, extended by the time that its largest message may take.
    pub fn is_over(&self, now: Millis, timeout: Millis) -> bool {
        let largest = Millis((self.largest as u64).saturating_mul(1_000) / BYTES_A_SECOND);
        self.since.is_some_and(|since| since + timeout + largest <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Millis = Millis(30_000);

    /// Returns the state of a client for which this many bytes wait, in one message.
    fn waiting(now: Millis, bytes: usize) -> Stall {
        let mut stall = Stall::default();
        stall.give(bytes);
        stall.look(now, bytes, bytes);
        stall
    }

    #[test]
    fn a_client_that_takes_nothing_stalls() {
        let mut stall = waiting(Millis(1_000), 100);
        stall.look(Millis(20_000), 100, 100);
        stall.give(50);
        stall.look(Millis(30_000), 150, 150);
        assert!(!stall.is_over(Millis(31_011), TIMEOUT));
        assert!(stall.is_over(Millis(31_012), TIMEOUT), "and a second for each 8 KiB of the largest message");
    }

    #[test]
    fn whatever_it_takes_is_progress() {
        let mut stall = waiting(Millis(1_000), 100);
        stall.give(50);
        stall.look(Millis(30_000), 150, 149);
        assert!(!stall.is_over(Millis(60_011), TIMEOUT));
        assert!(stall.is_over(Millis(60_012), TIMEOUT));
    }

    #[test]
    fn a_large_message_has_its_time_until_nothing_waits() {
        let mut stall = waiting(Millis(0), 80 << 10);
        stall.give(1);
        stall.look(Millis(5_000), (80 << 10) + 1, 1);
        assert!(!stall.is_over(Millis(44_999), TIMEOUT), "which message waits is unknown");
        assert!(stall.is_over(Millis(45_000), TIMEOUT));
        stall.look(Millis(46_000), 1, 0);
        assert!(!stall.is_over(Millis(1_000_000), TIMEOUT));
        stall.give(1);
        stall.look(Millis(50_000), 1, 1);
        assert!(stall.is_over(Millis(80_000), TIMEOUT));
    }

    #[test]
    fn a_client_for_which_nothing_waits_does_not_stall() {
        assert!(!Stall::default().is_over(Millis(1_000_000), TIMEOUT));
    }

    #[test]
    fn the_runtime_is_asked_after_a_while_without() {
        let mut stall = Stall::default();
        assert!(!stall.is_due(Millis(1_000)), "nothing was sent before");
        assert!(!stall.is_due(Millis(10_999)));
        assert!(stall.is_due(Millis(11_000)));
        stall.look(Millis(11_000), 1, 0);
        assert!(!stall.is_due(Millis(20_999)));
    }
}
