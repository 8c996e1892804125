//! Waking up: sockets that stayed open while the object hibernated, and sessions that are stored. Each
//! is taken up at the first event that needs it; a WebSocket's message does not read the stored sessions.

use crate::connection::links::{InnerSocket, Link};
use crate::connection::table::{Role, session_name};
use crate::info::connection_info::ConnectionInfo;
use crate::js::clock::now;
use crate::js::sockets;
use crate::object::Object;
use crate::store::attachment::Attachment;
use crate::store::queries::StoredSession;
use sockjs_protocol::inner::envelope::Version;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::session::{Receiver, ReceiverKind, Rules, Session, Stored};
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use worker::{Result, WebSocket};

/// Sockets and sessions that are not taken up yet.
#[derive(Default)]
pub(super) struct Asleep {
    sockets_awake: Cell<bool>,
    sessions_awake: Cell<bool>,
    /// Inner sockets whose sessions are not read yet, by the names of the sessions.
    receivers: RefCell<HashMap<String, Vec<Sleeper>>>,
}

/// A receiver that stayed attached while the object slept.
pub(super) struct Sleeper {
    receiver: Receiver,
    since: Millis,
    ending: bool,
    inner: InnerSocket,
}

impl Object {
    /// Takes up the WebSockets that stayed open while the object slept.
    pub(super) fn wake_sockets(self: &Rc<Self>) -> Result<()> {
        if self.asleep.sockets_awake.replace(true) {
            return Ok(());
        }
        for websocket in self.state.get_websockets() {
            self.wake_socket(&websocket);
        }
        if self.asleep.receivers.borrow().is_empty() { Ok(()) } else { self.wake_sessions() }
    }

    /// Takes up one socket by what is attached to it.
    pub(super) fn wake_socket(&self, websocket: &WebSocket) {
        match Attachment::read(websocket) {
            Some((Attachment::Client(info), state)) => self.wake_client(info, state, false, websocket),
            Some((Attachment::Heard(info), state)) => self.wake_client(info, state, true, websocket),
            // Its session is not known any more.
            Some((Attachment::Receiver { .. }, _)) if self.asleep.sessions_awake.get() => {}
            Some((Attachment::Receiver { service, session, transport, version, receiver, since, ending }, _)) => {
                let receiver = Receiver { id: receiver, kind: ReceiverKind::of(transport) };
                let inner = InnerSocket { socket: websocket.clone(), version };
                let sleeper = Sleeper { receiver, since, ending, inner };
                self.asleep.receivers.borrow_mut().entry(session_name(&service, &session)).or_default().push(sleeper);
            }
            Some((Attachment::Over, _)) => {}
            None => sockets::close(websocket, CloseCode::GoingAway.number(), "unknown version"),
        }
    }

    fn wake_client(&self, info: ConnectionInfo, state: Option<String>, heard: bool, websocket: &WebSocket) {
        let Some(service) = self.services.find(&info.service) else {
            return sockets::close(websocket, CloseCode::GoingAway.number(), "service is gone");
        };
        let mut session = Session::wake_websocket(now(), Rules::new(&service.config, info.transport));
        if !heard {
            session.wake_silent(info.opened);
        }
        let Some(entry) = self.entry(info, session) else { return };
        entry.state.replace(state);
        entry.socket_buffer.forget();
        entry.links.borrow_mut().set(Receiver::WEBSOCKET.id, Link::Client(websocket.clone()));
        self.table.borrow_mut().add_client(entry.clone());
        self.table.borrow_mut().add_socket(websocket, Role::Client(entry));
    }

    /// Takes up the HTTP sessions that are stored, with the receivers that stayed attached.
    pub(super) fn wake_sessions(self: &Rc<Self>) -> Result<()> {
        self.wake_sockets()?;
        if self.asleep.sessions_awake.get() {
            return Ok(());
        }
        let sessions = self.store.load()?;
        self.asleep.sessions_awake.set(true);
        for StoredSession { info, state, stored } in sessions {
            self.wake_session(info, state, stored);
        }
        self.room_alarm.replace(self.store.load_room_alarm()?);
        // An inner socket that nobody took up leads nowhere.
        for sleeper in self.asleep.receivers.take().into_values().flatten() {
            sockets::close(&sleeper.inner.socket, sockets::REPLACED, "session over");
        }
        self.compare_open();
        Ok(())
    }

    fn wake_session(self: &Rc<Self>, info: ConnectionInfo, state: Option<String>, stored: Stored) {
        let Some(service) = self.services.find(&info.service) else { return };
        let rules = Rules::new(&service.config, info.transport);
        let name = session_name(&info.service, info.session.as_deref().unwrap_or_default());
        let sleepers = self.asleep.receivers.borrow_mut().remove(&name).unwrap_or_default();
        let latest = |ending| {
            sleepers.iter().filter(move |sleeper| sleeper.ending == ending).max_by_key(|sleeper| sleeper.since)
        };
        let attached = latest(false).map(|sleeper| (sleeper.receiver, sleeper.since));
        let heard = stored.heard;
        let mut session = Session::restore(now(), rules, stored, attached);
        if !heard {
            session.wake_silent(info.opened);
        }
        if let Some(sleeper) = latest(true) {
            session.wake_ending(sleeper.receiver, sleeper.since);
        }
        // A Worker of version 2 cannot be asked what it holds.
        for Sleeper { receiver, .. } in sleepers.iter().filter(|sleeper| sleeper.inner.version == Version::V2) {
            session.cannot_be_asked(receiver.id);
        }
        let Some(entry) = self.entry(info, session) else { return };
        entry.state.replace(state);
        for Sleeper { receiver, inner, .. } in sleepers {
            self.table.borrow_mut().add_socket(&inner.socket, Role::Receiver(entry.clone(), receiver.id));
            entry.links.borrow_mut().set(receiver.id, Link::Inner(inner));
        }
        self.table.borrow_mut().add_session(entry.clone());
        self.touch_later(&entry);
    }
}
