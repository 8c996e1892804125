//! JavaScript and its runtime, as far as `worker` does not wrap it or wraps it too dearly.
//!
//! Each call out of wasm costs as much as the JavaScript function that it calls, so calls that belong together are one function
//! of `glue.js`. Nothing here knows a connection.
//!
//! * [`clock`][]: the time. [`executor`][]: futures without tasks. [`timer`][]: timers. [`runtime`][]: the alarm, random ids, panics.
//! * [`response`][]: requests and responses. [`sockets`][]: WebSockets. [`strings`][]: strings that are still in JavaScript.

pub(crate) mod clock;
pub(crate) mod executor;
pub(crate) mod response;
pub(crate) mod runtime;
pub(crate) mod sockets;
pub(crate) mod strings;
pub(crate) mod timer;
