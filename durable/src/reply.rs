//! What the object reads of the Worker's request, and what it answers, each in one call of the runtime.

use crate::link::Delivery;
use crate::runtime::{Relay, in_one_moment};
use js_sys::Array;
use js_sys::futures::future_to_promise;
use sockjs_protocol::inner::envelope::{LATER, OTHER_VERSION, ToEdge, Version, spoken};
use sockjs_protocol::inner::header::encode_frame;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use worker::{Error, Response, Result, WebSocket, web_sys};

/// A response as the runtime has it, or a promise of one. `worker`'s own is put together from parts that are calls of their
/// own.
pub(crate) type Reply = JsValue;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// The header with the command.
    #[wasm_bindgen(js_name = commandOf)]
    pub(crate) fn command_of(request: &web_sys::Request) -> Option<String>;

    /// Headers, each after a line feed.
    #[wasm_bindgen(js_name = headersOf)]
    pub(crate) fn headers_of(request: &web_sys::Request, names: &Array) -> String;

    /// A header.
    #[wasm_bindgen(js_name = headerOf)]
    pub(crate) fn header_of(request: &web_sys::Request, name: &str) -> Option<String>;

    /// A promise, and what fulfils it.
    pub(crate) type Later;

    /// An open promise.
    pub(crate) fn later() -> Later;

    /// The promise.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn promise(this: &Later) -> Reply;

    /// Fulfils it.
    #[wasm_bindgen(method)]
    pub(crate) fn resolve(this: &Later, reply: &Reply);

    /// What `take` makes of the body, once it is there.
    #[wasm_bindgen(js_name = whenRead)]
    fn when_read(request: &web_sys::Request, length: Option<u32>, take: &JsValue) -> Reply;

    #[wasm_bindgen(catch, js_name = withFrame)]
    fn with_frame(frame: &str) -> std::result::Result<Reply, JsValue>;

    #[wasm_bindgen(catch, js_name = withBytes)]
    fn with_bytes(bytes: Vec<u8>) -> std::result::Result<Reply, JsValue>;

    #[wasm_bindgen(catch, js_name = withStatus)]
    fn with_status(status: u16) -> std::result::Result<Reply, JsValue>;

    #[wasm_bindgen(catch, js_name = withSocket)]
    fn with_socket(socket: &web_sys::WebSocket) -> std::result::Result<Reply, JsValue>;

    #[wasm_bindgen(catch, js_name = withReceiver)]
    fn with_receiver(socket: &web_sys::WebSocket, connection: &str) -> std::result::Result<Reply, JsValue>;
}

/// Answers an event: with what `answer` comes to, or a promise of it if that has to wait.
pub(crate) fn promised(answer: impl Future<Output = Result<Reply>> + 'static) -> std::result::Result<Reply, JsValue> {
    let mut answer = Box::pin(answer);
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(relay.clone());
    let mut at_once = Poll::Pending;
    in_one_moment(|| at_once = answer.as_mut().poll(&mut Context::from_waker(&waker)));
    if let Poll::Ready(reply) = at_once {
        return Ok(reply?);
    }
    let waiting = poll_fn(move |context| {
        relay.wake_instead(context.waker());
        answer.as_mut().poll(&mut Context::from_waker(&waker))
    });
    Ok(future_to_promise(async move { Ok(waiting.await?) }).into())
}

/// Answers with what `answer` makes of the body of `request`, which no task waits for. It has `length` bytes, if that is known.
pub(crate) fn with_body<Answer>(
    request: &web_sys::Request,
    length: Option<usize>,
    answer: impl FnOnce(Vec<u8>) -> Answer + 'static,
) -> Reply
where
    Answer: Future<Output = Result<Reply>> + 'static,
{
    let take = move |body: Option<Vec<u8>>, error: JsValue| promised(answer(body.ok_or(error)?));
    let length = length.map(|length| u32::try_from(length).unwrap_or(u32::MAX));
    when_read(request, length, &Closure::once_into_js(take))
}

/// This frame is all there is to write, for a Worker that speaks `version`.
pub(crate) fn frame(delivery: &Delivery, version: Version) -> Result<Reply> {
    message(&delivery.to_edge(), version)
}

/// This message is all there is to write, for a Worker that speaks `version`.
pub(crate) fn message(message: &ToEdge, version: Version) -> Result<Reply> {
    Ok(match encode_frame(message, version) {
        Some(header) => with_frame(&header)?,
        None => with_bytes(message.encode(version))?,
    })
}

/// 204.
pub(crate) fn done() -> Result<Reply> {
    Ok(with_status(204)?)
}

/// The send waits: the Worker asks again.
pub(crate) fn later_again() -> Result<Reply> {
    Ok(with_status(LATER)?)
}

/// The command cannot be read: the Worker repeats it in one of the versions that this object speaks.
pub(crate) fn other_version() -> Result<Reply> {
    problem(spoken(), OTHER_VERSION)
}

/// 101, with the Worker's end of a socket.
pub(crate) fn upgrade(socket: &WebSocket) -> Result<Reply> {
    Ok(with_socket(socket.as_ref())?)
}

/// 101, with the Worker's end of a receiver's socket, and the id of its connection.
pub(crate) fn upgrade_receiver(socket: &WebSocket, connection: &str) -> Result<Reply> {
    Ok(with_receiver(socket.as_ref(), connection)?)
}

/// An error in words, of which the Worker reads the status.
pub(crate) fn problem(text: impl Into<String>, status: u16) -> Result<Reply> {
    Ok(whole(Response::error(text, status)?))
}

/// What `worker` put together.
pub(crate) fn whole(response: Response) -> Reply {
    web_sys::Response::from(response).into()
}

/// A promise that fails.
pub(crate) fn failed(error: Error) -> Reply {
    js_sys::Promise::reject(&error.into()).into()
}
