//! Commands: the requests of the Worker to the object.

use super::held::Returned;
use super::push::{Push, PushNumber, PushTarget};
use super::version::highest_common;
use super::{EnvelopeError, Version, v2};
use crate::inner::header::{HEADER_MAX, is_plain};
use crate::inner::json::Reader;
use crate::sockjs::session::{ReceiverId, Seq};
use crate::sockjs::transport::Transport;
use serde::Serialize;

/// Name of the request header that carries a [`Command`]. The Worker always sets it, so that a client cannot.
pub const COMMAND_HEADER: &str = "sockjs-edge-command";

/// Name of the object that adds up the reported metrics. It has no connections, since
/// [`placement`](crate::service::placement) never returns this name.
pub const METRICS_OBJECT: &str = "//metrics";

/// Status of the response to [`Action::Connect`] if the object has reached its limit of connections.
pub const FULL: u16 = 429;

/// Status of the response to [`Action::Send`] while its messages still wait. The Worker then repeats the command with
/// the same id.
pub const LATER: u16 = 202;

/// A request of the Worker to the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Version in which the command is written.
    pub version: Version,
    /// Version of the response: the highest that both halves speak.
    pub answer: Version,
    /// Prefix of the service, with the names of its parameters.
    pub service: String,
    /// Names and values of the prefix's parameters, in a command that may open a connection.
    pub parameters: Vec<(String, String)>,
    /// Admission of the client, if the service requires it.
    pub pass: Option<Pass>,
    /// The action that is requested.
    pub action: Action,
}

/// The JSON form of a command.
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

/// Admission of a client: a ticket that the Worker has checked, or the application's claims about the client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pass {
    /// Identifier of the ticket; `None` for a client that needs no ticket. A session accepts only the ticket that
    /// opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// True if the ticket is too old to open a session.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_late: bool,
    /// Claims that the application made about the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<serde_json::Value>,
}

/// An action that the Worker requests of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Attaches a receiver to an HTTP session. Request with `Upgrade: websocket`; answered 200 or 101.
    Attach {
        /// Session id, as it is in the URL.
        session: String,
        /// Transport of the client.
        transport: Transport,
        /// Id of this receiver, unique in its session.
        receiver: ReceiverId,
        /// The last message number that the receiver wrote, if any, when it attaches again.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<Seq>,
        /// True if the receiver attaches again after its inner WebSocket broke.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        again: bool,
        /// True if the Worker writes the heartbeats of the response, and ends it at its maximum age.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        beats: bool,
    },
    /// Sends messages to an HTTP session, either in the command or as the body of a POST. Answered 204, [`LATER`], 404,
    /// or 503 if the session was closed because of them.
    Send {
        /// Session id, as it is in the URL.
        session: String,
        /// Id of this send, by which the object recognizes a retry.
        id: u64,
        /// Number of the messages.
        count: usize,
        /// Length of the body, in bytes.
        #[serde(skip_serializing_if = "is_zero")]
        bytes: usize,
        /// The messages as a JSON array, if it is short: see [`fits`].
        #[serde(skip_serializing_if = "Option::is_none")]
        messages: Option<String>,
    },
    /// Closes the session of a send that the Worker refuses. Answered 404, or 204 once the client took the close frame
    /// or a second has passed.
    Refuse {
        /// Session id, as it is in the URL.
        session: String,
        /// Close code.
        code: u16,
        /// Close reason.
        reason: String,
    },
    /// Reports the end of a receiver's response, and the last message that was written to it. The Worker sends it if
    /// the inner WebSocket was lost before its close could report this, or if the object closed it with
    /// [`MISSING`](super::MISSING). POST, with [`encode_unwritten`](super::encode_unwritten) as the body if the
    /// receiver held unwritten frames; answered 204.
    Wrote {
        /// Session id, as it is in the URL.
        session: String,
        /// Id of the receiver.
        receiver: ReceiverId,
        /// The last message number that the receiver wrote, if any.
        #[serde(skip_serializing_if = "Option::is_none")]
        seq: Option<Seq>,
        /// Length of the body, in bytes.
        #[serde(skip_serializing_if = "is_zero")]
        bytes: usize,
    },
    /// Sends to open connections from outside their object, closes them, or queries them. POST, with the message or the call as
    /// the body, if any; the status is a [`PushOutcome`](super::PushOutcome).
    Push {
        /// Connections that the push is for.
        target: PushTarget,
        /// Effect of the push.
        push: Push,
        /// Number by which the object recognizes a repetition. `None` for a push that is never repeated, or that may be done
        /// twice.
        #[serde(skip_serializing_if = "Option::is_none")]
        number: Option<PushNumber>,
    },
    /// Reports counts to the object [`METRICS_OBJECT`]. POST, with [`encode`](crate::observe::metrics::encode) as the
    /// body; answered 204.
    Report,
    /// Requests the sum of all reports. Answered 200 with the text format of Prometheus.
    Metrics,
    /// Opens a connection for a client's WebSocket that the Worker holds, or attaches it again. Request with `Upgrade:
    /// websocket`; answered 101 with [`HELD_HEADER`](super::HELD_HEADER), or 404 if the connection is over. On the inner
    /// WebSocket both sides exchange [`ToHolder`](super::ToHolder) and [`FromHolder`](super::FromHolder).
    Hold {
        /// Session id, as it is in the URL; `None` for a raw WebSocket.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// Transport of the client: a framed or a raw WebSocket.
        transport: Transport,
        /// Id of the receiver. It stays the same when the Worker attaches again.
        receiver: ReceiverId,
        /// True if the Worker writes the heartbeats.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        beats: bool,
        /// State of the connection in the Worker, when it attaches again.
        #[serde(skip_serializing_if = "Option::is_none")]
        returned: Option<Returned>,
    },
    /// Forwards a client's WebSocket, with its upgrade. Answered 101.
    Connect {
        /// Session id, as it is in the URL; `None` for a raw WebSocket.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<String>,
        /// Transport of the client: a framed or a raw WebSocket.
        transport: Transport,
    },
}

impl Command {
    /// Returns a command in the current version.
    pub fn new(service: &str, action: Action) -> Self {
        let (version, answer) = (Version::CURRENT, Version::CURRENT);
        Self { version, answer, service: service.to_owned(), parameters: Vec::new(), pass: None, action }
    }

    /// Sets the parameters of the client's prefix.
    pub fn with_parameters(mut self, parameters: &[(String, String)]) -> Self {
        self.parameters = parameters.to_vec();
        self
    }

    /// Sets the admission of the client.
    pub fn with_pass(mut self, pass: Option<Pass>) -> Self {
        self.pass = pass;
        self
    }

    /// Writes the command in `version` as a header value: JSON in visible ASCII and spaces. Returns `None` if that
    /// version has no such action.
    ///
    /// # Errors
    ///
    /// Returns an error if the claims cannot be written as JSON.
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

    /// Reads a header value in any version that this build speaks.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has another version, or is malformed.
    pub fn decode(header: &str) -> Result<Self, EnvelopeError> {
        let command = Self::read(header, &mut Action::read);
        if let Some(command) = command.filter(|command| command.version != Version::V2 || v2::is_alike(&command.action))
        {
            return Ok(command);
        }
        // Another version may have a different shape, so only the version number is read.
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

/// Reads only the number of the version.
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

/// The fields of all actions together.
#[derive(Default)]
struct Fields {
    session: Option<String>,
    transport: Option<Transport>,
    receiver: Option<ReceiverId>,
    after: Option<Seq>,
    again: bool,
    beats: bool,
    id: Option<u64>,
    count: Option<usize>,
    bytes: usize,
    messages: Option<String>,
    code: Option<u16>,
    reason: Option<String>,
    seq: Option<Seq>,
    target: Option<PushTarget>,
    push: Option<Push>,
    number: Option<PushNumber>,
    returned: Option<Returned>,
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
                "beats" => self.beats = reader.flag()?,
                "id" => self.id = Some(reader.number()?),
                "count" => self.count = Some(reader.number()?),
                "bytes" => self.bytes = reader.number()?,
                "messages" => self.messages = Some(reader.text()?),
                "code" => self.code = Some(reader.number()?),
                "reason" => self.reason = Some(reader.text()?),
                "seq" => self.seq = Some(Seq(reader.number()?)),
                "target" => self.target = Some(PushTarget::read(reader)?),
                "push" => self.push = Some(Push::read(reader)?),
                "number" => self.number = Some(PushNumber::read(reader)?),
                "returned" => self.returned = Some(Returned::read(reader)?),
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
        let Fields { session, transport, receiver, after, again, beats, id, count, bytes, messages, .. } = fields;
        let Fields { code, reason, seq, target, push, number, returned, .. } = fields;
        Some(match kind {
            "attach" => {
                let (session, transport, receiver) = (session?, transport?, receiver?);
                Self::Attach { session, transport, receiver, after, again, beats }
            }
            "send" => Self::Send { session: session?, id: id?, count: count?, bytes, messages },
            "refuse" => Self::Refuse { session: session?, code: code?, reason: reason? },
            "wrote" => Self::Wrote { session: session?, receiver: receiver?, seq, bytes },
            "push" => Self::Push { target: target?, push: push?, number },
            "hold" => Self::Hold { session, transport: transport?, receiver: receiver?, beats, returned },
            "connect" => Self::Connect { session, transport: transport? },
            _ => return None,
        })
    }
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// True if the messages of a send fit into its command. Escapes make a byte at most six bytes long.
pub fn fits(messages: &str) -> bool {
    messages.len() <= HEADER_MAX / 2
}

/// Returns `json` with an escape for each character that a header may not contain.
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
                    beats: false,
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
                    beats: false,
                },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"attach":{"session":"s","transport":"xhr-polling","receiver":7,"after":9,"again":true}}}"#,
            ),
            (
                Action::Attach {
                    session: "s".into(),
                    transport: Transport::XhrStreaming,
                    receiver: ReceiverId(7),
                    after: None,
                    again: false,
                    beats: true,
                },
                r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"attach":{"session":"s","transport":"xhr-streaming","receiver":7,"beats":true}}}"#,
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
