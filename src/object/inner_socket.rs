//! The inner WebSocket, on which the object sends the messages for a client's pending response.

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

/// One end of an inner WebSocket, with all of its event listeners. Dropping it closes the socket.
///
/// `worker`'s own stream of events borrows its socket, so no struct can hold both.
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
    /// The code with which the object closed it, in a clean close.
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

    /// Waits until `ready` returns a value. It is evaluated after each change.
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
    /// Takes the socket of a 101, on which this side speaks `version`. With a `question`, the socket also counts as lost if the
    /// other end does not answer it.
    pub fn accept(socket: web_sys::WebSocket, version: Version, question: Option<&AutomaticAnswer>) -> Result<Self> {
        // First: the answers to the question must not reach the other listeners.
        if let Some(AutomaticAnswer { request, answer }) = question {
            watch_link(&socket, request, answer)?;
        }
        // Since compatibility date 2026-03-17 the default is Blob, which can only be read asynchronously.
        socket.set_binary_type(BinaryType::Arraybuffer);
        let messages = Rc::new(Messages::default());
        let on_message = Closure::new({
            let (messages, socket) = (messages.clone(), socket.clone());
            move |event: MessageEvent| {
                // No version sends text; empty bytes fail to decode, and so end the response.
                let data = event.data();
                let bytes =
                    data.dyn_ref::<ArrayBuffer>().map(|data| Uint8Array::new(data).to_vec()).unwrap_or_default();
                let answer = messages.backlog.borrow_mut().push(bytes);
                match answer {
                    // Answered here, so that it works while the client does not read. An error means that the socket is lost.
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

    /// True if the object lets this side write the heartbeats on request.
    pub fn may_beat(&self) -> bool {
        self.version != Version::V2
    }

    /// Returns the next message, or `None` when the socket is closed or lost.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        let next = |messages: &Messages| {
            let message = messages.backlog.borrow_mut().pop();
            message.map(Some).or_else(|| messages.is_closed.get().then_some(None))
        };
        self.messages.when(next).await
    }

    /// Notes the last number that was written, and number and bytes of the frame that was handed to the runtime since.
    pub fn note(&self, written: Option<Seq>, handed: Option<(Seq, usize)>) {
        self.messages.backlog.borrow_mut().note(written, handed);
    }

    /// True if frames are held that were not written.
    pub fn has_unwritten(&self) -> bool {
        self.messages.backlog.borrow().held().is_some()
    }

    /// Returns the frames that were held and not written when the response ended, as a body for the object.
    pub fn unwritten(&self) -> Option<Vec<u8>> {
        self.messages.backlog.borrow().unwritten()
    }

    /// Acknowledges everything up to `seq`. [`InnerSocket::next`] notices a lost socket.
    pub fn acknowledge(&self, seq: Seq) {
        let _ = self.socket.send_with_bytes(ToObject::Ack(seq).encode(self.version));
    }

    /// Closes the socket, and reports what was written, and whether more was held.
    pub fn finish(&self) {
        let mut backlog = self.messages.backlog.borrow_mut();
        backlog.end();
        let reason = finished_reason(self.version, backlog.written(), backlog.held());
        drop(backlog);
        let _ = self.socket.close(Some(FINISHED), Some(reason));
    }

    /// Returns true once the object has confirmed, after [`InnerSocket::finish`], that it has everything. Returns false if the
    /// object does not confirm, or if the socket was lost before.
    pub async fn is_confirmed(&self) -> bool {
        self.messages.when(|messages| messages.is_closed.get().then_some(())).await;
        self.messages.code.get() == Some(FINISHED)
    }

    /// Returns a handle that notifies the object when the client is gone or stalls.
    pub fn line(&self) -> LeaveNotice {
        LeaveNotice { socket: self.socket.clone(), version: self.version, messages: self.messages.clone() }
    }
}

impl Drop for InnerSocket {
    fn drop(&mut self) {
        let socket: &web_sys::WebSocket = self.socket.as_ref();
        let message = self.on_message.as_ref().unchecked_ref();
        let end = self.on_end.as_ref().unchecked_ref();
        // An error means that there is nothing left to undo.
        let _ = socket.remove_event_listener_with_callback("message", message);
        let _ = socket.remove_event_listener_with_callback("close", end);
        let _ = socket.remove_event_listener_with_callback("error", end);
        let _ = self.socket.close(Some(LEFT), Some(""));
    }
}

/// A handle that reports on an inner socket how the client ended the response.
#[derive(Debug)]
pub(crate) struct LeaveNotice {
    socket: WebSocket,
    version: Version,
    messages: Rc<Messages>,
}

impl LeaveNotice {
    /// Reports it, closes the socket, and wakes the task that waits on it.
    pub fn tell(self, how: &ToObject) {
        let _ = self.socket.send_with_bytes(how.encode(self.version));
        let _ = self.socket.close(Some(LEFT), Some(""));
        self.messages.close();
    }
}
