//! The inner WebSocket: on it the object sends what a waiting client's response is to hold.

use crate::task::turn;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use js_sys::{ArrayBuffer, Uint8Array};
use sockjs_protocol::envelope::{FINISHED, ToObject, finished_reason};
use sockjs_protocol::session::Seq;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use worker::web_sys::{BinaryType, CloseEvent, Event, MessageEvent};
use worker::{Result, WebSocket, web_sys};

/// Close code of an inner socket whose response ended before its last byte.
const LEFT: u16 = 1001;

/// One end of an inner WebSocket, with everything it listens by. Dropped, it is closed.
///
/// `worker`'s own stream of events borrows its socket, so that no struct can hold both.
#[derive(Debug)]
pub(crate) struct Inner {
    socket: WebSocket,
    messages: UnboundedReceiver<Vec<u8>>,
    line: UnboundedSender<Vec<u8>>,
    /// The code that it was closed with, both sides agreeing.
    ended: Rc<Cell<Option<u16>>>,
    on_message: Closure<dyn FnMut(MessageEvent)>,
    on_end: Closure<dyn FnMut(Event)>,
}

impl Inner {
    /// Takes the socket that came with a 101.
    pub fn accept(socket: web_sys::WebSocket) -> Result<Self> {
        // Since compatibility date 2026-03-17 it would be Blob, which can only be read by waiting.
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (line, messages) = unbounded();
        let ended = Rc::new(Cell::new(None));
        let on_message = Closure::new({
            let line = line.clone();
            move |event: MessageEvent| {
                // Text is nothing that any version sends; empty bytes cannot be decoded either and end the response.
                let data = event.data();
                let bytes =
                    data.dyn_ref::<ArrayBuffer>().map(|data| Uint8Array::new(data).to_vec()).unwrap_or_default();
                // The error is that nobody reads any more.
                turn(|| drop(line.unbounded_send(bytes)));
            }
        });
        let on_end = Closure::new({
            let (line, ended) = (line.clone(), ended.clone());
            move |event: Event| {
                if let Some(close) = event.dyn_ref::<CloseEvent>().filter(|close| close.was_clean()) {
                    ended.set(Some(close.code()));
                }
                turn(|| line.close_channel());
            }
        });
        socket.add_event_listener_with_callback("message", on_message.as_ref().unchecked_ref())?;
        socket.add_event_listener_with_callback("close", on_end.as_ref().unchecked_ref())?;
        socket.add_event_listener_with_callback("error", on_end.as_ref().unchecked_ref())?;
        let inner = Self { socket: socket.into(), messages, line, ended, on_message, on_end };
        inner.socket.accept()?;
        Ok(inner)
    }

    /// The next message; none when the socket is closed or lost.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.messages.next().await
    }

    /// Tells the object that everything up to `seq` was written. A lost socket is noticed by [`Inner::next`].
    pub fn acknowledge(&self, seq: Seq) {
        let _ = self.socket.send_with_bytes(ToObject::Ack(seq).encode());
    }

    /// Ends it with the word that everything up to `written` was written.
    pub fn finish(&self, written: Option<Seq>) {
        let _ = self.socket.close(Some(FINISHED), Some(finished_reason(written)));
    }

    /// After [`Inner::finish`]: true once the object has answered, false if the socket was lost before.
    pub async fn confirmed(mut self) -> bool {
        while self.messages.next().await.is_some() {}
        self.ended.get() == Some(FINISHED)
    }

    /// What it takes to say that the client is gone.
    pub fn line(&self) -> Line {
        Line { socket: self.socket.clone(), messages: self.line.clone() }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let socket: &web_sys::WebSocket = self.socket.as_ref();
        let message = self.on_message.as_ref().unchecked_ref();
        let end = self.on_end.as_ref().unchecked_ref();
        // Errors here say that there is nothing left to undo.
        let _ = socket.remove_event_listener_with_callback("message", message);
        let _ = socket.remove_event_listener_with_callback("close", end);
        let _ = socket.remove_event_listener_with_callback("error", end);
        let _ = self.socket.close(Some(LEFT), Some(""));
    }
}

/// The way to say on an inner socket that the client is gone.
#[derive(Debug)]
pub(crate) struct Line {
    socket: WebSocket,
    messages: UnboundedSender<Vec<u8>>,
}

impl Line {
    /// Says it, closes the socket, and wakes whoever waits on it.
    pub fn tell_gone(self) {
        let _ = self.socket.send_with_bytes(ToObject::Gone.encode());
        let _ = self.socket.close(Some(LEFT), Some(""));
        self.messages.close_channel();
    }
}
