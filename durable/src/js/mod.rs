//! JavaScript and its runtime, where `worker` has no wrapper or an expensive one.
//!
//! Each call out of wasm costs as much as the JavaScript function that it calls, so `glue.js` joins related calls into one
//! function. `upstream_socket.js` holds a WebSocket to an upstream, and `upstream_http.js` sends requests to an upstream over HTTP;
//! the modules in `upstream` that use them declare them.
//!
//! * [`clock`][]: the time. [`executor`][]: futures without tasks. [`timer`][]: timers. [`runtime`][]: the alarm, random ids, panics.
//! * [`response`][]: requests and responses. [`sockets`][]: WebSockets. [`strings`][]: strings that stay in JavaScript.

pub(crate) mod clock;
pub(crate) mod executor;
pub(crate) mod response;
pub(crate) mod runtime;
pub(crate) mod sockets;
pub(crate) mod strings;
pub(crate) mod timer;
