//! Storage: the tables of the object, and the attachments of its sockets. The session decides what has to be stored, and when
//! (`sockjs_protocol::sockjs::session::stored`).
//!
//! * [`schema`][]: the tables. [`queries`][]: reading and writing them. [`sql`][]: values of a row.
//! * [`attachment`][]: data that the runtime keeps with a socket. [`kept`][]: state and groups of a connection.
//! * [`room_storage`][]: storage of the application; tests use `memory_storage` instead.

pub(crate) mod attachment;
pub(crate) mod kept;
#[cfg(feature = "testing")]
pub(crate) mod memory_storage;
pub(crate) mod queries;
pub(crate) mod room_storage;
pub(crate) mod schema;
pub(crate) mod sql;
