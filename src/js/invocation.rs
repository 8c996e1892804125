//! The Worker's invocation, which ends when its client leaves, unless something extends it.

use futures::future::LocalBoxFuture;
use js_sys::futures::future_to_promise;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Context, worker_sys};

/// One invocation of the Worker.
#[derive(Debug, Clone)]
pub(crate) struct Invocation(Rc<worker_sys::Context>);

impl Invocation {
    /// Returns the invocation of a request. `worker`'s context (0.8.7) cannot be cloned.
    pub fn of(context: &Context) -> Self {
        let context = AsRef::<worker_sys::Context>::as_ref(context);
        Self(Rc::new(AsRef::<JsValue>::as_ref(context).clone().unchecked_into()))
    }

    /// Returns the context as JavaScript has it.
    pub fn context(&self) -> &JsValue {
        &self.0
    }

    /// Lets `work` continue when the client is gone or has its whole response; the runtime permits 30 s.
    pub fn stay_for(&self, work: LocalBoxFuture<'static, ()>) {
        let promise = future_to_promise(async move {
            work.await;
            Ok(JsValue::UNDEFINED)
        });
        // An error means that the invocation is over.
        let _ = self.0.wait_until(&promise);
    }
}
