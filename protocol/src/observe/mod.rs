//! What operators see.
//!
//! * [`metrics`][]: counters, and how they add up.
//! * [`log`][]: an event as one line of JSON.

pub mod log;
pub mod metrics;
