//! Push: sending to connections and rooms, and closing them, from outside of their objects.
//!
//! `remote` is the API for Rust, `http` the same for any program, described by docs/push.openapi.json.
//! `publish` is the same as the libraries of GRIP send it.

mod http;
mod publish;
mod remote;

pub use remote::{Page, Push, PushError, RemoteConnection, RemoteInfo, RemoteRoom};
