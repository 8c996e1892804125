//! The inner protocol: what the Worker half and the Durable Object say to each other.
//!
//! * A **request** to the object carries one [`Command`] as JSON in the header [`COMMAND_HEADER`]; a large send has a body, the
//!   JSON array that the client sent.
//! * An attached receiver is answered 200 with one [`ToEdge::Frame`], in a [`header`](crate::header) or as the body, or with
//!   a 101: then both sides exchange [`ToEdge`] and [`ToObject`] as binary messages on an inner WebSocket.
//!
//! Everything starts with [`VERSION`]. A deploy replaces the two halves at different moments; a side that meets another
//! version ends what it was doing cleanly instead of guessing.

use crate::frame::{Frame, Message};
use crate::header::{HEADER_MAX, is_plain};
use crate::json::Reader;
use crate::session::{Held, ReceiverId, Seq};
use crate::transport::Transport;
use serde::Serialize;
use std::fmt;

/// Version of everything in this file.
pub const VERSION: u8 = 3;

/// The request header that carries a [`Command`]. The Worker sets it, so a client's own never arrives.
pub const COMMAND_HEADER: &str = "sockjs-edge-command";

/// Name of the object that adds up what is counted. No connection is in it: those of services go on behind the slashes.
pub const METRICS_OBJECT: &str = "//metrics";

/// Status of the answer to [`Action::Connect`] when the object has as many connections as it may have.
pub const FULL: u16 = 429;

/// Status of the answer to [`Action::Send`] while its messages wait: the Worker asks again, with the same id.
pub const LATER: u16 = 202;

/// What the Worker asks of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// [`VERSION`] of the sender.
    pub version: u8,
    /// Prefix of the service, with the names of its parameters.
    pub service: String,
    /// The parameters' names and values, where a connection may be opened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<(String, String)>,
    /// What lets the client in, where its service asks for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<Pass>,
    /// The request itself.
    pub action: Action,
}

/// What lets a client in: a ticket that the Worker has checked, or what the application said of the client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pass {
    /// What tells the ticket from others; none for a client that needs no ticket. A session stays with the one that opened
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Whether the ticket opens no session any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_late: bool,
    /// What the application said of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<serde_json::Value>,
}

/// The kinds of request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A receiver of an HTTP session. Request with `Upgrade: websocket`; answered 200 or 101.
    Attach {
        /// Session id as it stood in the URL.
        session: String,
        /// The client's transport.
        transport: Transport,
        /// Name of this receiver, unique in its session.
        receiver: ReceiverId,
        /// When it attaches again: the last number that it wrote, if any.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<Seq>,
        /// Whether it attaches again, after its inner socket broke.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    /// Messages for an HTTP session, here or as the body of a POST. Answered 204, [`LATER`], 404 or, when the session was
    /// closed because of them, 503.
    Send {
        /// Session id as it stood in the URL.
        session: String,
        /// Name of this send, by which the object knows a retry.
        id: u64,
        /// How many messages there are.
        count: usize,
        /// Bytes of the body.
        #[serde(skip_serializing_if = "is_zero")]
        bytes: usize,
        /// The messages as a JSON array, if that is short: see [`fits`].
        #[serde(skip_serializing_if = "Option::is_none")]
        messages: Option<String>,
    },
    /// A send that the Worker refuses: the session is closed. Answered 404, or 204 when the client took the close frame or
    /// a second is over.
    Refuse {
        /// Session id as it stood in the URL.
        session: String,
        /// Close code.
        code: u16,
        /// Close reason.
        reason: String,
    },
    /// What a receiver wrote whose response is over, when its inner socket was lost before it could say so, or when it was
    /// answered [`MISSING`]. POST with [`encode_unwritten`] as the body if it held anything; answered 204.
    Wrote {
        /// Session id as it stood in the URL.
        session: String,
        /// Name of the receiver.
        receiver: ReceiverId,
        /// The last number that it wrote, if any.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
        /// Bytes of the body.
        #[serde(skip_serializing_if = "is_zero")]
        bytes: usize,
    },
    /// Something for connections that are open, from elsewhere. POST, with the message as the body if it is one; answered
    /// 200 with the number of connections that it reached, 400 or 503.
    Push {
        /// Which connections.
        target: PushTarget,
        /// What.
        push: Push,
    },
    /// What was counted: POST with what [`encode`](crate::metrics::encode) writes, to the object [`METRICS_OBJECT`];
    /// answered 204.
    Report,
    /// Everything that was reported: answered 200 with the text for Prometheus.
    Metrics,
    /// A client's WebSocket, passed on with its upgrade; answered 101.
    Connect {
        /// Session id as it stood in the URL; none for a raw WebSocket.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// Framed or raw.
        transport: Transport,
    },
}

/// Whom a push is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PushTarget {
    /// Every connection of the service in this object.
    Room,
    /// The connection with this id.
    Connection(String),
}

/// What a push does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Push {
    /// Sends the body.
    Message,
    /// Closes the connections.
    Close {
        /// Close code.
        code: u16,
        /// Close reason.
        reason: String,
    },
}

impl Command {
    /// A command of this version.
    pub fn new(service: &str, action: Action) -> Self {
        Self { version: VERSION, service: service.to_owned(), parameters: Vec::new(), pass: None, action }
    }

    /// The same for a client at a prefix with these parameters.
    pub fn with_parameters(mut self, parameters: &[(String, String)]) -> Self {
        self.parameters = parameters.to_vec();
        self
    }

    /// The same for a client that this lets in.
    pub fn with_pass(mut self, pass: Option<Pass>) -> Self {
        self.pass = pass;
        self
    }

    /// As a header value: JSON in visible ASCII and spaces.
    pub fn encode(&self) -> Result<String, EnvelopeError> {
        let json = serde_json::to_string(self).map_err(|_| EnvelopeError::Malformed)?;
        Ok(if json.chars().all(is_plain) { json } else { escaped(&json) })
    }

    /// Reads a header value.
    pub fn decode(header: &str) -> Result<Self, EnvelopeError> {
        match Self::read(header) {
            Some(command) if command.version == VERSION => Ok(command),
            Some(command) => Err(EnvelopeError::Version(command.version)),
            // A later version may have another shape: read its number alone.
            None => match version(header) {
                Some(version) if version != VERSION => Err(EnvelopeError::Version(version)),
                _ => Err(EnvelopeError::Malformed),
            },
        }
    }

    fn read(header: &str) -> Option<Self> {
        let (mut version, mut service, mut parameters, mut pass, mut action) = (None, None, Vec::new(), None, None);
        let mut field = |name: &str, reader: &mut Reader<'_>| {
            match name {
                "version" => version = Some(reader.number()?),
                "service" => service = Some(reader.text()?),
                "parameters" => parameters = reader.pairs()?,
                "pass" => pass = Some(Pass::read(reader)?),
                "action" => action = Some(Action::read(reader)?),
                _ => reader.skip()?,
            }
            Some(())
        };
        Reader::whole(header, |reader| reader.object(&mut field))?;
        Some(Self { version: version?, service: service?, parameters, pass, action: action? })
    }
}

/// The number of the version alone.
fn version(header: &str) -> Option<u8> {
    let mut version = None;
    let mut field = |name: &str, reader: &mut Reader<'_>| {
        if name == "version" {
            version = Some(reader.number()?);
            return Some(());
        }
        reader.skip()
    };
    Reader::whole(header, |reader| reader.object(&mut field))?;
    version
}

impl Pass {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut pass = Self::default();
        reader.object(&mut |name, reader| {
            match name {
                "ticket" => pass.ticket = Some(reader.text()?),
                "is_late" => pass.is_late = reader.flag()?,
                "claims" => pass.claims = Some(reader.value()?),
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(pass)
    }
}

/// What stands in an action of any kind.
#[derive(Default)]
struct Fields {
    session: Option<String>,
    transport: Option<Transport>,
    receiver: Option<ReceiverId>,
    after: Option<Seq>,
    again: bool,
    id: Option<u64>,
    count: Option<usize>,
    bytes: usize,
    messages: Option<String>,
    code: Option<u16>,
    reason: Option<String>,
    seq: Option<Seq>,
    target: Option<PushTarget>,
    push: Option<Push>,
}

impl Fields {
    fn read(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        reader.object(&mut |name, reader| {
            match name {
                "session" => self.session = Some(reader.text()?),
                "transport" => self.transport = Some(Transport::named(&reader.text()?)?),
                "receiver" => self.receiver = Some(ReceiverId(reader.number()?)),
                "after" => self.after = Some(Seq(reader.number()?)),
                "again" => self.again = reader.flag()?,
                "id" => self.id = Some(reader.number()?),
                "count" => self.count = Some(reader.number()?),
                "bytes" => self.bytes = reader.number()?,
                "messages" => self.messages = Some(reader.text()?),
                "code" => self.code = Some(reader.number()?),
                "reason" => self.reason = Some(reader.text()?),
                "seq" => self.seq = Some(Seq(reader.number()?)),
                "target" => self.target = Some(PushTarget::read(reader)?),
                "push" => self.push = Some(Push::read(reader)?),
                _ => reader.skip()?,
            }
            Some(())
        })
    }
}

impl Action {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut action = None;
        reader.kind(&mut |kind, reader| {
            action = Some(match kind {
                "report" => Self::Report,
                "metrics" => Self::Metrics,
                _ => {
                    let mut fields = Fields::default();
                    fields.read(reader)?;
                    Self::of(kind, fields)?
                }
            });
            Some(())
        })?;
        action
    }

    fn of(kind: &str, fields: Fields) -> Option<Self> {
        let Fields { session, transport, receiver, after, again, id, count, bytes, messages, .. } = fields;
        let Fields { code, reason, seq, target, push, .. } = fields;
        Some(match kind {
            "attach" => Self::Attach { session: session?, transport: transport?, receiver: receiver?, after, again },
            "send" => Self::Send { session: session?, id: id?, count: count?, bytes, messages },
            "refuse" => Self::Refuse { session: session?, code: code?, reason: reason? },
            "wrote" => Self::Wrote { session: session?, receiver: receiver?, seq, bytes },
            "push" => Self::Push { target: target?, push: push? },
            "connect" => Self::Connect { session, transport: transport? },
            _ => return None,
        })
    }
}

impl PushTarget {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut target = None;
        reader.kind(&mut |kind, reader| {
            target = Some(match kind {
                "room" => Self::Room,
                "connection" => Self::Connection(reader.text()?),
                _ => return None,
            });
            Some(())
        })?;
        target
    }
}

impl Push {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut push = None;
        reader.kind(&mut |kind, reader| {
            push = Some(match kind {
                "message" => Self::Message,
                "close" => {
                    let (mut code, mut reason) = (None, None);
                    reader.object(&mut |name, reader| {
                        match name {
                            "code" => code = Some(reader.number()?),
                            "reason" => reason = Some(reader.text()?),
                            _ => reader.skip()?,
                        }
                        Some(())
                    })?;
                    Self::Close { code: code?, reason: reason? }
                }
                _ => return None,
            });
            Some(())
        })?;
        push
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// True if the messages of a send go along in its command: escaped, a byte of theirs takes at most six.
pub fn fits(messages: &str) -> bool {
    messages.len() <= HEADER_MAX / 2
}

/// JSON with escapes in place of all that a header may not hold.
fn escaped(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len() * 2);
    for char in json.chars() {
        if is_plain(char) {
            escaped.push(char);
        } else {
            char.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
        }
    }
    escaped
}

/// From the object to the Worker that holds a client's response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToEdge {
    /// Write this encoded frame as one chunk.
    Frame {
        /// Number of the last message in it, to acknowledge, and to drop when it was written before; heartbeats and
        /// close frames have none.
        seq: Option<Seq>,
        /// Whether the response ends with it.
        end: bool,
        /// The encoded frame.
        frame: String,
    },
    /// Write one newline, which clients ignore, to learn whether this one is still there.
    Probe,
    /// Answer with [`ToObject::Progress`], at once: the object slept, and does not know what it sent before.
    Ask,
}

/// From the Worker to the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToObject {
    /// Everything up to this number was written to the client's response.
    Ack(Seq),
    /// Answers [`ToEdge::Ask`].
    Progress {
        /// The last number that was written, if any.
        written: Option<Seq>,
        /// The numbered frames that were not, in [`groups`].
        held: Vec<Held>,
    },
    /// The client left before the last byte.
    Gone,
}

/// Bytes from which frames are a group of their own: few enough that the window opens again while a client reads, and so many
/// that a window of small messages is a short answer.
const GROUP_BYTES: usize = 8 << 10;

/// Joins frames, each a number and its bytes, to groups.
pub fn groups(frames: impl IntoIterator<Item = (Seq, usize)>) -> Vec<Held> {
    let mut groups: Vec<Held> = Vec::new();
    for (through, bytes) in frames {
        match groups.last_mut() {
            Some(group) if group.bytes < GROUP_BYTES => {
                *group = Held { through, bytes: group.bytes.saturating_add(bytes) };
            }
            _ => groups.push(Held { through, bytes }),
        }
    }
    groups
}

/// Close code of an inner socket whose response is over, complete or as long as it may be. The reason is
/// [`finished_reason`]; what was not written is for the next receiver.
pub const FINISHED: u16 = 1000;

/// Close code that answers [`FINISHED`] when the object slept and does not have what the Worker held: an [`Action::Wrote`] is to
/// bring it back.
pub const MISSING: u16 = 4001;

/// The reason that goes with [`FINISHED`]: the number of the last message that was written, or nothing if none was. If frames
/// were held and not written, a space follows and the number of the last message in them.
pub fn finished_reason(written: Option<Seq>, held: Option<Seq>) -> String {
    let mut reason = written.map_or_else(String::new, |seq| seq.0.to_string());
    if let Some(held) = held {
        reason.push(' ');
        reason.push_str(&held.0.to_string());
    }
    reason
}

/// Reads what [`finished_reason`] wrote: what was written, and what was held.
pub fn read_finished_reason(reason: &str) -> (Option<Seq>, Option<Seq>) {
    let (written, held) = reason.split_once(' ').unwrap_or((reason, ""));
    let seq = |digits: &str| digits.parse().ok().map(Seq);
    (seq(written), seq(held))
}

/// Writes frames that were held and not written, each as it came, after its length.
pub fn encode_unwritten<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    for frame in frames {
        // None is longer than a body may be.
        body.extend(u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend(frame);
    }
    body
}

/// Reads the messages in what [`encode_unwritten`] wrote, each with its number. In a frame for a stream the numbers have no
/// gaps, so that they follow from the last one.
pub fn read_unwritten(mut body: &[u8]) -> Result<Vec<(Seq, Message)>, EnvelopeError> {
    let mut unwritten = Vec::new();
    while !body.is_empty() {
        let (length, rest) = body.split_first_chunk::<4>().ok_or(EnvelopeError::Malformed)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| EnvelopeError::Malformed)?;
        let (frame, rest) = rest.split_at_checked(length).ok_or(EnvelopeError::Malformed)?;
        body = rest;
        let ToEdge::Frame { seq: Some(last), frame, .. } = ToEdge::decode(frame)? else { continue };
        let messages = Frame::read_messages(&frame).unwrap_or_default();
        let before = last.0.checked_sub(messages.len() as u64).ok_or(EnvelopeError::Malformed)?;
        unwritten.extend((1..).map(|place| Seq(before.saturating_add(place))).zip(messages));
    }
    Ok(unwritten)
}

const FRAME: u8 = b'f';
const UNNUMBERED: u8 = b'u';
const PROBE: u8 = b'p';
const ASK: u8 = b'q';
const ACK: u8 = b'a';
const PROGRESS: u8 = b'w';
const GONE: u8 = b'g';

impl ToEdge {
    /// `[version, 'f', end, seq as u64 LE, frame in UTF-8]`, `[version, 'u', end, frame]` for one without a number,
    /// `[version, 'p']` or `[version, 'q']`.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Probe => vec![VERSION, PROBE],
            Self::Ask => vec![VERSION, ASK],
            Self::Frame { seq, end, frame } => {
                let mut bytes = Vec::with_capacity(11 + frame.len());
                bytes.extend([VERSION, if seq.is_some() { FRAME } else { UNNUMBERED }, u8::from(*end)]);
                if let Some(seq) = seq {
                    bytes.extend(seq.0.to_le_bytes());
                }
                bytes.extend(frame.as_bytes());
                bytes
            }
        }
    }

    /// Reads what [`ToEdge::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        match versioned(bytes)? {
            [PROBE] => Ok(Self::Probe),
            [ASK] => Ok(Self::Ask),
            [kind @ (FRAME | UNNUMBERED), end @ (0 | 1), rest @ ..] => {
                let (seq, frame) = if *kind == FRAME {
                    let (seq, frame) = seq_and_rest(rest)?;
                    (Some(seq), frame)
                } else {
                    (None, rest)
                };
                let frame = std::str::from_utf8(frame).map_err(|_| EnvelopeError::Malformed)?.to_owned();
                Ok(Self::Frame { seq, end: *end == 1, frame })
            }
            _ => Err(EnvelopeError::Malformed),
        }
    }
}

/// Number and bytes of a numbered frame, read from what [`ToEdge::encode`] wrote without reading the frame.
pub fn number_of(bytes: &[u8]) -> Option<(Seq, usize)> {
    let [VERSION, FRAME, _, rest @ ..] = bytes else { return None };
    let (seq, frame) = seq_and_rest(rest).ok()?;
    Some((seq, frame.len()))
}

impl ToObject {
    /// `[version, 'a', seq as u64 LE]`, `[version, 'g']`, or `[version, 'w', 0]` or `[version, 'w', 1, written as u64 LE]`
    /// followed by the groups, each `[through as u64 LE, bytes as u32 LE]`.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Gone => vec![VERSION, GONE],
            Self::Ack(seq) => {
                let mut bytes = vec![VERSION, ACK];
                bytes.extend(seq.0.to_le_bytes());
                bytes
            }
            Self::Progress { written, held } => {
                let mut bytes = vec![VERSION, PROGRESS, u8::from(written.is_some())];
                if let Some(seq) = written {
                    bytes.extend(seq.0.to_le_bytes());
                }
                for Held { through, bytes: held } in held {
                    bytes.extend(through.0.to_le_bytes());
                    bytes.extend(u32::try_from(*held).unwrap_or(u32::MAX).to_le_bytes());
                }
                bytes
            }
        }
    }

    /// Reads what [`ToObject::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        match versioned(bytes)? {
            [GONE] => Ok(Self::Gone),
            [ACK, rest @ ..] => match seq_and_rest(rest)? {
                (seq, []) => Ok(Self::Ack(seq)),
                _ => Err(EnvelopeError::Malformed),
            },
            [PROGRESS, 0, rest @ ..] => Ok(Self::Progress { written: None, held: read_groups(rest)? }),
            [PROGRESS, 1, rest @ ..] => {
                let (written, rest) = seq_and_rest(rest)?;
                Ok(Self::Progress { written: Some(written), held: read_groups(rest)? })
            }
            _ => Err(EnvelopeError::Malformed),
        }
    }
}

fn versioned(bytes: &[u8]) -> Result<&[u8], EnvelopeError> {
    match bytes {
        [VERSION, rest @ ..] => Ok(rest),
        [other, ..] => Err(EnvelopeError::Version(*other)),
        [] => Err(EnvelopeError::Malformed),
    }
}

fn read_groups(bytes: &[u8]) -> Result<Vec<Held>, EnvelopeError> {
    let (groups, []) = bytes.as_chunks::<12>() else { return Err(EnvelopeError::Malformed) };
    let group = |group: &[u8; 12]| {
        let (through, bytes) = seq_and_rest(group)?;
        let bytes = bytes.try_into().map_err(|_| EnvelopeError::Malformed)?;
        let bytes = usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| EnvelopeError::Malformed)?;
        Ok(Held { through, bytes })
    };
    groups.iter().map(group).collect()
}

fn seq_and_rest(bytes: &[u8]) -> Result<(Seq, &[u8]), EnvelopeError> {
    let (seq, rest) = bytes.split_first_chunk::<8>().ok_or(EnvelopeError::Malformed)?;
    Ok((Seq(u64::from_le_bytes(*seq)), rest))
}

/// Why something of the inner protocol could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeError {
    /// The other half speaks this version: end cleanly, the next request meets a half of one's own age.
    Version(u8),
    /// It is nothing that any version writes.
    Malformed,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "inner protocol version {version}, expected {VERSION}"),
            Self::Malformed => f.write_str("malformed inner message"),
        }
    }
}

impl std::error::Error for EnvelopeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_keep_their_written_form() {
        let golden = [
            (
                Action::Attach {
                    session: "s".into(),
                    transport: Transport::XhrPolling,
                    receiver: ReceiverId(7),
                    after: None,
                    again: false,
                },
                r#"{"version":3,"service":"/echo","action":{"attach":{"session":"s","transport":"xhr-polling","receiver":7}}}"#,
            ),
            (
                Action::Attach {
                    session: "s".into(),
                    transport: Transport::XhrPolling,
                    receiver: ReceiverId(7),
                    after: Some(Seq(9)),
                    again: true,
                },
                r#"{"version":3,"service":"/echo","action":{"attach":{"session":"s","transport":"xhr-polling","receiver":7,"after":9,"again":true}}}"#,
            ),
            (
                Action::Send { session: "s".into(), id: 3, count: 7, bytes: 5_000, messages: None },
                r#"{"version":3,"service":"/echo","action":{"send":{"session":"s","id":3,"count":7,"bytes":5000}}}"#,
            ),
            (
                Action::Send { session: "s".into(), id: 3, count: 1, bytes: 0, messages: Some("[\n\"é\"]".into()) },
                r#"{"version":3,"service":"/echo","action":{"send":{"session":"s","id":3,"count":1,"messages":"[\n\"\u00e9\"]"}}}"#,
            ),
            (
                Action::Refuse { session: "s".into(), code: 1009, reason: "too large".into() },
                r#"{"version":3,"service":"/echo","action":{"refuse":{"session":"s","code":1009,"reason":"too large"}}}"#,
            ),
            (
                Action::Connect { session: Some("s".into()), transport: Transport::WebSocket },
                r#"{"version":3,"service":"/echo","action":{"connect":{"session":"s","transport":"websocket"}}}"#,
            ),
            (
                Action::Connect { session: None, transport: Transport::WebSocketRaw },
                r#"{"version":3,"service":"/echo","action":{"connect":{"transport":"websocket-raw"}}}"#,
            ),
            (
                Action::Wrote { session: "s".into(), receiver: ReceiverId(7), seq: Some(Seq(9)), bytes: 0 },
                r#"{"version":3,"service":"/echo","action":{"wrote":{"session":"s","receiver":7,"seq":9}}}"#,
            ),
            (
                Action::Wrote { session: "s".into(), receiver: ReceiverId(7), seq: None, bytes: 5_000 },
                r#"{"version":3,"service":"/echo","action":{"wrote":{"session":"s","receiver":7,"bytes":5000}}}"#,
            ),
            (Action::Report, r#"{"version":3,"service":"/echo","action":"report"}"#),
            (Action::Metrics, r#"{"version":3,"service":"/echo","action":"metrics"}"#),
        ];
        for (action, written) in golden {
            let command = Command::new("/echo", action);
            assert_eq!(command.encode().unwrap(), written);
            assert_eq!(Command::decode(written).unwrap(), command);
        }
    }

    #[test]
    fn inner_messages_keep_their_bytes() {
        let frame = ToEdge::Frame { seq: Some(Seq(258)), end: true, frame: "a[\"é\"]".into() };
        let heartbeat = ToEdge::Frame { seq: None, end: false, frame: "h".into() };
        assert_eq!(frame.encode(), b"\x03f\x01\x02\x01\0\0\0\0\0\0a[\"\xc3\xa9\"]");
        assert_eq!(heartbeat.encode(), b"\x03u\0h");
        assert_eq!(ToEdge::Probe.encode(), b"\x03p");
        assert_eq!(ToEdge::Ask.encode(), b"\x03q");
        assert_eq!(ToObject::Ack(Seq(1)).encode(), b"\x03a\x01\0\0\0\0\0\0\0");
        assert_eq!(ToObject::Gone.encode(), b"\x03g");
        let nothing = ToObject::Progress { written: None, held: vec![] };
        let much = ToObject::Progress {
            written: Some(Seq(2)),
            held: vec![Held { through: Seq(258), bytes: 8_192 }, Held { through: Seq(259), bytes: 1 }],
        };
        assert_eq!(nothing.encode(), b"\x03w\0");
        assert_eq!(
            much.encode(),
            b"\x03w\x01\x02\0\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0\0\x20\0\0\x03\x01\0\0\0\0\0\0\x01\0\0\0"
        );
        assert_eq!(number_of(&frame.encode()), Some((Seq(258), "a[\"é\"]".len())));
        assert_eq!(number_of(&heartbeat.encode()), None);
        for message in [frame, heartbeat, ToEdge::Probe, ToEdge::Ask] {
            assert_eq!(ToEdge::decode(&message.encode()), Ok(message));
        }
        for message in [ToObject::Ack(Seq(u64::MAX)), ToObject::Gone, nothing, much] {
            assert_eq!(ToObject::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn the_end_of_a_response_tells_what_was_written() {
        let seq = |number| Some(Seq(number));
        for (written, held, reason) in [
            (None, None, ""),
            (seq(0), None, "0"),
            (seq(258), None, "258"),
            (None, seq(7), " 7"),
            (seq(5), seq(258), "5 258"),
        ] {
            assert_eq!(finished_reason(written, held), reason);
            assert_eq!(read_finished_reason(reason), (written, held));
        }
    }

    #[test]
    fn unwritten_frames_come_back_as_messages_with_their_numbers() {
        let frame = |seq, frame: &str| ToEdge::Frame { seq, end: false, frame: frame.into() }.encode();
        let frames = [
            frame(Some(Seq(0)), "o"),
            frame(Some(Seq(7)), r#"a["é","\ud83d\ude00","x"]"#),
            frame(None, "h"),
            ToEdge::Probe.encode(),
            frame(Some(Seq(1 << 50)), r#"a[""]"#),
        ];
        let body = encode_unwritten(frames.iter().map(Vec::as_slice));
        assert_eq!(body[..6], [12, 0, 0, 0, VERSION, b'f']);
        let numbered = [(5, "é"), (6, "😀"), (7, "x"), (1 << 50, "")];
        let numbered = numbered.map(|(seq, text)| (Seq(seq), Message::new(text)));
        assert_eq!(read_unwritten(&body), Ok(numbered.into()));
        assert_eq!(read_unwritten(&[]), Ok(vec![]));
        for end in [1, 3, 5, body.len() - 1] {
            assert!(read_unwritten(&body[..end]).is_err(), "{end}");
        }
        let below_zero = frame(Some(Seq(1)), r#"a["x","y"]"#);
        assert_eq!(read_unwritten(&encode_unwritten([below_zero.as_slice()])), Err(EnvelopeError::Malformed));
    }

    #[test]
    fn frames_are_joined_to_few_groups() {
        let held = |through, bytes| Held { through: Seq(through), bytes };
        assert_eq!(groups([]), []);
        assert_eq!(groups([(Seq(1), 5), (Seq(3), GROUP_BYTES), (Seq(4), 1)]), [held(3, GROUP_BYTES + 5), held(4, 1)]);
        let small = groups((1..=64 << 10).map(|seq| (Seq(seq), 6)));
        assert_eq!(small.len(), (6_usize << 16).div_ceil(GROUP_BYTES + 4));
        assert_eq!(small.iter().map(|group| group.bytes).sum::<usize>(), 6 << 16);
    }

    #[test]
    fn another_version_is_named_and_damage_is_refused() {
        assert_eq!(ToEdge::decode(b"\x02anything"), Err(EnvelopeError::Version(2)));
        assert_eq!(ToObject::decode(b"\x09"), Err(EnvelopeError::Version(9)));
        assert_eq!(Command::decode(r#"{"version":4,"new":true}"#), Err(EnvelopeError::Version(4)));
        for bytes in [&b""[..], b"\x03", b"\x03x", b"\x03f\x02\0\0\0\0\0\0\0\0", b"\x03f\0\0", b"\x03pp", b"\x03qq"] {
            assert_eq!(ToEdge::decode(bytes), Err(EnvelopeError::Malformed), "{bytes:?}");
        }
        for bytes in
            [&b"\x03a\0"[..], b"\x03a\0\0\0\0\0\0\0\0\0", b"\x03gg", b"\x03w", b"\x03w\x02", b"\x03w\x01", b"\x03w\0x"]
        {
            assert_eq!(ToObject::decode(bytes), Err(EnvelopeError::Malformed), "{bytes:?}");
        }
        for header in ["", "{}", r#"{"version":3}"#] {
            assert_eq!(Command::decode(header), Err(EnvelopeError::Malformed));
        }
    }
}
