//! Push: sending to connections and rooms, and closing them, from outside of their objects.
//!
//! `remote` is the API for Rust, `http` the same for any program, as described by docs/push.openapi.json. `publish` takes what the
//! libraries of GRIP send.

mod http;
mod publish;
mod remote;

pub use remote::{Page, Push, PushError, RemoteConnection, RemoteInfo, RemoteRoom};
