//! Data of a connection that is attached to its WebSocket.

use crate::connection::entry::Entry;
use crate::connection::links::{HolderSocket, Link};
use crate::object::Object;
use crate::observe::log;
use crate::store::attachment::Attachment;
use sockjs_protocol::inner::envelope::ToHolder;
use sockjs_protocol::sockjs::session::Receiver;
use worker::{Result, WebSocket};

impl Object {
    /// Notes on a WebSocket that its client has said something.
    pub(super) fn keep_heard(&self, entry: &Entry) {
        self.keep(entry, true);
    }

    /// Notes on a WebSocket when its client said something.
    pub(super) fn keep_word(&self, entry: &Entry) {
        self.keep(entry, false);
    }

    fn keep(&self, entry: &Entry, is_heard: bool) {
        let state = entry.state.borrow().clone();
        let links = entry.links.borrow();
        let written = match (links.get(Receiver::WEBSOCKET.id), links.holder()) {
            (Some(Link::Client(websocket)), _) => {
                attach(entry, websocket, is_heard || self::is_heard(websocket), state.as_deref())
            }
            (_, Some(HolderSocket(websocket))) => keep_with_holder(websocket, is_heard, state.as_deref()),
            (Some(Link::Poll(_) | Link::Inner(_) | Link::Holder(_) | Link::Opening(_)) | None, None) => Ok(()),
        };
        if let Err(error) = written {
            log::error("attachment", Some(&entry.info.service), error);
        }
    }

    pub(super) fn keep_state(&self, entry: &Entry, json: &str) -> Result<()> {
        if entry.info.held {
            if entry.session.borrow().is_stored() {
                self.store.set_state(&entry.info, json)?;
            }
            let Some(holder) = entry.links.borrow().holder().cloned() else { return Ok(()) };
            keep_with_holder(&holder.0, false, Some(json))?;
            // The Worker has it before it learns that the message is handled that changed it. A lost socket is replaced.
            let _ = holder.send(&ToHolder::State(json));
            return Ok(());
        }
        if !entry.info.transport.is_websocket() {
            return self.store.set_state(&entry.info, json);
        }
        match entry.links.borrow().get(Receiver::WEBSOCKET.id) {
            Some(Link::Client(websocket)) => attach(entry, websocket, is_heard(websocket), Some(json)),
            // It is opened just now, and accepted with its state; or it is over.
            Some(Link::Poll(_) | Link::Inner(_) | Link::Holder(_) | Link::Opening(_)) | None => Ok(()),
        }
    }
}

/// Changes what is attached to the inner socket of a holder.
fn keep_with_holder(socket: &WebSocket, is_heard: bool, state: Option<&str>) -> Result<()> {
    let Some((Attachment::Held { info, receiver, version, heard, beats, since }, _)) = Attachment::read(socket) else {
        return Ok(());
    };
    Attachment::Held { info, receiver, version, heard: heard || is_heard, beats, since }.write(socket, state)
}

fn is_heard(websocket: &WebSocket) -> bool {
    matches!(Attachment::read(websocket), Some((Attachment::Heard(_), _)))
}

fn attach(entry: &Entry, websocket: &WebSocket, is_heard: bool, state: Option<&str>) -> Result<()> {
    let info = entry.info.clone();
    let attachment = if is_heard { Attachment::Heard(info) } else { Attachment::Client(info) };
    attachment.write_with(websocket, state, entry.word.get())
}
