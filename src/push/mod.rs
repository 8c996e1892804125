//! Push: sending to connections and rooms, and closing them, from outside of their objects.
//!
//! `remote` is the API for Rust, `http` the same for any program, as described by docs/push.openapi.json. `publish` takes what the
//! libraries of GRIP send. `list` has the pages of the list of a room's connections.

mod http;
mod list;
mod publish;
mod remote;

pub use list::{Page, RemoteInfo};
pub use remote::{Push, PushError, RemoteConnection, RemoteRoom};
