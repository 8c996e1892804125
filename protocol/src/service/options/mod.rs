//! The options of a service. They have the names and defaults of sockjs-node, where it has the same option.

mod check;
mod table;
mod value;

pub use check::ConfigError;
pub use table::{Config, NamedOption, OPTIONS};

use crate::time::Millis;

/// Meaning of "delivered" for a session over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// A message is delivered once it is in a response, or in flight to the Worker that holds the response. It is written to
    /// storage only if no receiver takes it within `persist_after`: a message that is delivered at once causes no write.
    #[default]
    Default,
    /// A message is delivered once the Worker that holds the response acknowledges it. Until then it is a row in storage, written
    /// before `send` returns.
    Outbox,
}

/// Holder of the clients' WebSockets, framed and raw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WebSocketHolder {
    /// The Durable Object. It hibernates while its clients are silent. A restart of the object closes its WebSockets.
    #[default]
    Object,
    /// The Worker. The WebSocket survives restarts of the object, like a session over HTTP. It ends with the Worker's invocation.
    Worker,
}

/// Clock of the heartbeats of sessions over HTTP and of WebSockets that the Worker holds, and of the age of responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Heartbeats {
    /// The alarm of the object. Each heartbeat wakes the object, and one alarm serves all its connections.
    #[default]
    Alarm,
    /// The Worker that holds the response. The object hibernates through heartbeats, and its alarm checks for lost responses
    /// every 6 hours. WebSockets that the object holds keep the alarm.
    Worker,
}

/// The message by which a client shows that it is alive. A string with the name of a variant in lower case is read as that
/// variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Liveness {
    /// The empty message, which a page sends with one line: `sock.onheartbeat = () => sock.send("")`.
    Page,
    /// The message `"\n"`, which STOMP clients send anyway.
    Stomp,
    /// The message `{"type":"ping"}`, which clients of Vert.x send anyway.
    Vertx,
    /// This message.
    Message(String),
}

impl<T: Into<String> + AsRef<str>> From<T> for Liveness {
    fn from(message: T) -> Self {
        match message.as_ref() {
            "page" | "" => Self::Page,
            "stomp" => Self::Stomp,
            "vertx" => Self::Vertx,
            _ => Self::Message(message.into()),
        }
    }
}

/// Level of the events that are logged, each as one line of JSON. A level includes the events of all less verbose
/// levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum LogLevel {
    /// No events.
    None,
    /// Failures with consequences: an error of a handler, a failure of storage.
    Error,
    /// Failures after which the operation was repeated, or the request answered with 503.
    #[default]
    Warn,
    /// Connections that were opened, closed or refused.
    Info,
    /// Each request to the Worker.
    Debug,
}

impl LogLevel {
    /// Every level, the least verbose one first.
    pub const ALL: [Self; 5] = [Self::None, Self::Error, Self::Warn, Self::Info, Self::Debug];

    /// Returns the level's name, in variables and in the log.
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

/// Connections that share an object. A room consists of the connections in one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Placement {
    /// Each session has an object of its own.
    #[default]
    Session,
    /// All connections of the service share one object, as in every other SockJS server. If the prefix has parameters,
    /// such as `/chat/{room}`, the connections with the same values share one.
    Room,
    /// Connections share this many objects, by a hash of the session id. Heartbeats cost least this way, for many
    /// connections that exchange nothing with each other. At least 1; a change of the number drops the open sessions.
    Shards(u16),
}

/// URL of the stock client that this server is tested with, on the host that sockjs-node uses.
pub const SOCKJS_URL: &str = "https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js";
