//! A frame that goes to many WebSockets: it is put together, and made a text of the runtime's, once.

use sockjs_protocol::frame::{Encoded, Frame};
use std::cell::RefCell;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::WebSocket;

/// The last frame whose messages go to others, too.
#[derive(Default)]
pub(crate) struct SharedFrame(RefCell<Option<(Vec<Encoded>, JsValue)>>);

impl SharedFrame {
    /// Sends these messages in one frame. False if the socket is lost.
    pub fn send(&self, websocket: &WebSocket, messages: &[Encoded]) -> bool {
        let mut last = self.0.borrow_mut();
        let is_last = last.as_ref().is_some_and(|(known, _)| {
            known.len() == messages.len() && known.iter().zip(messages).all(|(known, message)| known.is(message))
        });
        if !is_last {
            *last = None;
        }
        let (_, text) = last.get_or_insert_with(|| {
            let messages = messages.to_vec();
            let text = Frame::Messages(messages.clone()).encode();
            (messages, JsValue::from_str(&text))
        });
        websocket.as_ref().unchecked_ref::<Socket>().send(text).is_ok()
    }

    /// It has gone to everyone.
    pub fn forget(&self) {
        self.0.take();
    }
}

#[wasm_bindgen]
extern "C" {
    type Socket;

    /// `web_sys` (0.3) copies a text out of wasm for each call.
    #[wasm_bindgen(method, catch)]
    fn send(this: &Socket, text: &JsValue) -> Result<(), JsValue>;
}
