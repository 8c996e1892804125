//! The table of connections.

use crate::connection::entry::Entry;
use crate::connection::slots::Slots;
use crate::js::sockets;
use sockjs_protocol::sockjs::session::ReceiverId;
use std::collections::HashMap;
use std::rc::Rc;
use worker::WebSocket;

/// The role of a socket.
#[derive(Clone)]
pub(crate) enum Role {
    /// A client's WebSocket.
    Client(Rc<Entry>),
    /// The inner socket of an HTTP session's receiver.
    Receiver(Rc<Entry>, ReceiverId),
    /// The inner socket of a WebSocket that the Worker holds.
    Holder(Rc<Entry>, ReceiverId),
}

impl Role {
    fn entry(&self) -> &Rc<Entry> {
        let (Self::Client(entry) | Self::Receiver(entry, _) | Self::Holder(entry, _)) = self;
        entry
    }
}

/// All connections, indexed by their keys. Only an event for all connections iterates over them: an object may have tens of
/// thousands.
pub(crate) struct ConnectionTable {
    connections: HashMap<String, Rc<Entry>>,
    /// HTTP sessions by their names.
    sessions: HashMap<String, Rc<Entry>>,
    sockets: HashMap<u64, Role>,
    /// The open connections of each service.
    open: HashMap<String, Slots>,
    /// The open connections of each group, by a name that is unique across services.
    groups: HashMap<String, Slots>,
    next_key: u64,
}

impl ConnectionTable {
    pub fn new() -> Self {
        // After a panic this table is new, while the sockets still have keys of the old one: start at a number that no key has.
        let start = js_sys::Math::random() * (1u64 << 48) as f64;
        Self {
            connections: HashMap::new(),
            sessions: HashMap::new(),
            sockets: HashMap::new(),
            open: HashMap::new(),
            groups: HashMap::new(),
            next_key: start as u64,
        }
    }

    /// Returns the HTTP session of a service.
    pub fn session(&self, service: &str, session: &str) -> Option<Rc<Entry>> {
        self.sessions.get(&session_name(service, session)).cloned()
    }

    /// Returns the connection with this id.
    pub fn connection(&self, id: &str) -> Option<Rc<Entry>> {
        self.connections.get(id).cloned()
    }

    pub fn add_session(&mut self, entry: Rc<Entry>) {
        self.sessions.insert(name(&entry), entry.clone());
        self.add_client(entry);
    }

    pub fn add_client(&mut self, entry: Rc<Entry>) {
        if entry.session.borrow().is_open() && entry.place.get().is_none() {
            let members = self.open.entry(entry.info.service.clone()).or_default();
            entry.place.set(Some(members.add(entry.clone())));
            self.enter_groups(&entry);
        }
        self.connections.insert(entry.info.id.clone(), entry);
    }

    /// Notes that the connection may no longer be open.
    pub fn look(&mut self, entry: &Entry) {
        if entry.place.get().is_some() && !entry.session.borrow().is_open() {
            self.close(entry);
        }
    }

    fn close(&mut self, entry: &Entry) {
        let Some(place) = entry.place.take() else { return };
        if let Some(members) = self.open.get_mut(&entry.info.service) {
            members.remove(place);
        }
        entry.groups.borrow_mut().exit(|group, place| exit(&mut self.groups, &entry.info.service, group, place));
    }

    /// Adds an open connection to the members of each of its groups.
    pub fn enter_groups(&mut self, entry: &Rc<Entry>) {
        if entry.place.get().is_some() {
            entry.groups.borrow_mut().enter(|group| {
                self.groups.entry(session_name(&entry.info.service, group)).or_default().add(entry.clone())
            });
        }
    }

    /// Removes a connection from a group.
    pub fn exit_group(&mut self, entry: &Entry, group: &str) {
        let place = entry.groups.borrow_mut().remove(group);
        if let Some(place) = place {
            exit(&mut self.groups, &entry.info.service, group, place);
        }
    }

    /// Returns the first open connection of a service, or of one of its groups, at `place` or after it, with its place.
    pub fn member(&self, service: &str, group: Option<&str>, place: usize) -> Option<(usize, Rc<Entry>)> {
        self.members(service, group)?.at_or_after(place)
    }

    /// Returns the number of open connections of a service, or of one of its groups.
    pub fn count_members(&self, service: &str, group: Option<&str>) -> usize {
        self.members(service, group).map_or(0, Slots::len)
    }

    fn members(&self, service: &str, group: Option<&str>) -> Option<&Slots> {
        match group {
            None => self.open.get(service),
            Some(group) => self.groups.get(&session_name(service, group)),
        }
    }

    pub fn role(&self, websocket: &WebSocket) -> Option<Role> {
        self.sockets.get(&sockets::key(websocket)?).cloned()
    }

    pub fn add_socket(&mut self, websocket: &WebSocket, role: Role) {
        self.next_key += 1;
        sockets::set_key(websocket, self.next_key);
        role.entry().sockets.borrow_mut().push(self.next_key);
        self.sockets.insert(self.next_key, role);
    }

    pub fn remove_socket(&mut self, websocket: &WebSocket) -> Option<Role> {
        let key = sockets::key(websocket)?;
        let role = self.sockets.remove(&key)?;
        role.entry().sockets.borrow_mut().retain(|other| *other != key);
        Some(role)
    }

    /// Removes a session that is over from every index.
    pub fn remove(&mut self, entry: &Rc<Entry>) {
        self.close(entry);
        // The id may have been opened again since.
        if self.sessions.get(&name(entry)).is_some_and(|known| Rc::ptr_eq(known, entry)) {
            self.sessions.remove(&name(entry));
        }
        self.connections.remove(&entry.info.id);
        for key in entry.sockets.take() {
            self.sockets.remove(&key);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Returns the number of connections.
    pub fn count(&self) -> usize {
        self.connections.len()
    }

    /// Returns the number of open connections of all services.
    pub fn open_count(&self) -> usize {
        self.open.values().map(Slots::len).sum()
    }

    /// Returns every connection once.
    pub fn entries(&self) -> Vec<Rc<Entry>> {
        self.connections.values().cloned().collect()
    }
}

/// Gives up a place in a group. The last member removes the group.
fn exit(groups: &mut HashMap<String, Slots>, service: &str, group: &str, place: usize) {
    let name = session_name(service, group);
    if let Some(members) = groups.get_mut(&name) {
        members.remove(place);
        if members.is_empty() {
            groups.remove(&name);
        }
    }
}

fn name(entry: &Entry) -> String {
    session_name(&entry.info.service, &entry.info.session_name())
}

/// Returns a name of the session that is unique across services. No session id contains a slash.
pub(crate) fn session_name(service: &str, session: &str) -> String {
    [service, "//", session].concat()
}
