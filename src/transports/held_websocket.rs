//! A client's WebSocket that the Worker holds. Its connection is opened in the object before the handshake is answered, so that a
//! refusal keeps its status. From then on `held_socket.js` forwards messages; on its request, this module attaches the object
//! again.

use crate::http::response::HttpResponse;
use crate::js::executor::promised;
use crate::js::invocation::Invocation;
use crate::js::random;
use crate::object::stub::{ClientRequest, ObjectError, ObjectResponse, ObjectStub, question};
use crate::{Config, Heartbeats, Liveness};
use js_sys::{Array, Reflect};
use sockjs_durable::log;
use sockjs_protocol::inner::envelope::{Action, Command, HELD_HEADER, Pass, Returned};
use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::session::{ReceiverId, Rules, Seq};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use worker::worker_sys::ext::ResponseExt;
use worker::{Error, Result, WebSocketPair, web_sys};

#[wasm_bindgen(module = "/src/js/held_socket.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn hold(
        client: &web_sys::WebSocket,
        inner: &web_sys::WebSocket,
        options: &JsValue,
        attach: &JsValue,
        invocation: &JsValue,
    ) -> std::result::Result<JsValue, JsValue>;
}

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    /// Returns a 101 with the client's end of its WebSocket.
    #[wasm_bindgen(catch, js_name = upgradeWith)]
    fn upgrade_with(socket: &web_sys::WebSocket) -> std::result::Result<HttpResponse, JsValue>;
}

/// Number of consecutive requests that an attempt to attach may take, with some time to spare.
const ATTEMPTS: f64 = 2.0;
const SLACK_MS: f64 = 5_000.0;

/// Status of the object's response if the connection is over.
const OVER: u16 = 404;

/// A client's WebSocket, and access to its object.
pub(crate) struct HeldWebSocket {
    pub object: ObjectStub,
    pub client: ClientRequest,
    pub service: String,
    pub parameters: Vec<(String, String)>,
    pub pass: Option<Pass>,
    pub session: Option<String>,
    pub transport: Transport,
    /// True if the Worker writes the heartbeats.
    pub beats: bool,
}

/// Outcome of the request to open the connection.
pub(crate) enum Opened {
    Held(HttpResponse),
    /// The object's version does not support held WebSockets.
    Unknown,
    Refused(ObjectResponse),
}

/// Facts about a connection that the object reports.
struct Facts {
    connection: String,
    opened: Millis,
    received: u64,
}

impl HeldWebSocket {
    /// Opens the connection and answers the handshake.
    pub async fn open(self, config: &Config, invocation: &Invocation) -> std::result::Result<Opened, ObjectError> {
        let receiver = ReceiverId(random::id());
        let answer = match self.object.hold(&self.client, &self.command(receiver, None)).await? {
            None => return Ok(Opened::Unknown),
            Some(answer) => answer,
        };
        let ObjectResponse::Upgrade(response) = answer else { return Ok(Opened::Refused(answer)) };
        let (inner, Facts { connection, opened, .. }) = inner_of(&response)?;
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        let options = options(config, self.transport)?;
        let held = Rc::new(self);
        let attach = move |known: Array| {
            let (held, connection) = (held.clone(), connection.clone());
            promised(Box::pin(async move { Some(held.attach_again(receiver, connection, opened, &known).await) }))
        };
        let attach = Closure::<dyn Fn(Array) -> JsValue>::new(attach).into_js_value();
        hold(server.as_ref(), &inner, &options, &attach, invocation.context())?;
        Ok(Opened::Held(upgrade_with(client.as_ref())?))
    }

    fn command(&self, receiver: ReceiverId, returned: Option<Returned>) -> Command {
        let (session, transport, beats) = (self.session.clone(), self.transport, self.beats);
        let action = Action::Hold { session, transport, receiver, beats, returned };
        Command::new(&self.service, action).with_parameters(&self.parameters).with_pass(self.pass.clone())
    }

    /// Attaches the object again. Returns the inner WebSocket with the number of the last message that the object received,
    /// `undefined` if the connection is over, or `null` if another attempt may succeed.
    async fn attach_again(&self, receiver: ReceiverId, connection: String, opened: Millis, known: &Array) -> JsValue {
        let returned = returned_of(connection, opened, known);
        let problem = match self.object.hold(&self.client, &self.command(receiver, Some(returned))).await {
            Ok(Some(ObjectResponse::Upgrade(response))) => match inner_of(&response) {
                Ok((inner, Facts { received, .. })) => {
                    return Array::of2(&inner, &JsValue::from_f64(received as f64)).into();
                }
                Err(failure) => failure.to_string(),
            },
            Ok(Some(answer)) if answer.status() == OVER => return JsValue::UNDEFINED,
            // The object is of an earlier version now.
            Ok(None) => return JsValue::UNDEFINED,
            Ok(Some(answer)) => {
                format!("unexpected status {} of the object for a WebSocket that attaches again", answer.status())
            }
            Err(failure) => failure.to_string(),
        };
        log::warn("object", Some(&self.service), problem);
        JsValue::NULL
    }
}

/// Reads the state of `held_socket.js`: the last number, the last handled message, whether the client sent something, state,
/// groups, close code and reason.
fn returned_of(connection: String, opened: Millis, known: &Array) -> Returned {
    let number = |at| known.get(at).as_f64().map(|number| number as u64);
    let closed = number(5).map(|code| {
        let code = u16::try_from(code).unwrap_or_default();
        (code, known.get(6).as_string().unwrap_or_default())
    });
    Returned {
        connection,
        opened,
        after: number(0).map(Seq),
        handled: number(1).unwrap_or_default(),
        heard: known.get(2).is_truthy(),
        state: known.get(3).as_string(),
        groups: known.get(4).as_string(),
        closed,
    }
}

/// Returns the inner WebSocket of a 101, and the facts about its connection.
fn inner_of(response: &web_sys::Response) -> Result<(web_sys::WebSocket, Facts)> {
    let inner = response.websocket().ok_or("101 without a WebSocket")?;
    let facts = response.headers().get(HELD_HEADER)?.unwrap_or_default();
    let mut facts = facts.split(' ');
    let mut next = || facts.next().ok_or_else(|| Error::from("101 without the facts of a held WebSocket"));
    let wrong = |_| Error::from("101 with wrong facts of a held WebSocket");
    let connection = next()?.to_owned();
    let opened = Millis(next()?.parse().map_err(wrong)?);
    let received = next()?.parse().map_err(wrong)?;
    Ok((inner, Facts { connection, opened, received }))
}

/// True if the Worker writes the heartbeats of the WebSockets that it holds. It also does so to ask clients for a sign of life.
pub(crate) fn writes_heartbeats(config: &Config) -> bool {
    config.heartbeats == Heartbeats::Worker || config.liveness.is_some()
}

/// Returns the options of `held_socket.js`.
fn options(config: &Config, transport: Transport) -> Result<JsValue> {
    let is_raw = transport == Transport::WebSocketRaw;
    let millis = |millis: Millis| JsValue::from_f64(millis.0 as f64);
    let heartbeat = Some(Rules::held(config, transport)).filter(|_| writes_heartbeats(config));
    let liveness = config.liveness.as_ref();
    let text = |framed: String, raw: &str| JsValue::from_str(if is_raw { raw } else { &framed });
    let message = liveness.map(|liveness| text(liveness.request(), liveness.message()));
    let answer = |liveness: &Liveness| text(Frame::Messages(liveness.answer()).encode(), liveness.message());
    let asked = question(config);
    let options = js_sys::Object::new();
    for (name, value) in [
        ("isRaw", JsValue::from_bool(is_raw)),
        ("linkQuestion", asked.as_ref().map_or(JsValue::UNDEFINED, |asked| JsValue::from_str(&asked.request))),
        ("linkAnswer", asked.as_ref().map_or(JsValue::UNDEFINED, |asked| JsValue::from_str(&asked.answer))),
        ("heartbeatMs", heartbeat.and_then(|rules| rules.heartbeat_delay).map_or(JsValue::UNDEFINED, millis)),
        ("livenessMessage", message.unwrap_or_default()),
        ("livenessAnswer", liveness.map(answer).unwrap_or_default()),
        ("silenceTimeoutMs", millis(config.silence_timeout)),
        ("isLivenessRequired", JsValue::from_bool(liveness.is_some() && config.liveness_required)),
        ("inboxLimit", JsValue::from_f64(config.inbox_limit as f64)),
        ("stallTimeoutMs", JsValue::from_f64(config.stall_timeout.0 as f64)),
        ("attachMs", JsValue::from_f64(ATTEMPTS * config.object_timeout.0 as f64 + SLACK_MS)),
        ("reattachTimeoutMs", JsValue::from_f64(config.reattach_timeout.0 as f64)),
    ] {
        Reflect::set(&options, &JsValue::from_str(name), &value)?;
    }
    Ok(options.into())
}
