//! The log and the counters. The format of both is in `sockjs_protocol::observe`; when an object reports is in `object::reports`.
//!
//! * [`log`][]: lines of the log, as far as a service wants them.
//! * [`counters`][]: the counters of one service and transport.
//! * [`report`][]: the way of reports to the object that adds them up, and to Analytics Engine.

pub(crate) mod counters;
pub mod log;
pub mod report;
