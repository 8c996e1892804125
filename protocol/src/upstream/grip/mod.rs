//! GRIP: the protocol by which a backend controls the connections that Pushpin, Fanout or this gateway hold for it.
//!
//! A backend turns GRIP on by a header of its first response. From then on, each of its messages has a prefix: `c:` for
//! messages to the gateway; `m:`, or another prefix that the header names, for messages to the client. Besides, any program
//! may publish messages to all connections of a channel.
//!
//! * [`control`][]: messages to the gateway.
//! * [`publish`][]: the body of `POST /publish/`.
//! * [`token`][]: signatures of requests to the backend, and of those that publish.

pub mod control;
pub mod publish;
pub mod token;

use crate::inner::envelope::is_group_name;
use crate::inner::json::Reader;
use base64ct::{Base64Unpadded, Encoding as _};
use serde::de::IgnoredAny;
use std::fmt;

/// Prefix of messages to the client, unless the backend chooses another one.
const MESSAGE_PREFIX: &str = "m:";

/// Prefix of messages to the gateway.
const CONTROL_PREFIX: &str = "c:";

/// GRIP on one connection, as the backend turned it on.
///
/// ```
/// use sockjs_protocol::upstream::grip::{Grip, Marked};
///
/// let grip = Grip::accepted(r#"grip; message-prefix="""#).unwrap();
/// assert_eq!(grip.text("hello"), Marked::Message("hello"));
/// assert_eq!(grip.text(r#"c:{"type":"detach"}"#), Marked::Control(r#"{"type":"detach"}"#));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grip {
    /// Prefix of messages to the client. It may be empty.
    pub message_prefix: String,
}

/// A message of a backend that speaks GRIP, without its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked<'a> {
    /// A message to the client.
    Message(&'a str),
    /// A message to the gateway, in JSON: [`control::Control::read`] reads it.
    Control(&'a str),
    /// A message with neither prefix. Pushpin drops it.
    Unmarked,
}

impl Grip {
    /// Reads the header `Sec-WebSocket-Extensions` of the first response. Returns `None` if it does not turn on GRIP, or if
    /// its parameters are malformed: all messages are then for the client, as they are.
    pub fn accepted(extensions: &str) -> Option<Self> {
        let mut parameters = split(extensions, ',')
            .map(|extension| split(extension, ';').map(str::trim))
            .find_map(|mut parts| parts.next()?.eq_ignore_ascii_case("grip").then_some(parts))?;
        let mut grip = Self { message_prefix: MESSAGE_PREFIX.into() };
        parameters.try_for_each(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = unquoted(value.trim())?;
            if name.trim().eq_ignore_ascii_case("message-prefix") {
                grip.message_prefix = value;
            }
            Some(())
        })?;
        Some(grip)
    }

    /// Returns a text message without its prefix.
    pub fn text<'a>(&self, text: &'a str) -> Marked<'a> {
        match (text.strip_prefix(CONTROL_PREFIX), text.strip_prefix(&*self.message_prefix)) {
            (Some(json), _) => Marked::Control(json),
            (None, Some(message)) => Marked::Message(message),
            (None, None) => Marked::Unmarked,
        }
    }

    /// Returns a binary message to the client without its prefix, or `None` if it has none. Messages to the gateway are
    /// text.
    pub fn binary<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.strip_prefix(self.message_prefix.as_bytes())
    }
}

/// Splits a header at separators outside of quoted strings.
fn split(header: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    header.split(move |char| {
        let is_separator = char == separator && !is_quoted;
        is_quoted ^= char == '"' && !is_escaped;
        is_escaped = char == '\\' && is_quoted && !is_escaped;
        is_separator
    })
}

/// Returns the value of a parameter, which may be a quoted string. Returns `None` if its quotes do not match.
fn unquoted(value: &str) -> Option<String> {
    let Some(inside) = value.strip_prefix('"') else {
        return (!value.contains('"')).then(|| value.to_owned());
    };
    let (mut chars, mut unquoted) = (inside.chars(), String::new());
    loop {
        match chars.next()? {
            '"' => return chars.as_str().is_empty().then_some(unquoted),
            '\\' => unquoted.push(chars.next()?),
            char => unquoted.push(char),
        }
    }
}

/// A message to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl Content {
    /// Returns the message as SockJS has it, which knows only text.
    ///
    /// # Errors
    ///
    /// Returns an error for a binary message that is not UTF-8.
    pub fn into_text(self) -> Result<String, GripError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) => {
                String::from_utf8(bytes).map_err(|_| GripError::field("content-bin", "UTF-8: SockJS has only text"))
            }
        }
    }
}

/// Error of JSON that is not what GRIP defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GripError {
    /// It is not JSON. The string says why.
    Json(String),
    /// A field is missing or has another type or value.
    Field {
        /// Number of the published item, from 0. `None` if the field is in no item.
        item: Option<usize>,
        /// Path of the field, such as `ws-message.content`. Empty for the item itself.
        field: &'static str,
        /// The form that was expected.
        expected: &'static str,
    },
}

impl GripError {
    fn field(field: &'static str, expected: &'static str) -> Self {
        Self::Field { item: None, field, expected }
    }
}

impl fmt::Display for GripError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(why) => write!(f, "expected JSON: {why}"),
            Self::Field { item: Some(item), field: "", expected } => write!(f, "items[{item}]: expected {expected}"),
            Self::Field { item: Some(item), field, expected } => {
                write!(f, "items[{item}].{field}: expected {expected}")
            }
            Self::Field { item: None, field, expected } => write!(f, "{field}: expected {expected}"),
        }
    }
}

impl std::error::Error for GripError {}

/// Checks that `text` is JSON: [`Reader`] does not notice everything that is malformed.
fn check_json(text: &str) -> Result<(), GripError> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ()).map_err(|error| GripError::Json(error.to_string()))
}

/// Returns the values of some fields of an object, as they are written. Null counts as absent. Returns `None` if `json` is
/// no object.
fn fields<'a, const N: usize>(json: &'a str, names: [&str; N]) -> Option<[Option<&'a str>; N]> {
    let mut values = [None; N];
    Reader::whole(json, |reader| {
        reader.object(&mut |name, reader| {
            let value = reader.raw()?;
            if let Some((_, slot)) = names.iter().zip(&mut values).find(|(known, _)| **known == name) {
                *slot = Some(value).filter(|value| *value != "null");
            }
            Some(())
        })
    })?;
    Some(values)
}

/// Reads an optional string.
fn string(json: Option<&str>, field: &'static str) -> Result<Option<String>, GripError> {
    json.map(|json| Reader::whole(json, Reader::text).ok_or(GripError::field(field, "a string"))).transpose()
}

/// Reads the name of a channel.
fn channel(json: Option<&str>) -> Result<String, GripError> {
    string(json, "channel")?
        .filter(|name| is_group_name(name))
        .ok_or(GripError::field("channel", "the name of a channel, of 1 to 128 bytes"))
}

/// Checks that a list of filters is empty. If filters were ignored, messages would reach clients that must not get them.
fn check_filters(json: Option<&str>, field: &'static str) -> Result<(), GripError> {
    let is_empty = json.is_none_or(|json| Reader::whole(json, |reader| reader.array(&mut |_| None)).is_some());
    if is_empty { Ok(()) } else { Err(GripError::field(field, "no filters: they are not supported")) }
}

/// Names of the fields that hold a message and its kind, for errors.
struct ContentFields {
    kind: &'static str,
    text: &'static str,
    base64: &'static str,
}

/// Reads a message. Returns `None` for pings and pongs: SockJS has none, and its heartbeats do the same.
fn content(
    names: &ContentFields,
    kind: Option<&str>,
    text: Option<&str>,
    base64: Option<&str>,
) -> Result<Option<Content>, GripError> {
    let kind = string(kind, names.kind)?;
    let is_text = match kind.as_deref() {
        None => base64.is_none(),
        Some("text") => true,
        Some("binary") => false,
        Some("ping" | "pong") => return Ok(None),
        Some(_) => return Err(GripError::field(names.kind, "text, binary, ping or pong")),
    };
    let bytes = match (string(base64, names.base64)?, string(text, names.text)?) {
        (Some(base64), _) => Base64Unpadded::decode_vec(base64.trim_end_matches('='))
            .map_err(|_| GripError::field(names.base64, "a string in Base64"))?,
        (None, Some(text)) if is_text => return Ok(Some(Content::Text(text))),
        (None, Some(text)) => text.into_bytes(),
        (None, None) => return Err(GripError::field(names.text, "a string here or in content-bin")),
    };
    if !is_text {
        return Ok(Some(Content::Binary(bytes)));
    }
    let text = String::from_utf8(bytes).map_err(|_| GripError::field(names.base64, "UTF-8 in a text message"))?;
    Ok(Some(Content::Text(text)))
}
