//! Data of a connection that is attached to its WebSocket.

use crate::connection::entry::Entry;
use crate::connection::links::Link;
use crate::object::Object;
use crate::observe::log;
use crate::store::attachment::Attachment;
use sockjs_protocol::sockjs::session::Receiver;
use worker::{Result, WebSocket};

impl Object {
    /// Notes on a WebSocket that its client has said something.
    pub(super) fn keep_heard(&self, entry: &Entry) {
        self.keep(entry, |_| true);
    }

    /// Notes on a WebSocket when its client said something.
    pub(super) fn keep_word(&self, entry: &Entry) {
        self.keep(entry, is_heard);
    }

    fn keep(&self, entry: &Entry, is_heard: impl FnOnce(&WebSocket) -> bool) {
        if let Some(Link::Client(websocket)) = entry.links.borrow().get(Receiver::WEBSOCKET.id) {
            let state = entry.state.borrow().clone();
            if let Err(error) = attach(entry, websocket, is_heard(websocket), state.as_deref()) {
                log::error("attachment", Some(&entry.info.service), error);
            }
        }
    }

    pub(super) fn keep_state(&self, entry: &Entry, json: &str) -> Result<()> {
        if !entry.info.transport.is_websocket() {
            return self.store.set_state(&entry.info, json);
        }
        match entry.links.borrow().get(Receiver::WEBSOCKET.id) {
            Some(Link::Client(websocket)) => attach(entry, websocket, is_heard(websocket), Some(json)),
            // It is opened just now, and accepted with its state; or it is over.
            Some(Link::Poll(_) | Link::Inner(_) | Link::Opening(_)) | None => Ok(()),
        }
    }
}

fn is_heard(websocket: &WebSocket) -> bool {
    matches!(Attachment::read(websocket), Some((Attachment::Heard(_), _)))
}

fn attach(entry: &Entry, websocket: &WebSocket, is_heard: bool, state: Option<&str>) -> Result<()> {
    let info = entry.info.clone();
    let attachment = if is_heard { Attachment::Heard(info) } else { Attachment::Client(info) };
    attachment.write_with(websocket, state, entry.word.get())
}
