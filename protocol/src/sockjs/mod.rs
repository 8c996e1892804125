//! The SockJS protocol.
//!
//! * [`close_code`][]: the close codes that the server sends.
//! * [`frame`][]: the frames that a server sends; [`payload`][]: the messages that a client sends.
//! * [`transport`][]: the table of transports, and the bytes that each transport puts around a frame.
//! * [`session`][]: the state machine of one session.
//! * [`pacing`][]: the path of a client's messages to the handler, and the speed at which rooms may broadcast.
//! * [`meter`][]: the memory that queued messages take.

pub mod close_code;
pub mod frame;
pub mod liveness;
pub mod meter;
pub mod pacing;
pub mod payload;
pub(crate) mod plain;
pub mod session;
pub mod transport;
