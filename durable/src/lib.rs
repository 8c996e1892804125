//! The Durable Object half of sockjs-edge: it holds the sessions.
//!
//! Applications use `sockjs-edge`, which exports all of this. Begin with [`Services`] and [`Handler`]. Handlers use
//! [`Connection`] and [`Room`]; [`Admission`] and [`RequestInfo`] are for deciding about admission.
//!
//! An object has a table of connections, one storage and one alarm. It knows nothing about the framing of transports. The
//! commands that the Worker sends are in `sockjs_protocol::inner::envelope`; the state machine of a session is in
//! `sockjs_protocol::sockjs::session`.
//!
//! A folder imports only from folders above it:
//!
//! | folder | what lives there |
//! |---|---|
//! | `js` | JavaScript and its runtime |
//! | `info` | facts about requests and connections, and errors |
//! | `peers` | requests to objects, from a Worker or another object |
//! | `observe` | the log, the counters, the way of reports |
//! | `store` | tables, attachments of sockets, the application's storage |
//! | `connection` | connections as the object keeps them |
//! | `application` | the interface of the application |
//! | `upstream` | the object's side of the gateway |
//! | `object` | the object, which drives all of it |
//! | `export` | the class that the runtime sees |

mod application;
mod connection;
#[doc(hidden)]
pub mod export;
mod info;
mod js;
mod object;
mod observe;
#[doc(hidden)]
pub mod peers;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod upstream;

pub use application::connection::{Connection, ReadyState};
pub use application::group::{Connections, Group};
pub use application::handler::{CallError, Handler};
pub use application::room::Room;
pub use application::services::{DEFAULT_BINDING, DEFAULT_TICKET_SECRET, DEVELOPMENT_VAR, NODE_VAR, Services};
pub use application::shards::AllShards;
pub use info::admission::{Admission, Rejection};
#[doc(hidden)]
pub use info::connection_info::{CLIENT_HEADERS, OPENER_HEADERS, PROXY_HEADERS};
pub use info::errors::{CloseError, GroupError, SendError, ShardFailure, ShardProblem, ShardsError};
pub use info::request_info::{RequestInfo, RequestKind};
#[doc(hidden)]
pub use js::runtime::is_node;
#[doc(hidden)]
pub use js::strings::text_of;
pub use observe::report::ANALYTICS_BINDING;
#[doc(hidden)]
pub use observe::{log, report};
pub use store::room_storage::RoomStorage;
#[doc(hidden)]
pub use upstream::binding::service_binding;
