//! The service binding at which an upstream is reached.

use crate::observe::log;
use js_sys::Reflect;
use sockjs_protocol::upstream::address::Upstream;
use wasm_bindgen::JsValue;
use worker::Env;

/// Returns the service binding in the address of an upstream; undefined if the address has none. Returns `None` if the binding
/// is missing, which is logged for the service `prefix`.
///
/// Call it before the circuit breaker is asked: a missing binding says nothing about the upstream.
pub fn service_binding(upstream: &Upstream, prefix: &str, env: &Env) -> Option<JsValue> {
    let Some(name) = upstream.service() else { return Some(JsValue::UNDEFINED) };
    let service = Reflect::get(env, &JsValue::from_str(name)).unwrap_or_default();
    // In workerd, a binding that its environment lacks is null.
    if service.is_undefined() || service.is_null() {
        let advice = format!("no service binding {name}: add one to [[services]] of wrangler.toml");
        log::error("settings", Some(prefix), advice);
        return None;
    }
    Some(service)
}
