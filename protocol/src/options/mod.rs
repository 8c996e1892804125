//! A service's options. Names and defaults are sockjs-node's where it has them.

mod check;
mod table;
mod value;

pub use check::ConfigError;
pub use table::{Config, NamedOption, OPTIONS};

use crate::time::Millis;

/// What "delivered" means for a session over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Put into a response or on its way to the Worker that holds it. A message is written to storage only when no
    /// receiver took it within `persist_after`; nothing is written for one that goes straight through.
    #[default]
    Default,
    /// Acknowledged by the Worker that holds the response. Until then each message is a row, written before `send`
    /// returns.
    Outbox,
}

/// Which connections share an object, and so can be told things together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Placement {
    /// Each session has an object of its own.
    #[default]
    Session,
    /// All connections of the service share one object: the model of every other SockJS server. With parameters in the
    /// prefix, such as `/chat/{room}`, those whose parameters have the same values.
    Room,
    /// Connections share this many objects, by a hash of the session id: the cheapest heartbeats for many connections that
    /// have nothing to say to one another. At least 1; another number drops the sessions that are open.
    Shards(u16),
}

/// The stock client that this server is tested with, on the host that sockjs-node names.
pub const SOCKJS_URL: &str = "https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js";
