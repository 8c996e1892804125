//! Waking up: restores sockets that stayed open during hibernation, and stored sessions. Each is restored at the first event that
//! needs it; a WebSocket message does not load the stored sessions.

use crate::connection::entry::Entry;
use crate::connection::links::{HolderSocket, InnerSocket, Link};
use crate::connection::table::{Role, session_name};
use crate::info::connection_info::ConnectionInfo;
use crate::js::clock::now;
use crate::js::sockets;
use crate::object::Object;
use crate::store::attachment::Attachment;
use crate::store::kept::Kept;
use crate::store::queries::StoredSession;
use sockjs_protocol::inner::envelope::Version;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::session::{Receiver, ReceiverKind, Rules, Session, Stored};
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use worker::{Result, WebSocket};

/// Sockets and sessions that are not restored yet.
#[derive(Default)]
pub(super) struct Asleep {
    sockets_awake: Cell<bool>,
    sessions_awake: Cell<bool>,
    /// Inner sockets whose sessions are not loaded yet, by session name.
    receivers: RefCell<HashMap<String, Vec<Sleeper>>>,
}

/// A receiver that stayed attached during hibernation.
pub(super) struct Sleeper {
    receiver: Receiver,
    since: Millis,
    ending: bool,
    inner: InnerSocket,
    /// The connection of a WebSocket that the Worker holds, if storage may not have it.
    held: Option<HeldSleeper>,
}

/// Data from the inner socket of a WebSocket that the Worker holds.
struct HeldSleeper {
    info: ConnectionInfo,
    kept: Kept,
    heard: bool,
}

impl Object {
    /// Restores the WebSockets that stayed open during hibernation.
    pub(super) fn wake_sockets(self: &Rc<Self>) -> Result<()> {
        if self.asleep.sockets_awake.replace(true) {
            return Ok(());
        }
        for websocket in self.state.get_websockets() {
            self.wake_socket(&websocket);
        }
        if self.asleep.receivers.borrow().is_empty() { Ok(()) } else { self.wake_sessions() }
    }

    /// Restores one socket from its attachment.
    pub(super) fn wake_socket(&self, websocket: &WebSocket) {
        match Attachment::read(websocket) {
            Some((Attachment::Client(info), kept)) => self.wake_client(info, kept, false, websocket),
            Some((Attachment::Heard(info), kept)) => self.wake_client(info, kept, true, websocket),
            // The session no longer exists.
            Some((Attachment::Receiver { .. }, _)) if self.asleep.sessions_awake.get() => {}
            Some((
                Attachment::Receiver { service, session, transport, version, receiver, since, ending, beats },
                _,
            )) => {
                let receiver = Receiver { id: receiver, kind: ReceiverKind::of(transport), beats };
                let inner = InnerSocket { socket: websocket.clone(), version };
                let sleeper = Sleeper { receiver, since, ending, inner, held: None };
                self.asleep.receivers.borrow_mut().entry(session_name(&service, &session)).or_default().push(sleeper);
            }
            Some((Attachment::Held { .. }, _)) if self.asleep.sessions_awake.get() => {}
            Some((Attachment::Held { info, receiver, version, heard, beats, since }, kept)) => {
                let receiver = Receiver { id: receiver, kind: ReceiverKind::Held, beats };
                let inner = InnerSocket { socket: websocket.clone(), version };
                let name = session_name(&info.service, &info.session_name());
                let held = Some(HeldSleeper { info, kept, heard });
                let sleeper = Sleeper { receiver, since, ending: false, inner, held };
                self.asleep.receivers.borrow_mut().entry(name).or_default().push(sleeper);
            }
            Some((Attachment::Over, _)) => {}
            None => sockets::close(websocket, CloseCode::GoingAway.number(), "unknown version"),
        }
    }

    fn wake_client(&self, info: ConnectionInfo, kept: Kept, heard: bool, websocket: &WebSocket) {
        let Some(service) = self.services.find(&info.service) else {
            return sockets::close(websocket, CloseCode::GoingAway.number(), "service is gone");
        };
        let mut session = Session::wake_websocket(now(), Rules::new(&service.config, info.transport));
        if !heard {
            session.wake_silent(info.opened);
        }
        let word = if service.config.liveness.is_some() { Attachment::word(websocket) } else { None };
        session.wake_silence(now(), info.opened, word);
        self.answer_automatically(&service.config, info.transport);
        let Some(entry) = self.entry(info, session) else { return };
        entry.restore_kept(kept);
        entry.word.set(word);
        entry.socket_buffer.forget();
        entry.links.borrow_mut().set(Receiver::WEBSOCKET.id, Link::Client(websocket.clone()));
        self.table.borrow_mut().add_client(entry.clone());
        self.table.borrow_mut().add_socket(websocket, Role::Client(entry));
    }

    /// Restores the stored HTTP sessions, with the receivers that stayed attached.
    pub(super) fn wake_sessions(self: &Rc<Self>) -> Result<()> {
        self.wake_sockets()?;
        if self.asleep.sessions_awake.get() {
            return Ok(());
        }
        let sessions = self.store.load()?;
        self.asleep.sessions_awake.set(true);
        for StoredSession { info, kept, stored } in sessions {
            self.wake_session(info, kept, stored);
        }
        self.room_alarm.replace(self.store.load_room_alarm()?);
        // An inner socket that no session claimed belongs to nothing.
        for mut sleeper in self.asleep.receivers.take().into_values().flatten() {
            match sleeper.held.take() {
                Some(held) => self.wake_held(held, sleeper),
                None => sockets::close(&sleeper.inner.socket, sockets::REPLACED, "session over"),
            }
        }
        self.compare_open();
        Ok(())
    }

    /// Restores the connection of a WebSocket that the Worker holds and that is not in storage.
    fn wake_held(self: &Rc<Self>, held: HeldSleeper, sleeper: Sleeper) {
        let HeldSleeper { info, kept, heard } = held;
        let Some(service) = self.services.find(&info.service) else {
            return sockets::close(&sleeper.inner.socket, sockets::REPLACED, "service is gone");
        };
        let rules = Rules::held(&service.config, info.transport);
        let mut session = Session::restore_held(now(), rules, sleeper.receiver, Some(sleeper.since));
        if !heard {
            session.wake_silent(info.opened);
        }
        let Some(entry) = self.entry(info, session) else { return };
        entry.restore_kept(kept);
        self.link_sleepers(&entry, vec![sleeper]);
        self.table.borrow_mut().add_session(entry.clone());
        self.touch_later(&entry);
    }

    /// Links the inner sockets to their connection.
    fn link_sleepers(&self, entry: &Rc<Entry>, sleepers: Vec<Sleeper>) {
        for Sleeper { receiver, inner, .. } in sleepers {
            let mut table = self.table.borrow_mut();
            let link = if entry.info.held {
                table.add_socket(&inner.socket, Role::Holder(entry.clone(), receiver.id));
                Link::Holder(HolderSocket(inner.socket))
            } else {
                table.add_socket(&inner.socket, Role::Receiver(entry.clone(), receiver.id));
                Link::Inner(inner)
            };
            entry.links.borrow_mut().set(receiver.id, link);
        }
    }

    fn wake_session(self: &Rc<Self>, info: ConnectionInfo, kept: Kept, stored: Stored) {
        let Some(service) = self.services.find(&info.service) else { return };
        let rules = match info.held {
            true => Rules::held(&service.config, info.transport),
            false => Rules::new(&service.config, info.transport),
        };
        let name = session_name(&info.service, &info.session_name());
        let sleepers = self.asleep.receivers.borrow_mut().remove(&name).unwrap_or_default();
        let latest = |ending| {
            sleepers.iter().filter(move |sleeper| sleeper.ending == ending).max_by_key(|sleeper| sleeper.since)
        };
        let attached = latest(false).map(|sleeper| (sleeper.receiver, sleeper.since));
        let heard = stored.heard;
        let mut session = Session::restore(now(), rules, stored, attached);
        if info.held {
            session = session.into_held();
        }
        if !heard {
            session.wake_silent(info.opened);
        }
        if let Some(sleeper) = latest(true) {
            session.wake_ending(sleeper.receiver, sleeper.since);
        }
        // A Worker of version 2 cannot be asked for what it holds.
        for Sleeper { receiver, .. } in sleepers.iter().filter(|sleeper| sleeper.inner.version == Version::V2) {
            session.cannot_be_asked(receiver.id);
        }
        let Some(entry) = self.entry(info, session) else { return };
        entry.restore_kept(kept);
        entry.returns.set(entry.info.held && sleepers.is_empty());
        self.link_sleepers(&entry, sleepers);
        self.table.borrow_mut().add_session(entry.clone());
        self.touch_later(&entry);
    }
}
