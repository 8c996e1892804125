//! Requests of the Worker and responses to them, each read or created in one call of the runtime.

use crate::js::executor::promised;
use js_sys::Array;
use sockjs_protocol::inner::envelope::{LATER, OTHER_VERSION, ToEdge, Version, spoken};
use sockjs_protocol::inner::header::encode_frame;
use std::fmt::Display;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use worker::{Error, Result, WebSocket, web_sys};

/// A response of the runtime, or a promise of one. `worker`'s own type is assembled with several calls.
pub(crate) type JsResponse = JsValue;

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    /// Returns the header with the command.
    #[wasm_bindgen(js_name = commandOf)]
    pub(crate) fn command_of(request: &web_sys::Request) -> Option<String>;

    /// Returns headers, each after a line feed.
    #[wasm_bindgen(js_name = headersOf)]
    pub(crate) fn headers_of(request: &web_sys::Request, names: &Array) -> String;

    /// Returns a header.
    #[wasm_bindgen(js_name = headerOf)]
    pub(crate) fn header_of(request: &web_sys::Request, name: &str) -> Option<String>;

    /// A promise with its resolver.
    pub(crate) type Deferred;

    /// Creates a pending promise.
    pub(crate) fn deferred() -> Deferred;

    /// Returns the promise.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn promise(this: &Deferred) -> JsResponse;

    /// Resolves the promise.
    #[wasm_bindgen(method)]
    pub(crate) fn resolve(this: &Deferred, reply: &JsResponse);

    /// Calls `take` with the body when it has arrived. Returns a promise of its result.
    #[wasm_bindgen(js_name = whenRead)]
    fn when_read(request: &web_sys::Request, length: Option<u32>, take: &JsValue) -> JsResponse;

    #[wasm_bindgen(catch, js_name = withFrame)]
    fn with_frame(frame: &str) -> std::result::Result<JsResponse, JsValue>;

    #[wasm_bindgen(catch, js_name = withBytes)]
    fn with_bytes(bytes: Vec<u8>) -> std::result::Result<JsResponse, JsValue>;

    #[wasm_bindgen(catch, js_name = withText)]
    fn with_text(text: &str, status: u16) -> std::result::Result<JsResponse, JsValue>;

    #[wasm_bindgen(catch, js_name = withStatus)]
    fn with_status(status: u16) -> std::result::Result<JsResponse, JsValue>;

    #[wasm_bindgen(catch, js_name = withSocket)]
    fn with_socket(socket: &web_sys::WebSocket) -> std::result::Result<JsResponse, JsValue>;

    #[wasm_bindgen(catch, js_name = withHolder)]
    fn with_holder(socket: &web_sys::WebSocket, facts: &str) -> std::result::Result<JsResponse, JsValue>;

    #[wasm_bindgen(catch, js_name = withReceiver)]
    fn with_receiver(socket: &web_sys::WebSocket, connection: &str) -> std::result::Result<JsResponse, JsValue>;
}

/// The function that JavaScript calls with a body, or with the error if there is none.
type TakeBody = dyn FnOnce(Option<Vec<u8>>, JsValue) -> std::result::Result<JsResponse, JsValue>;

/// Answers with the result of `answer` for the body of `request`, without a task that waits. The body has `length` bytes, if
/// known.
pub(crate) fn with_body<Answer>(
    request: &web_sys::Request,
    length: Option<usize>,
    answer: impl FnOnce(Vec<u8>) -> Answer + 'static,
) -> JsResponse
where
    Answer: Future<Output = Result<JsResponse>> + 'static,
{
    let take = move |body: Option<Vec<u8>>, error: JsValue| promised(Box::pin(answer(body.ok_or(error)?)));
    // Boxed, so that the closure for JavaScript is compiled once.
    let take: Box<TakeBody> = Box::new(take);
    let length = length.map(|length| u32::try_from(length).unwrap_or(u32::MAX));
    when_read(request, length, &Closure::once_into_js(take))
}

/// Returns a 200 with the only frame of the response, for a Worker that speaks `version`.
pub(crate) fn frame(frame: &ToEdge, version: Version) -> Result<JsResponse> {
    Ok(match encode_frame(frame, version) {
        Some(header) => with_frame(&header)?,
        None => with_bytes(frame.encode(version))?,
    })
}

/// Returns a 204.
pub(crate) fn done() -> Result<JsResponse> {
    Ok(with_status(204)?)
}

/// Tells the Worker to ask again, since the send has to wait.
pub(crate) fn later_again() -> Result<JsResponse> {
    Ok(with_status(LATER)?)
}

/// Tells the Worker that the command is unreadable, and that it should repeat it in a version that this object speaks.
pub(crate) fn other_version() -> Result<JsResponse> {
    problem(spoken(), OTHER_VERSION)
}

/// Returns a 101 with the Worker's end of a socket.
pub(crate) fn upgrade(socket: &WebSocket) -> Result<JsResponse> {
    Ok(with_socket(socket.as_ref())?)
}

/// Returns a 101 with the Worker's end of a receiver's socket, and the id of its connection.
pub(crate) fn upgrade_receiver(socket: &WebSocket, connection: &str) -> Result<JsResponse> {
    Ok(with_receiver(socket.as_ref(), connection)?)
}

/// Returns a 101 with the Worker's end of the inner socket of a held WebSocket, and the facts about its connection.
pub(crate) fn upgrade_holder(socket: &WebSocket, facts: &str) -> Result<JsResponse> {
    Ok(with_holder(socket.as_ref(), facts)?)
}

/// Returns an error as plain text. The Worker only reads its status.
pub(crate) fn problem(problem: impl Display, status: u16) -> Result<JsResponse> {
    text(&problem.to_string(), status)
}

/// Returns a plain-text response.
pub(crate) fn text(text: &str, status: u16) -> Result<JsResponse> {
    Ok(with_text(text, status)?)
}

/// Returns a rejected promise.
pub(crate) fn failed(error: Error) -> JsResponse {
    js_sys::Promise::reject(&error.into()).into()
}
