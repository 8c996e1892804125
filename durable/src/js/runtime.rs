//! Functions of the runtime that `worker` does not wrap.

use js_sys::{Function, Reflect};
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::durable::State;
use worker::worker_sys::{DurableObjectState, web_sys};

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    /// Sets the alarm to a time in milliseconds; calls `failed` with the error if it is not written.
    #[wasm_bindgen(catch, js_name = setAlarm)]
    pub(crate) fn store_alarm(state: &DurableObjectState, at: f64, failed: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(js_name = isNode)]
    fn ask_whether_node() -> bool;

    /// Has the runtime answer a message of WebSockets by itself. With `None`, no message.
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
    /// Known from the start of the isolate: asked once, since each receive begins with it.
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
