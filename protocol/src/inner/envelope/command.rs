//! Requests of the Worker to the object.

use super::version::highest_common;
use super::{EnvelopeError, Version, v2};
use crate::inner::header::{HEADER_MAX, is_plain};
use crate::inner::json::Reader;
use crate::sockjs::session::{ReceiverId, Seq};
use crate::sockjs::transport::Transport;
use serde::Serialize;

/// The request header that carries a [`Command`]. The Worker sets it, so a client's own never arrives.
pub const COMMAND_HEADER: &str = "sockjs-edge-command";

/// Name of the object that adds up what is counted. No connection is in it: those of services go on behind the slashes.
pub const METRICS_OBJECT: &str = "//metrics";

/// Status of the answer to [`Action::Connect`] when the object has as many connections as it may have.
pub const FULL: u16 = 429;

/// Status of the answer to [`Action::Send`] while its messages wait: the Worker asks again, with the same id.
pub const LATER: u16 = 202;

/// What the Worker asks of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Version in which it is written.
    pub version: Version,
    /// Version of the answer: the highest that both halves speak.
    pub answer: Version,
    /// Prefix of the service, with the names of its parameters.
    pub service: String,
    /// The parameters' names and values, where a connection may be opened.
    pub parameters: Vec<(String, String)>,
    /// What lets the client in, where its service asks for that.
    pub pass: Option<Pass>,
    /// The request itself.
    pub action: Action,
}

/// A command as it is written.
#[derive(Serialize)]
struct Written<'a, A> {
    version: u8,
    /// The versions that the sender speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<[u8; Version::ALL.len()]>,
    service: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    parameters: &'a [(String, String)],
    #[serde(skip_serializing_if = "Option::is_none")]
    pass: Option<&'a Pass>,
    action: &'a A,
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
    /// The end of a receiver whose response is over, with what it wrote: when its inner socket was lost before it could say so,
    /// or when it was answered [`MISSING`](super::MISSING). POST with [`encode_unwritten`](super::encode_unwritten) as the body if it held anything; answered 204.
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
    /// What was counted: POST with what [`encode`](crate::observe::metrics::encode) writes, to the object [`METRICS_OBJECT`];
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
    /// A command of the current version.
    pub fn new(service: &str, action: Action) -> Self {
        let (version, answer) = (Version::CURRENT, Version::CURRENT);
        Self { version, answer, service: service.to_owned(), parameters: Vec::new(), pass: None, action }
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

    /// Writes it in `version` as a header value: JSON in visible ASCII and spaces. `None` if that version has no such action.
    ///
    /// # Errors
    ///
    /// If the claims cannot be written.
    pub fn encode(&self, version: Version) -> Result<Option<String>, EnvelopeError> {
        let json = match version {
            Version::V3 => self.json(version, &self.action),
            Version::V2 if !v2::has(&self.action) => return Ok(None),
            Version::V2 => v2::encode(self),
        };
        let json = json.map_err(|_| EnvelopeError::Malformed)?;
        Ok(Some(if json.chars().all(is_plain) { json } else { escaped(&json) }))
    }

    pub(super) fn json(&self, version: Version, action: &impl Serialize) -> serde_json::Result<String> {
        let versions = match version {
            Version::V3 => Some(Version::ALL.map(Version::number)),
            Version::V2 => None,
        };
        let (service, parameters, pass) = (&self.service, &self.parameters, self.pass.as_ref());
        serde_json::to_string(&Written { version: version.number(), versions, service, parameters, pass, action })
    }

    /// Reads a header value, in any version that this build speaks.
    ///
    /// # Errors
    ///
    /// If it is of another version, or damaged.
    pub fn decode(header: &str) -> Result<Self, EnvelopeError> {
        let command = Self::read(header, &mut Action::read);
        if let Some(command) = command.filter(|command| command.version != Version::V2 || v2::is_alike(&command.action))
        {
            return Ok(command);
        }
        // Another version may have another shape: its number alone is read.
        let number = version(header).ok_or(EnvelopeError::Malformed)?;
        match Version::of(number) {
            None => Err(EnvelopeError::Version(number)),
            Some(Version::V3) => Err(EnvelopeError::Malformed),
            Some(Version::V2) => Self::read(header, &mut v2::read_send).ok_or(EnvelopeError::Malformed),
        }
    }

    fn read(header: &str, read_action: &mut dyn FnMut(&mut Reader<'_>) -> Option<Action>) -> Option<Self> {
        let (mut version, mut answer, mut service) = (None, None, None);
        let (mut parameters, mut pass, mut action) = (Vec::new(), None, None);
        let mut field = |name: &str, reader: &mut Reader<'_>| {
            match name {
                "version" => version = Some(Version::of(reader.number()?)?),
                "versions" => answer = highest_common(reader)?,
                "service" => service = Some(reader.text()?),
                "parameters" => parameters = reader.pairs()?,
                "pass" => pass = Some(Pass::read(reader)?),
                "action" => action = Some(read_action(reader)?),
                _ => reader.skip()?,
            }
            Some(())
        };
        Reader::whole(header, |reader| reader.object(&mut field))?;
        let (version, service, action) = (version?, service?, action?);
        Some(Self { version, answer: answer.unwrap_or(version), service, parameters, pass, action })
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
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"attach":{"session":"s","transport":"xhr-polling","receiver":7}}}"#,
            ),
            (
                Action::Attach {
                    session: "s".into(),
                    transport: Transport::XhrPolling,
                    receiver: ReceiverId(7),
                    after: Some(Seq(9)),
                    again: true,
                },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"attach":{"session":"s","transport":"xhr-polling","receiver":7,"after":9,"again":true}}}"#,
            ),
            (
                Action::Send { session: "s".into(), id: 3, count: 7, bytes: 5_000, messages: None },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"send":{"session":"s","id":3,"count":7,"bytes":5000}}}"#,
            ),
            (
                Action::Send { session: "s".into(), id: 3, count: 1, bytes: 0, messages: Some("[\n\"é\"]".into()) },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"send":{"session":"s","id":3,"count":1,"messages":"[\n\"\u00e9\"]"}}}"#,
            ),
            (
                Action::Refuse { session: "s".into(), code: 1009, reason: "too large".into() },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"refuse":{"session":"s","code":1009,"reason":"too large"}}}"#,
            ),
            (
                Action::Connect { session: Some("s".into()), transport: Transport::WebSocket },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"connect":{"session":"s","transport":"websocket"}}}"#,
            ),
            (
                Action::Connect { session: None, transport: Transport::WebSocketRaw },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"connect":{"transport":"websocket-raw"}}}"#,
            ),
            (
                Action::Wrote { session: "s".into(), receiver: ReceiverId(7), seq: Some(Seq(9)), bytes: 0 },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"wrote":{"session":"s","receiver":7,"seq":9}}}"#,
            ),
            (
                Action::Wrote { session: "s".into(), receiver: ReceiverId(7), seq: None, bytes: 5_000 },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"wrote":{"session":"s","receiver":7,"bytes":5000}}}"#,
            ),
            (Action::Report, r#"{"version":3,"versions":[3,2],"service":"/echo","action":"report"}"#),
            (Action::Metrics, r#"{"version":3,"versions":[3,2],"service":"/echo","action":"metrics"}"#),
        ];
        for (action, written) in golden {
            let command = Command::new("/echo", action);
            assert_eq!(command.encode(Version::CURRENT).unwrap().as_deref(), Some(written));
            assert_eq!(Command::decode(written).unwrap(), command);
        }
    }
}
