//! The handle of a connection, which JavaScript wraps.

use crate::handler::Members;
use crate::outcome::{failure, thrown};
use js_sys::Promise;
use js_sys::futures::future_to_promise;
use sockjs_edge::entry::text_of;
use sockjs_edge::{Connection, GroupError, SendError};
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A connection, for JavaScript's side of the package.
#[wasm_bindgen]
pub struct ConnectionHandle {
    connection: Connection,
    members: Rc<Members>,
}

impl ConnectionHandle {
    /// Creates the handle of a connection in this object.
    pub fn new(connection: Connection, members: Rc<Members>) -> Self {
        Self { connection, members }
    }
}

#[wasm_bindgen]
impl ConnectionHandle {
    /// Returns everything about the connection that never changes, as JSON.
    pub fn facts(&self) -> String {
        let connection = &self.connection;
        let facts = serde_json::json!({
            "id": connection.id(),
            "sessionId": connection.session_id(),
            "transport": connection.transport().name(),
            "prefix": connection.prefix(),
            "params": connection.parameters().iter().cloned().collect::<HashMap<_, _>>(),
            "pathname": connection.pathname(),
            "query": connection.query(),
            "headers": connection.headers().iter().cloned().collect::<HashMap<_, _>>(),
            "address": connection.address(),
            "remoteAddress": connection.remote_address(),
            "claims": connection.claims(),
        });
        facts.to_string()
    }

    /// Sends a message. Returns 0, or the number of the error: see `sendErrorOf` on the JavaScript side.
    pub fn send(&self, message: &JsValue) -> u8 {
        match self.connection.send(text_of(message).unwrap_or_default()) {
            Ok(()) => 0,
            Err(SendError::Closed) => 1,
            Err(SendError::QueueFull) => 2,
            Err(SendError::TooLarge) => 3,
            Err(_) => 4,
        }
    }

    /// Returns the number of bytes that wait for the client.
    #[wasm_bindgen(js_name = bufferedAmount)]
    pub fn buffered_amount(&self) -> usize {
        self.connection.buffered_amount()
    }

    /// Returns the state of the connection, as in a browser.
    #[wasm_bindgen(js_name = readyState)]
    pub fn ready_state(&self) -> u8 {
        self.connection.ready_state() as u8
    }

    /// True if the application should wait for the client.
    #[wasm_bindgen(js_name = isBehind)]
    pub fn is_behind(&self) -> bool {
        self.connection.is_behind()
    }

    /// Resolves when at most half of `queue_limit` waits for the client: to true, or to false if the connection is closed.
    pub fn ready(&self) -> Promise {
        let connection = self.connection.clone();
        future_to_promise(async move { Ok(JsValue::from_bool(connection.ready().await.is_ok())) })
    }

    /// Resolves when the connection is closing or closed.
    pub fn closed(&self) -> Promise {
        let connection = self.connection.clone();
        future_to_promise(async move {
            connection.closed().await;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Closes the connection.
    ///
    /// # Errors
    ///
    /// Throws if the code or the reason is not allowed.
    pub fn close(&self, code: u16, reason: &str) -> Result<(), JsValue> {
        self.connection.close(code, reason).map_err(|error| thrown("close", &error))
    }

    /// Closes the connection because its handler failed, with the thrown error.
    pub fn fail(&self, thrown: JsValue) {
        self.connection.fail(failure(thrown));
    }

    /// Returns the state as JSON, if there is one.
    #[wasm_bindgen(js_name = state)]
    pub fn state(&self) -> Option<String> {
        self.connection.state::<serde_json::Value>().ok().flatten().map(|state| state.to_string())
    }

    /// Stores a state, which is JSON.
    ///
    /// # Errors
    ///
    /// Throws if the state is too large, storage fails, or the connection is over.
    #[wasm_bindgen(js_name = setState)]
    pub fn set_state(&self, json: &str) -> Result<(), JsValue> {
        let state: serde_json::Value = serde_json::from_str(json).map_err(|error| thrown("state", &error))?;
        self.connection.set_state(&state).map_err(|error| thrown("state", &error))
    }

    /// Joins a group.
    ///
    /// # Errors
    ///
    /// Throws if the connection cannot join: see `GroupError`.
    pub fn join(&self, group: &str) -> Result<(), JsValue> {
        self.connection.join(group).map_err(group_error)
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// Throws if the connection cannot leave: see `GroupError`.
    pub fn leave(&self, group: &str) -> Result<(), JsValue> {
        self.connection.leave(group).map_err(group_error)
    }

    /// Returns the groups of the connection.
    pub fn groups(&self) -> Vec<String> {
        self.connection.groups()
    }

    /// Returns the room of the connection.
    ///
    /// # Errors
    ///
    /// Throws the error of the JavaScript side.
    pub fn room(&self) -> Result<JsValue, JsValue> {
        self.members.room(&self.connection.room())
    }
}

impl ConnectionHandle {
    /// Returns the connection itself.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

fn group_error(error: GroupError) -> JsValue {
    thrown("group", &error)
}
