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

/// Which events are logged, each as one line of JSON. The more talkative levels have the others' events, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum LogLevel {
    /// Nothing.
    None,
    /// What went wrong and has consequences: a handler's error, storage that failed.
    Error,
    /// What went wrong and was tried again, or was answered with 503.
    #[default]
    Warn,
    /// Connections that were opened, closed or refused.
    Info,
    /// Each request to the Worker.
    Debug,
}

impl LogLevel {
    /// Every level, the most silent one first.
    pub const ALL: [Self; 5] = [Self::None, Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// Its name in variables and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
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
