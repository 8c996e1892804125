//! Counts of a service with an upstream.

use super::add_once;
use crate::upstream::breaker::{BreakerState, Outcome};

/// State of a circuit breaker, as metrics show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BreakerLabel {
    /// The upstream is asked. While its clients return, the breaker is closed, too.
    Closed,
    /// The upstream is probed.
    HalfOpen,
    /// The upstream is not asked.
    Open,
}

impl BreakerLabel {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Closed, Self::HalfOpen, Self::Open];

    /// Returns the state's name, as a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

impl From<BreakerState> for BreakerLabel {
    fn from(state: BreakerState) -> Self {
        match state {
            BreakerState::Closed | BreakerState::Ramping(_) => Self::Closed,
            BreakerState::HalfOpen => Self::HalfOpen,
            BreakerState::Open => Self::Open,
        }
    }
}

/// Counts of a service with an upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamCounts {
    /// WebSockets that the Worker opened and pipes to the upstream. Their ends are not counted.
    pub piped: u64,
    /// Attempts to open a connection to the upstream, or to send a request to an upstream over HTTP.
    pub attempts: u64,
    /// Attempts that failed: the upstream could not be reached or did not answer in time, or a proxy in front of it
    /// responded so.
    pub failures: u64,
    /// States in which the circuit breaker was when it was asked or heard of an outcome, in their order.
    pub breaker: Vec<BreakerLabel>,
}

impl UpstreamCounts {
    /// Returns the counts of a WebSocket that is piped.
    pub fn piped() -> Self {
        Self { piped: 1, ..Self::default() }
    }

    /// Returns the counts of a question to the breaker, which is in `state` now and allowed an attempt if `is_allowed`.
    pub fn asked(state: BreakerState, is_allowed: bool) -> Self {
        Self { attempts: is_allowed.into(), breaker: vec![state.into()], ..Self::default() }
    }

    /// Returns the counts of the outcome of an attempt, after which the breaker is in `state`.
    pub fn ended(state: BreakerState, outcome: Outcome) -> Self {
        Self { failures: outcome.is_failure().into(), breaker: vec![state.into()], ..Self::default() }
    }

    /// Adds the counts in `more`.
    pub fn merge(&mut self, more: &Self) {
        self.piped = self.piped.saturating_add(more.piped);
        self.attempts = self.attempts.saturating_add(more.attempts);
        self.failures = self.failures.saturating_add(more.failures);
        more.breaker.iter().for_each(|state| add_once(&mut self.breaker, *state));
    }
}
