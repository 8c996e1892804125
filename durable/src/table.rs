//! The table of connections.

use crate::connection::Entry;
use crate::socket;
use sockjs_protocol::session::ReceiverId;
use std::collections::HashMap;
use std::rc::Rc;
use worker::WebSocket;

/// What a socket is to this object.
#[derive(Clone)]
pub(crate) enum Role {
    /// A client's WebSocket.
    Client(Rc<Entry>),
    /// The inner socket of an HTTP session's receiver.
    Receiver(Rc<Entry>, ReceiverId),
}

/// Every connection, by what leads to it.
pub(crate) struct Table {
    /// HTTP sessions by service and session id.
    sessions: HashMap<(String, String), Rc<Entry>>,
    /// WebSocket connections by their id.
    clients: HashMap<String, Rc<Entry>>,
    sockets: HashMap<u64, Role>,
    next_key: u64,
}

impl Table {
    pub fn new() -> Self {
        // After a panic this table is new while the sockets still have keys of the old one: start where none can be.
        let start = js_sys::Math::random() * (1u64 << 48) as f64;
        Self { sessions: HashMap::new(), clients: HashMap::new(), sockets: HashMap::new(), next_key: start as u64 }
    }

    pub fn session(&self, service: &str, session: &str) -> Option<Rc<Entry>> {
        self.sessions.get(&(service.to_owned(), session.to_owned())).cloned()
    }

    pub fn add_session(&mut self, entry: Rc<Entry>) {
        self.sessions.insert(name(&entry), entry);
    }

    pub fn add_client(&mut self, entry: Rc<Entry>) {
        self.clients.insert(entry.info.id.clone(), entry);
    }

    pub fn role(&self, websocket: &WebSocket) -> Option<Role> {
        self.sockets.get(&socket::key(websocket)?).cloned()
    }

    pub fn add_socket(&mut self, websocket: &WebSocket, role: Role) {
        self.next_key += 1;
        socket::set_key(websocket, self.next_key);
        self.sockets.insert(self.next_key, role);
    }

    pub fn remove_socket(&mut self, websocket: &WebSocket) -> Option<Role> {
        self.sockets.remove(&socket::key(websocket)?)
    }

    /// A session is over: nothing leads to it any more.
    pub fn remove(&mut self, entry: &Rc<Entry>) {
        // The id may have been opened again since.
        if self.sessions.get(&name(entry)).is_some_and(|known| Rc::ptr_eq(known, entry)) {
            self.sessions.remove(&name(entry));
        }
        self.clients.remove(&entry.info.id);
        self.sockets.retain(|_, role| {
            let (Role::Client(of) | Role::Receiver(of, _)) = role;
            !Rc::ptr_eq(of, entry)
        });
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.clients.is_empty()
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.sessions.len() + self.clients.len()
    }

    /// Whether so many connections are open, or more.
    pub fn has_open(&self, count: usize) -> bool {
        let open = self.sessions.values().chain(self.clients.values()).filter(|entry| entry.session.borrow().is_open());
        open.take(count).count() == count
    }

    /// Every connection once.
    pub fn entries(&self) -> Vec<Rc<Entry>> {
        self.sessions.values().chain(self.clients.values()).cloned().collect()
    }
}

fn name(entry: &Entry) -> (String, String) {
    (entry.info.service.clone(), entry.info.session.clone().unwrap_or_default())
}
