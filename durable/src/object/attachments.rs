//! Data of a connection that is attached to its WebSocket.

use crate::connection::entry::Entry;
use crate::connection::links::Link;
use crate::object::Object;
use crate::observe::log;
use crate::store::attachment::Attachment;
use sockjs_protocol::sockjs::session::Receiver;
use worker::Result;

impl Object {
    /// Notes on a WebSocket that its client has said something.
    pub(super) fn keep_heard(&self, entry: &Entry) {
        if let Some(Link::Client(websocket)) = entry.links.borrow().get(Receiver::WEBSOCKET.id) {
            let state = entry.state.borrow().clone();
            if let Err(error) = Attachment::Heard(entry.info.clone()).write(websocket, state.as_deref()) {
                log::error("attachment", Some(&entry.info.service), error);
            }
        }
    }

    pub(super) fn keep_state(&self, entry: &Entry, json: &str) -> Result<()> {
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
            Some(Link::Poll(_) | Link::Inner(_) | Link::Opening(_)) | None => Ok(()),
        }
    }
}
