//! The object's one timer, for what need not outlive it: see `alarm`.
//!
//! A client that polls starts it with each poll that ends and stops it with the next one, so it is a call of the runtime and
//! no task: a task would be made, waited for by the runtime, and woken to be dropped.

use crate::object::Object;
use crate::runtime::{clear_timeout, in_one_moment, set_timeout};
use sockjs_protocol::sockjs::session::Session;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::Closure;

/// When it fires, and what the runtime knows it by.
#[derive(Default)]
pub(crate) struct Timer {
    at: Cell<Option<Millis>>,
    running: Cell<Option<JsValue>>,
    on_time: OnceCell<Closure<dyn FnMut()>>,
}

impl Timer {
    /// When it fires, if it runs.
    pub fn at(&self) -> Option<Millis> {
        self.at.get()
    }

    /// It is not needed any more.
    pub fn stop(&self) {
        self.at.set(None);
        if let Some(running) = self.running.take() {
            clear_timeout(&running);
        }
    }
}

impl Object {
    /// Gives every session the time at `at`, and no more at the moment that was set before.
    pub(crate) fn start_timer(self: &Rc<Self>, at: Millis, now: Millis) {
        self.timer.stop();
        let on_time = self.timer.on_time.get_or_init(|| {
            let object = Rc::downgrade(self);
            Closure::new(move || {
                let Some(object) = object.upgrade() else { return };
                object.timer.at.set(None);
                object.timer.running.set(None);
                in_one_moment(|| object.tick(Session::tick));
            })
        });
        let after = u32::try_from((at - now).0).unwrap_or(u32::MAX);
        self.timer.at.set(Some(at));
        self.timer.running.set(Some(set_timeout(on_time.as_ref(), after)));
    }
}
