//! The inner WebSocket: on it the object sends what a waiting client's response is to hold.

use crate::js::executor::turn;
use crate::object::backlog::Backlog;
use js_sys::{ArrayBuffer, Uint8Array};
use sockjs_protocol::inner::envelope::{FINISHED, ToObject, Version, finished_reason};
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::liveness::AutomaticAnswer;
use sockjs_protocol::sockjs::session::Seq;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::{BinaryType, CloseEvent, Event, MessageEvent};
use worker::{Result, WebSocket, web_sys};

/// Close code of an inner socket whose response ended before its last byte.
const LEFT: u16 = CloseCode::GoingAway.number();

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = watchLink)]
    fn watch_link(socket: &web_sys::WebSocket, question: &str, answer: &str) -> std::result::Result<(), JsValue>;
}

/// One end of an inner WebSocket, with everything it listens by. Dropped, it is closed.
///
/// `worker`'s own stream of events borrows its socket, so that no struct can hold both.
#[derive(Debug)]
pub(crate) struct InnerSocket {
    socket: WebSocket,
    version: Version,
    messages: Rc<Messages>,
    on_message: Closure<dyn FnMut(MessageEvent)>,
    on_end: Closure<dyn FnMut(Event)>,
}

/// Messages and events of an inner WebSocket.
#[derive(Debug, Default)]
struct Messages {
    backlog: RefCell<Backlog>,
    is_closed: Cell<bool>,
    /// The code that the object closed it with, both sides agreeing.
    code: Cell<Option<u16>>,
    waiting: RefCell<Option<Waker>>,
}

impl Messages {
    fn close(&self) {
        self.is_closed.set(true);
        self.wake();
    }

    fn wake(&self) {
        let waiting = self.waiting.take();
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    /// Waits for what `ready` makes of it, after each change.
    async fn when<T>(&self, ready: impl Fn(&Self) -> Option<T>) -> T {
        poll_fn(|context| match ready(self) {
            Some(value) => Poll::Ready(value),
            None => {
                self.waiting.replace(Some(context.waker().clone()));
                Poll::Pending
            }
        })
        .await
    }
}

impl InnerSocket {
    /// Takes the socket that came with a 101, on which this side speaks `version`. With a `question` it is lost also when the other end
    /// does not answer.
    pub fn accept(socket: web_sys::WebSocket, version: Version, question: Option<&AutomaticAnswer>) -> Result<Self> {
        // Before the others listen: an answer is not for them.
        if let Some(AutomaticAnswer { request, answer }) = question {
            watch_link(&socket, request, answer)?;
        }
        // Since compatibility date 2026-03-17 it would be Blob, which can only be read by waiting.
        socket.set_binary_type(BinaryType::Arraybuffer);
        let messages = Rc::new(Messages::default());
        let on_message = Closure::new({
            let (messages, socket) = (messages.clone(), socket.clone());
            move |event: MessageEvent| {
                // Text is nothing that any version sends; empty bytes cannot be decoded either and end the response.
                let data = event.data();
                let bytes =
                    data.dyn_ref::<ArrayBuffer>().map(|data| Uint8Array::new(data).to_vec()).unwrap_or_default();
                let answer = messages.backlog.borrow_mut().push(bytes);
                match answer {
                    // From here, also while the client does not read. The error is that the socket is lost.
                    Some(answer) => drop(socket.send_with_u8_array(&answer.encode(version))),
                    None => turn(|| messages.wake()),
                }
            }
        });
        let on_end = Closure::new({
            let messages = messages.clone();
            move |event: Event| {
                if let Some(close) = event.dyn_ref::<CloseEvent>().filter(|close| close.was_clean()) {
                    messages.code.set(Some(close.code()));
                }
                turn(|| messages.close());
            }
        });
        socket.add_event_listener_with_callback("message", on_message.as_ref().unchecked_ref())?;
        socket.add_event_listener_with_callback("close", on_end.as_ref().unchecked_ref())?;
        socket.add_event_listener_with_callback("error", on_end.as_ref().unchecked_ref())?;
        let inner = Self { socket: socket.into(), version, messages, on_message, on_end };
        inner.socket.accept()?;
        Ok(inner)
    }

    /// True if the object leaves the heartbeats to this side, when it is told so.
    pub fn may_beat(&self) -> bool {
        self.version != Version::V2
    }

    /// The next message; none when the socket is closed or lost.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        let next = |messages: &Messages| {
            let message = messages.backlog.borrow_mut().pop();
            message.map(Some).or_else(|| messages.is_closed.get().then_some(None))
        };
        self.messages.when(next).await
    }

    /// Notes the last number that was written, and number and bytes of the frame that was handed out since.
    pub fn note(&self, written: Option<Seq>, handed: Option<(Seq, usize)>) {
        self.messages.backlog.borrow_mut().note(written, handed);
    }

    /// True if frames are held that were not written.
    pub fn has_unwritten(&self) -> bool {
        self.messages.backlog.borrow().held().is_some()
    }

    /// The frames that were held and not written when the response ended, as a body for the object.
    pub fn unwritten(&self) -> Option<Vec<u8>> {
        self.messages.backlog.borrow().unwritten()
    }

    /// Tells the object that everything up to `seq` was written. A lost socket is noticed by [`InnerSocket::next`].
    pub fn acknowledge(&self, seq: Seq) {
        let _ = self.socket.send_with_bytes(ToObject::Ack(seq).encode(self.version));
    }

    /// Ends it and says what was written, and whether more was held.
    pub fn finish(&self) {
        let mut backlog = self.messages.backlog.borrow_mut();
        backlog.end();
        let reason = finished_reason(self.version, backlog.written(), backlog.held());
        drop(backlog);
        let _ = self.socket.close(Some(FINISHED), Some(reason));
    }

    /// After [`InnerSocket::finish`]: true once the object has answered that it has everything. False if it does not, or if the
    /// socket was lost before.
    pub async fn is_confirmed(&self) -> bool {
        self.messages.when(|messages| messages.is_closed.get().then_some(())).await;
        self.messages.code.get() == Some(FINISHED)
    }

    /// Returns the means to tell the object that the client is gone, or stalls.
    pub fn line(&self) -> LeaveNotice {
        LeaveNotice { socket: self.socket.clone(), version: self.version, messages: self.messages.clone() }
    }
}

impl Drop for InnerSocket {
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

/// The way to say on an inner socket how the client ended the response.
#[derive(Debug)]
pub(crate) struct LeaveNotice {
    socket: WebSocket,
    version: Version,
    messages: Rc<Messages>,
}

impl LeaveNotice {
    /// Says it, closes the socket, and wakes whoever waits on it.
    pub fn tell(self, how: &ToObject) {
        let _ = self.socket.send_with_bytes(how.encode(self.version));
        let _ = self.socket.close(Some(LEFT), Some(""));
        self.messages.close();
    }
}
