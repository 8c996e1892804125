//! A WebSocket to an upstream, as JavaScript has it.

use crate::js::strings::text_of;
use crate::upstream::link::{Link, LinkEvent};
use js_sys::futures::JsFuture;
use js_sys::{Array, Promise};
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::close::{Close, Refusal};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use worker::Result;

#[wasm_bindgen(module = "/src/js/upstream_socket.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = openUpstream)]
    fn open_upstream(
        service: &JsValue,
        url: &str,
        headers: &Array,
        protocols: &Array,
        timeout_ms: f64,
    ) -> std::result::Result<Promise, JsValue>;

    #[wasm_bindgen(catch, js_name = listenUpstream)]
    fn listen_upstream(socket: &JsValue, number: u32, tell: &JsValue) -> std::result::Result<(), JsValue>;

    #[wasm_bindgen(js_name = closeUpstream)]
    fn close_upstream(socket: &JsValue, code: u16, reason: &str, stall_ms: f64);

    #[wasm_bindgen(js_name = bufferedUpstream)]
    fn buffered_upstream(socket: &JsValue) -> f64;

    type Sender;

    #[wasm_bindgen(method, catch)]
    fn send(this: &Sender, message: &str) -> std::result::Result<(), JsValue>;
}

/// The function that JavaScript calls with a number, a message, a code and a reason.
type Tell = Closure<dyn Fn(u32, JsValue, f64, String)>;

thread_local! {
    /// Links by their numbers, from the beginning of listening until the end of the WebSocket.
    static LINKS: RefCell<HashMap<u32, Rc<Link>>> = RefCell::default();
    static LAST: Cell<u32> = const { Cell::new(0) };
    /// One closure for all links, since each one would have to be allocated and freed.
    static TELL: Tell = Closure::new(|number: u32, data: JsValue, code: f64, reason: String| {
        let link = match data.is_undefined() {
            true => LINKS.with_borrow_mut(|links| links.remove(&number)),
            false => LINKS.with_borrow(|links| links.get(&number).cloned()),
        };
        let Some(link) = link else { return };
        link.on_event(match () {
            // The code of a WebSocket.
            () if data.is_undefined() && code > 0.0 => LinkEvent::Closed { code: code as u16, reason },
            () if data.is_undefined() => LinkEvent::Lost,
            () => text_of(&data).map_or(LinkEvent::Binary, LinkEvent::Message),
        });
    });
}

/// A request for a WebSocket.
pub(super) struct Request<'a> {
    /// The service binding, or undefined.
    pub service: &'a JsValue,
    pub url: &'a str,
    pub headers: &'a [(&'static str, String)],
    pub protocols: &'a [String],
    pub timeout_ms: f64,
}

/// A WebSocket to an upstream.
#[derive(Debug)]
pub(super) struct UpstreamSocket {
    socket: JsValue,
    /// Number of its link, while it listens.
    number: Cell<Option<u32>>,
    /// Bytes for which it counts in the sum of its object, if it does.
    pub noted: Cell<Option<usize>>,
}

impl UpstreamSocket {
    /// Asks the upstream for a WebSocket. Returns the refusal, if there is none, with a detail for the log.
    pub async fn open(request: Request<'_>) -> std::result::Result<Self, (Refusal, String)> {
        let headers =
            request.headers.iter().flat_map(|(name, value)| [JsValue::from_str(name), JsValue::from_str(value)]);
        let protocols = request.protocols.iter().map(|protocol| JsValue::from_str(protocol));
        let unreachable = |error: JsValue| (Refusal::Unreachable, worker::Error::from(error).to_string());
        let answer =
            open_upstream(request.service, request.url, &headers.collect(), &protocols.collect(), request.timeout_ms)
                .map_err(unreachable)?;
        let answer = JsFuture::from(answer).await.map_err(unreachable)?;
        let Some(refusal) = text_of(&answer) else { return Ok(Self::new(answer)) };
        let (kind, status) = refusal.split_once(' ').unwrap_or_default();
        let refusal = match kind {
            "timeout" => Refusal::TimedOut,
            "protocol" => Refusal::Subprotocol,
            _ => Refusal::Status(status.parse().unwrap_or_default()),
        };
        Err((refusal, String::new()))
    }

    fn new(socket: JsValue) -> Self {
        Self { socket, number: Cell::new(None), noted: Cell::new(None) }
    }

    /// Begins to receive: `link` is told everything from now on, also what came before.
    pub fn listen(&self, link: Rc<Link>) -> Result<()> {
        let number = LAST.get().wrapping_add(1);
        LAST.set(number);
        self.number.set(Some(number));
        LINKS.with_borrow_mut(|links| links.insert(number, link));
        let listening = TELL.with(|tell| listen_upstream(&self.socket, number, tell.as_ref()));
        if listening.is_err() {
            self.forget();
        }
        Ok(listening?)
    }

    /// Sends a message. Does nothing if the WebSocket is closed: its end is told to the link.
    pub fn send(&self, message: &str) {
        let sender: &Sender = wasm_bindgen::JsCast::unchecked_ref(&self.socket);
        // The error is that it is closed.
        let _ = sender.send(message);
    }

    /// Returns the bytes that the upstream has not taken.
    pub fn buffered(&self) -> usize {
        // A whole number of bytes.
        buffered_upstream(&self.socket) as usize
    }

    /// Closes the WebSocket. Its link is told nothing from now on. An upstream that takes nothing for `stall_timeout` is broken off.
    pub fn close(&self, close: &Close, stall_timeout: Millis) {
        self.forget();
        close_upstream(&self.socket, close.code, &close.reason, stall_timeout.0 as f64);
    }

    fn forget(&self) {
        let link = self.number.take().and_then(|number| LINKS.with_borrow_mut(|links| links.remove(&number)));
        // Not within the borrow.
        drop(link);
    }
}
