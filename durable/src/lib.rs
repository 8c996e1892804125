//! The Durable Object half of sockjs-edge: what holds the sessions.
//!
//! An object keeps a table of connections, one storage and one alarm. What it stores, and why that is enough, stands at
//! the top of `store` (sessions over HTTP) and `socket` (WebSockets); the order in which things happen, at the top of
//! `object`; what it is asked, in `sockjs_protocol::inner::envelope`. How a transport wraps a frame is not known here.

mod admission;
mod alarm;
mod attach;
mod budget;
mod burst;
mod connect;
mod connection;
mod events;
#[doc(hidden)]
pub mod export;
mod gates;
mod handler;
mod info;
mod link;
#[doc(hidden)]
pub mod log;
mod memory;
mod metrics;
mod object;
mod outgoing;
mod pace;
mod pending;
mod perform;
mod push;
mod rate;
mod reply;
#[doc(hidden)]
pub mod report;
mod requests;
mod room;
mod room_storage;
mod rows;
mod runtime;
mod schema;
mod sends;
mod services;
mod shared_frames;
mod socket;
mod stall;
mod start;
mod state;
mod store;
mod table;
mod text;
mod timer;
mod totals;
mod v2;
mod wake;

pub use admission::{Admission, Rejection, RequestInfo, RequestKind};
pub use connection::{CloseError, Connection, ReadyState, SendError};
pub use handler::Handler;
#[doc(hidden)]
pub use info::CLIENT_HEADERS;
pub use room::Room;
pub use room_storage::RoomStorage;
pub use services::{ANALYTICS_BINDING, DEFAULT_BINDING, DEFAULT_TICKET_SECRET, DEVELOPMENT_VAR, Services};
