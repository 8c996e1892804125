//! Detects that a client leaves, or stalls, before its response is complete.
//!
//! There are two signals, and neither is enough (workerd 1.20260426 to 1.20261117). `request.signal` aborts, even before there is
//! a response, but only under the flag `enable_request_signal`. The response's stream is dropped, in some releases only at its
//! next chunk and in some never. The object is notified once, by the first signal.

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

/// Watches for the departure of one request's client. Dropping it before [`ClientDeparture::complete`] counts as the departure.
#[derive(Debug)]
pub(crate) struct ClientDeparture {
    state: Rc<State>,
    /// Registration of `request.signal`.
    _abort: Registration,
    /// Dropped when the object has responded.
    unanswered: Option<oneshot::Sender<()>>,
}

#[derive(Debug, Default)]
struct State {
    gone: Cell<bool>,
    complete: Cell<bool>,
    /// The handle that notifies the object, while there is one.
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
                // Otherwise the object would never know: the receiver that it is about to accept would merely seem lost.
                invocation.stay_for(Box::pin(async move {
                    // The channel is cancelled when the object has responded.
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

    /// Notes the object's first response; `line` notifies the object. If the client left meanwhile, the object is notified now.
    pub fn answered(&mut self, line: Option<LeaveNotice>) {
        self.unanswered = None;
        *self.state.line.borrow_mut() = line;
        if self.state.gone.get() {
            self.state.tell(&ToObject::Gone);
        }
    }

    /// Forgets the handle: the inner socket is lost.
    pub fn lost(&self) {
        self.state.line.borrow_mut().take();
    }

    /// Returns true if the client left.
    pub fn is_gone(&self) -> bool {
        self.state.gone.get()
    }

    /// Returns the function to call when the client stalls. It ends the response, and notifies the object.
    pub fn on_stall(&self) -> impl FnOnce() + 'static {
        let state = self.state.clone();
        move || state.end(ToObject::Stalled)
    }

    /// Notes that the response is complete: leaving now means nothing.
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
