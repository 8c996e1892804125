//! The way to an object: one request and its answer, within a time limit.

use crate::Config;
use crate::inner::Inner;
use futures::future::{Either, select};
use js_sys::futures::JsFuture;
use js_sys::{Function, Reflect, Uint8Array};
use sockjs_durable::log;
use sockjs_protocol::envelope::{Action, COMMAND_HEADER, Command, Push};
use std::fmt;
use std::pin::pin;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::DurableObject;
use worker::worker_sys::ext::ResponseExt;
use worker::{Delay, Error, ObjectNamespace, Request, Result, Stub, web_sys};

/// An object that panicked never answers (workers-rs 0.8.7), so nothing waits for one without a limit.
const LIMIT: Duration = Duration::from_secs(10);

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
            Self::TimedOut => write!(f, "the object did not answer within {} s", LIMIT.as_secs()),
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
    Answered(Vec<u8>),
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
        within_limit(async {
            let response = self.fetch(|again| client.forward(&command(again), true)).await?;
            match response.status() {
                200 => {
                    let body = JsFuture::from(response.array_buffer()?).await?;
                    Ok(Attached::Answered(Uint8Array::new(&body).to_vec()))
                }
                101 => match response.websocket() {
                    Some(socket) => Ok(Attached::Waiting(Inner::accept(socket)?)),
                    None => Err(Failure::Failed("101 without a WebSocket".into())),
                },
                status => Ok(Attached::Refused(status)),
            }
        })
        .await
    }

    /// Hands over messages; gives the status. A second try is told by the command's own id.
    pub async fn send(&self, url: &str, command: &Command, batch: &[u8]) -> Result<u16, Failure> {
        within_limit(async {
            let response = self.fetch(|_| post(url, command, batch)).await?;
            Ok(response.status())
        })
        .await
    }

    /// Tells what a receiver wrote; whether the object knows now.
    pub async fn wrote(&self, url: &str, command: &Command) -> bool {
        self.send(url, command, &[]).await.is_ok_and(|status| status == 204)
    }

    /// Pushes something to connections; gives the status and the text of the answer. A message goes out once: an object does
    /// not recognise one that comes again.
    pub async fn push(&self, command: &Command, message: &str) -> Result<(u16, String), Failure> {
        within_limit(async {
            let request = |_| post(PUSH_URL, command, message.as_bytes());
            let response = match command.action {
                Action::Push { push: Push::Message, .. } => self.fetch_once(&request(false)?).await?,
                _ => self.fetch(request).await?,
            };
            let text = JsFuture::from(response.text()?).await?;
            Ok((response.status(), text.as_string().unwrap_or_default()))
        })
        .await
    }

    /// Passes a client's WebSocket on.
    pub async fn connect(&self, client: &ClientRequest, command: &Command) -> Result<web_sys::Response, Failure> {
        within_limit(self.fetch(|_| client.forward(command, false))).await
    }

    /// Tries a second time, on a new stub, what the runtime says is worth it.
    async fn fetch(&self, request: impl Fn(bool) -> Result<web_sys::Request>) -> Result<web_sys::Response, Failure> {
        let first = match self.fetch_once(&request(false)?).await {
            Err(error) if is_retryable(&error) => error,
            answer => return Ok(answer?),
        };
        log::warn("retry", None, Error::from(first));
        Ok(self.fetch_once(&request(true)?).await?)
    }

    async fn fetch_once(&self, request: &web_sys::Request) -> Result<web_sys::Response, JsValue> {
        // Through the bare binding: `worker`'s wrappers read method, headers, body and more of both sides.
        let stub = self.stub()?.into_rpc::<DurableObject>();
        JsFuture::from(stub.fetch_with_request(request)?).await?.dyn_into()
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

async fn within_limit<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match select(pin!(work), pin!(Delay::from(LIMIT))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(Failure::TimedOut),
    }
}

fn is_retryable(error: &JsValue) -> bool {
    is(error, "retryable") && !is(error, "overloaded")
}

/// Whether an error has this mark of the runtime's own.
fn is(error: &JsValue, mark: &str) -> bool {
    Reflect::get(error, &JsValue::from_str(mark)).is_ok_and(|value| value.is_truthy())
}

/// What an object has to know of a client's request: its URL and headers.
#[derive(Debug)]
pub(crate) struct ClientRequest {
    url: String,
    headers: web_sys::Headers,
}

impl ClientRequest {
    pub fn of(request: &Request) -> Result<Self> {
        let request = request.inner();
        // A copy on the JavaScript side: no header crosses into wasm.
        let headers = web_sys::Headers::new_with_headers(&request.headers())?;
        // It tells of a body that does not go along.
        headers.delete("Content-Length")?;
        Ok(Self { url: request.url(), headers })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The request to the object. `set`, not `append`: the header may stand in the client's request too.
    fn forward(&self, command: &Command, upgrade: bool) -> Result<web_sys::Request> {
        self.headers.set(COMMAND_HEADER, &encode(command)?)?;
        if upgrade {
            self.headers.set("Upgrade", "websocket")?;
        }
        let init = web_sys::RequestInit::new();
        init.set_headers_headers(&self.headers);
        Ok(web_sys::Request::new_with_str_and_init(&self.url, &init)?)
    }
}

/// A send's request. The object knows the client since it attached, so no header goes along.
fn post(url: &str, command: &Command, batch: &[u8]) -> Result<web_sys::Request> {
    let headers = web_sys::Headers::new()?;
    headers.set(COMMAND_HEADER, &encode(command)?)?;
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_headers_headers(&headers);
    init.set_body_opt_u8_array(Some(&Uint8Array::from(batch)));
    Ok(web_sys::Request::new_with_str_and_init(url, &init)?)
}

fn encode(command: &Command) -> Result<String> {
    command.encode().map_err(|error| Error::RustError(error.to_string()))
}
