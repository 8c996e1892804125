//! The SockJS protocol.
//!
//! * [`close_code`][]: the close codes that the server sends.
//! * [`frame`][]: what a server sends; [`payload`][]: what a client sends.
//! * [`transport`][]: the table of transports, and what each puts around a frame.
//! * [`session`][]: the state machine of one session.
//! * [`pacing`][]: the way of a client's messages to the handler, and how fast rooms may broadcast.
//! * [`meter`][]: the memory that queued messages take.

pub mod close_code;
pub mod frame;
pub mod meter;
pub mod pacing;
pub mod payload;
pub(crate) mod plain;
pub mod session;
pub mod transport;
