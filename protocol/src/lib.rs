//! The SockJS 0.3.3 protocol without I/O.
//!
//! Nothing here reads a clock, a socket or a random number: time is an argument, and what is to be done comes back as
//! a value. The rooms:
//!
//! * [`frame`]: what a server sends; [`payload`]: what a client sends
//! * [`transport`]: the table of transports, what each puts around a frame
//! * [`session`]: the session state machine; [`pacing`]: the way of a client's messages to the handler
//! * [`envelope`]: what the Worker and the Durable Object say to each other; [`json`]: how its JSON is read
//! * [`options`]: a service's settings, their defaults and limits
//! * [`metrics`]: what is counted, and how it adds up; [`log`]: an event as a line
//! * [`origin`]: whose pages may connect
//! * [`prefix`]: where a service lives; [`placement`]: which object serves a connection
//! * [`time`][]: milliseconds

pub mod envelope;
pub mod frame;
pub mod header;
pub mod json;
pub mod log;
pub mod meter;
pub mod metrics;
pub mod options;
pub mod origin;
pub mod pacing;
pub mod payload;
pub mod placement;
mod plain;
pub mod prefix;
pub mod session;
pub mod time;
pub mod transport;

/// The example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
