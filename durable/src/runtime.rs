//! The few things of the runtime that `worker` does not wrap.

use futures::future::LocalBoxFuture;
use js_sys::{Function, Reflect};
use sockjs_protocol::time::Millis;
use std::cell::Cell;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::durable::State;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    pub(crate) fn random_uuid() -> String;

    /// The runtime gives an object for the timer, browsers give a number.
    #[wasm_bindgen(js_name = setTimeout)]
    pub(crate) fn set_timeout(callback: &JsValue, ms: u32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(timer: &JsValue);
}

/// Ends the object `after` that time; the runtime makes it anew when it is asked for something. `abort` ends at once whatever
/// called it, and Rust code would never come back to what it had borrowed: so a timer calls it.
pub(crate) fn abort_after(state: &State, after: Duration, reason: &str) -> Result<(), JsValue> {
    let state: &JsValue = state.as_raw().as_ref();
    let abort: Function = Reflect::get(state, &JsValue::from_str("abort"))?.dyn_into()?;
    set_timeout(&abort.bind1(state, &JsValue::from_str(reason)), after.as_millis() as u32);
    Ok(())
}

/// Adds `console_error_panic_hook`'s stack traces to the hook that `worker` set for its recovery; `set_once` would replace
/// that one, and with it the recovery. Once in each life of the wasm instance.
pub(crate) fn chain_panic_hook() {
    let recovery = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        console_error_panic_hook::hook(info);
        recovery(info);
    }));
}

thread_local! {
    static MOMENT: Cell<Option<Millis>> = const { Cell::new(None) };
}

/// Milliseconds since the Unix epoch. The runtime's clock stands still while code runs without waiting.
pub(crate) fn now() -> Millis {
    MOMENT.get().unwrap_or_else(clock)
}

/// Handles an event as far as it goes without waiting, asking the clock once: each time is a call out of wasm and through the
/// runtime.
pub(crate) fn in_one_moment<T>(event: impl FnOnce() -> T) -> T {
    MOMENT.set(Some(clock()));
    let result = event();
    MOMENT.set(None);
    result
}

fn clock() -> Millis {
    // As far as JavaScript counts, a positive whole number.
    Millis(js_sys::Date::now() as u64)
}

/// Runs `future` as far as it goes without waiting; only what is still pending becomes a task, which keeps the object
/// awake. Most handlers never wait, and a task costs more than they do.
pub(crate) fn run(state: &State, mut future: LocalBoxFuture<'static, ()>) {
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(relay.clone());
    if future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
        state.wait_until(poll_fn(move |context| {
            relay.wake_instead(context.waker());
            future.as_mut().poll(&mut Context::from_waker(&waker))
        }));
    }
}

/// The one waker that a future sees, before and after it became a task: `worker::Delay` (0.8.7) keeps the waker of its
/// first poll and would never come back to another.
#[derive(Default)]
pub(crate) struct Relay(Mutex<Option<Waker>>);

impl Relay {
    pub fn wake_instead(&self, waker: &Waker) {
        if let Ok(mut task) = self.0.lock() {
            task.replace(waker.clone());
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        let task = self.0.lock().ok().and_then(|task| task.clone());
        if let Some(task) = task {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_wakes_the_task_that_came_last() {
        struct Task(std::sync::atomic::AtomicUsize);
        impl Wake for Task {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let tasks = [(); 2].map(|()| Arc::new(Task(0.into())));
        let relay = Arc::new(Relay::default());
        let waker = Waker::from(relay.clone());
        waker.wake_by_ref();
        for task in &tasks {
            relay.wake_instead(&Waker::from(task.clone()));
        }
        waker.wake();
        assert_eq!(tasks.map(|task| task.0.load(std::sync::atomic::Ordering::Relaxed)), [0, 1]);
    }
}
