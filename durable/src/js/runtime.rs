//! Functions of the runtime that `worker` does not wrap.

use js_sys::{Function, Reflect};
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::durable::State;
use worker::worker_sys::{DurableObjectState, web_sys};

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    /// Sets the alarm to a time in milliseconds; calls `failed` with the error if the write fails.
    #[wasm_bindgen(catch, js_name = setAlarm)]
    pub(crate) fn store_alarm(state: &DurableObjectState, at: f64, failed: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = isNode)]
    fn ask_whether_node() -> bool;

    /// Makes the runtime answer a message of WebSockets itself. With `None` it answers none.
    #[wasm_bindgen(catch, js_name = setAutoResponse)]
    pub(crate) fn set_auto_response(
        state: &DurableObjectState,
        request: Option<&str>,
        answer: Option<&str>,
    ) -> Result<(), JsValue>;

    /// Returns the time in milliseconds at which the runtime last did so on a socket.
    #[wasm_bindgen(catch, js_name = autoResponseTime)]
    pub(crate) fn auto_response_time(
        state: &DurableObjectState,
        socket: &web_sys::WebSocket,
    ) -> Result<Option<f64>, JsValue>;
}

thread_local! {
    /// Read once at the start of the isolate, since each receive needs it.
    static IS_NODE: bool = ask_whether_node();
}

/// Returns true on a node of a cluster.
pub fn is_node() -> bool {
    IS_NODE.with(|is_node| *is_node)
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = randomUUID)]
    pub(crate) fn random_uuid() -> String;

    /// The runtime returns an object for the timer, browsers return a number.
    #[wasm_bindgen(js_name = setTimeout)]
    pub(crate) fn set_timeout(callback: &JsValue, ms: u32) -> JsValue;

    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(timer: &JsValue);
}

/// Ends the object `after` that time; the runtime creates it again for the next request. `abort` immediately ends the code that
/// calls it, and Rust would never release what it had borrowed. Therefore a timer calls it.
pub(crate) fn abort_after(state: &State, after: Duration, reason: &str) -> Result<(), JsValue> {
    let state: &JsValue = state.as_raw().as_ref();
    let abort: Function = Reflect::get(state, &JsValue::from_str("abort"))?.dyn_into()?;
    set_timeout(&abort.bind1(state, &JsValue::from_str(reason)), after.as_millis() as u32);
    Ok(())
}

/// Adds `console_error_panic_hook`'s stack traces to the hook that `worker` sets for its recovery; `set_once` would replace that
/// hook, and with it the recovery. Called once in the life of a wasm instance.
pub(crate) fn chain_panic_hook() {
    let recovery = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        console_error_panic_hook::hook(info);
        recovery(info);
    }));
}
