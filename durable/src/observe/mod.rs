//! The log and the counters. Their formats are in `sockjs_protocol::observe`; `object::reports` decides when an object reports.
//!
//! * [`log`][]: lines of the log, at the level that a service selects.
//! * [`counters`][]: the counters of one service and transport.
//! * [`report`][]: sends reports to the object that adds them up, and to Analytics Engine.

pub(crate) mod counters;
pub mod log;
pub mod report;
