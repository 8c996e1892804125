//! The Durable Object half of sockjs-edge: what holds the sessions.
//!
//! An object keeps a table of connections, one storage and one alarm. What it stores, and why that is enough, stands at
//! the top of `store` (sessions over HTTP) and `socket` (WebSockets); the order in which things happen, at the top of
//! `object`; what it is asked, in `sockjs_protocol::inner::envelope`. How a transport wraps a frame is not known here.

mod application;
mod connection;
#[doc(hidden)]
pub mod export;
mod info;
mod js;
mod object;
mod observe;
mod store;
#[cfg(feature = "testing")]
pub mod testing;

pub use application::connection::{Connection, ReadyState};
pub use application::handler::Handler;
pub use application::room::Room;
pub use application::services::{DEFAULT_BINDING, DEFAULT_TICKET_SECRET, DEVELOPMENT_VAR, Services};
pub use info::admission::{Admission, Rejection};
#[doc(hidden)]
pub use info::connection_info::CLIENT_HEADERS;
pub use info::errors::{CloseError, SendError};
pub use info::request_info::{RequestInfo, RequestKind};
pub use observe::report::ANALYTICS_BINDING;
#[doc(hidden)]
pub use observe::{log, report};
pub use store::room_storage::RoomStorage;
