//! What a session takes from its service's settings.

use crate::service::options::{Config, Durability};
use crate::sockjs::transport::Transport;
use crate::time::Millis;

/// The settings that a session follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Silence before a heartbeat; none for never.
    pub heartbeat_delay: Option<Millis>,
    /// Time without a receiver before the session is closed.
    pub disconnect_delay: Millis,
    /// Age at which a stream is ended.
    pub receiver_max_age: Millis,
    /// Time that a message may wait in memory alone.
    pub persist_after: Millis,
    /// What "delivered" means.
    pub durability: Durability,
    /// Bytes that may wait.
    pub queue_limit: usize,
    /// Bytes of a WebSocket frame that joins messages.
    pub frame_limit: usize,
    /// Time within which the client has to send its first message.
    pub first_message_timeout: Option<Millis>,
}

impl Rules {
    /// What `config` says for `transport`.
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
            receiver_max_age: config.receiver_max_age,
            persist_after: config.persist_after,
            durability: config.durability,
            queue_limit: config.queue_limit,
            frame_limit: config.frame_limit,
            first_message_timeout: config.first_message_timeout,
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::new(&Config::new(""), Transport::XhrPolling)
    }
}
