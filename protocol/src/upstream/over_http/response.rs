//! Effects of a response to a request with events.

use super::state::LinkState;
use crate::sockjs::close_code::{BINARY, CloseCode};
use crate::time::Millis;
use crate::upstream::close::{Close, Refusal, UpstreamEnd};
use crate::upstream::events::{EVENTS, Event, EventLimits, EventsError, decode};
use crate::upstream::grip::control::{Control, KeepAlive};
use crate::upstream::grip::{Grip, GripError, Marked};
use std::fmt;

/// Begin of the names of response headers that set what `Meta-*` gives back.
const SET_META: &str = "set-meta-";

/// Header with the seconds of idleness after which the upstream gets a request without events.
const POLL_HEADER: &str = "keep-alive-interval";

/// A response, as far as it matters.
#[derive(Debug, Clone, Copy)]
pub struct EventResponse<'a> {
    /// HTTP status.
    pub status: u16,
    /// Headers, with names in lower case.
    pub headers: &'a [(String, String)],
    /// Body.
    pub body: &'a [u8],
}

impl EventResponse<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    fn has_events(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default();
        kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(EVENTS))
    }
}

/// Effect of a response on its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The client gets a message.
    Send(String),
    /// The connection joins the group of a channel.
    Join(String),
    /// The connection leaves the group of a channel.
    Leave(String),
    /// The next request brings a pong.
    Pong(Vec<u8>),
    /// The upstream closed, or sent what clients cannot get: the client is closed, and what follows has no effect.
    Close(Close),
}

/// Effects of a response.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The effects, in their order.
    pub list: Vec<Effect>,
    /// True if the state of the connection changed.
    pub has_changed: bool,
    /// True if the upstream closed the connection, also where something before the close ends it first.
    pub is_closed: bool,
    /// Messages to this server that are wrong, for the log. They have no effect.
    pub ignored: Vec<GripError>,
}

/// Reason why a response has no effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseError {
    /// The upstream did not do what it was asked for.
    Refused(Refusal),
    /// The body is malformed.
    Malformed(EventsError),
}

impl ResponseError {
    /// Returns the close for the client.
    pub fn close(self) -> Close {
        match self {
            Self::Refused(refusal) => refusal.close(),
            Self::Malformed(_) => Close { code: 4502, reason: "Upstream answered with malformed events".into() },
        }
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => f.write_str(&refusal.reason()),
            Self::Malformed(error) => write!(f, "malformed response: {error}"),
        }
    }
}

impl std::error::Error for ResponseError {}

/// Reads the response to a request that came `now`, to the first one of its connection if `is_first`. `state` takes over what the
/// response changes.
///
/// # Errors
///
/// Returns an error if the status is not 200, if the first response does not accept the client by an `OPEN` at its beginning, or if the
/// body has no events or malformed ones. A response without content may have any type, and the status 204.
pub fn read_response(
    response: EventResponse<'_>,
    state: &mut LinkState,
    is_first: bool,
    limits: EventLimits,
    now: Millis,
) -> Result<Effects, ResponseError> {
    let refused = Err(ResponseError::Refused(Refusal::Status(response.status)));
    let is_empty = response.body.is_empty() && !is_first;
    match response.status {
        204 if is_empty => {}
        200 if is_empty || response.has_events() => {}
        _ => return refused,
    }
    let events = decode(response.body, limits).map_err(ResponseError::Malformed)?;
    if is_first && events.first() != Some(&Event::Open) {
        return refused;
    }
    let mut effects = Effects::default();
    if is_first {
        state.prefix =
            response.header("sec-websocket-extensions").and_then(Grip::accepted).map(|grip| grip.message_prefix);
        effects.has_changed = true;
    }
    for (name, value) in response.headers {
        if let Some(name) = name.strip_prefix(SET_META).filter(|name| !name.is_empty()) {
            effects.has_changed |= state.set_meta(name, value);
        }
    }
    if let Some(seconds) = response.header(POLL_HEADER) {
        effects.has_changed |= state.set_poll(seconds.trim().parse().unwrap_or_default(), now);
    }
    let grip = state.grip();
    for event in events {
        effects.is_closed |= matches!(event, Event::Close { .. } | Event::Disconnect);
        if matches!(effects.list.last(), Some(Effect::Close(_))) {
            continue;
        }
        match event {
            Event::Open | Event::Pong(_) => {}
            Event::Ping(bytes) => effects.list.push(Effect::Pong(bytes.to_vec())),
            Event::Text(text) => match grip.as_ref().map_or(Marked::Message(text), |grip| grip.text(text)) {
                Marked::Message(message) => effects.list.push(Effect::Send(message.to_owned())),
                Marked::Control(json) => effects.control(json, state, now),
                Marked::Unmarked => {}
            },
            Event::Binary(bytes) => {
                let content = grip.as_ref().map_or(Some(bytes), |grip| grip.binary(bytes));
                effects.list.extend(content.map(binary));
            }
            Event::Close { code, reason } => {
                // Libraries of GRIP write 0 for none.
                let code = code.filter(|code| *code != 0).unwrap_or(1005);
                effects.list.push(Effect::Close(UpstreamEnd::Closed { code, reason }.to_client()));
            }
            Event::Disconnect => effects.list.push(Effect::Close(UpstreamEnd::Lost.to_client())),
        }
    }
    Ok(effects)
}

/// Returns the effect of a binary message: SockJS has only text.
fn binary(bytes: &[u8]) -> Effect {
    match std::str::from_utf8(bytes) {
        Ok(text) => Effect::Send(text.to_owned()),
        Err(_) => Effect::Close(Close { code: CloseCode::Unsupported.number(), reason: BINARY.into() }),
    }
}

impl Effects {
    /// Adds the effect of a message to this server.
    fn control(&mut self, json: &str, state: &mut LinkState, now: Millis) {
        match Control::read(json) {
            Ok(Some(Control::Subscribe { channel })) => self.list.push(Effect::Join(channel)),
            Ok(Some(Control::Unsubscribe { channel })) => self.list.push(Effect::Leave(channel)),
            Ok(Some(Control::Detach)) => {
                self.has_changed |= !state.is_detached;
                state.is_detached = true;
            }
            Ok(Some(Control::KeepAlive(None))) => self.has_changed |= state.idle_message.take().is_some(),
            Ok(Some(Control::KeepAlive(Some(KeepAlive { content, timeout, mode })))) => match content.into_text() {
                Ok(message) => {
                    state.set_idle_message(message, timeout, mode, now);
                    self.has_changed = true;
                }
                Err(error) => self.ignored.push(error),
            },
            // A message that should come later comes at once.
            Ok(Some(Control::FlushDelayed) | None) => {}
            Ok(Some(Control::SendDelayed(content))) => match content.into_text() {
                Ok(message) => self.list.push(Effect::Send(message)),
                Err(error) => self.ignored.push(error),
            },
            Err(error) => self.ignored.push(error),
        }
    }
}
