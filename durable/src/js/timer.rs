//! A timer of the runtime.
//!
//! The callback is created once, since each closure would have to be allocated, registered for finalization and freed. It is a
//! plain call of the runtime: a task would be created, awaited by the runtime, and woken to be dropped.

use crate::js::clock::in_one_moment;
use crate::js::runtime::{clear_timeout, set_timeout};
use std::cell::{Cell, OnceCell};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::Closure;

/// A timer that keeps one callback.
#[derive(Default)]
pub(crate) struct JsTimer {
    running: Cell<Option<JsValue>>,
    callback: OnceCell<Closure<dyn FnMut()>>,
}

impl JsTimer {
    /// Starts the timer, which must not run. It calls the function that `callback` returned at the first start, within one
    /// moment.
    pub fn start<F: FnMut() + 'static>(&self, after_ms: u64, callback: impl FnOnce() -> F) {
        let callback = self.callback.get_or_init(|| {
            let mut callback = callback();
            Closure::new(move || in_one_moment(&mut callback))
        });
        let after_ms = u32::try_from(after_ms).unwrap_or(u32::MAX);
        self.running.set(Some(set_timeout(callback.as_ref(), after_ms)));
    }

    /// Notes that the timer fired.
    pub fn fired(&self) {
        self.running.set(None);
    }

    /// Stops the timer, if it runs.
    pub fn stop(&self) {
        if let Some(running) = self.running.take() {
            clear_timeout(&running);
        }
    }
}
