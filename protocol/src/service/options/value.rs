//! Option values as strings, as they are written in variables.

use super::{Durability, Heartbeats, Liveness, LogLevel, Millis, Placement, WebSocketHolder};
use crate::service::secrets::comma_list;
use crate::sockjs::transport::Transport;
use crate::upstream::address::Upstream;
use crate::upstream::opening::UpstreamOpen;
use crate::upstream::over_http::retry::UpstreamDelivery;

/// Error for a string that is not a value of an option: the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong(pub &'static str);

/// A value that can be read from a string.
pub(super) trait Value: Sized {
    fn read(text: &str) -> Result<Self, Wrong>;
    fn show(&self) -> String;
}

impl Value for bool {
    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().or(Err(Wrong("true or false")))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for usize {
    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().or(Err(Wrong("a whole number of bytes")))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u32 {
    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().or(Err(Wrong("a whole number")))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Millis {
    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map(Millis).or(Err(Wrong("a whole number of milliseconds")))
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

impl Value for String {
    fn read(text: &str) -> Result<Self, Wrong> {
        Ok(text.into())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// An optional value; the empty string is `None`.
impl<T: Value> Value for Option<T> {
    fn read(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() { Ok(None) } else { T::read(text).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }
}

/// A list of values, separated by commas.
impl<T: Value> Value for Vec<T> {
    fn read(text: &str) -> Result<Self, Wrong> {
        comma_list(text).map(T::read).collect()
    }

    fn show(&self) -> String {
        self.iter().map(T::show).collect::<Vec<_>>().join(",")
    }
}

impl Value for Transport {
    fn read(text: &str) -> Result<Self, Wrong> {
        const NAMES: Wrong = Wrong(
            "some of websocket, websocket-raw, xhr-streaming, eventsource, htmlfile, xhr-polling, jsonp-polling, with \
             commas in between",
        );
        Transport::named(text).ok_or(NAMES)
    }

    fn show(&self) -> String {
        self.name().into()
    }
}

impl Value for Placement {
    fn read(text: &str) -> Result<Self, Wrong> {
        match text {
            "session" => Ok(Self::Session),
            "room" => Ok(Self::Room),
            _ => {
                let count = text.strip_prefix("shards:").and_then(|count| count.parse().ok());
                count.map(Self::Shards).ok_or(Wrong("session, room, or shards: and a number, such as shards:16"))
            }
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Session => "session".into(),
            Self::Room => "room".into(),
            Self::Shards(count) => format!("shards:{count}"),
        }
    }
}

impl Value for Durability {
    fn read(text: &str) -> Result<Self, Wrong> {
        match text {
            "default" => Ok(Self::Default),
            "outbox" => Ok(Self::Outbox),
            _ => Err(Wrong("default or outbox")),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Default => "default".into(),
            Self::Outbox => "outbox".into(),
        }
    }
}

impl Value for WebSocketHolder {
    fn read(text: &str) -> Result<Self, Wrong> {
        match text {
            "object" => Ok(Self::Object),
            "worker" => Ok(Self::Worker),
            _ => Err(Wrong("object or worker")),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Object => "object".into(),
            Self::Worker => "worker".into(),
        }
    }
}

impl Value for Heartbeats {
    fn read(text: &str) -> Result<Self, Wrong> {
        match text {
            "alarm" => Ok(Self::Alarm),
            "worker" => Ok(Self::Worker),
            _ => Err(Wrong("alarm or worker")),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Alarm => "alarm".into(),
            Self::Worker => "worker".into(),
        }
    }
}

impl Value for Liveness {
    fn read(text: &str) -> Result<Self, Wrong> {
        Ok(text.into())
    }

    fn show(&self) -> String {
        match self {
            Self::Page => "page".into(),
            Self::Stomp => "stomp".into(),
            Self::Vertx => "vertx".into(),
            Self::Message(message) => message.clone(),
        }
    }
}

impl Value for Upstream {
    fn read(text: &str) -> Result<Self, Wrong> {
        Self::read(text).map_err(|error| Wrong(error.expected()))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for UpstreamOpen {
    fn read(text: &str) -> Result<Self, Wrong> {
        Self::read(text).map_err(Wrong)
    }

    fn show(&self) -> String {
        self.name().into()
    }
}

impl Value for UpstreamDelivery {
    fn read(text: &str) -> Result<Self, Wrong> {
        Self::read(text).map_err(Wrong)
    }

    fn show(&self) -> String {
        self.name().into()
    }
}

impl Value for LogLevel {
    fn read(text: &str) -> Result<Self, Wrong> {
        Self::ALL.into_iter().find(|level| level.name() == text).ok_or(Wrong("none, error, warn, info or debug"))
    }

    fn show(&self) -> String {
        self.name().into()
    }
}
