//! Metrics and log lines for operators.
//!
//! * [`metrics`][]: counters and their sums.
//! * [`log`][]: an event as one line of JSON.

pub mod log;
pub mod metrics;
