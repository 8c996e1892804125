//! Access to a Durable Object.
//!
//! * `destination` names the object of a request; `stub` sends it commands, and negotiates the version with it.
//! * `inner_socket` is the WebSocket on which an object sends messages for a pending response; `backlog` keeps those that are not
//!   written yet.
//!
//! The formats are in `sockjs_protocol::inner`.

pub(crate) mod backlog;
pub(crate) mod destination;
pub(crate) mod inner_socket;
pub(crate) mod stub;
