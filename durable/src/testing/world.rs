//! The state that outlives an object: its storage, its clients, and the time.

use crate::application::handler::ErasedHandler;
use crate::connection::entry::Entry;
use crate::info::connection_info::ConnectionInfo;
use crate::js::clock;
use crate::store::kept::Kept;
use crate::store::memory_storage::MemoryStorage;
use crate::testing::client_state::Client;
use crate::testing::instance::Instance;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::session::{Change, READ, Row, Seq, Stored};
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::rc::Rc;

/// Virtual time at which a room begins. It lies in the year 2026, since some code treats a time of zero as unset.
const BEGINNING: Millis = Millis(1_770_000_000_000);

/// All state of a room outside its object.
pub(super) struct World {
    pub config: Rc<Config>,
    pub make: Box<dyn Fn() -> Rc<dyn ErasedHandler>>,
    /// Prefix of the service, with values in place of its parameters.
    pub path: RefCell<String>,
    pub now: Cell<Millis>,
    pub disk: Disk,
    pub clients: RefCell<Vec<Rc<Client>>>,
    pub errors: RefCell<Vec<String>>,
    pub is_restart_due: Cell<bool>,
    object: RefCell<Option<Rc<Instance>>>,
}

/// Storage of the object, and the data that the runtime keeps with its WebSockets.
#[derive(Default)]
pub(super) struct Disk {
    pub values: MemoryStorage,
    pub alarm: Cell<Option<Millis>>,
    connections: RefCell<BTreeMap<String, Record>>,
}

/// Stored data of one connection.
#[derive(Clone)]
pub(super) struct Record {
    pub info: ConnectionInfo,
    pub kept: Kept,
    /// The stored session, for a session over HTTP.
    pub stored: Option<Stored>,
    /// True if the client has sent anything.
    pub is_heard: bool,
    rows: BTreeMap<Seq, Row>,
}

impl World {
    pub fn new(config: Config, make: Box<dyn Fn() -> Rc<dyn ErasedHandler>>) -> Rc<Self> {
        if let Err(error) = config.check() {
            panic!("TestRoom::new: {error}");
        }
        let path = config.prefix.replace(['{', '}'], "");
        let world = Rc::new(Self {
            config: Rc::new(config),
            make,
            path: RefCell::new(path),
            now: Cell::new(BEGINNING),
            disk: Disk::default(),
            clients: RefCell::default(),
            errors: RefCell::default(),
            is_restart_due: Cell::new(false),
            object: RefCell::default(),
        });
        world.set_time(BEGINNING);
        world.replace_object();
        world
    }

    /// Returns the object. Panics once the room was dropped.
    pub fn object(&self) -> Rc<Instance> {
        let Some(object) = self.object.borrow().clone() else { panic!("the TestRoom was dropped") };
        object
    }

    /// Replaces the object by a new one with empty memory. Connections and rooms of the old object stop working.
    pub fn replace_object(self: &Rc<Self>) -> Rc<Instance> {
        self.end_object();
        let object = Instance::new(self.clone());
        self.object.replace(Some(object.clone()));
        object
    }

    /// Ends the object and everything that runs in it.
    pub fn end_object(&self) {
        if let Some(object) = self.object.take() {
            object.kill();
        }
    }

    /// Carries out an event and everything that it causes.
    pub fn event<T>(self: &Rc<Self>, event: impl FnOnce(&Rc<Instance>) -> T) -> T {
        clock::stand_at(self.now.get());
        let object = self.object();
        object.is_asked.set(true);
        // Calls that the test made on connections and rooms come first.
        object.settle();
        let result = event(&object);
        object.settle();
        if self.is_restart_due.take() {
            self.restart();
        }
        result
    }

    pub fn set_time(&self, now: Millis) {
        self.now.set(now);
        clock::stand_at(now);
    }

    pub fn client(&self, id: &str) -> Option<Rc<Client>> {
        self.clients.borrow().iter().find(|client| client.id == id).cloned()
    }

    /// Records an error that the server would log.
    pub fn note(&self, event: &str, error: impl Display) {
        let error = format!("{event}: {error}");
        eprintln!("{error}");
        self.errors.borrow_mut().push(error);
    }

    /// Restarts the object, as a deploy does. WebSockets are lost; stored data stays.
    pub fn restart(self: &Rc<Self>) {
        for entry in self.object().open_entries() {
            if entry.info.transport.is_websocket() {
                self.disk.forget(&entry.info.id);
                if let Some(client) = self.client(&entry.info.id) {
                    client.lose();
                }
            }
        }
        self.replace_object().wake();
    }
}

impl Disk {
    /// Returns the stored data of all connections.
    pub fn records(&self) -> Vec<Record> {
        self.connections.borrow().values().cloned().collect()
    }

    /// Stores a new connection.
    pub fn add(&self, info: &ConnectionInfo) {
        let record =
            Record { info: info.clone(), kept: Kept::default(), stored: None, is_heard: false, rows: BTreeMap::new() };
        self.connections.borrow_mut().insert(info.id.clone(), record);
    }

    pub fn forget(&self, id: &str) {
        self.connections.borrow_mut().remove(id);
    }

    pub fn set_state(&self, id: &str, json: &str) {
        if let Some(record) = self.connections.borrow_mut().get_mut(id) {
            record.kept.state = Some(json.to_owned());
        }
    }

    pub fn set_groups(&self, id: &str, json: &str) {
        if let Some(record) = self.connections.borrow_mut().get_mut(id) {
            record.kept.groups = Some(json.to_owned());
        }
    }

    /// Writes a change of a session.
    pub fn write(&self, entry: &Entry, change: Change) {
        let mut connections = self.connections.borrow_mut();
        let Some(record) = connections.get_mut(&entry.info.id) else { return };
        match &change {
            Change::Heard => record.is_heard = true,
            Change::Append(row) => {
                let is_longer = record.rows.get(&row.first).is_none_or(|before| before.last() < row.last());
                if is_longer {
                    record.rows.insert(row.first, row.clone());
                }
            }
            Change::Discard { through } => record.rows.retain(|_, row| row.last() > *through),
            Change::Forget => {
                connections.remove(&entry.info.id);
                return;
            }
            Change::Open { .. } | Change::Close { .. } | Change::Told | Change::Absent(_) => {}
        }
        if !entry.info.transport.is_websocket() {
            Stored::apply(&mut record.stored, change);
        }
    }

    /// Reads rows of a session's messages, from the number `first` on, until they hold [`READ`] bytes.
    pub fn read(&self, id: &str, first: Seq) -> Vec<Row> {
        let connections = self.connections.borrow();
        let Some(record) = connections.get(id) else { return Vec::new() };
        let mut bytes = 0;
        let rows = record.rows.values().filter(|row| row.last() >= first);
        let rows = rows.take_while(|row| {
            let is_wanted = bytes < READ;
            bytes += row.extent().bytes;
            is_wanted
        });
        rows.cloned().collect()
    }
}
