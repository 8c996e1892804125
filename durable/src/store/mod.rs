//! Storage: tables of the object, and attachments of its sockets. What has to be stored when is decided by the session
//! (`sockjs_protocol::sockjs::session::stored`).
//!
//! * [`schema`][]: the tables. [`queries`][]: reading and writing them. [`sql`][]: values of a row.
//! * [`attachment`][]: data that the runtime keeps with a socket. [`kept`][]: state and groups of a connection.
//! * [`room_storage`][]: storage of the application, and `memory_storage` in its place in tests.

pub(crate) mod attachment;
pub(crate) mod kept;
#[cfg(feature = "testing")]
pub(crate) mod memory_storage;
pub(crate) mod queries;
pub(crate) mod room_storage;
pub(crate) mod schema;
pub(crate) mod sql;
