//! JavaScript and its runtime, where `worker` has no wrapper or an expensive one.
//!
//! Each call out of wasm costs as much as the JavaScript function that it calls, so `glue.js` joins related calls into one
//! function. Nothing here knows about connections.
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
