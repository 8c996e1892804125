//! Facts of a connection that outlast its requests and restarts of its object.

use super::keep_alive::{Due, IdleMessage, POLL_MIN, Timer};
use crate::inner::json::Reader;
use crate::time::Millis;
use crate::upstream::grip::Grip;
use crate::upstream::grip::control::KeepAliveMode;
use serde::Serialize;

/// Version of the JSON.
const VERSION: u8 = 1;

/// Facts of a connection that the upstream accepted, or is asked to accept. The object keeps them with the connection's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkState {
    version: u8,
    /// Headers of the request that opened the connection, for each request to the upstream.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Names and values that the upstream set by `Set-Meta-*`, and gets back as `Meta-*`. The names are in lower case, without
    /// `meta-`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub meta: Vec<(String, String)>,
    /// Prefix of messages to the client, if the upstream turned on GRIP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// True once the upstream gets no more events.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_detached: bool,
    /// Time for the next request without events, if the upstream asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<Timer>,
    /// Message that the client gets regularly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_message: Option<IdleMessage>,
}

impl LinkState {
    /// Returns the state of a connection that opens with these headers.
    pub fn new(headers: Vec<(String, String)>) -> Self {
        Self {
            version: VERSION,
            headers,
            meta: Vec::new(),
            prefix: None,
            is_detached: false,
            poll: None,
            idle_message: None,
        }
    }

    /// Reads a state that was written as JSON. Returns `None` if it is of another version.
    pub fn read(json: &str) -> Option<Self> {
        let (mut version, mut state) = (0, Self::new(Vec::new()));
        Reader::whole(json, |reader| {
            reader.object(&mut |name, reader| {
                match name {
                    "version" => version = reader.number()?,
                    "headers" => state.headers = reader.pairs()?,
                    "meta" => state.meta = reader.pairs()?,
                    "prefix" => state.prefix = Some(reader.text()?),
                    "is_detached" => state.is_detached = reader.flag()?,
                    "poll" => state.poll = Some(Timer::read(reader)?),
                    "idle_message" => state.idle_message = Some(IdleMessage::read(reader)?),
                    _ => reader.skip()?,
                }
                Some(())
            })
        })?;
        (version == VERSION).then_some(state)
    }

    /// Returns GRIP on this connection, if the upstream turned it on.
    pub fn grip(&self) -> Option<Grip> {
        Some(Grip { message_prefix: self.prefix.clone()? })
    }

    /// Sets the value of a name, or removes it if the value is empty. Returns true if that changed anything.
    pub fn set_meta(&mut self, name: &str, value: &str) -> bool {
        let known = self.meta.iter().position(|(known, _)| known == name);
        match (known.and_then(|at| self.meta.get_mut(at)), known) {
            (Some((_, known)), _) if known == value => false,
            (Some(_), Some(at)) if value.is_empty() => {
                self.meta.remove(at);
                true
            }
            (Some((_, known)), _) => {
                value.clone_into(known);
                true
            }
            (None, _) if value.is_empty() => false,
            (None, _) => {
                self.meta.push((name.to_owned(), value.to_owned()));
                true
            }
        }
    }

    /// Sets the time between two requests without events. 0 ends them. Returns true if that changed anything.
    pub fn set_poll(&mut self, seconds: u32, now: Millis) -> bool {
        let every = Some(Millis::from_secs(seconds.into()).max(POLL_MIN)).filter(|_| seconds > 0);
        let has_changed = self.poll.map(Timer::every) != every;
        if has_changed {
            self.poll = every.map(|every| Timer::new(every, now));
        }
        has_changed
    }

    /// Sets the message that the client gets regularly.
    pub fn set_idle_message(&mut self, message: String, every: Millis, mode: KeepAliveMode, now: Millis) {
        let timer = Timer::new(every, now);
        self.idle_message = Some(IdleMessage { message, is_interval: mode == KeepAliveMode::Interval, timer });
    }

    /// Notes that the client got a message from the upstream.
    pub fn note_message(&mut self, now: Millis) {
        if let Some(idle) = self.idle_message.as_mut().filter(|idle| !idle.is_interval) {
            idle.timer.restart(now);
        }
    }

    /// Notes that the upstream answered a request.
    pub fn note_answer(&mut self, now: Millis) {
        if let Some(poll) = &mut self.poll {
            poll.restart(now);
        }
    }

    /// Returns the timers that run. A detached upstream gets no requests.
    fn timers(&self) -> impl Iterator<Item = Timer> {
        let poll = self.poll.filter(|_| !self.is_detached);
        poll.into_iter().chain(self.idle_message.as_ref().map(|idle| idle.timer))
    }

    /// Returns the moment at which something is due.
    pub fn due(&self) -> Option<Millis> {
        self.timers().map(Timer::due).min()
    }

    /// True if something is due.
    pub fn is_due(&self, now: Millis) -> bool {
        self.timers().any(|timer| timer.is_due(now))
    }

    /// Takes what is due.
    pub fn take_due(&mut self, now: Millis) -> Due {
        let poll = self.poll.as_mut().filter(|_| !self.is_detached);
        let message = self.idle_message.as_mut();
        Due {
            message: message.and_then(|idle| idle.timer.take(now).then(|| idle.message.clone())),
            is_poll: poll.is_some_and(|poll| poll.take(now)),
        }
    }
}
