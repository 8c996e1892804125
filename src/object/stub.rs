//! Calls an object: one request and its response, within a time limit.

use crate::Config;
use crate::js::callbacks::{Sleep, callback_result};
use crate::js::clock::now;
use crate::object::inner_socket::InnerSocket;
use js_sys::{Array, Function, Reflect, Uint8Array};
use sockjs_durable::peers::object_address::ObjectAddress;
use sockjs_durable::{CLIENT_HEADERS, OPENER_HEADERS, PROXY_HEADERS, is_node, log};
use sockjs_protocol::inner::envelope::{Action, Command, EnvelopeError, OTHER_VERSION, ToEdge, Version, v2};
use sockjs_protocol::inner::header::decode_frame;
use sockjs_protocol::sockjs::liveness::AutomaticAnswer;
use sockjs_protocol::sockjs::payload::Messages;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::fmt;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::DurableObject;
use worker::worker_sys::ext::ResponseExt;
use worker::{Error, ObjectNamespace, Result, web_sys};

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn forward(
        stub: &DurableObject,
        request: &web_sys::Request,
        names: &Array,
        address: Option<&str>,
        command: &str,
        timeout_ms: f64,
        number: u32,
        tell: &Function,
    ) -> std::result::Result<(), JsValue>;

    #[wasm_bindgen(catch)]
    fn hand(
        stub: &DurableObject,
        url: &str,
        command: &str,
        body: Option<Uint8Array>,
        timeout_ms: f64,
        number: u32,
        tell: &Function,
    ) -> std::result::Result<(), JsValue>;
}

/// Pause before an object is called whose inner socket or request was just lost. In a cluster, workerd 1.20261117 aborts
/// ("expected idle != this->idle") if a request starts within the very event that reports the loss of another node.
pub(crate) const AFTER_LOSS: Millis = Millis(10);

/// Longest time for one attempt: a live object responds within 5 s, if only to ask for more time.
const ATTEMPT_MAX: Millis = Millis::from_secs(12);

/// Longest pause before a further attempt. The first pause is [`AFTER_LOSS`], since a restarted object is back at once. Each
/// further pause is four times as long.
const PAUSE_MAX: Millis = Millis::from_secs(2);

/// Reason why an object did not respond.
#[derive(Debug)]
pub(crate) enum ObjectError {
    /// No response in time. The object may have executed the command or not.
    TimedOut,
    /// The object is overloaded.
    Overloaded(Error),
    /// The request failed, and so did the retries that made sense: most likely the object was restarted.
    Failed(Error),
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the object did not answer in time"),
            Self::Overloaded(error) | Self::Failed(error) => write!(f, "the object could not be reached: {error}"),
        }
    }
}

impl From<Error> for ObjectError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<JsValue> for ObjectError {
    fn from(error: JsValue) -> Self {
        if is(&error, "overloaded") { Self::Overloaded(error.into()) } else { Self::Failed(error.into()) }
    }
}

/// Response of an object to an attach.
#[derive(Debug)]
pub(crate) enum AttachResponse {
    /// 200: this is everything that there is to write.
    Answered(Result<ToEdge, EnvelopeError>),
    /// 101: the messages to write arrive on this socket. The response has the connection's id for the log.
    Waiting(InnerSocket, web_sys::Response),
    /// Another status.
    Refused(u16),
}

/// One object.
#[derive(Debug, Clone)]
pub(crate) struct ObjectStub(ObjectAddress);

impl ObjectStub {
    pub fn new(namespace: ObjectNamespace, name: String, config: &Config) -> Self {
        Self(ObjectAddress::named(namespace, name, config))
    }

    /// Attaches a receiver. `command` learns whether an earlier request may have arrived. [`question`] returns the `question`.
    pub async fn attach(
        &self,
        client: &ClientRequest,
        question: Option<&AutomaticAnswer>,
        command: impl Fn(bool) -> Command,
    ) -> Result<AttachResponse, ObjectError> {
        let request: &Request<'_> = &|stub, attempt, to| client.forward(stub, &command(attempt.again), attempt, to);
        match self.ask(request).await? {
            (ObjectResponse::Upgrade(response), version) => match response.websocket() {
                Some(socket) => Ok(AttachResponse::Waiting(InnerSocket::accept(socket, version, question)?, response)),
                None => Err(ObjectError::Failed("101 without a WebSocket".into())),
            },
            (ObjectResponse::Text(200, frame), _) => Ok(AttachResponse::Answered(decode_frame(&frame))),
            (ObjectResponse::Body(200, body), _) => Ok(AttachResponse::Answered(ToEdge::decode(&body))),
            (answer, _) => Ok(AttachResponse::Refused(answer.status())),
        }
    }

    /// Hands over messages, and returns the status. The object recognizes a retry by the command's id.
    pub async fn send(&self, url: &str, command: &Command, body: Option<&Uint8Array>) -> Result<u16, ObjectError> {
        let request: &Request<'_> = &|stub, attempt, to| post(stub, url, command, body, attempt, to);
        Ok(self.ask(request).await?.0.status())
    }

    /// Reports what a receiver wrote, and returns the rest to the object. Returns true if the object confirmed it.
    pub async fn wrote(&self, url: &str, command: &Command, unwritten: Option<&Uint8Array>) -> bool {
        self.send(url, command, unwritten).await.is_ok_and(|status| status == 204)
    }

    /// Forwards a client's WebSocket.
    pub async fn connect(&self, client: &ClientRequest, command: &Command) -> Result<ObjectResponse, ObjectError> {
        let request: &Request<'_> = &|stub, attempt, to| client.forward(stub, command, attempt, to);
        Ok(self.ask(request).await?.0)
    }

    /// Opens the connection of a WebSocket that the Worker holds, or attaches it again. Returns `None` if the object's version
    /// does not support such connections.
    pub async fn hold(&self, client: &ClientRequest, command: &Command) -> Result<Option<ObjectResponse>, ObjectError> {
        let answer = self.connect(client, command).await?;
        Ok(Some(answer).filter(|answer| answer.status() != 204))
    }

    /// Sends the command in the current version, and again in another version if the object does not speak the first: it did
    /// nothing then. Returns the response, and the version of the command.
    async fn ask(&self, request: &Request<'_>) -> Result<(ObjectResponse, Version), ObjectError> {
        let answer = self.ask_in(Version::CURRENT, request).await?;
        let other = match &answer {
            ObjectResponse::Body(OTHER_VERSION, versions) => Version::CURRENT.after_refusal(versions),
            ObjectResponse::Text(..) | ObjectResponse::Body(..) | ObjectResponse::Upgrade(_) => None,
        };
        match other {
            None => Ok((answer, Version::CURRENT)),
            Some(version) => match self.ask_in(version, request).await {
                // An object of that version has nothing to do.
                Err(AttemptError::Unknown) => Ok((ObjectResponse::Text(204, String::new()), version)),
                answer => Ok((answer?, version)),
            },
        }
    }

    /// Retries on a new stub until `object_timeout` is over, if the runtime marks the error as retryable or if there is no
    /// response. In a cluster, the object of a node that was killed or hangs is back when the node's lease has expired.
    async fn ask_in(&self, version: Version, request: &Request<'_>) -> Result<ObjectResponse, AttemptError> {
        let until = now() + self.0.timeout();
        let mut attempt = Attempt { version, timeout: self.0.timeout().min(ATTEMPT_MAX), again: false };
        let mut pause = AFTER_LOSS;
        loop {
            let error = match self.attempt(request, attempt).await {
                Err(error) if error.is_worth_another() && now() + pause < until => error,
                answer => return answer,
            };
            log::warn("retry", None, ObjectError::from(error));
            attempt.again = true;
            Sleep::new(pause).await;
            pause = Millis(pause.0 * 4).min(PAUSE_MAX);
        }
    }

    async fn attempt(&self, request: &Request<'_>, attempt: Attempt) -> Result<ObjectResponse, AttemptError> {
        let stub = self.0.stub()?.into_rpc();
        ObjectResponse::read(callback_result(|number, tell| request(&stub, attempt, (number, tell))).await?)
    }
}

/// Returns the question that a node of a cluster asks on its inner WebSockets to the objects of a service. By it the node notices
/// that the other node hangs. Returns `None` outside of a cluster.
pub(crate) fn question(config: &Config) -> Option<AutomaticAnswer> {
    is_node().then(|| AutomaticAnswer::of(config, true)).flatten()
}

/// Returns true if the runtime marked the error with `mark`.
fn is(error: &JsValue, mark: &str) -> bool {
    Reflect::get(error, &JsValue::from_str(mark)).is_ok_and(|value| value.is_truthy())
}

/// Response of an object.
#[derive(Debug)]
pub(crate) enum ObjectResponse {
    /// Status, and the frame in its header, which may be empty.
    Text(u16, String),
    /// Status and body.
    Body(u16, Vec<u8>),
    /// 101.
    Upgrade(web_sys::Response),
}

impl ObjectResponse {
    /// Reads the glue's form of a response.
    fn read(answer: JsValue) -> Result<Self, AttemptError> {
        if let Some(text) = answer.as_string() {
            let (status, frame) = text.split_once(' ').unwrap_or((&text, ""));
            return Ok(Self::Text(status.parse().unwrap_or_default(), frame.to_owned()));
        }
        if answer.is_undefined() {
            return Err(AttemptError::TimedOut);
        }
        Ok(match answer.dyn_into::<Array>() {
            Ok(answer) => {
                let status = answer.get(0).as_f64().unwrap_or_default();
                Self::Body(status as u16, Uint8Array::new(&answer.get(1)).to_vec())
            }
            Err(response) => Self::Upgrade(response.unchecked_into()),
        })
    }

    pub fn status(&self) -> u16 {
        match self {
            Self::Text(status, _) | Self::Body(status, _) => *status,
            Self::Upgrade(_) => 101,
        }
    }
}

/// Number and function of the callback that delivers a response: see [`callback_result`].
type To<'a> = (u32, &'a Function);

/// A function that sends the request of a command.
type Request<'a> = dyn Fn(&DurableObject, Attempt, To<'_>) -> Result<(), AttemptError> + 'a;

/// One attempt to send a command.
#[derive(Clone, Copy)]
struct Attempt {
    version: Version,
    timeout: Millis,
    /// True if an earlier attempt may have arrived.
    again: bool,
}

/// Reason why one attempt failed.
enum AttemptError {
    Thrown(JsValue),
    TimedOut,
    /// The version does not have this command.
    Unknown,
}

impl AttemptError {
    /// True if another attempt may succeed.
    fn is_worth_another(&self) -> bool {
        match self {
            Self::Thrown(error) => is(error, "retryable") && !is(error, "overloaded"),
            Self::TimedOut => true,
            Self::Unknown => false,
        }
    }
}

impl From<JsValue> for AttemptError {
    fn from(error: JsValue) -> Self {
        Self::Thrown(error)
    }
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        Self::Thrown(error.into())
    }
}

impl From<AttemptError> for ObjectError {
    fn from(asking: AttemptError) -> Self {
        match asking {
            AttemptError::Thrown(error) => error.into(),
            AttemptError::TimedOut => Self::TimedOut,
            AttemptError::Unknown => Self::Failed("no version has this command".into()),
        }
    }
}

/// Headers of a handshake; the runtime may require them at the other end.
const HANDSHAKE_HEADERS: [&str; 4] =
    ["sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol", "sec-websocket-extensions"];

/// Returns names of headers for JavaScript. Without `is_proxied`, [`PROXY_HEADERS`] are left out.
fn names(lists: &[&[&str]], is_proxied: bool) -> Array {
    let all = lists.iter().copied().flatten().filter(|name| is_proxied || !PROXY_HEADERS.contains(name));
    all.map(|name| JsValue::from_str(name)).collect()
}

thread_local! {
    /// Names of the headers that are sent with an attach, and with a WebSocket.
    static NAMES: [Array; 2] = [names(&[&CLIENT_HEADERS], true), names(&[&CLIENT_HEADERS, &HANDSHAKE_HEADERS], true)];
    /// The same for a service with an upstream: first without those that only a trusted proxy may write, then with them.
    static UPSTREAM_NAMES: [[Array; 2]; 2] = [false, true].map(|is_proxied| {
        [
            names(&[&CLIENT_HEADERS, &OPENER_HEADERS], is_proxied),
            names(&[&CLIENT_HEADERS, &HANDSHAKE_HEADERS, &OPENER_HEADERS], is_proxied),
        ]
    });
}

/// The part of a client's request that its object needs: the URL and some headers.
#[derive(Debug, Clone)]
pub(crate) struct ClientRequest {
    request: web_sys::Request,
    names: Array,
    url: String,
    address: Option<String>,
}

impl ClientRequest {
    /// Returns the part of `request`. `address` is the client's, if its headers do not have it.
    pub fn of(request: &web_sys::Request, url: &str, address: Option<String>) -> Self {
        let names = NAMES.with(|[names, ..]| names.clone());
        Self { request: Clone::clone(request), names, url: url.to_owned(), address }
    }

    /// Returns the request of a client that asks for a WebSocket. Commands that are sent later, by URL, have only the other
    /// headers.
    pub fn of_websocket(request: &web_sys::Request, address: Option<String>) -> Self {
        Self { names: NAMES.with(|[_, names]| names.clone()), ..Self::of(request, "", address) }
    }

    /// Adds the headers that an upstream needs to know about the client. `is_proxied` is true if a trusted proxy passed on the request.
    pub fn for_upstream(self, transport: Transport, is_proxied: bool) -> Self {
        let names = UPSTREAM_NAMES.with(|[[plain, websocket], [proxied, proxied_websocket]]| {
            let names = match (is_proxied, transport) {
                (false, Transport::WebSocket | Transport::WebSocketRaw) => websocket,
                (true, Transport::WebSocket | Transport::WebSocketRaw) => proxied_websocket,
                (false, _) => plain,
                (true, _) => proxied,
            };
            names.clone()
        });
        Self { names, ..self }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn forward(
        &self,
        stub: &DurableObject,
        command: &Command,
        Attempt { version, timeout, .. }: Attempt,
        (number, tell): To<'_>,
    ) -> Result<(), AttemptError> {
        let (address, command, timeout_ms) = (self.address.as_deref(), encode(command, version)?, timeout.0 as f64);
        Ok(forward(stub, &self.request, &self.names, address, &command, timeout_ms, number, tell)?)
    }
}

/// Sends a request with messages. The object knows the client since it attached, so no headers are sent.
fn post(
    stub: &DurableObject,
    url: &str,
    command: &Command,
    body: Option<&Uint8Array>,
    Attempt { version, timeout, .. }: Attempt,
    (number, tell): To<'_>,
) -> Result<(), AttemptError> {
    let header = encode(command, version)?;
    let body = match (version, &command.action) {
        (Version::V2, Action::Send { count, .. }) => body.map(|body| batch(body, *count)).transpose()?,
        (Version::V2, Action::Wrote { .. }) => None,
        (
            Version::V2 | Version::V3,
            Action::Attach { .. }
            | Action::Connect { .. }
            | Action::Hold { .. }
            | Action::Send { .. }
            | Action::Refuse { .. }
            | Action::Wrote { .. }
            | Action::Push { .. }
            | Action::Report
            | Action::Metrics,
        ) => body.cloned(),
    };
    Ok(hand(stub, url, &header, body, timeout.0 as f64, number, tell)?)
}

/// Returns the body of a send in version 2.
fn batch(body: &Uint8Array, count: usize) -> Result<Uint8Array> {
    let json = String::from_utf8(body.to_vec()).map_err(|error| Error::RustError(error.to_string()))?;
    Ok(Uint8Array::from(v2::encode_batch(Messages::trusted(json, count)).as_slice()))
}

fn encode(command: &Command, version: Version) -> Result<String, AttemptError> {
    let header = command.encode(version).map_err(|error| Error::RustError(error.to_string()))?;
    header.ok_or(AttemptError::Unknown)
}
