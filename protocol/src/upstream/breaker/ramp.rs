//! The slow return of clients after an outage.

use super::SECOND;
use crate::time::Millis;

/// Attempts in the first second of the ramp.
const RAMP_BEGIN: u32 = 8;

/// Attempts in a second at which the ramp ends.
const RAMP_END: u32 = 1_024;

/// Time without a call of `Breaker::ask` that ends a ramp after a success. A refused client asks again within 2 s, so no
/// client is waiting.
/// Without this, the ramp of an upstream with few clients, and with it the outage, would last for hours.
const RAMP_QUIET: Millis = Millis::from_secs(10);

/// Slow return of the clients of an upstream that works again.
#[derive(Debug, Clone)]
pub(super) struct Ramp {
    /// Beginning of the second that counts.
    second: Millis,
    /// Attempts allowed in this second so far.
    pub asked: u32,
    /// Most attempts in this second.
    pub allowance: u32,
    /// True if an attempt succeeded in this second.
    pub has_success: bool,
    /// Factor by which a second with a success multiplies the allowance.
    factor: u32,
}

impl Ramp {
    pub fn new(now: Millis, factor: u32) -> Self {
        Self { second: now, asked: 0, allowance: RAMP_BEGIN, has_success: false, factor }
    }

    /// Begins a new second if it is time. True if the ramp is over.
    pub fn is_over(&mut self, now: Millis) -> bool {
        if self.has_success && self.second + RAMP_QUIET <= now {
            return true;
        }
        if self.second + SECOND <= now {
            let factor = if self.has_success { self.factor } else { 1 };
            *self = Self { allowance: self.allowance * factor, ..Self::new(now, self.factor) };
        }
        self.allowance >= RAMP_END
    }

    /// Returns the moment at which the next attempt is allowed.
    pub fn next(&self) -> Millis {
        if self.asked < self.allowance { self.second } else { self.second + SECOND }
    }
}
