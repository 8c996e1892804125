//! The way to a Durable Object.
//!
//! * `destination` names the object of a request; `stub` sends it commands, and agrees with it on a version.
//! * `inner_socket` is the WebSocket on which an object sends what a waiting response is to hold; `backlog` keeps what came on it
//!   and is not written yet.
//!
//! The form of what is sent is in `sockjs_protocol::inner`.

pub(crate) mod backlog;
pub(crate) mod destination;
pub(crate) mod inner_socket;
pub(crate) mod stub;
