//! The object as its connections and rooms see it.

use crate::application::host::{GateCrowded, Host, Members, MemoryLevel};
use crate::application::room::Room;
use crate::connection::entry::Entry;
use crate::info::errors::{GroupError, ShardsError};
use crate::object::Object;
use crate::object::attachments::Changed;
use crate::observe::log;
use crate::store::kept::Kept;
use crate::store::room_storage::RoomStorage;
use futures::future::LocalBoxFuture;
use sockjs_protocol::inner::envelope::Push;
use sockjs_protocol::service::placement::locate;
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::Change;
use sockjs_protocol::time::Millis;
use std::rc::{Rc, Weak};
use worker::Result;

impl Object {
    /// Returns the object for use by handles.
    pub(super) fn host(self: &Rc<Self>) -> Weak<dyn Host> {
        let object: Weak<Self> = Rc::downgrade(self);
        object
    }

    /// Returns the handle of a room.
    pub(super) fn room(self: &Rc<Self>, service: String) -> Room {
        Room::of(service, self.host())
    }

    /// Loads the stored sessions: a WebSocket message alone does not load them.
    fn wake_all(self: &Rc<Self>, service: &str) {
        if let Err(error) = self.wake_sessions() {
            log::error("wake", Some(service), error);
        }
    }
}

impl Object {
    /// Stores the groups of a connection, as JSON.
    fn keep_groups(&self, entry: &Entry, groups: String) -> std::result::Result<(), GroupError> {
        let kept = Kept { groups: Some(groups), ..entry.kept() };
        self.keep_change(entry, &kept, Changed::Groups).map_err(|error| {
            log::error("storage", Some(&entry.info.service), error);
            GroupError::StorageFailed
        })
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

    fn member(self: Rc<Self>, members: &Members, place: usize) -> Option<(usize, Rc<Entry>)> {
        self.wake_all(&members.service);
        self.table.borrow().member(&members.service, members.group.as_deref(), place)
    }

    fn connection(self: Rc<Self>, service: &str, id: &str) -> Option<Rc<Entry>> {
        self.wake_all(service);
        let entry = self.table.borrow().connection(id)?;
        let is_here = entry.info.service == service && entry.session.borrow().is_open();
        is_here.then_some(entry)
    }

    fn count(self: Rc<Self>, members: &Members) -> usize {
        self.wake_all(&members.service);
        self.table.borrow().count_members(&members.service, members.group.as_deref())
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
        self.keep_change(entry, &Kept { state: Some(json.to_owned()), ..entry.kept() }, Changed::State)
    }

    fn join(&self, entry: &Rc<Entry>, group: &str) -> std::result::Result<(), GroupError> {
        let state = entry.state.borrow().as_ref().map_or(0, String::len);
        let Some(groups) = entry.groups.borrow().with(group, state)? else { return Ok(()) };
        self.keep_groups(entry, groups)?;
        entry.groups.borrow_mut().add(group);
        self.table.borrow_mut().enter_groups(entry);
        Ok(())
    }

    fn leave(&self, entry: &Rc<Entry>, group: &str) -> std::result::Result<(), GroupError> {
        let Some(groups) = entry.groups.borrow().without(group) else { return Ok(()) };
        self.keep_groups(entry, groups)?;
        self.table.borrow_mut().exit_group(entry, group);
        Ok(())
    }

    fn broadcast(self: Rc<Self>, members: &Members, message: &str, except: Option<&Rc<Entry>>) -> usize {
        self.broadcast_to_members(members, message, except).members
    }

    fn push_to_all(
        self: Rc<Self>,
        members: Members,
        push: Push,
        message: Rc<str>,
    ) -> LocalBoxFuture<'static, std::result::Result<usize, ShardsError>> {
        Box::pin(Object::push_to_all(self, members, push, message))
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
