//! Requests that may be sent again: those that the upstream cannot have processed, or all if it recognizes repetitions.

use crate::time::Millis;
use crate::upstream::close::Refusal;

/// Deliveries of events to an upstream over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UpstreamDelivery {
    /// A request that the upstream may have processed is not repeated: its connection is closed.
    #[default]
    AtMostOnce,
    /// A request is repeated until the upstream answers it. Each request names its first event in the header
    /// [`EVENT_HEADER`], by which the upstream recognizes a repetition.
    AtLeastOnce,
}

/// Header with the number of a request's first event.
pub const EVENT_HEADER: &str = "Sockjs-Event";

impl UpstreamDelivery {
    /// Reads the value of the option `upstream_delivery`.
    ///
    /// # Errors
    ///
    /// Returns the values that there are.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        match text {
            "at_most_once" => Ok(Self::AtMostOnce),
            "at_least_once" => Ok(Self::AtLeastOnce),
            _ => Err("at_most_once or at_least_once"),
        }
    }

    /// Returns the value of the option.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtMostOnce => "at_most_once",
            Self::AtLeastOnce => "at_least_once",
        }
    }
}

/// Time for which a request is repeated.
const PATIENCE: Millis = Millis::from_secs(30);

/// Pause before the first repetition. Each further pause is twice the one before, up to the longest. The actual pause is random,
/// between half of this and all of it; if the circuit breaker asks for a longer one, it is that.
const FIRST_PAUSE: Millis = Millis(100);
const LONGEST_PAUSE: Millis = Millis(5_000);

/// The attempts to send one request.
#[derive(Debug, Clone, Copy)]
pub struct Attempts {
    began: Millis,
    failed: u32,
    /// True if the upstream may have processed one of the attempts.
    is_ambiguous: bool,
}

impl Attempts {
    /// Returns the attempts of a request that is sent for the first time.
    pub fn new(now: Millis) -> Self {
        Self { began: now, failed: 0, is_ambiguous: false }
    }

    /// Returns the pause before the next attempt, after one that failed with `refusal`. Returns `None` if the request is not
    /// to be sent again.
    ///
    /// `pause` is the time after which the circuit breaker allows an attempt, if it refused this one.
    pub fn pause_after(
        &mut self,
        now: Millis,
        refusal: Refusal,
        pause: Option<Millis>,
        delivery: UpstreamDelivery,
        random: u32,
    ) -> Option<Millis> {
        self.is_ambiguous |= !is_unprocessed(refusal);
        let may_repeat = match delivery {
            UpstreamDelivery::AtMostOnce => !self.is_ambiguous,
            UpstreamDelivery::AtLeastOnce => is_unprocessed(refusal) || is_temporary(refusal),
        };
        let longest = Millis(FIRST_PAUSE.0 << self.failed.min(10)).min(LONGEST_PAUSE);
        self.failed = self.failed.saturating_add(1);
        let jitter = Millis(u64::from(random) * longest.half().0 / u64::from(u32::MAX));
        let pause = (longest.half() + jitter).max(pause.unwrap_or_default());
        (may_repeat && now + pause < self.began + PATIENCE).then_some(pause)
    }
}

/// True if the upstream cannot have processed the request: nobody was asked, or the status says so.
const fn is_unprocessed(refusal: Refusal) -> bool {
    match refusal {
        Refusal::Paused => true,
        // Misdirected, too early, too many requests; Cloudflare: refused, no TCP connection, no route, no TLS.
        Refusal::Status(status) => matches!(status, 421 | 425 | 429 | 521..=523 | 525 | 526),
        Refusal::Unreachable | Refusal::TimedOut | Refusal::Subprotocol => false,
    }
}

/// True if the same request may have another result later.
const fn is_temporary(refusal: Refusal) -> bool {
    match refusal {
        Refusal::Status(status) => matches!(status, 408 | 500 | 502..=504 | 520..=530),
        Refusal::Unreachable | Refusal::TimedOut => true,
        Refusal::Paused | Refusal::Subprotocol => false,
    }
}
