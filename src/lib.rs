//! SockJS for the edge: unmodified SockJS clients on Cloudflare Workers and Durable Objects.
//!
//! A Worker answers the clients' requests, and a Durable Object holds their sessions. Any request from anywhere reaches its session
//! by name, so there is nothing to balance and no server to run. An application implements [`Handler`], lists its services in one
//! function, and exports both halves with [`export!`]:
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
//! `wrangler.toml` binds the class `SockJs` as `SOCKJS` (or as set with [`Services::binding`]) with SQLite storage, and sets the
//! compatibility flag `enable_request_signal`, by which the Worker notices that a client left. The application's own crate also
//! depends on `worker`.
//!
//! # Services
//!
//! [`Services`] maps each prefix to a handler. [`export!`] exports the whole Worker. An application with its own fetch event
//! exports the class with [`durable_object!`], and answers requests with [`serve`], or with [`Serve`] if its route already knows
//! the client.
//!
//! # Prefixes and options
//!
//! A [`Config`] has the prefix of one service, which may have parameters (`/chat/{room}`), and its options. [`Placement`] selects
//! the connections that share an object. [`WebSocketHolder`] selects the half that holds WebSockets, and [`Heartbeats`] the half
//! that schedules heartbeats. [`Liveness`] names the message by which clients show that they are alive. [`Durability`] selects
//! the moment at which a message counts as delivered, and [`LogLevel`] the events that are logged. Times are [`Millis`].
//! [`SOCKJS_URL`] is the client that iframes load by default. A [`ConfigError`] names the invalid option.
//!
//! # Gateway
//!
//! A service that [`Services::add_upstream`] adds has no handler: it is a front for an existing server at the address
//! [`Upstream`]. An [`AddressError`] explains why an address is invalid. [`UpstreamOpen`] selects the moment at which a client's
//! session opens.
//!
//! # Sessions
//!
//! A [`Connection`] is one client's session, over the [`Transport`] that the client selected. [`Handler::on_open`],
//! [`Handler::on_message`] and [`Handler::on_close`] run one at a time for each connection. HTTP sessions survive restarts of
//! their object. A handler's fields do not: keep lasting data with [`Connection::set_state`].
//!
//! # Messages and back-pressure
//!
//! [`Connection::send`] puts a message into the client's queue. The queue is bounded, and `send` fails with a [`SendError`] if it
//! is full. [`Connection::ready`] waits until there is room again. [`Handler::on_message`] is not called for a client while its
//! queue is more than half full.
//!
//! # Rooms
//!
//! With [`Placement::Room`] all connections of a service share one object. Its [`Room`] broadcasts, iterates over its
//! [`Connections`], and has an alarm and a [`RoomStorage`]. A connection may join a [`Group`] of its room, which fails with a
//! [`GroupError`]. With [`Placement::Shards`] a room has several objects: [`AllShards`] reaches all of them, and a
//! [`ShardsError`] lists each [`ShardFailure`] with its [`ShardProblem`].
//!
//! # Closing
//!
//! [`Connection::close`] takes 1000 or 3000 to 4999, and fails with a [`CloseError`] for anything else. [`Handler::on_close`] receives
//! the [`CloseReason`]. [`Connection::ready_state`] returns a [`ReadyState`].
//!
//! # Push
//!
//! [`Push`] reaches connections and rooms from anywhere: [`RemoteConnection`] and [`RemoteRoom`] send and close, and fail with a
//! [`PushError`]. A room lists its connections as [`Page`]s of [`RemoteInfo`], and can call the application: [`Handler::on_call`]
//! answers, or fails with a [`CallError`]. [`Push::serve`] offers the same to any program over HTTP.
//!
//! # Admission and tickets
//!
//! [`Handler::on_request`] receives a [`RequestInfo`] with a [`RequestKind`], and returns an [`Admission`], which may be a
//! [`Rejection`]. The options `allowed_origins`, `tickets` and `address_limiter` refuse clients before that. [`is_same_secret`]
//! compares a token with a secret in constant time; [`SECRET_MIN`] is the length of the shortest secret.
//!
//! # Errors
//!
//! An error that a handler returns closes its connection with 1011 and is logged. Each operation has an error type of its own
//! ([`SendError`], [`CloseError`], [`PushError`], [`ConfigError`]), and each converts into `worker::Error`. A panic resets every
//! connection of the isolate.
//!
//! # Tests
//!
//! With the feature `testing`, the module `testing` is a kit for native tests of a handler in virtual time.
//!
//! # Metrics
//!
//! [`Metrics`] returns the counters of services with the option `metrics`, for Prometheus.

mod admission;
#[doc(hidden)]
pub mod entry;
mod http;
mod js;
mod metrics;
mod object;
mod push;
mod transports;

pub use admission::secret::is_same_secret;
pub use entry::{Serve, serve};
pub use metrics::Metrics;
pub use push::{Page, Push, PushError, RemoteConnection, RemoteInfo, RemoteRoom};
#[cfg(feature = "testing")]
pub use sockjs_durable::testing;
pub use sockjs_durable::{
    Admission, AllShards, CallError, CloseError, Connection, Connections, Group, GroupError, Handler, ReadyState,
    Rejection, RequestInfo, RequestKind, Room, RoomStorage, SendError, Services, ShardFailure, ShardProblem,
    ShardsError, durable_object,
};
pub use sockjs_protocol::service::options::{
    Config, ConfigError, Durability, Heartbeats, Liveness, LogLevel, Placement, SOCKJS_URL, WebSocketHolder,
};
pub use sockjs_protocol::service::secrets::SECRET_MIN;
pub use sockjs_protocol::sockjs::session::CloseReason;
pub use sockjs_protocol::sockjs::transport::Transport;
pub use sockjs_protocol::time::Millis;
pub use sockjs_protocol::upstream::address::{AddressError, Upstream};
pub use sockjs_protocol::upstream::opening::UpstreamOpen;
