//! The way to an object: one request and its answer, within a time limit.

use crate::Config;
use crate::inner::Inner;
use crate::later::answer;
use js_sys::{Array, Function, Reflect, Uint8Array};
use sockjs_durable::{CLIENT_HEADERS, log};
use sockjs_protocol::envelope::{Action, Command, EnvelopeError, Push, ToEdge};
use sockjs_protocol::header::decode_frame;
use std::fmt;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::DurableObject;
use worker::worker_sys::ext::ResponseExt;
use worker::{Error, ObjectNamespace, Result, Stub, web_sys};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn forward(
        stub: &DurableObject,
        request: &web_sys::Request,
        names: &Array,
        command: &str,
        number: u32,
        tell: &Function,
    ) -> std::result::Result<(), JsValue>;

    #[wasm_bindgen(catch)]
    fn hand(
        stub: &DurableObject,
        url: &str,
        command: &str,
        body: Option<Uint8Array>,
        number: u32,
        tell: &Function,
    ) -> std::result::Result<(), JsValue>;
}

/// Requests to objects need a URL; of a push nobody reads it.
const PUSH_URL: &str = "https://sockjs-edge.invalid/push";

/// Why an object gave no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It did not answer in time; whether it did what it was asked is unknown.
    TimedOut,
    /// It has too much to do.
    Overloaded(Error),
    /// The request failed, also a second time if that was worth trying: most likely the object was restarted.
    Failed(Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the object did not answer in time"),
            Self::Overloaded(error) | Self::Failed(error) => write!(f, "the object could not be reached: {error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<JsValue> for Failure {
    fn from(error: JsValue) -> Self {
        if is(&error, "overloaded") { Self::Overloaded(error.into()) } else { Self::Failed(error.into()) }
    }
}

/// What an object answered to an attach.
#[derive(Debug)]
pub(crate) enum Attached {
    /// 200: this is all there is to write.
    Answered(Result<ToEdge, EnvelopeError>),
    /// 101: what there is to write comes on this socket.
    Waiting(Inner),
    /// Another status.
    Refused(u16),
}

/// One object, by its name.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    namespace: ObjectNamespace,
    name: String,
    jurisdiction: Option<String>,
    location_hint: Option<String>,
}

impl Object {
    pub fn new(namespace: ObjectNamespace, name: String, config: &Config) -> Self {
        let (jurisdiction, location_hint) = (config.jurisdiction.clone(), config.location_hint.clone());
        Self { namespace, name, jurisdiction, location_hint }
    }

    /// Attaches a receiver. `command` is told whether an earlier request may have arrived.
    pub async fn attach(&self, client: &ClientRequest, command: impl Fn(bool) -> Command) -> Result<Attached, Failure> {
        match self.ask(|stub, again, to| client.forward(stub, &command(again), to)).await? {
            Answer::Upgrade(response) => match response.websocket() {
                Some(socket) => Ok(Attached::Waiting(Inner::accept(socket)?)),
                None => Err(Failure::Failed("101 without a WebSocket".into())),
            },
            Answer::Text(200, frame) => Ok(Attached::Answered(decode_frame(&frame))),
            Answer::Body(200, body) => Ok(Attached::Answered(ToEdge::decode(&body))),
            answer => Ok(Attached::Refused(answer.status())),
        }
    }

    /// Hands over messages; gives the status. A second try is told by the command's own id.
    pub async fn send(&self, url: &str, command: &Command, body: Option<&Uint8Array>) -> Result<u16, Failure> {
        Ok(self.ask(|stub, _, to| post(stub, url, command, body, to)).await?.status())
    }

    /// Tells what a receiver wrote, and gives back what it did not; whether the object knows now.
    pub async fn wrote(&self, url: &str, command: &Command, unwritten: Option<&Uint8Array>) -> bool {
        self.send(url, command, unwritten).await.is_ok_and(|status| status == 204)
    }

    /// Pushes something to connections; gives the status and the text of the answer. A message goes out once: an object does
    /// not recognise one that comes again.
    pub async fn push(&self, command: &Command, message: &str) -> Result<(u16, String), Failure> {
        let body = Uint8Array::from(message.as_bytes());
        let request = |stub: &DurableObject, _, to: To<'_>| post(stub, PUSH_URL, command, Some(&body), to);
        let answer = match command.action {
            Action::Push { push: Push::Message, .. } => self.ask_once(|stub, to| request(stub, false, to)).await?,
            _ => self.ask(request).await?,
        };
        match answer {
            Answer::Body(status, text) => Ok((status, String::from_utf8_lossy(&text).into_owned())),
            answer => Ok((answer.status(), String::new())),
        }
    }

    /// Passes a client's WebSocket on.
    pub async fn connect(&self, client: &ClientRequest, command: &Command) -> Result<Answer, Failure> {
        self.ask(|stub, _, to| client.forward(stub, command, to)).await
    }

    /// Tries a second time, on a new stub, what the runtime says is worth it.
    async fn ask(&self, request: impl Fn(&DurableObject, bool, To<'_>) -> Result<()>) -> Result<Answer, Failure> {
        let first = match self.ask_once(|stub, to| request(stub, false, to)).await {
            Err(Asking::Thrown(error)) if is_retryable(&error) => error,
            answer => return Ok(answer?),
        };
        log::warn("retry", None, Error::from(first));
        Ok(self.ask_once(|stub, to| request(stub, true, to)).await?)
    }

    async fn ask_once(&self, request: impl FnOnce(&DurableObject, To<'_>) -> Result<()>) -> Result<Answer, Asking> {
        let stub = self.stub()?.into_rpc();
        Answer::read(answer(|number, tell| request(&stub, (number, tell)).map_err(Asking::from)).await?)
    }

    /// A new one for each try.
    fn stub(&self) -> Result<Stub, JsValue> {
        let within =
            self.jurisdiction.as_deref().map(|jurisdiction| within(&self.namespace, jurisdiction)).transpose()?;
        let namespace = within.as_ref().unwrap_or(&self.namespace);
        let stub = match &self.location_hint {
            None => namespace.get_by_name(&self.name),
            Some(hint) => namespace.get_by_name_with_location_hint(&self.name, hint),
        };
        stub.map_err(JsValue::from)
    }
}

/// The part of a namespace that is in a jurisdiction: `worker` 0.8.7 does not wrap it.
fn within(namespace: &ObjectNamespace, jurisdiction: &str) -> Result<ObjectNamespace, JsValue> {
    let namespace: &JsValue = namespace.as_ref();
    let method: Function = Reflect::get(namespace, &JsValue::from_str("jurisdiction"))?.dyn_into()?;
    Ok(method.call1(namespace, &JsValue::from_str(jurisdiction))?.unchecked_into())
}

fn is_retryable(error: &JsValue) -> bool {
    is(error, "retryable") && !is(error, "overloaded")
}

/// Whether an error has this mark of the runtime's own.
fn is(error: &JsValue, mark: &str) -> bool {
    Reflect::get(error, &JsValue::from_str(mark)).is_ok_and(|value| value.is_truthy())
}

/// What an object answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Status, and a frame in its header if there is one.
    Text(u16, String),
    /// Status and body.
    Body(u16, Vec<u8>),
    /// 101.
    Upgrade(web_sys::Response),
}

impl Answer {
    /// Reads what the glue makes of a response.
    fn read(answer: JsValue) -> Result<Self, Asking> {
        if let Some(text) = answer.as_string() {
            let (status, frame) = text.split_once(' ').unwrap_or((&text, ""));
            return Ok(Self::Text(status.parse().unwrap_or_default(), frame.to_owned()));
        }
        if answer.is_undefined() {
            return Err(Asking::TimedOut);
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

/// Where an answer goes: see [`answer`].
type To<'a> = (u32, &'a Function);

/// Why one try came to nothing.
enum Asking {
    Thrown(JsValue),
    TimedOut,
}

impl From<JsValue> for Asking {
    fn from(error: JsValue) -> Self {
        Self::Thrown(error)
    }
}

impl From<Error> for Asking {
    fn from(error: Error) -> Self {
        Self::Thrown(error.into())
    }
}

impl From<Asking> for Failure {
    fn from(asking: Asking) -> Self {
        match asking {
            Asking::Thrown(error) => error.into(),
            Asking::TimedOut => Self::TimedOut,
        }
    }
}

/// Of a handshake; the runtime may want them at the other end.
const HANDSHAKE_HEADERS: [&str; 4] =
    ["sec-websocket-key", "sec-websocket-version", "sec-websocket-protocol", "sec-websocket-extensions"];

thread_local! {
    /// Names of the headers that go along with an attach, and with a WebSocket.
    static NAMES: [Array; 2] = [
        CLIENT_HEADERS.into_iter().map(JsValue::from_str).collect(),
        CLIENT_HEADERS.into_iter().chain(HANDSHAKE_HEADERS).map(JsValue::from_str).collect(),
    ];
}

/// What an object has to know of a client's request: its URL and some headers.
#[derive(Debug)]
pub(crate) struct ClientRequest {
    request: web_sys::Request,
    names: Array,
    url: String,
}

impl ClientRequest {
    pub fn of(request: &web_sys::Request, url: &str) -> Self {
        let names = NAMES.with(|[names, _]| names.clone());
        Self { request: Clone::clone(request), names, url: url.to_owned() }
    }

    /// Of a client that asks for a WebSocket. What is handed over later, by URL, is only of the others.
    pub fn of_websocket(request: &web_sys::Request) -> Self {
        Self { names: NAMES.with(|[_, names]| names.clone()), ..Self::of(request, "") }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn forward(&self, stub: &DurableObject, command: &Command, (number, tell): To<'_>) -> Result<()> {
        Ok(forward(stub, &self.request, &self.names, &encode(command)?, number, tell)?)
    }
}

/// A request with messages. The object knows the client since it attached, so no header goes along.
fn post(
    stub: &DurableObject,
    url: &str,
    command: &Command,
    body: Option<&Uint8Array>,
    (number, tell): To<'_>,
) -> Result<()> {
    Ok(hand(stub, url, &encode(command)?, body.cloned(), number, tell)?)
}

fn encode(command: &Command) -> Result<String> {
    command.encode().map_err(|error| Error::RustError(error.to_string()))
}
