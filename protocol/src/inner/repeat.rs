//! Retries of a push whose number the object recognizes: their number and the pauses between them.

use crate::time::Millis;

/// Time for which a push is retried. It is longer than an object takes to restart, and by default longer than any room waits for
/// members that read slowly.
const LIMIT: Millis = Millis::from_secs(30);

const FIRST_PAUSE: Millis = Millis(50);
const LONGEST_PAUSE: Millis = Millis(1_000);

/// Reason why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryFailure {
    /// The object did not answer, most likely because it was restarted. It may have executed the push.
    Unanswered,
    /// The object did nothing, since members of its room read slowly. It waited before it answered.
    HeldUp,
}

/// The attempts of one push.
#[derive(Debug)]
pub struct Repetition {
    began: Millis,
    pause: Millis,
    waits_for_members: bool,
}

impl Repetition {
    /// Begins the attempts of a push. If `waits_for_members` is false, a push that is held up is not retried.
    pub fn new(now: Millis, waits_for_members: bool) -> Self {
        Self { began: now, pause: FIRST_PAUSE, waits_for_members }
    }

    /// Returns the remaining time in which the first attempt may begin.
    pub fn left(&self, now: Millis) -> Millis {
        (self.began + LIMIT) - now
    }

    /// Returns the pause before the next attempt. `None` if there is none.
    pub fn after(&mut self, now: Millis, failure: TryFailure) -> Option<Millis> {
        if self.left(now) == Millis(0) || (failure == TryFailure::HeldUp && !self.waits_for_members) {
            return None;
        }
        let pause = self.pause;
        self.pause = Millis(pause.0.saturating_mul(2)).min(LONGEST_PAUSE);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_the_time_is_up() {
        let mut repetition = Repetition::new(Millis(0), true);
        let (mut now, mut tries) = (Millis(0), 1);
        let mut pauses = Vec::new();
        while let Some(pause) = repetition.after(now, TryFailure::Unanswered) {
            pauses.push(pause.0);
            now = now + pause;
            tries += 1;
            assert!(tries < 100);
        }
        assert_eq!(pauses[..7], [50, 100, 200, 400, 800, 1000, 1000]);
        assert!(now >= LIMIT && now < LIMIT + LONGEST_PAUSE);
    }

    #[test]
    fn what_is_held_up_is_repeated_only_if_others_may_have_it() {
        let mut alone = Repetition::new(Millis(5), false);
        assert_eq!(alone.after(Millis(8_005), TryFailure::HeldUp), None);
        assert_eq!(alone.after(Millis(8_005), TryFailure::Unanswered), Some(FIRST_PAUSE));
        let mut shard = Repetition::new(Millis(5), true);
        assert_eq!(shard.after(Millis(8_005), TryFailure::HeldUp), Some(FIRST_PAUSE));
    }
}
