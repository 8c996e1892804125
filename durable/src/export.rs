//! The class that the runtime sees.
//!
//! `#[worker::durable_object]` makes every event an async function, which costs a promise and a task even for a message that is
//! handled at once. This class is exported by hand instead: its message handler returns nothing. See
//! docs/decisions/export-by-hand.md for the figures.

use crate::application::services::Services;
use crate::js::clock::in_one_moment;
use crate::js::executor::{promise, promised};
use crate::object::Object;
use js_sys::Promise;
use sockjs_protocol::sockjs::close_code::CloseCode;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::Env;
use worker::durable::State;
use worker::worker_sys::{DurableObjectState, web_sys};

/// Exports the Durable Object class `$class`, which serves the services that `$services` returns.
///
/// ```
/// # extern crate sockjs_durable as sockjs_edge;
/// # use sockjs_edge::Services;
/// # use worker::Env;
/// fn services(_env: &Env) -> Services {
///     Services::new() // .add(...)
/// }
///
/// sockjs_edge::durable_object!(SockJs, services);
/// ```
///
/// `$services` is a `fn(&Env) -> Services`, the same function that `serve` receives.
#[macro_export]
macro_rules! durable_object {
    ($class:ident, $services:path) => {
        const _: () = {
            use ::worker::wasm_bindgen;

            #[allow(missing_docs)]
            #[wasm_bindgen::prelude::wasm_bindgen(wasm_bindgen = ::worker::wasm_bindgen)]
            pub struct $class($crate::export::Class);

            #[allow(missing_docs)]
            #[wasm_bindgen::prelude::wasm_bindgen(wasm_bindgen = ::worker::wasm_bindgen)]
            impl $class {
                #[wasm_bindgen(constructor)]
                pub fn new(state: ::worker::worker_sys::DurableObjectState, env: ::worker::Env) -> Self {
                    Self($crate::export::Class::new(state, env, $services))
                }

                pub fn fetch(
                    &self,
                    request: ::worker::worker_sys::web_sys::Request,
                ) -> ::core::result::Result<::worker::wasm_bindgen::JsValue, ::worker::wasm_bindgen::JsValue> {
                    self.0.fetch(request)
                }

                pub fn alarm(&self) -> ::worker::js_sys::Promise {
                    self.0.alarm()
                }

                #[wasm_bindgen(js_name = webSocketMessage)]
                pub fn web_socket_message(
                    &self,
                    websocket: ::worker::worker_sys::web_sys::WebSocket,
                    data: ::worker::wasm_bindgen::JsValue,
                ) {
                    self.0.message(websocket, data);
                }

                #[wasm_bindgen(js_name = webSocketClose)]
                pub fn web_socket_close(
                    &self,
                    websocket: ::worker::worker_sys::web_sys::WebSocket,
                    code: u16,
                    reason: String,
                ) {
                    self.0.close(websocket, code, &reason);
                }

                #[wasm_bindgen(js_name = webSocketError)]
                pub fn web_socket_error(&self, websocket: ::worker::worker_sys::web_sys::WebSocket) {
                    self.0.lost(websocket);
                }
            }
        };
    };
}

/// The object behind the exported class. Only for [`durable_object!`](crate::durable_object).
#[doc(hidden)]
pub struct Class(Rc<Object>);

#[doc(hidden)]
#[allow(missing_docs)]
impl Class {
    pub fn new(state: DurableObjectState, env: Env, services: fn(&Env) -> Services) -> Self {
        Self(Object::new(State::from(state), env, services))
    }

    /// Returns the response, or a promise of it if it has to wait.
    pub fn fetch(&self, request: web_sys::Request) -> Result<JsValue, JsValue> {
        self.0.event();
        promised(Box::pin(self.0.clone().handle(request)))
    }

    pub fn alarm(&self) -> Promise {
        self.0.event();
        let object = self.0.clone();
        promise(Box::pin(async move { object.on_alarm().await.map(|()| JsValue::UNDEFINED) }))
    }

    pub fn message(&self, websocket: web_sys::WebSocket, data: JsValue) {
        self.0.event();
        in_one_moment(|| self.0.on_socket_message(&websocket.into(), &data));
    }

    pub fn lost(&self, websocket: web_sys::WebSocket) {
        self.close(websocket, CloseCode::Abnormal.number(), "");
    }

    pub fn close(&self, websocket: web_sys::WebSocket, code: u16, reason: &str) {
        self.0.event();
        in_one_moment(|| self.0.on_socket_close(&websocket.into(), code, reason));
    }
}
