//! The handle of pushes, which JavaScript wraps.

use crate::outcome::{parsed, thrown as throw};
use js_sys::Promise;
use js_sys::futures::future_to_promise;
use sockjs_edge::{Page, Push, PushError, RemoteConnection, RemoteRoom};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Request, web_sys};

/// Access to rooms and connections, for JavaScript's side of the package.
#[wasm_bindgen]
pub struct PushHandle(Push);

impl PushHandle {
    /// Creates the handle.
    pub fn new(push: Push) -> Self {
        Self(push)
    }
}

#[wasm_bindgen]
impl PushHandle {
    /// Returns the room at a path.
    ///
    /// # Errors
    ///
    /// Throws if there is no room at this path.
    pub fn room(&self, path: &str) -> Result<RemoteRoomHandle, JsValue> {
        self.0.room(path).map(RemoteRoomHandle).map_err(thrown)
    }

    /// Returns the connection with an address.
    ///
    /// # Errors
    ///
    /// Throws if the address is invalid.
    pub fn connection(&self, address: &str) -> Result<RemoteConnectionHandle, JsValue> {
        self.0.connection(address).map(RemoteConnectionHandle).map_err(thrown)
    }

    /// Answers a request of a program that knows one of the tokens.
    pub fn serve(&self, request: web_sys::Request, tokens: Vec<String>) -> Promise {
        let push = self.0.clone();
        future_to_promise(async move {
            let tokens: Vec<_> = tokens.iter().map(String::as_str).collect();
            let response = push.serve(Request::from(request), &tokens).await;
            response.map(|response| web_sys::Response::from(response).into()).map_err(|error| throw("failed", &error))
        })
    }
}

/// A room or group, from outside of its objects.
#[wasm_bindgen]
pub struct RemoteRoomHandle(RemoteRoom);

#[wasm_bindgen]
impl RemoteRoomHandle {
    /// Returns a group of the room.
    pub fn to(&self, group: String) -> Self {
        Self(self.0.to(group))
    }

    /// Sends a message to all connections.
    pub fn broadcast(&self, message: String) -> Promise {
        let room = self.0.clone();
        future_to_promise(async move { number(room.broadcast(message).await) })
    }

    /// Closes all connections.
    pub fn close(&self, code: u16, reason: String) -> Promise {
        let room = self.0.clone();
        future_to_promise(async move { number(room.close(code, &reason).await) })
    }

    /// Counts all connections.
    pub fn count(&self) -> Promise {
        let room = self.0.clone();
        future_to_promise(async move { number(room.count().await) })
    }

    /// Returns a page of the connections.
    pub fn connections(&self, after: Option<String>, limit: usize) -> Promise {
        let room = self.0.clone();
        future_to_promise(async move {
            let Page { connections, next, .. } = room.connections(after.as_deref(), limit).await.map_err(thrown)?;
            let list: Vec<_> = connections
                .into_iter()
                .map(|found| {
                    serde_json::json!({
                        "address": found.address,
                        "transport": found.transport,
                        "opened": found.opened,
                        "groups": found.groups,
                        "claims": found.claims,
                    })
                })
                .collect();
            Ok(parsed(&serde_json::json!({ "connections": list, "next": next }).to_string()))
        })
    }

    /// Calls the application, with JSON.
    pub fn call(&self, json: String) -> Promise {
        let room = self.0.clone();
        future_to_promise(async move { room.call_json(&json).await.map(|answer| parsed(&answer)).map_err(thrown) })
    }
}

/// A connection, from outside of its object.
#[wasm_bindgen]
pub struct RemoteConnectionHandle(RemoteConnection);

#[wasm_bindgen]
impl RemoteConnectionHandle {
    /// Sends a message. Resolves to false if the connection is over.
    pub fn send(&self, message: String) -> Promise {
        let connection = self.0.clone();
        future_to_promise(async move { connection.send(message).await.map(JsValue::from_bool).map_err(thrown) })
    }

    /// Closes the connection. Resolves to false if it is over.
    pub fn close(&self, code: u16, reason: String) -> Promise {
        let connection = self.0.clone();
        future_to_promise(async move { connection.close(code, &reason).await.map(JsValue::from_bool).map_err(thrown) })
    }
}

fn number(count: Result<usize, PushError>) -> Result<JsValue, JsValue> {
    count.map(|count| JsValue::from_f64(count as f64)).map_err(thrown)
}

/// Returns the error for JavaScript, of the kind of the problem.
pub fn thrown(error: PushError) -> JsValue {
    let kind = match error {
        PushError::Misconfigured(_) => "misconfigured",
        PushError::NoRoom(_) => "no_room",
        PushError::NoAddress(_) => "no_address",
        PushError::BadClose(_) => "close",
        PushError::TooLarge(_) => "too_large",
        PushError::Rejected(_) => "rejected",
        PushError::HandlerFailed(_) => "handler_failed",
        PushError::TimedOut(_) => "timed_out",
        PushError::BadAnswer(_) => "bad_answer",
        _ => "unavailable",
    };
    throw(kind, &error)
}
