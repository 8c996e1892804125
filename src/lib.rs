//! SockJS for the edge: unmodified SockJS clients on Cloudflare Workers and Durable Objects.
//!
//! A Worker answers the clients' requests, a Durable Object holds their sessions: any request from anywhere reaches its
//! session by name, so there is nothing to balance and no server to run. An application implements [`Handler`], says in
//! one function which prefix it serves, and exports both halves with it:
//!
//! ```no_run
//! use sockjs_edge::{Config, Connection, Handler, Services};
//! use worker::{Env, Result};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
//!         Ok(connection.send(message)?)
//!     }
//! }
//!
//! fn services(_env: &Env) -> Services {
//!     Services::new().add(Config::new("/echo"), |_env| Echo)
//! }
//!
//! sockjs_edge::export!(SockJs, services);
//! # fn main() {}
//! ```
//!
//! `wrangler.toml` names the class `SockJs` as the binding `SOCKJS` (or [`Services::binding`]) with SQLite storage, and
//! sets the compatibility flag `enable_request_signal`, by which the Worker learns that a client left.
//!
//! The application's own crate depends on `worker` too, and leaves this crate's feature `server` off: with it, this crate
//! is a whole Worker by itself.

mod address;
mod admission;
mod admit;
mod backlog;
mod body;
mod callback;
mod clock;
mod departure;
#[doc(hidden)]
pub mod entry;
mod facts;
mod headers;
mod iframe;
mod info;
mod inner;
mod invocation;
mod later;
mod metrics;
mod object;
mod place;
mod progress;
mod push;
mod push_http;
mod random;
mod receive;
mod respond;
mod route;
mod secret;
mod send;
mod serve;
#[cfg(feature = "server")]
mod server;
mod stall;
mod stream;
mod task;
mod ticket;
mod turn;
mod websocket;

pub use metrics::Metrics;
pub use push::{Push, PushError, RemoteConnection, RemoteRoom};
pub use secret::{SECRET_MIN, is_same_secret};
pub use serve::{Serve, serve};
#[cfg(feature = "testing")]
pub use sockjs_durable::testing;
pub use sockjs_durable::{
    Admission, CloseError, Connection, Handler, ReadyState, Rejection, RequestInfo, RequestKind, Room, RoomStorage,
    SendError, Services, durable_object,
};
pub use sockjs_protocol::service::options::{Config, ConfigError, Durability, LogLevel, Placement, SOCKJS_URL};
pub use sockjs_protocol::sockjs::session::CloseReason;
pub use sockjs_protocol::sockjs::transport::Transport;
pub use sockjs_protocol::time::Millis;
