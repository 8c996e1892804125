//! Connections as the object keeps them. An entry is data with bookkeeping: it refers to neither its handler nor its object, and
//! changes nothing but itself. The handle that a handler receives is in `application`.
//!
//! * [`entry`][]: one connection. [`table`][]: all of them, and the members of groups, in [`slots`][]. [`groups`][]: the groups of one.
//! * [`links`][]: the links to a connection's receivers; [`poll`][]: a poll whose request has no response yet.
//! * [`socket_buffer`][]: the bytes that wait on a client's own WebSocket; [`stall`][]: the time since it was read.
//! * [`told`][]: the handled messages that the Worker which holds a WebSocket knows of.
//! * [`waiters`][]: requests and handlers that wait for an event of a connection.
//! * [`rate`][]: the rate limit of a client. [`budget`][]: the memory that the inboxes of an isolate share.

pub(crate) mod budget;
pub(crate) mod entry;
pub(crate) mod groups;
pub(crate) mod links;
pub(crate) mod poll;
pub(crate) mod rate;
pub(crate) mod slots;
pub(crate) mod socket_buffer;
pub(crate) mod stall;
pub(crate) mod table;
pub(crate) mod told;
pub(crate) mod waiters;
