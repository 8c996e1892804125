//! Detection of a client that does not read its response.

use sockjs_protocol::time::Millis;

/// The time since which a piece of a response has been waiting for the client.
#[derive(Debug)]
pub(crate) struct Stall {
    timeout: Millis,
    since: Option<Millis>,
}

/// Outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StallCheck {
    /// Nothing waits.
    Idle,
    /// A piece waits: check again after this time.
    After(Millis),
    /// A piece has waited for `stall_timeout`.
    Stalled,
}

impl Stall {
    /// Returns the state before the first piece; `timeout` is `stall_timeout`.
    pub fn new(timeout: Millis) -> Self {
        Self { timeout, since: None }
    }

    /// Notes that a piece was handed to the runtime.
    pub fn give(&mut self, now: Millis) {
        self.since = Some(now);
    }

    /// Notes that every piece was taken.
    pub fn taken(&mut self) {
        self.since = None;
    }

    /// Checks whether the last piece has been waiting too long.
    pub fn look(&self, now: Millis) -> StallCheck {
        match self.since.map(|since| since + self.timeout) {
            None => StallCheck::Idle,
            Some(end) if end <= now => StallCheck::Stalled,
            Some(end) => StallCheck::After(end - now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_that_waits_for_the_timeout_stalls() {
        let mut stall = Stall::new(Millis(1_000));
        assert_eq!(stall.look(Millis(5_000)), StallCheck::Idle);
        stall.give(Millis(5_000));
        assert_eq!(stall.look(Millis(5_400)), StallCheck::After(Millis(600)));
        assert_eq!(stall.look(Millis(6_000)), StallCheck::Stalled);
    }

    #[test]
    fn each_piece_has_the_whole_timeout() {
        let mut stall = Stall::new(Millis(1_000));
        for at in [0, 900, 1_800] {
            stall.give(Millis(at));
            assert_eq!(stall.look(Millis(at + 900)), StallCheck::After(Millis(100)));
            stall.taken();
            assert_eq!(
                stall.look(Millis(at + 5_000)),
                StallCheck::Idle,
                "a response that waits for the object does not stall"
            );
        }
    }
}
