//! The departure of a client that leaves, or stalls, before its response is complete.
//!
//! Two signals tell, and neither is enough by itself (workerd 1.20260426 to 1.20261117): `request.signal` aborts, also
//! while there is no response yet, but only under the flag `enable_request_signal`; the response's stream is dropped, in
//! some releases only at its next chunk and in some never. Whichever comes first, the object is told once.

use crate::js::callbacks::Registration;
use crate::js::invocation::Invocation;
use crate::object::inner_socket::LeaveNotice;
use futures::channel::oneshot;
use js_sys::Function;
use sockjs_protocol::inner::envelope::ToObject;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Result, web_sys};

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn watch(request: &web_sys::Request, number: u32, tell: &Function) -> std::result::Result<bool, JsValue>;
}

/// Watches for the departure of one request's client. Dropped before [`ClientDeparture::complete`], it is that departure.
#[derive(Debug)]
pub(crate) struct ClientDeparture {
    state: Rc<State>,
    /// Registration of `request.signal`.
    _abort: Registration,
    /// Dropped when the object's first answer is there.
    unanswered: Option<oneshot::Sender<()>>,
}

#[derive(Debug, Default)]
struct State {
    gone: Cell<bool>,
    complete: Cell<bool>,
    /// The way to tell the object, while there is one.
    line: RefCell<Option<LeaveNotice>>,
}

impl ClientDeparture {
    /// Watches the client of `request`.
    pub fn watch(request: &web_sys::Request, invocation: &Invocation) -> Result<Self> {
        let state = Rc::new(State::default());
        let (unanswered, answered) = oneshot::channel();
        let on_abort = {
            let state = state.clone();
            let invocation = invocation.clone();
            move || {
                state.leave();
                // Without this the object would never hear of it: the receiver it is just about to accept would look
                // merely lost.
                invocation.stay_for(Box::pin(async move {
                    // Cancellation is the answer.
                    let _ = answered.await;
                }));
            }
        };
        let (abort, has_left) = Registration::call(on_abort, |number, tell| watch(request, number, tell));
        if has_left? {
            state.leave();
        }
        Ok(Self { state, _abort: abort, unanswered: Some(unanswered) })
    }

    /// The object's first answer is there; `line` is the way to tell it. If the client left meanwhile, it is told now.
    pub fn answered(&mut self, line: Option<LeaveNotice>) {
        self.unanswered = None;
        *self.state.line.borrow_mut() = line;
        if self.state.gone.get() {
            self.state.tell(&ToObject::Gone);
        }
    }

    /// The way to tell the object is lost.
    pub fn lost(&self) {
        self.state.line.borrow_mut().take();
    }

    /// Returns true if the client left.
    pub fn is_gone(&self) -> bool {
        self.state.gone.get()
    }

    /// Returns the function to call when the client stalls, which ends the response. It notifies the object.
    pub fn on_stall(&self) -> impl FnOnce() + 'static {
        let state = self.state.clone();
        move || state.end(ToObject::Stalled)
    }

    /// The response is complete: leaving now means nothing.
    pub fn complete(&self) {
        self.state.complete.set(true);
        self.state.line.borrow_mut().take();
    }
}

impl Drop for ClientDeparture {
    fn drop(&mut self) {
        self.state.leave();
    }
}

impl State {
    fn leave(&self) {
        self.end(ToObject::Gone);
    }

    fn end(&self, how: ToObject) {
        if !self.complete.get() && !self.gone.replace(true) {
            self.tell(&how);
        }
    }

    fn tell(&self, how: &ToObject) {
        let line = self.line.borrow_mut().take();
        if let Some(line) = line {
            line.tell(how);
        }
    }
}
