//! The rate limit of a client's messages.

use sockjs_protocol::time::Millis;

/// A token bucket that holds the messages of one second: it fills steadily, and each message takes one token.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// Thousandths of a token that the bucket lacked at the time `at`.
    missing: u64,
    at: Millis,
}

impl Rate {
    /// Takes `messages` tokens out of a bucket of `limit`. Returns false if there are fewer.
    pub fn take(&mut self, now: Millis, messages: usize, limit: u32) -> bool {
        let (limit, elapsed) = (u64::from(limit), (now - self.at).0);
        self.missing = self.missing.saturating_sub(elapsed.saturating_mul(limit));
        self.at = now;
        let missing = self.missing.saturating_add((messages as u64).saturating_mul(1000));
        let fits = missing <= limit.saturating_mul(1000);
        if fits {
            self.missing = missing;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_s_worth_may_come_at_once_and_then_steadily() {
        let mut rate = Rate::default();
        let now = Millis(1_000_000);
        assert!(rate.take(now, 10, 10));
        assert!(!rate.take(now, 1, 10));
        assert!(!rate.take(now + Millis(99), 1, 10));
        assert!(rate.take(now + Millis(100), 1, 10));
        assert!(!rate.take(now + Millis(100), 1, 10));
        assert!(rate.take(now + Millis(2_000), 10, 10), "no more than a bucket is saved up");
        assert!(!rate.take(now + Millis(2_000), 1, 10));
        assert!(!rate.take(now + Millis(9_000), 11, 10), "nor ever more than a bucket taken at once");
    }
}
