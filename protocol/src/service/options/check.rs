//! Validation of a service's options.

use super::{Config, Liveness, Millis, Placement};
use crate::service::client_address::Network;
use crate::service::origin::Origin;
use crate::service::prefix::parameter_name;
use crate::sockjs::transport::Transport;
use std::fmt;

const DAY: Millis = Millis::from_secs(86_400);

/// Time after which the stock JSONP receiver gives up a poll.
const JSONP_GIVES_UP: Millis = Millis::from_secs(35);

/// Longest message that the runtime answers automatically, in characters.
const AUTO_RESPONSE_MAX: usize = 2_048;

/// Half of an isolate's memory.
const MEMORY: usize = 64 << 20;

/// Most bytes that `body_limit` and `inbox_limit` may allow: a quarter of an isolate's memory.
const SHARE: usize = 32 << 20;

/// Largest `room_patience`: three times as long is a whole minute, the period to which it applies.
const PATIENCE_MAX: Millis = Millis::from_secs(20);

/// Range of `object_timeout`: an object answers a waiting send after 5 s, and the Worker waits for nothing longer than two
/// minutes, in which it may ask twice.
const OBJECT_TIMEOUT: std::ops::RangeInclusive<Millis> = Millis::from_secs(10)..=Millis::from_secs(55);

/// Range of `upstream_timeout`: the Worker waits for nothing longer than two minutes.
const UPSTREAM_TIMEOUT: std::ops::RangeInclusive<Millis> = Millis::from_secs(1)..=Millis::from_secs(55);

/// Form of the names of subprotocols.
const TOKENS: &str = "must be names of letters, digits and !#$%&'*+-.^_`|~";

/// An option with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Prefix of the service.
    pub prefix: String,
    /// Name of the option.
    pub option: &'static str,
    /// Rule that the value violates, such as `must be at least 1`.
    pub advice: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service {:?}: option {} {}", self.prefix, self.option, self.advice)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Returns an error for the first option with an invalid value, with the rule that the value violates.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = [
            ("prefix", self.wrong_prefix()),
            ("sockjs_url", self.wrong_sockjs_url()),
            (
                "transports",
                unless(Transport::ALL.into_iter().any(|transport| self.offers(transport)), "must offer one"),
            ),
            ("websocket_protocols", self.wrong_websocket_protocols()),
            ("placement", self.wrong_placement()),
            ("jurisdiction", wrong_place(self.jurisdiction.as_deref())),
            ("location_hint", wrong_place(self.location_hint.as_deref())),
            (
                "object_timeout",
                unless(OBJECT_TIMEOUT.contains(&self.object_timeout), "must be at least 10 s and at most 55 s"),
            ),
            ("trusted_proxies", self.wrong_trusted_proxies()),
            (
                "client_address_header",
                unless(is_token(&self.client_address_header), "must be the name of a header, such as X-Forwarded-For")
                    .or_else(|| self.unused_client_address_header()),
            ),
            ("allowed_origins", self.wrong_allowed_origins()),
            ("ticket_lifetime", second_to_day(self.ticket_lifetime)),
            ("ticket_max_age", self.wrong_ticket_max_age()),
            ("messages_per_body", unless(self.messages_per_body != Some(0), "must be at least 1")),
            ("message_rate", unless(self.message_rate != Some(0), "must be at least 1")),
            ("first_message_timeout", self.first_message_timeout.and_then(second_to_day)),
            ("connections_per_object", unless(self.connections_per_object != Some(0), "must be at least 1")),
            ("response_limit", unless(self.response_limit > 0, "must be at least 1 byte")),
            ("heartbeat_delay", self.wrong_heartbeat_delay()),
            ("websocket_heartbeat_delay", self.websocket_heartbeat_delay.and_then(second_to_day)),
            ("liveness", self.wrong_liveness()),
            ("silence_timeout", self.wrong_silence_timeout()),
            (
                "liveness_required",
                unless(self.liveness.is_some() || !self.liveness_required, "must be false without liveness"),
            ),
            ("disconnect_delay", second_to_day(self.disconnect_delay)),
            ("receiver_max_age", self.wrong_receiver_max_age()),
            ("grace", unless(self.grace <= Millis(100), "must be at most 100 ms")),
            ("persist_after", unless(self.persist_after < Millis(1000), "must be below 1 s")),
            (
                "body_limit",
                unless(self.body_limit <= SHARE, "must be at most 32 MiB, a quarter of an isolate's memory"),
            ),
            ("inbox_limit", wrong_inbox_limit(self.inbox_limit)),
            ("send_timeout", second_to_day(self.send_timeout)),
            ("stall_timeout", second_to_day(self.stall_timeout)),
            ("reattach_timeout", second_to_day(self.reattach_timeout)),
            ("message_limit", self.wrong_message_limit()),
            ("queue_limit", self.wrong_queue_limit()),
            ("object_queue_limit", self.wrong_object_queue_limit()),
            ("room_patience", unless(self.room_patience <= PATIENCE_MAX, "must be at most 20 s")),
            (
                "frame_limit",
                unless((1..=MEMORY).contains(&self.frame_limit), "must be at least 1 byte and at most 64 MiB"),
            ),
            ("upstream", self.wrong_upstream()),
            ("upstream_protocols", unless(self.upstream_protocols.iter().all(|protocol| is_token(protocol)), TOKENS)),
            (
                "upstream_timeout",
                unless(UPSTREAM_TIMEOUT.contains(&self.upstream_timeout), "must be at least 1 s and at most 55 s"),
            ),
        ];
        match wrong.into_iter().find_map(|(option, advice)| Some((option, advice?))) {
            None => Ok(()),
            Some((option, advice)) => Err(ConfigError { prefix: self.prefix.clone(), option, advice: advice.into() }),
        }
    }

    fn wrong_prefix(&self) -> Option<&'static str> {
        let prefix = &self.prefix;
        let name = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let literal = |c: char| name(c) || ".~".contains(c);
        let good = |segment: &str| match parameter_name(segment) {
            Some(parameter) => !parameter.is_empty() && parameter.chars().all(name),
            None => segment.chars().all(literal),
        };
        if !(prefix.is_empty() || prefix.starts_with('/')) || !prefix.split('/').all(good) {
            return Some("must start with / and hold only letters, digits, / - . _ ~, and parameters such as /{room}");
        }
        let names: Vec<_> = prefix.split('/').filter_map(parameter_name).collect();
        if names.iter().enumerate().any(|(at, name)| names.iter().take(at).any(|earlier| earlier == name)) {
            return Some("must have a name of its own for each parameter");
        }
        let dots = prefix.split('/').any(|segment| matches!(segment, "." | ".."));
        unless(!prefix.contains("//") && prefix != "/" && !dots, "must have no empty, . or .. segments")
    }

    fn wrong_placement(&self) -> Option<&'static str> {
        let good = |placement| !matches!(placement, Placement::Shards(0 | 1025..));
        unless(good(self.placement), "must have 1 to 1024 shards")
    }

    /// Checks that the URL can be written into the iframe page, where it is not escaped.
    fn wrong_sockjs_url(&self) -> Option<&'static str> {
        let url = &self.sockjs_url;
        unless(
            !url.is_empty() && !url.contains(['"', '<', '>', '&', '\n']),
            "must be a URL without quotes, angle brackets, ampersands or line ends",
        )
    }

    /// Checks that the subprotocols are tokens of a header (RFC 6455, section 4.1).
    fn wrong_websocket_protocols(&self) -> Option<&'static str> {
        unless(self.websocket_protocols.iter().all(|protocol| is_token(protocol)), TOKENS)
    }

    fn wrong_upstream(&self) -> Option<&'static str> {
        let upstream = self.upstream.as_ref()?;
        if self.liveness.is_some() {
            return Some("must be empty where liveness is set: the upstream gets every message");
        }
        let names = self.prefix.split('/').filter_map(parameter_name);
        unless(
            upstream.check_parameters(names).is_ok(),
            "must have no placeholder but those of the prefix, such as /{room} for {room}",
        )
    }

    fn unused_client_address_header(&self) -> Option<&'static str> {
        let is_used =
            !self.trusted_proxies.is_empty() || self.client_address_header == Self::new("").client_address_header;
        unless(is_used, "has no effect without trusted_proxies")
    }

    fn wrong_trusted_proxies(&self) -> Option<&'static str> {
        let good = |proxy: &String| Network::read(proxy).is_some();
        unless(self.trusted_proxies.iter().all(good), "must be IP addresses or networks, such as 10.0.0.0/8")
    }

    fn wrong_allowed_origins(&self) -> Option<&'static str> {
        let good = |origin: &String| matches!(origin.as_str(), "*" | "null") || Origin::read(origin).is_some();
        unless(
            self.allowed_origins.iter().all(good),
            "must be *, null, or scheme://host:port in lower case without a path, *. in front of the host for subdomains",
        )
    }

    fn wrong_ticket_max_age(&self) -> Option<&'static str> {
        let (age, lifetime) = (self.ticket_max_age, self.ticket_lifetime);
        unless(lifetime <= age && age <= Millis(7 * DAY.0), "must be at least ticket_lifetime and at most a week")
    }

    fn wrong_heartbeat_delay(&self) -> Option<&'static str> {
        if self.offers(Transport::JsonpPolling) && self.heartbeat_delay >= JSONP_GIVES_UP {
            return Some("must be below 35 s, when stock clients of jsonp-polling give up, or transports without it");
        }
        second_to_day(self.heartbeat_delay)
    }

    fn wrong_liveness(&self) -> Option<&'static str> {
        let fits = |liveness: &Liveness| liveness.request().encode_utf16().count() <= AUTO_RESPONSE_MAX;
        unless(self.liveness.as_ref().is_none_or(fits), "must have at most 2044 characters, escapes included")
    }

    fn wrong_silence_timeout(&self) -> Option<&'static str> {
        let delay = self.websocket_heartbeat_delay.unwrap_or(self.heartbeat_delay);
        if self.liveness.is_some() && self.silence_timeout <= delay {
            return Some("must be longer than the heartbeat delay of WebSockets, whose heartbeats ask the clients");
        }
        second_to_day(self.silence_timeout)
    }

    fn wrong_receiver_max_age(&self) -> Option<&'static str> {
        let (age, beat) = (self.response_age(), self.heartbeat_delay);
        unless(beat <= age && age <= DAY, "must be at least heartbeat_delay and at most a day")
    }

    fn wrong_message_limit(&self) -> Option<&'static str> {
        unless(
            (1..=self.body_limit).contains(&self.message_limit),
            "must be at least 1 byte and no more than body_limit",
        )
    }

    fn wrong_queue_limit(&self) -> Option<&'static str> {
        if self.queue_limit / 2 < self.message_limit {
            return Some("must be at least twice message_limit, so that what may come in can be sent back");
        }
        unless(self.queue_limit <= MEMORY, "must be at most 64 MiB, half of an isolate's memory")
    }

    fn wrong_object_queue_limit(&self) -> Option<&'static str> {
        unless(
            (self.queue_limit..=MEMORY).contains(&self.object_queue_limit),
            "must be at least queue_limit and at most 64 MiB, half of an isolate's memory",
        )
    }
}

/// True for a token of a header (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !text.is_empty() && text.chars().all(token)
}

/// Checks only the form of a place's name. The platform decides whether the place exists, and adds places from time to time.
fn wrong_place(name: Option<&str>) -> Option<&'static str> {
    let good = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    unless(name.is_none_or(good), "must be a name of lower-case letters, such as eu or weur")
}

fn wrong_inbox_limit(limit: usize) -> Option<&'static str> {
    unless((1..=SHARE).contains(&limit), "must be at least 1 byte and at most 32 MiB, a quarter of an isolate's memory")
}

fn second_to_day(delay: Millis) -> Option<&'static str> {
    unless((Millis(1000)..=DAY).contains(&delay), "must be at least 1 s and at most a day")
}

fn unless(good: bool, advice: &'static str) -> Option<&'static str> {
    (!good).then_some(advice)
}
