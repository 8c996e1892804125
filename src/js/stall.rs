//! Detection of a client that does not read its response.

use sockjs_protocol::time::Millis;

/// The time since which one piece of a response waits to be taken.
#[derive(Debug)]
pub(crate) struct Stall {
    timeout: Millis,
    since: Option<Millis>,
}

/// Outcome of a look at a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StallCheck {
    /// Nothing waits.
    Idle,
    /// Something waits: look again after this time.
    After(Millis),
    /// A piece waited for `stall_timeout`.
    Stalled,
}

impl Stall {
    /// Nothing was given out yet; `timeout` is `stall_timeout`.
    pub fn new(timeout: Millis) -> Self {
        Self { timeout, since: None }
    }

    /// A piece was given out.
    pub fn give(&mut self, now: Millis) {
        self.since = Some(now);
    }

    /// Everything that was given out was taken.
    pub fn taken(&mut self) {
        self.since = None;
    }

    /// Looks whether the piece that was given out last waits for too long.
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
