//! A service's settings. Names and defaults are sockjs-node's where it has them.

use crate::time::Millis;
use std::fmt;

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
    /// All connections of the service share one object: the model of every other SockJS server.
    Room,
}

/// The stock client that this server is tested with, on the host that sockjs-node names.
pub const SOCKJS_URL: &str = "https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js";

/// The settings of one service. Every setter can be chained; a bad value is reported by [`Config::check`], which
/// `serve` and the Durable Object call before they answer anything.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Where the service lives, such as `/echo`. Empty for the root.
    pub prefix: String,
    /// Where the iframe page loads the client from; it has to be exactly the version of the page around it. Default: the
    /// version that this server is tested with, from a public host ([`SOCKJS_URL`]).
    pub sockjs_url: String,
    /// Whether WebSockets are offered, framed and raw. Default true.
    pub websocket: bool,
    /// Whether every response of a session sets the cookie `JSESSIONID`, for load balancers in front that want one.
    /// Default false.
    pub jsessionid: bool,
    /// Whether other origins are left without CORS headers and iframe pages. Default false.
    pub disable_cors: bool,
    /// URL that clients use for everything after `/info`, instead of the one that they know. Default none.
    pub base_url: Option<String>,
    /// Bytes after which a streaming response is ended, so that no client has to keep more. The prelude does not count.
    /// Default 128 KiB.
    pub response_limit: usize,
    /// Silence after which a waiting receiver gets a heartbeat. Default 25 s; below 35 s, since the stock JSONP receiver
    /// gives up then.
    pub heartbeat_delay: Millis,
    /// The same for WebSockets. Default: as `heartbeat_delay`.
    pub websocket_heartbeat_delay: Option<Millis>,
    /// Time without a receiver after which an HTTP session is closed. Default 5 s.
    pub disconnect_delay: Millis,
    /// Age at which a streaming response is ended, so that a client that is silently gone is noticed. Default 10 min.
    pub receiver_max_age: Millis,
    /// How long a poll is held by the object itself before it is held by the Worker. Default 50 ms, at most 100 ms.
    pub grace: Millis,
    /// How long a message may wait for a receiver in memory alone. Default 250 ms, at most 1 s.
    pub persist_after: Millis,
    /// Which connections share an object. Default [`Placement::Session`].
    pub placement: Placement,
    /// What "delivered" means for HTTP sessions. Default [`Durability::Default`].
    pub durability: Durability,
    /// Largest body of a send, in bytes. Default 1 MiB; 413 beyond.
    pub body_limit: usize,
    /// Largest message from a client, in bytes. Default 512 KiB; 413 beyond, on a WebSocket closed with 1009.
    pub message_limit: usize,
    /// Bytes waiting for one client. Default 1 MiB; a `send` beyond is refused.
    pub queue_limit: usize,
}

impl Config {
    /// The service at `prefix`, such as `/echo`, with the defaults.
    pub fn new(prefix: impl Into<String>) -> Self {
        let mut prefix = prefix.into();
        if prefix.ends_with('/') {
            prefix.pop();
        }
        Self {
            prefix,
            sockjs_url: SOCKJS_URL.into(),
            websocket: true,
            jsessionid: false,
            disable_cors: false,
            base_url: None,
            response_limit: 128 << 10,
            heartbeat_delay: Millis::from_secs(25),
            websocket_heartbeat_delay: None,
            disconnect_delay: Millis::from_secs(5),
            receiver_max_age: Millis::from_secs(600),
            grace: Millis(50),
            persist_after: Millis(250),
            placement: Placement::Session,
            durability: Durability::Default,
            body_limit: 1 << 20,
            message_limit: 512 << 10,
            queue_limit: 1 << 20,
        }
    }

    /// Sets [`Config::sockjs_url`].
    pub fn sockjs_url(mut self, url: impl Into<String>) -> Self {
        self.sockjs_url = url.into();
        self
    }

    /// Sets [`Config::jsessionid`].
    pub fn jsessionid(mut self, on: bool) -> Self {
        self.jsessionid = on;
        self
    }

    /// Sets [`Config::disable_cors`].
    pub fn disable_cors(mut self, on: bool) -> Self {
        self.disable_cors = on;
        self
    }

    /// Sets [`Config::base_url`].
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets [`Config::websocket`].
    pub fn websocket(mut self, on: bool) -> Self {
        self.websocket = on;
        self
    }

    /// Sets [`Config::response_limit`].
    pub fn response_limit(mut self, bytes: usize) -> Self {
        self.response_limit = bytes;
        self
    }

    /// Sets [`Config::heartbeat_delay`].
    pub fn heartbeat_delay(mut self, delay: Millis) -> Self {
        self.heartbeat_delay = delay;
        self
    }

    /// Sets [`Config::websocket_heartbeat_delay`].
    pub fn websocket_heartbeat_delay(mut self, delay: Millis) -> Self {
        self.websocket_heartbeat_delay = Some(delay);
        self
    }

    /// Sets [`Config::disconnect_delay`].
    pub fn disconnect_delay(mut self, delay: Millis) -> Self {
        self.disconnect_delay = delay;
        self
    }

    /// Sets [`Config::receiver_max_age`].
    pub fn receiver_max_age(mut self, age: Millis) -> Self {
        self.receiver_max_age = age;
        self
    }

    /// Sets [`Config::grace`].
    pub fn grace(mut self, grace: Millis) -> Self {
        self.grace = grace;
        self
    }

    /// Sets [`Config::persist_after`].
    pub fn persist_after(mut self, delay: Millis) -> Self {
        self.persist_after = delay;
        self
    }

    /// Sets [`Config::body_limit`].
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets [`Config::message_limit`].
    pub fn message_limit(mut self, bytes: usize) -> Self {
        self.message_limit = bytes;
        self
    }

    /// Sets [`Config::queue_limit`].
    pub fn queue_limit(mut self, bytes: usize) -> Self {
        self.queue_limit = bytes;
        self
    }

    /// Sets [`Config::placement`].
    pub fn placement(mut self, placement: Placement) -> Self {
        self.placement = placement;
        self
    }

    /// Sets [`Config::durability`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The first setting that cannot be served, with what to do about it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let bad = |option: &'static str, advice: &str| {
            Err(ConfigError { prefix: self.prefix.clone(), option, advice: advice.into() })
        };
        let path = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        if !(self.prefix.is_empty() || self.prefix.starts_with('/')) || !self.prefix.chars().all(path) {
            return bad("prefix", "must start with / and hold only letters, digits, / - . _ ~");
        }
        if self.prefix.contains("//") || self.prefix.split('/').any(|segment| matches!(segment, "." | "..")) {
            return bad("prefix", "must have no empty, . or .. segments");
        }
        // It stands in the page as it is.
        if self.sockjs_url.is_empty() || self.sockjs_url.contains(['"', '<', '>', '&', '\n']) {
            return bad("sockjs_url", "must be a URL without quotes, angle brackets, ampersands or line ends");
        }
        if self.response_limit == 0 {
            return bad("response_limit", "must be at least 1 byte");
        }
        let second_to_jsonp = |delay: Millis| (Millis(1000)..Millis::from_secs(35)).contains(&delay);
        if !second_to_jsonp(self.heartbeat_delay) {
            return bad("heartbeat_delay", "must be at least 1 s and below 35 s, when stock JSONP clients give up");
        }
        if self.websocket_heartbeat_delay.is_some_and(|delay| delay < Millis(1000)) {
            return bad("websocket_heartbeat_delay", "must be at least 1 s");
        }
        let delays = [
            ("websocket_heartbeat_delay", self.websocket_heartbeat_delay),
            ("disconnect_delay", Some(self.disconnect_delay)),
            ("receiver_max_age", Some(self.receiver_max_age)),
        ];
        if let Some((option, _)) = delays.into_iter().find(|(_, delay)| *delay > Some(Millis::from_secs(86_400))) {
            return bad(option, "must be at most a day");
        }
        if self.disconnect_delay < Millis(1000) {
            return bad("disconnect_delay", "must be at least 1 s");
        }
        if self.receiver_max_age < self.heartbeat_delay {
            return bad("receiver_max_age", "must be at least heartbeat_delay");
        }
        if self.grace > Millis(100) {
            return bad("grace", "must be at most 100 ms");
        }
        if self.persist_after >= Millis(1000) {
            return bad("persist_after", "must be below 1 s");
        }
        if self.message_limit == 0 || self.message_limit > self.body_limit {
            return bad("message_limit", "must be at least 1 byte and no more than body_limit");
        }
        if !(1..=64 << 20).contains(&self.queue_limit) {
            return bad("queue_limit", "must be at least 1 byte and at most 64 MiB, half of an isolate's memory");
        }
        if self.body_limit > 64 << 20 {
            return bad("body_limit", "must be at most 64 MiB, half of an isolate's memory");
        }
        Ok(())
    }
}

/// A setting that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The service.
    pub prefix: String,
    /// The option's name.
    pub option: &'static str,
    /// What it must be.
    pub advice: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service {:?}: option {} {}", self.prefix, self.option, self.advice)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_sockjs_nodes() {
        let config = Config::new("/echo/");
        assert_eq!(config.check(), Ok(()));
        assert_eq!(config.prefix, "/echo");
        assert_eq!((config.heartbeat_delay, config.disconnect_delay), (Millis(25_000), Millis(5_000)));
        assert_eq!(Config::new("").check(), Ok(()));
    }

    #[test]
    fn a_bad_setting_is_named() {
        let echo = || Config::new("/echo");
        for (config, option) in [
            (Config::new("echo"), "prefix"),
            (Config::new("/é"), "prefix"),
            (Config::new("/a//b"), "prefix"),
            (Config::new("/../b"), "prefix"),
            (Config::new("/a?b"), "prefix"),
            (echo().response_limit(0), "response_limit"),
            (echo().sockjs_url(""), "sockjs_url"),
            (echo().sockjs_url("/a\"b"), "sockjs_url"),
            (echo().heartbeat_delay(Millis(35_000)), "heartbeat_delay"),
            (echo().heartbeat_delay(Millis(999)), "heartbeat_delay"),
            (echo().websocket_heartbeat_delay(Millis(10)), "websocket_heartbeat_delay"),
            (echo().disconnect_delay(Millis(0)), "disconnect_delay"),
            (echo().receiver_max_age(Millis(1)), "receiver_max_age"),
            (Config { grace: Millis(101), ..echo() }, "grace"),
            (Config { persist_after: Millis(1000), ..echo() }, "persist_after"),
            (Config { message_limit: 2 << 20, ..echo() }, "message_limit"),
            (echo().queue_limit(0), "queue_limit"),
            (echo().disconnect_delay(Millis::from_secs(90_000)), "disconnect_delay"),
        ] {
            assert_eq!(config.check().unwrap_err().option, option);
        }
    }
}
