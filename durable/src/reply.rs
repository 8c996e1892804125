//! What the object reads of the Worker's request, and what it answers, each in one call of the runtime.

use crate::link::Delivery;
use js_sys::Array;
use sockjs_protocol::header::encode_frame;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
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

    #[wasm_bindgen(catch, js_name = withFrame)]
    fn with_frame(frame: &str) -> std::result::Result<Reply, JsValue>;

    #[wasm_bindgen(catch, js_name = withBytes)]
    fn with_bytes(bytes: Vec<u8>) -> std::result::Result<Reply, JsValue>;

    #[wasm_bindgen(catch, js_name = withStatus)]
    fn with_status(status: u16) -> std::result::Result<Reply, JsValue>;

    #[wasm_bindgen(catch, js_name = withSocket)]
    fn with_socket(socket: &web_sys::WebSocket) -> std::result::Result<Reply, JsValue>;
}

/// This frame is all there is to write.
pub(crate) fn frame(delivery: &Delivery) -> Result<Reply> {
    let message = delivery.to_edge();
    Ok(match encode_frame(&message) {
        Some(header) => with_frame(&header)?,
        None => with_bytes(message.encode())?,
    })
}

/// 204.
pub(crate) fn done() -> Result<Reply> {
    Ok(with_status(204)?)
}

/// 101, with the Worker's end of a socket.
pub(crate) fn upgrade(socket: &WebSocket) -> Result<Reply> {
    Ok(with_socket(socket.as_ref())?)
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
