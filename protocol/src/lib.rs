//! The SockJS 0.3.3 protocol without I/O, and the contract between the two halves of sockjs-edge.
//!
//! Nothing here reads a clock, a socket or a random number: functions take the time as an argument, and return actions as values.
//! The crate has five folders:
//!
//! * [`sockjs`][]: the protocol itself: frames, payloads, transports, sessions, and the pacing of handlers.
//! * [`service`][]: a service's options, allowed origins, prefix, placement and secrets.
//! * [`inner`][]: the protocol between the Worker and the Durable Object.
//! * [`observe`][]: metrics and log lines.
//! * [`upstream`][]: the gateway in front of an existing server.
//!
//! All of them measure [`time`][] in milliseconds.

pub mod inner;
pub mod observe;
pub mod service;
pub mod sockjs;
pub mod time;
pub mod upstream;

/// The example in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
