//! Data that is stored with a connection's WebSocket.

use crate::connection::entry::Entry;
use crate::connection::links::{HolderSocket, Link};
use crate::object::Object;
use crate::observe::log;
use crate::store::attachment::Attachment;
use crate::store::kept::Kept;
use sockjs_protocol::inner::envelope::ToHolder;
use sockjs_protocol::sockjs::session::Receiver;
use worker::{Result, WebSocket};

impl Object {
    /// Stores with a WebSocket that its client has sent something.
    pub(super) fn keep_heard(&self, entry: &Entry) {
        self.keep(entry, true);
    }

    /// Stores with a WebSocket the time of the client's sign of life.
    pub(super) fn keep_word(&self, entry: &Entry) {
        self.keep(entry, false);
    }

    fn keep(&self, entry: &Entry, is_heard: bool) {
        let kept = entry.kept();
        let links = entry.links.borrow();
        let written = match (links.get(Receiver::WEBSOCKET.id), links.holder()) {
            (Some(Link::Client(websocket)), _) => {
                attach(entry, websocket, is_heard || self::is_heard(websocket), &kept)
            }
            (_, Some(HolderSocket(websocket))) => keep_with_holder(websocket, is_heard, &kept),
            (Some(Link::Poll(_) | Link::Inner(_) | Link::Holder(_) | Link::Opening(_)) | None, None) => Ok(()),
        };
        if let Err(error) = written {
            log::error("attachment", Some(&entry.info.service), error);
        }
    }

    /// Stores what the application changed about a connection: `kept` has the complete data.
    pub(super) fn keep_change(&self, entry: &Entry, kept: &Kept, changed: Changed) -> Result<()> {
        if entry.info.held {
            if entry.session.borrow().is_stored() {
                self.store_kept(entry, kept, changed)?;
            }
            let Some(holder) = entry.links.borrow().holder().cloned() else { return Ok(()) };
            keep_with_holder(&holder.0, false, kept)?;
            // The Worker gets it before it learns that the message is handled whose handler changed it. A lost socket is
            // replaced.
            let _ = tell_holder(&holder, kept, changed);
            return Ok(());
        }
        if !entry.info.transport.is_websocket() {
            return self.store_kept(entry, kept, changed);
        }
        match entry.links.borrow().get(Receiver::WEBSOCKET.id) {
            Some(Link::Client(websocket)) => attach(entry, websocket, is_heard(websocket), kept),
            // The connection is just opening, and will be accepted with this data; or it is over.
            Some(Link::Poll(_) | Link::Inner(_) | Link::Holder(_) | Link::Opening(_)) | None => Ok(()),
        }
    }

    fn store_kept(&self, entry: &Entry, kept: &Kept, changed: Changed) -> Result<()> {
        match changed {
            Changed::State => self.store.set_state(&entry.info, kept.state.as_deref()),
            Changed::Groups => self.store.set_groups(&entry.info, kept.groups.as_deref()),
        }
    }
}

/// The changed part of the data that the application keeps with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Changed {
    State,
    Groups,
}

/// Sends the change to the Worker that holds a client's WebSocket.
pub(super) fn tell_holder(holder: &HolderSocket, kept: &Kept, changed: Changed) -> Result<()> {
    match changed {
        Changed::State => kept.state.as_deref().map_or(Ok(()), |state| holder.send(&ToHolder::State(state))),
        Changed::Groups => holder.send(&ToHolder::Groups(kept.groups.as_deref().unwrap_or("[]"))),
    }
}

/// Changes the attachment of a holder's inner socket.
fn keep_with_holder(socket: &WebSocket, is_heard: bool, kept: &Kept) -> Result<()> {
    let Some((Attachment::Held { info, receiver, version, heard, beats, since }, _)) = Attachment::read(socket) else {
        return Ok(());
    };
    Attachment::Held { info, receiver, version, heard: heard || is_heard, beats, since }.write(socket, kept)
}

fn is_heard(websocket: &WebSocket) -> bool {
    matches!(Attachment::read(websocket), Some((Attachment::Heard(_), _)))
}

fn attach(entry: &Entry, websocket: &WebSocket, is_heard: bool, kept: &Kept) -> Result<()> {
    let info = entry.info.clone();
    let attachment = if is_heard { Attachment::Heard(info) } else { Attachment::Client(info) };
    attachment.write_with(websocket, kept, entry.word.get())
}
