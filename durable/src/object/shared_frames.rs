//! Frames that are sent to many WebSockets: each is assembled, and converted to a JavaScript string, once.

use crate::js::sockets;
use sockjs_protocol::sockjs::frame::{Frame, Message};
use std::cell::RefCell;
use std::collections::VecDeque;
use wasm_bindgen::JsValue;
use worker::WebSocket;

/// Number of cached frames. One event creates a few frames, and each is sent to every member before the next event.
const REMEMBERED: usize = 32;

/// The latest frames whose messages have further recipients.
#[derive(Default)]
pub(super) struct SharedFrames(RefCell<VecDeque<(Vec<Message>, JsValue)>>);

impl SharedFrames {
    /// Sends these messages in one frame. Returns false if the socket is lost.
    pub fn send(&self, websocket: &WebSocket, messages: &[Message]) -> bool {
        let mut frames = self.0.borrow_mut();
        let is_same = |known: &[Message]| {
            known.len() == messages.len() && known.iter().zip(messages).all(|(known, message)| known.is(message))
        };
        if let Some((_, text)) = frames.iter().find(|(known, _)| is_same(known)) {
            return sockets::send_js(websocket, text);
        }
        if frames.len() == REMEMBERED {
            frames.pop_front();
        }
        let text = JsValue::from_str(&Frame::Messages(messages.to_vec()).encode());
        let is_sent = sockets::send_js(websocket, &text);
        frames.push_back((messages.to_vec(), text));
        is_sent
    }

    /// Drops the cached frames, which all recipients have.
    pub fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}
