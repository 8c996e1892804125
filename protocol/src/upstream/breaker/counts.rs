//! Counts by which a breaker decides: recent outcomes, attempts without an answer, lost connections.

use super::SECOND;
use crate::time::Millis;

/// Failures in a row, without 10 s between two of them, that open the breaker. A failure does not count if an attempt that
/// began later has succeeded.
const ROW: u32 = 5;

/// Outcomes within 5 to 10 s of which half must be failures to open the breaker.
const SHARE_OF: u32 = 20;

/// Half of the time for which outcomes count.
const HALF_WINDOW: Millis = Millis::from_secs(5);

/// Attempts without any answer after the last success. Beyond them, if the first of them is older than [`PATIENCE_MIN`], one
/// attempt is allowed in a second, and a ramp begins: an upstream that hangs gives no failures before their time-out.
const UNANSWERED: u32 = 32;

/// Shortest and longest time that the first attempt may be without an answer. In between, the upstream has twice the time
/// that its last answer took.
const PATIENCE_MIN: Millis = Millis::from_secs(2);
const PATIENCE_MAX: Millis = Millis::from_secs(10);

/// Shortest time between two ramps of lost connections.
const LOST_PAUSE: Millis = Millis::from_secs(30);

/// Attempts without an answer since the last success.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unanswered {
    pub count: u32,
    /// Beginning of the first of them.
    since: Millis,
    /// Time that the last answer took.
    took: Millis,
}

impl Unanswered {
    pub fn add(&mut self, now: Millis) {
        if self.count == 0 {
            self.since = now;
        }
        self.count = self.count.saturating_add(1);
    }

    /// Notes a success after this time.
    pub fn end(&mut self, took: Millis) {
        *self = Self { took, ..Self::default() };
    }

    /// True if there are so many, for so long, that the upstream seems to hang.
    pub fn hang(&self, now: Millis) -> bool {
        let patience = (self.took + self.took).clamp(PATIENCE_MIN, PATIENCE_MAX);
        self.count >= UNANSWERED && self.since + patience <= now
    }
}

/// Outcomes of the last 5 to 10 s.
#[derive(Debug, Clone, Default)]
pub(super) struct Recent {
    /// Failures in a row.
    row: u32,
    /// Beginning of the latest attempt that succeeded.
    pub succeeded: Millis,
    /// Beginning of the half of the window that counts.
    since: Millis,
    this: Counts,
    last: Counts,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    all: u32,
    failures: u32,
}

impl Recent {
    pub fn succeed(&mut self, now: Millis, began: Millis) {
        self.add(now, 0);
        self.row = 0;
        self.succeeded = self.succeeded.max(began);
    }

    pub fn fail(&mut self, now: Millis, began: Millis) {
        self.add(now, 1);
        // The upstream hung and is back if a later attempt succeeded before this one timed out.
        if self.succeeded <= began {
            self.row = self.row.saturating_add(1);
        }
    }

    fn add(&mut self, now: Millis, failures: u32) {
        if self.since + HALF_WINDOW + HALF_WINDOW <= now {
            *self = Self { since: now, succeeded: self.succeeded, ..Self::default() };
        } else if self.since + HALF_WINDOW <= now {
            *self = Self { since: now, this: Counts::default(), last: self.this, ..*self };
        }
        self.this.all = self.this.all.saturating_add(1);
        self.this.failures = self.this.failures.saturating_add(failures);
    }

    pub fn is_outage(&self) -> bool {
        let all = self.this.all.saturating_add(self.last.all);
        let failures = self.this.failures.saturating_add(self.last.failures);
        self.row >= ROW || (all >= SHARE_OF && failures >= all.div_ceil(2))
    }
}

/// Connections lost within a second.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost {
    since: Millis,
    pub count: u32,
    /// Beginning of the last ramp.
    pub began: Option<Millis>,
}

impl Lost {
    /// True if a ramp may begin now.
    pub fn may_begin(&self, now: Millis) -> bool {
        self.began.is_none_or(|began| began + LOST_PAUSE <= now)
    }

    /// Counts one, and returns the number of this second.
    pub fn add(&mut self, now: Millis) -> u32 {
        if self.since + SECOND <= now {
            *self = Self { since: now, count: 0, ..*self };
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}
