//! Decides when a body that is read by pieces is too slow.

use sockjs_protocol::time::Millis;

/// Time for which a body is observed before it is judged.
pub(super) const WINDOW: Millis = Millis::from_secs(5);

/// Bytes that a body has to bring within the window while others wait.
const LEAST: usize = 16 << 10;

/// Bytes that arrived within the current window.
#[derive(Debug)]
pub(super) struct Pace {
    since: Millis,
    bytes: usize,
}

impl Pace {
    pub fn new(now: Millis) -> Self {
        Self { since: now, bytes: 0 }
    }

    /// Counts bytes that arrived.
    pub fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Returns the time until the body can be judged.
    pub fn left(&self, now: Millis) -> Millis {
        self.since + WINDOW - now
    }

    /// Judges the body if its window is over, and begins the next one. It is slow only if `others_wait` for its memory.
    pub fn is_slow(&mut self, now: Millis, others_wait: bool) -> bool {
        if self.left(now) > Millis(0) {
            return false;
        }
        let window = std::mem::replace(self, Self::new(now));
        others_wait && window.bytes < LEAST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1000;

    #[test]
    fn a_body_is_slow_only_while_others_wait() {
        let mut pace = Pace::new(Millis(0));
        pace.add(LEAST - 1);
        assert!(!pace.is_slow(Millis(5 * SECOND), false));
        pace.add(LEAST - 1);
        assert!(pace.is_slow(Millis(10 * SECOND), true));
    }

    #[test]
    fn a_body_that_brings_enough_in_each_window_is_never_slow() {
        let mut pace = Pace::new(Millis(0));
        for window in 1..100 {
            pace.add(LEAST / 2);
            pace.add(LEAST / 2);
            assert!(!pace.is_slow(Millis(window * 5 * SECOND), true));
        }
    }

    #[test]
    fn what_came_before_does_not_count_in_the_next_window() {
        let mut pace = Pace::new(Millis(0));
        pace.add(10 * LEAST);
        assert!(!pace.is_slow(Millis(5 * SECOND), true));
        assert!(pace.is_slow(Millis(10 * SECOND), true));
    }

    #[test]
    fn nothing_is_judged_before_its_window_is_over() {
        let mut pace = Pace::new(Millis(SECOND));
        assert!(!pace.is_slow(Millis(6 * SECOND - 1), true));
        assert_eq!(pace.left(Millis(6 * SECOND - 1)), Millis(1));
        assert!(pace.is_slow(Millis(6 * SECOND), true));
        assert_eq!(pace.left(Millis(6 * SECOND)), WINDOW);
    }
}
