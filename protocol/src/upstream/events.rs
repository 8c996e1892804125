//! WebSocket-over-HTTP: events of a connection as the body of an HTTP request or response, as Pushpin and Fanout define it.
//!
//! ```text
//! OPEN\r\n                          an event without content
//! TEXT b\r\nhello world\r\n         an event with content: its bytes as a hexadecimal number, then the content
//! CLOSE 5\r\n\x03\xe8bye\r\n        the content of CLOSE: the code in two bytes, the higher one first, then the reason
//! ```
//!
//! The reader is as tolerant as Pushpin's, except for malformed lengths and contents:
//!
//! * It skips events with other names, and empty lines: the examples of the definition have one after `OPEN`.
//! * It ignores the content of `OPEN` and `DISCONNECT`.
//! * A `CLOSE` with less than two bytes of content has no code.

use std::fmt;

/// Content-Type, and Accept, of requests and responses with events.
pub const EVENTS: &str = "application/websocket-events";

/// An event of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// In the first request: a client connects. As the first event of the first response: the upstream accepts the client.
    Open,
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping.
    Ping(&'a [u8]),
    /// The answer to a ping, with its content.
    Pong(&'a [u8]),
    /// A close.
    Close {
        /// Close code, or `None` without one. An upstream may send any number.
        code: Option<u16>,
        /// Reason. Only written if there is a code.
        reason: &'a str,
    },
    /// In a request: the client was lost without a close. In a response: the upstream does not know the connection.
    Disconnect,
}

/// Limits of a body with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimits {
    /// Most bytes. Default: 1 MiB.
    pub bytes: usize,
    /// Most events, those that are skipped included. Default: 10,000.
    pub events: usize,
}

impl Default for EventLimits {
    fn default() -> Self {
        Self { bytes: 1 << 20, events: 10_000 }
    }
}

/// Error of a body that is not a sequence of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventsError {
    /// Byte of the body at which the malformed event begins.
    pub at: usize,
    /// Rule that the event breaks.
    pub kind: EventsErrorKind,
}

/// Rules of a body with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventsErrorKind {
    /// The body has more bytes than [`EventLimits::bytes`].
    TooLarge,
    /// The body has more events than [`EventLimits::events`].
    TooMany,
    /// The line with name and length has no end.
    Line,
    /// The name is too long, or has a character that no name has.
    Name,
    /// The length is not a hexadecimal number of at most eight digits.
    Length,
    /// The body ends before the content and its line end do.
    Content,
    /// No line end follows the content: the length is wrong.
    ContentEnd,
    /// The content of a text message is not UTF-8.
    Utf8,
}

impl EventsErrorKind {
    /// Returns the form that was expected, to be put behind "expected".
    pub const fn expected(self) -> &'static str {
        match self {
            Self::TooLarge => "fewer bytes in one body: send the rest with the next response",
            Self::TooMany => "fewer events in one body: send the rest with the next response",
            Self::Line => r"a line that ends in \r\n (example: OPEN\r\n)",
            Self::Name => "OPEN, TEXT, BINARY, PING, PONG, CLOSE or DISCONNECT",
            Self::Length => r"a length in hexadecimal digits after the name (example: TEXT 1f\r\n)",
            Self::Content => r"as many bytes of content as the length says, and \r\n",
            Self::ContentEnd => r"\r\n after the content: the length counts bytes and not characters",
            Self::Utf8 => "content of TEXT in UTF-8: send other bytes as BINARY",
        }
    }
}

impl fmt::Display for EventsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event at byte {}: expected {}", self.at, self.kind.expected())
    }
}

impl std::error::Error for EventsError {}

/// Longest name of an event that is skipped, in bytes.
const NAME_MAX: usize = 32;

/// Longest length, in digits.
const DIGITS_MAX: usize = 8;

/// Reads the events of a body, oldest first.
///
/// # Errors
///
/// Returns an error if any event is malformed, since nobody can tell where the next one begins.
pub fn decode(body: &[u8], limits: EventLimits) -> Result<Vec<Event<'_>>, EventsError> {
    if body.len() > limits.bytes {
        return Err(EventsError { at: limits.bytes, kind: EventsErrorKind::TooLarge });
    }
    let (mut events, mut count, mut rest) = (Vec::new(), 0, body);
    while !rest.is_empty() {
        let error = |kind| EventsError { at: body.len() - rest.len(), kind };
        let (line, after) = split_line(rest).ok_or(error(EventsErrorKind::Line))?;
        count += 1;
        if count > limits.events {
            return Err(error(EventsErrorKind::TooMany));
        }
        let (name, content, after) = match line.iter().position(|byte| *byte == b' ') {
            None => (line, &[][..], after),
            Some(end) => {
                let (name, digits) = line.split_at_checked(end).unwrap_or_default();
                let length = hexadecimal(digits.get(1..).unwrap_or_default()).ok_or(error(EventsErrorKind::Length))?;
                let (content, after) = after.split_at_checked(length).ok_or(error(EventsErrorKind::Content))?;
                let after = after.strip_prefix(b"\r\n").ok_or(error(match after.len() {
                    ..2 => EventsErrorKind::Content,
                    _ => EventsErrorKind::ContentEnd,
                }))?;
                (name, content, after)
            }
        };
        events.extend(Event::read(name, content).map_err(error)?);
        rest = after;
    }
    Ok(events)
}

/// Returns `events` as the body of a request.
pub fn encode(events: &[Event<'_>]) -> Vec<u8> {
    let mut body = Vec::with_capacity(events.iter().map(Event::encoded_len).sum());
    for event in events {
        let (name, content) = event.written();
        body.extend_from_slice(name.as_bytes());
        if let Some(content) = content {
            body.extend_from_slice(format!(" {:x}\r\n", content.len()).as_bytes());
            body.extend_from_slice(content.code());
            body.extend_from_slice(content.rest);
        }
        body.extend_from_slice(b"\r\n");
    }
    body
}

/// Content of an event, as it is written.
struct Content<'a> {
    code: Option<[u8; 2]>,
    rest: &'a [u8],
}

impl Content<'_> {
    fn code(&self) -> &[u8] {
        self.code.as_slice().as_flattened()
    }

    fn len(&self) -> usize {
        self.code().len() + self.rest.len()
    }
}

impl<'a> Event<'a> {
    /// Returns the bytes that the event adds to a body.
    pub fn encoded_len(&self) -> usize {
        let (name, content) = self.written();
        let content = content.map_or(0, |content| content.len() + digits(content.len()) + " \r\n".len());
        name.len() + "\r\n".len() + content
    }

    fn written(&self) -> (&'static str, Option<Content<'a>>) {
        let plain = |rest| Some(Content { code: None, rest });
        // A ping mostly has no content. A text message has content, even if that is empty.
        let unless_empty = |rest: &'a [u8]| plain(rest).filter(|_| !rest.is_empty());
        match *self {
            Self::Open => ("OPEN", None),
            Self::Text(text) => ("TEXT", plain(text.as_bytes())),
            Self::Binary(bytes) => ("BINARY", plain(bytes)),
            Self::Ping(bytes) => ("PING", unless_empty(bytes)),
            Self::Pong(bytes) => ("PONG", unless_empty(bytes)),
            Self::Close { code, reason } => {
                let content = |code: u16| Content { code: Some(code.to_be_bytes()), rest: reason.as_bytes() };
                ("CLOSE", code.map(content))
            }
            Self::Disconnect => ("DISCONNECT", None),
        }
    }

    /// Returns the event with this name and content, or `None` if it is skipped.
    fn read(name: &[u8], content: &'a [u8]) -> Result<Option<Self>, EventsErrorKind> {
        Ok(Some(match name {
            b"OPEN" => Self::Open,
            b"TEXT" => Self::Text(std::str::from_utf8(content).map_err(|_| EventsErrorKind::Utf8)?),
            b"BINARY" => Self::Binary(content),
            b"PING" => Self::Ping(content),
            b"PONG" => Self::Pong(content),
            b"CLOSE" => match content.split_first_chunk() {
                Some((code, reason)) => {
                    Self::Close { code: Some(u16::from_be_bytes(*code)), reason: beginning(reason) }
                }
                None => Self::Close { code: None, reason: "" },
            },
            b"DISCONNECT" => Self::Disconnect,
            _ if name.len() <= NAME_MAX && name.iter().all(u8::is_ascii_graphic) => return Ok(None),
            _ => return Err(EventsErrorKind::Name),
        }))
    }
}

/// Returns the part of a reason before anything that is not UTF-8: some servers cut reasons within a character.
fn beginning(reason: &[u8]) -> &str {
    let end = std::str::from_utf8(reason).map_or_else(|error| error.valid_up_to(), str::len);
    reason.get(..end).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
}

fn split_line(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = body.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = body.split_at_checked(end)?;
    Some((line, rest.strip_prefix(b"\r\n")?))
}

fn hexadecimal(digits: &[u8]) -> Option<usize> {
    let is_number = (1..=DIGITS_MAX).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    usize::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| is_number)?, 16).ok()
}

/// Returns the number of hexadecimal digits of `number`.
fn digits(number: usize) -> usize {
    number.checked_ilog2().map_or(1, |log| log as usize / 4 + 1)
}
