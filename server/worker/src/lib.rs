//! The exports of the deployable Worker to the runtime: the Durable Object class `SockJs`, and the fetch event. What they serve is in
//! `sockjs-server`.

use sockjs_edge::Services;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, web_sys, worker_sys};

sockjs_edge::durable_object!(SockJs, services);

#[wasm_bindgen(js_name = fetch)]
#[allow(missing_docs)]
pub fn fetch_event(request: web_sys::Request, env: Env, context: worker_sys::Context) -> JsValue {
    sockjs_server::fetch(services, request, env, context)
}

fn services(env: &Env) -> Services {
    sockjs_server::services(env, |services, _| services)
}
