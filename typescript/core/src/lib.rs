//! The WebAssembly of the npm package `sockjs-edge`: the server, with handlers in JavaScript.
//!
//! | module | what lives there |
//! |---|---|
//! | `application` | the registration of the JavaScript application: services, options, functions |
//! | `handler` | the handler of a service, which calls those functions |
//! | `connection`, `room`, `push` | the handles that the JavaScript side of the package wraps |
//! | `outcome` | values and errors on their way between the two languages |
//!
//! The JavaScript side is in `typescript/src/`. `glue.js` has the calls to it.

mod application;
mod connection;
mod handler;
mod outcome;
mod push;
mod room;

use application::services;
use js_sys::Promise;
use js_sys::futures::future_to_promise;
use outcome::thrown;
use sockjs_edge::entry::{Unserved, answered};
use sockjs_edge::{Metrics, Push, Services};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, Request, web_sys, worker_sys};

sockjs_edge::durable_object!(SockJs, services);

/// The functions of the Worker half that the package calls. They are static, since worker-build only exports classes.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Core;

#[wasm_bindgen]
impl Core {
    /// Answers a request, or returns a promise of the response. Requests that no service answers go to `otherwise`, if it is a
    /// function.
    pub fn fetch(request: web_sys::Request, env: Env, context: worker_sys::Context, otherwise: JsValue) -> JsValue {
        let js_context: JsValue = context.clone().into();
        let otherwise =
            move |unserved: Unserved| Box::pin(application::otherwise(unserved, otherwise, js_context)) as _;
        answered(services, request, env, context, Box::new(otherwise))
    }

    /// True if the path of `request` is at or below the prefix of a service.
    pub fn handles(request: web_sys::Request, env: &Env) -> bool {
        Services::shared(services, env).handles(&Request::from(request))
    }

    /// Returns access to rooms and connections.
    ///
    /// # Errors
    ///
    /// Throws if the services are misconfigured.
    pub fn push(env: &Env) -> std::result::Result<push::PushHandle, JsValue> {
        Push::new(services, env).map(push::PushHandle::new).map_err(push::thrown)
    }

    /// Answers a request for the counters.
    pub fn metrics(request: web_sys::Request, env: Env, tokens: Vec<String>) -> Promise {
        future_to_promise(async move {
            let tokens: Vec<_> = tokens.iter().map(String::as_str).collect();
            let response = Metrics::new(services, &env).serve(&Request::from(request), &tokens).await;
            response.map(|response| web_sys::Response::from(response).into()).map_err(|error| thrown("failed", &error))
        })
    }
}
