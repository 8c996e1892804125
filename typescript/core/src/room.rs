//! The handle of a room, which JavaScript wraps.

use crate::connection::ConnectionHandle;
use crate::handler::Members;
use crate::outcome::{thrown, thrown_with};
use js_sys::futures::future_to_promise;
use js_sys::{Array, Promise};
use sockjs_edge::entry::text_of;
use sockjs_edge::{AllShards, Connections, Millis, Room, ShardsError};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// A room, for JavaScript's side of the package. In functions that take a group, undefined means all members.
#[wasm_bindgen]
pub struct RoomHandle {
    room: Room,
    members: Rc<Members>,
}

impl RoomHandle {
    /// Creates the handle of a room in this object.
    pub fn new(room: Room, members: Rc<Members>) -> Self {
        Self { room, members }
    }

    fn all(&self, group: Option<String>) -> AllShards {
        match group {
            Some(group) => self.room.all().to(group),
            None => self.room.all(),
        }
    }
}

/// Iterator over the connections of a room or group.
#[wasm_bindgen]
pub struct ConnectionsHandle {
    connections: Connections,
    members: Rc<Members>,
}

#[wasm_bindgen]
impl ConnectionsHandle {
    /// Returns the next connection. Undefined at the end.
    ///
    /// # Errors
    ///
    /// Throws the error of the JavaScript side.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<JsValue, JsValue> {
        match self.connections.next() {
            Some(connection) => self.members.connection(&connection),
            None => Ok(JsValue::UNDEFINED),
        }
    }
}

#[wasm_bindgen]
impl RoomHandle {
    /// Returns the prefix of the service, with the names of its parameters.
    pub fn prefix(&self) -> String {
        self.room.prefix().to_owned()
    }

    /// Returns the prefix with the values of its parameters.
    pub fn name(&self) -> String {
        self.room.name()
    }

    /// Sends a message to all members, or to those of a group.
    pub fn broadcast(&self, group: Option<String>, message: &JsValue) -> usize {
        let message = text_of(message).unwrap_or_default();
        match group {
            Some(group) => self.room.to(group).broadcast(message),
            None => self.room.broadcast(message),
        }
    }

    /// Sends a message to all members except one.
    #[wasm_bindgen(js_name = broadcastExcept)]
    pub fn broadcast_except(&self, group: Option<String>, message: &JsValue, except: &ConnectionHandle) -> usize {
        let message = text_of(message).unwrap_or_default();
        match group {
            Some(group) => self.room.to(group).broadcast_except(message, except.connection()),
            None => self.room.broadcast_except(message, except.connection()),
        }
    }

    /// Returns the number of members.
    pub fn count(&self, group: Option<String>) -> usize {
        match group {
            Some(group) => self.room.to(group).count(),
            None => self.room.count(),
        }
    }

    /// Returns an iterator over the members.
    pub fn connections(&self, group: Option<String>) -> ConnectionsHandle {
        let connections = match group {
            Some(group) => self.room.to(group).connections(),
            None => self.room.connections(),
        };
        ConnectionsHandle { connections, members: self.members.clone() }
    }

    /// Returns the member with this id. Undefined if there is none.
    ///
    /// # Errors
    ///
    /// Throws the error of the JavaScript side.
    pub fn connection(&self, id: &str) -> Result<JsValue, JsValue> {
        match self.room.connection(id) {
            Some(connection) => self.members.connection(&connection),
            None => Ok(JsValue::UNDEFINED),
        }
    }

    /// Resolves when no member is behind.
    pub fn ready(&self) -> Promise {
        let room = self.room.clone();
        future_to_promise(async move {
            room.ready().await;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Sends a message to all members in all objects of the room. Resolves to their number.
    #[wasm_bindgen(js_name = allBroadcast)]
    pub fn all_broadcast(&self, group: Option<String>, message: String) -> Promise {
        let all = self.all(group);
        future_to_promise(async move { counted(all.broadcast(message).await) })
    }

    /// Counts all members in all objects of the room.
    #[wasm_bindgen(js_name = allCount)]
    pub fn all_count(&self, group: Option<String>) -> Promise {
        let all = self.all(group);
        future_to_promise(async move { counted(all.count().await) })
    }

    /// Closes all members in all objects of the room.
    #[wasm_bindgen(js_name = allClose)]
    pub fn all_close(&self, group: Option<String>, code: u16, reason: String) -> Promise {
        let all = self.all(group);
        future_to_promise(async move {
            let closed = all.close(code, &reason).await.map_err(|error| thrown("shards", &error))?;
            Ok(JsValue::from_f64(closed as f64))
        })
    }

    /// Returns the runtime's storage of the object.
    ///
    /// # Errors
    ///
    /// Throws if the object is gone.
    pub fn storage(&self) -> Result<JsValue, JsValue> {
        self.room.storage().map(|storage| storage.raw()).map_err(|error| thrown("failed", &error))
    }

    /// Sets the alarm, in milliseconds from now.
    ///
    /// # Errors
    ///
    /// Throws if storage fails.
    #[wasm_bindgen(js_name = setAlarm)]
    pub fn set_alarm(&self, delay: f64) -> Result<(), JsValue> {
        self.room.set_alarm(Millis(delay.max(0.0) as u64)).map_err(|error| thrown("failed", &error))
    }

    /// Clears the alarm.
    ///
    /// # Errors
    ///
    /// Throws if storage fails.
    #[wasm_bindgen(js_name = clearAlarm)]
    pub fn clear_alarm(&self) -> Result<(), JsValue> {
        self.room.clear_alarm().map_err(|error| thrown("failed", &error))
    }
}

fn counted(done: Result<usize, ShardsError>) -> Result<JsValue, JsValue> {
    done.map(|count| JsValue::from_f64(count as f64)).map_err(|error| {
        let failures: Array = error
            .failures()
            .iter()
            .map(|failure| {
                Array::of2(&JsValue::from_str(&failure.object), &JsValue::from_str(&failure.problem.to_string()))
            })
            .collect();
        thrown_with("shards", &error, &Array::of2(&JsValue::from_f64(error.reached() as f64), &failures))
    })
}
