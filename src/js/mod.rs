//! Access to the JavaScript runtime with as few calls as possible: each call out of wasm costs as much as the called function
//! itself.
//!
//! * `executor` runs the work of a request; `callbacks` wakes it.
//! * `request_head` reads a request; `stream` writes a response's body, and `stall` watches whether its client reads.
//! * `drain` reports when a node of a cluster is about to stop.
//! * `clock`, `random` and `invocation` are small wrappers.
//!
//! `glue.js` has the functions that join several calls. `held_socket.js` holds a client's WebSocket; `upstream_request.js` asks an
//! upstream for a WebSocket, to which `upstream_pipe.js` pipes a client's. The modules in `transports` that start these three
//! declare them.

pub(crate) mod callbacks;
pub(crate) mod clock;
pub(crate) mod drain;
pub(crate) mod executor;
pub(crate) mod invocation;
pub(crate) mod random;
pub(crate) mod request_head;
pub(crate) mod stall;
pub(crate) mod stream;
