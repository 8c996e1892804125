//! The settings of a session, taken from its service's configuration.

use crate::service::options::{Config, Durability};
use crate::sockjs::liveness::SilenceRules;
use crate::sockjs::transport::Transport;
use crate::time::Millis;

/// The settings that a session follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Time without an outgoing frame after which a heartbeat is sent; `None` for no heartbeats.
    pub heartbeat_delay: Option<Millis>,
    /// Time without a receiver before the session is closed.
    pub disconnect_delay: Millis,
    /// Age at which a stream is ended.
    pub receiver_max_age: Millis,
    /// Time that a message may wait in memory alone.
    pub persist_after: Millis,
    /// Meaning of "delivered" for a session over HTTP.
    pub durability: Durability,
    /// Bytes of messages that may wait for a receiver.
    pub queue_limit: usize,
    /// Largest size, in bytes, of a WebSocket frame that joins messages.
    pub frame_limit: usize,
    /// Rules by which a client counts as silent; `None` for clients that may be silent.
    pub silence: Option<SilenceRules>,
    /// Time within which the client has to send its first message; `None` for no limit.
    pub first_message_timeout: Option<Millis>,
}

impl Rules {
    /// Returns the settings of `config` for a WebSocket on `transport` that the Worker holds. Such a session waits for its
    /// Worker, which waits in turn for a new instance of the object.
    pub fn held(config: &Config, transport: Transport) -> Self {
        Self { disconnect_delay: config.reattach_timeout, ..Self::new(config, transport) }
    }

    /// Returns the settings of `config` for a session on `transport`.
    pub fn new(config: &Config, transport: Transport) -> Self {
        let heartbeat_delay = match transport {
            Transport::WebSocketRaw => None,
            Transport::WebSocket => config.websocket_heartbeat_delay.or(Some(config.heartbeat_delay)),
            Transport::XhrStreaming
            | Transport::EventSource
            | Transport::HtmlFile
            | Transport::XhrPolling
            | Transport::JsonpPolling => Some(config.heartbeat_delay),
        };
        Self {
            heartbeat_delay,
            disconnect_delay: config.disconnect_delay,
            receiver_max_age: config.response_age(),
            persist_after: config.persist_after,
            durability: config.durability,
            queue_limit: config.queue_limit,
            frame_limit: config.frame_limit,
            silence: transport.is_websocket().then(|| SilenceRules::new(config)).flatten(),
            first_message_timeout: config.first_message_timeout,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(&Config::new(""), Transport::XhrPolling)
    }
}
