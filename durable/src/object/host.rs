//! The object as its connections and rooms see it.

use crate::application::host::{GateCrowded, Host, MemoryLevel};
use crate::application::room::Room;
use crate::connection::entry::Entry;
use crate::object::Object;
use crate::observe::log;
use crate::store::room_storage::RoomStorage;
use futures::future::LocalBoxFuture;
use sockjs_protocol::service::placement::locate;
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::Change;
use sockjs_protocol::time::Millis;
use std::rc::{Rc, Weak};
use worker::Result;

impl Object {
    /// Returns the object as handles see it.
    pub(super) fn host(self: &Rc<Self>) -> Weak<dyn Host> {
        let object: Weak<Self> = Rc::downgrade(self);
        object
    }

    /// Returns the handle of a room.
    pub(super) fn room(self: &Rc<Self>, service: String) -> Room {
        Room { service, host: self.host() }
    }

    /// Reads the sessions that are stored: a WebSocket's message alone does not.
    fn wake_all(self: &Rc<Self>, service: &str) {
        if let Err(error) = self.wake_sessions() {
            log::error("wake", Some(service), error);
        }
    }

    /// Returns the open connections of a service.
    pub(super) fn open_connections(self: &Rc<Self>, service: &str) -> Vec<Rc<Entry>> {
        self.wake_all(service);
        let mut entries = self.table.borrow().entries();
        entries.retain(|entry| entry.info.service == service && entry.session.borrow().is_open());
        entries
    }
}

impl Host for Object {
    fn name(&self) -> Option<String> {
        self.state.id().name()
    }

    fn location(&self) -> Option<String> {
        let id = self.state.id();
        Some(locate(&id.name()?, &id.to_string()))
    }

    fn connections(self: Rc<Self>, service: &str) -> Vec<Rc<Entry>> {
        self.open_connections(service)
    }

    fn connection(self: Rc<Self>, service: &str, id: &str) -> Option<Rc<Entry>> {
        self.wake_all(service);
        let entry = self.table.borrow().connection(id)?;
        let is_here = entry.info.service == service && entry.session.borrow().is_open();
        is_here.then_some(entry)
    }

    fn count(self: Rc<Self>, service: &str) -> usize {
        self.wake_all(service);
        self.table.borrow().open_count_of(service)
    }

    fn message(&self, text: &str) -> Message {
        self.memory.message(text)
    }

    fn memory(&self) -> MemoryLevel {
        self.memory.level()
    }

    fn touch(self: Rc<Self>, entry: &Rc<Entry>) {
        self.touch_later(entry);
    }

    fn persist(&self, entry: &Entry, change: Change) -> bool {
        self.write(entry, change)
    }

    fn store_state(&self, entry: &Entry, json: &str) -> Result<()> {
        self.keep_state(entry, json)
    }

    fn broadcast(self: Rc<Self>, service: &str, message: &str, except: Option<&str>) -> usize {
        self.broadcast_to_room(service, message, except)
    }

    fn gate(self: Rc<Self>, service: String) -> LocalBoxFuture<'static, std::result::Result<(), GateCrowded>> {
        Box::pin(async move { self.pass_gate(&service).await })
    }

    fn set_alarm(self: Rc<Self>, service: &str, at: Option<Millis>) -> Result<()> {
        self.set_room_alarm(service, at)
    }

    fn storage(&self) -> RoomStorage {
        RoomStorage::of_object(self.state.storage())
    }

    fn restart(self: Rc<Self>) {
        self.run(Box::pin(self.clone().restart_soon()), "restart");
    }
}
