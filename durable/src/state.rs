//! What the application keeps with a connection.

use crate::connection::{Connection, Entry, ReadyState};
use crate::link::Link;
use crate::log;
use crate::object::Object;
use crate::socket::Attachment;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sockjs_protocol::sockjs::session::Receiver;
use worker::{Error, Result};

/// Largest state of a connection, in bytes of JSON: with a WebSocket the runtime keeps 16 KiB in all.
pub(crate) const STATE_MAX: usize = 4096;

impl Connection {
    /// What [`Connection::set_state`] kept; none before.
    ///
    /// # Errors
    ///
    /// When what was kept is no `T`.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        match &*self.entry.state.borrow() {
            Some(json) => Ok(Some(serde_json::from_str(json)?)),
            None => Ok(None),
        }
    }

    /// Keeps `state` with the connection as long as that lasts, also while its object sleeps and, for a session over HTTP,
    /// through its restarts. At most 4 KiB of JSON. For a session over HTTP it is a billed write, for a WebSocket none.
    ///
    /// # Errors
    ///
    /// When it is too large, storage fails, or the connection is over; then what was kept before stays.
    pub fn set_state<T: Serialize>(&self, state: &T) -> Result<()> {
        let json = serde_json::to_string(state)?;
        if json.len() > STATE_MAX {
            return Err(Error::RustError(format!("a connection's state has at most {STATE_MAX} bytes of JSON")));
        }
        if self.ready_state() == ReadyState::Closed {
            return Err(Error::RustError("the connection is over".into()));
        }
        if let Some(object) = self.object.upgrade() {
            object.keep_state(&self.entry, &json)?;
        }
        self.entry.state.replace(Some(json));
        Ok(())
    }
}

impl Object {
    /// Notes on a WebSocket that its client has said something.
    pub(crate) fn keep_heard(&self, entry: &Entry) {
        if let Some(Link::Client(websocket)) = entry.links.borrow().get(Receiver::WEBSOCKET.id) {
            let state = entry.state.borrow().clone();
            if let Err(error) = Attachment::Heard(entry.info.clone()).write(websocket, state.as_deref()) {
                log::error("attachment", Some(&entry.info.service), error);
            }
        }
    }

    fn keep_state(&self, entry: &Entry, json: &str) -> Result<()> {
        if !entry.info.transport.is_websocket() {
            return self.store.set_state(&entry.info, json);
        }
        match entry.links.borrow().get(Receiver::WEBSOCKET.id) {
            Some(Link::Client(websocket)) => {
                let heard = matches!(Attachment::read(websocket), Some((Attachment::Heard(_), _)));
                let info = entry.info.clone();
                let attachment = if heard { Attachment::Heard(info) } else { Attachment::Client(info) };
                attachment.write(websocket, Some(json))
            }
            // It is opened just now, and accepted with its state; or it is over.
            _ => Ok(()),
        }
    }
}
