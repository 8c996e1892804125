//! The object of a test, which connections and rooms reach through [`Host`].

use crate::application::group::{Connections, Recipients};
use crate::application::handler::ErasedHandler;
use crate::application::host::{GateCrowded, Host, Members, MemoryLevel};
use crate::application::members::{end_member, send_to_members};
use crate::application::room::Room;
use crate::connection::entry::Entry;
use crate::info::connection_info::ConnectionInfo;
use crate::info::errors::{GroupError, SendError, ShardsError};
use crate::js::clock::now;
use crate::store::room_storage::RoomStorage;
use crate::testing::gate::RoomGate;
use crate::testing::tasks::{Tasks, explained};
use crate::testing::world::{Record, World};
use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use sockjs_protocol::inner::envelope::Push;
use sockjs_protocol::service::placement::locate;
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::meter::Meter;
use sockjs_protocol::sockjs::pacing::PacingRules;
use sockjs_protocol::sockjs::session::{Change, Rules, Session};
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use worker::Result;

/// The object of a test. A restart replaces it.
pub(super) struct Instance {
    pub world: Rc<World>,
    pub entries: RefCell<Vec<Rc<Entry>>>,
    pub touched: RefCell<VecDeque<Rc<Entry>>>,
    pub tasks: Tasks,
    pub gate: RoomGate,
    pub alarm: Cell<Option<Millis>>,
    pub is_alarm_running: Cell<bool>,
    pub is_settling: Cell<bool>,
    /// True if an event came from outside since the handler was last started.
    pub is_asked: Cell<bool>,
    handler: RefCell<Option<(Rc<dyn ErasedHandler>, Start)>>,
}

/// State of the handler's `on_start`.
enum Start {
    Due,
    /// `on_start` runs; these callbacks wait for its end.
    Running(Vec<oneshot::Sender<bool>>),
    Done,
    /// `on_start` failed. It runs again at the next event.
    Failed,
}

impl Instance {
    pub fn new(world: Rc<World>) -> Rc<Self> {
        Rc::new(Self {
            entries: RefCell::default(),
            touched: RefCell::default(),
            tasks: Tasks::default(),
            gate: RoomGate::new(&world.config),
            alarm: Cell::new(world.disk.alarm.get()),
            is_alarm_running: Cell::new(false),
            is_settling: Cell::new(false),
            is_asked: Cell::new(true),
            handler: RefCell::default(),
            world,
        })
    }

    /// Drops everything in memory, so that nothing refers to the object afterwards.
    pub fn kill(&self) {
        self.tasks.kill();
        self.entries.take();
        self.touched.take();
        self.handler.take();
    }

    /// Returns the object, as connections and rooms refer to it.
    pub fn host(self: &Rc<Self>) -> Weak<dyn Host> {
        let object: Weak<Self> = Rc::downgrade(self);
        object
    }

    pub fn room(self: &Rc<Self>) -> Room {
        Room::of(self.world.config.prefix.clone(), self.host())
    }

    pub fn entry(&self, id: &str) -> Option<Rc<Entry>> {
        self.entries.borrow().iter().find(|entry| entry.info.id == id).cloned()
    }

    pub fn open_entries(&self) -> Vec<Rc<Entry>> {
        self.entries.borrow().iter().filter(|entry| entry.session.borrow().is_open()).cloned().collect()
    }

    /// Adds a connection.
    pub fn add(&self, info: ConnectionInfo, session: Session) -> Rc<Entry> {
        let rules = PacingRules::of(&self.world.config);
        let entry = Entry::new(info, session, rules, None, Meter::default().part());
        self.entries.borrow_mut().push(entry.clone());
        self.ensure_handler();
        self.touch_now(&entry);
        entry
    }

    /// Restores the connections that existed before the object was in memory.
    pub fn wake(self: &Rc<Self>) {
        self.ensure_handler();
        for Record { info, kept, stored, is_heard, .. } in self.world.disk.records() {
            let rules = Rules::new(&self.world.config, info.transport);
            let opened = info.opened;
            let mut session = match stored {
                Some(stored) => Session::restore(now(), rules, stored, None),
                None => Session::wake_websocket(now(), rules),
            };
            if !is_heard {
                session.wake_silent(opened);
            }
            let entry = self.add(info, session);
            entry.restore_kept(kept);
            if let Some(client) = self.world.client(&entry.info.id) {
                entry.unread.set(client.unread_bytes());
                client.come_back(&entry);
            }
            if entry.info.transport.is_websocket() {
                entry.socket_buffer.forget();
            }
        }
        self.settle();
    }

    /// Creates the handler if there is none.
    pub fn ensure_handler(&self) {
        if self.handler.borrow().is_none() {
            let handler = explained("the function that makes the handler", || (self.world.make)());
            self.handler.replace(Some((handler, Start::Due)));
        }
    }

    /// Runs `on_start` if it is due.
    pub fn start_handler(self: &Rc<Self>) {
        let is_asked = self.is_asked.take();
        let handler = match &mut *self.handler.borrow_mut() {
            Some((handler, start @ Start::Due)) => {
                *start = Start::Running(Vec::new());
                handler.clone()
            }
            Some((handler, start @ Start::Failed)) if is_asked => {
                *start = Start::Running(Vec::new());
                handler.clone()
            }
            Some((_, Start::Running(_) | Start::Done | Start::Failed)) | None => return,
        };
        let object = self.clone();
        let start = async move {
            let started = handler.on_start(object.room()).await;
            let is_started = object.note_error("on_start", started);
            object.started(is_started);
        };
        self.tasks.spawn("on_start", Box::pin(start));
    }

    fn started(&self, is_started: bool) {
        let Some((_, start)) = &mut *self.handler.borrow_mut() else { return };
        let now = if is_started { Start::Done } else { Start::Failed };
        if let Start::Running(waiters) = std::mem::replace(start, now) {
            for waiter in waiters {
                // The waiting callback may have been dropped.
                let _ = waiter.send(is_started);
            }
        }
    }

    /// Returns the handler once its `on_start` has ended, and true if it succeeded.
    pub async fn started_handler(&self) -> (Rc<dyn ErasedHandler>, bool) {
        self.ensure_handler();
        let (handler, wait) = match &mut *self.handler.borrow_mut() {
            Some((handler, Start::Running(waiters))) => {
                let (started, wait) = oneshot::channel();
                waiters.push(started);
                (handler.clone(), wait)
            }
            Some((handler, start)) => return (handler.clone(), !matches!(start, Start::Failed)),
            None => panic!("the object has no handler"),
        };
        // The wait is cancelled only when the object ends.
        (handler, wait.await.unwrap_or(false))
    }

    /// Records the error of a callback. Returns true if there was none.
    pub fn note_error(&self, callback: &str, ended: Result<()>) -> bool {
        match ended {
            Ok(()) => true,
            Err(error) => {
                self.world.note(callback, error);
                false
            }
        }
    }

    /// Returns the callbacks that wait for anything but a client that does not read.
    pub fn stuck_callbacks(&self) -> Vec<&'static str> {
        let ready = |entry: &Rc<Entry>| entry.waiters.borrow().ready.count();
        let at_start = match &*self.handler.borrow() {
            Some((_, Start::Running(waiters))) => waiters.len(),
            Some((_, Start::Due | Start::Done | Start::Failed)) | None => 0,
        };
        let known = self.entries.borrow().iter().map(ready).sum::<usize>() + self.gate.tasks() + at_start;
        let waiting = self.tasks.waiting();
        if waiting.len() > known { waiting } else { Vec::new() }
    }

    /// Marks a connection whose session has changed, so that it is settled.
    pub fn touch_now(&self, entry: &Rc<Entry>) {
        if !entry.touched.replace(true) {
            self.touched.borrow_mut().push_back(entry.clone());
        }
    }
}

fn is_member(entry: &Entry, members: &Members) -> bool {
    let is_in = |group: &String| entry.groups.borrow().contains(group);
    entry.session.borrow().is_open() && members.group.as_ref().is_none_or(is_in)
}

impl Host for Instance {
    fn name(&self) -> Option<String> {
        Some(format!("{}//room", self.world.path.borrow()))
    }

    fn location(&self) -> Option<String> {
        let name = self.name()?;
        Some(locate(&name, &name))
    }

    fn member(self: Rc<Self>, members: &Members, place: usize) -> Option<(usize, Rc<Entry>)> {
        let entries = self.entries.borrow();
        entries.iter().cloned().enumerate().skip(place).find(|(_, entry)| is_member(entry, members))
    }

    fn connection(self: Rc<Self>, _: &str, id: &str) -> Option<Rc<Entry>> {
        self.entry(id).filter(|entry| entry.session.borrow().is_open())
    }

    fn count(self: Rc<Self>, members: &Members) -> usize {
        self.entries.borrow().iter().filter(|entry| is_member(entry, members)).count()
    }

    fn message(&self, text: &str) -> Message {
        Message::new(text)
    }

    fn memory(&self) -> MemoryLevel {
        MemoryLevel::Free
    }

    fn touch(self: Rc<Self>, entry: &Rc<Entry>) {
        self.touch_now(entry);
    }

    fn persist(&self, entry: &Entry, change: Change) -> bool {
        self.world.disk.write(entry, change);
        true
    }

    fn store_state(&self, entry: &Entry, json: &str) -> Result<()> {
        self.world.disk.set_state(&entry.info.id, json);
        Ok(())
    }

    fn join(&self, entry: &Rc<Entry>, group: &str) -> std::result::Result<(), GroupError> {
        let state = entry.state.borrow().as_ref().map_or(0, String::len);
        let Some(groups) = entry.groups.borrow().with(group, state)? else { return Ok(()) };
        entry.groups.borrow_mut().add(group);
        self.world.disk.set_groups(&entry.info.id, &groups);
        Ok(())
    }

    fn leave(&self, entry: &Rc<Entry>, group: &str) -> std::result::Result<(), GroupError> {
        let Some(groups) = entry.groups.borrow().without(group) else { return Ok(()) };
        entry.groups.borrow_mut().remove(group);
        self.world.disk.set_groups(&entry.info.id, &groups);
        Ok(())
    }

    fn broadcast(self: Rc<Self>, to: &Members, message: &str, except: Option<&Rc<Entry>>) -> usize {
        let queue_limit = self.world.config.queue_limit;
        if message.len() > queue_limit {
            self.world.note("broadcast", SendError::TooLarge);
            return 0;
        }
        let message = Message::new(message);
        let host: Rc<dyn Host> = self.clone();
        let mut reached = Vec::new();
        let gives_up_on = |entry: &_| self.gate.gives_up_on(entry);
        send_to_members(&host, (to, except), &message, queue_limit, gives_up_on, |entry, sent| match sent {
            Ok(()) => reached.push(entry.clone()),
            Err(SendError::Closed) => {}
            Err(error) => {
                end_member(entry, error);
                self.touch_now(entry);
            }
        });
        self.gate.broadcast(&reached);
        reached.len()
    }

    fn push_to_all(
        self: Rc<Self>,
        members: Members,
        push: Push,
        message: Rc<str>,
    ) -> LocalBoxFuture<'static, std::result::Result<usize, ShardsError>> {
        // The room has one object.
        Box::pin(async move {
            Ok(match push {
                Push::Message => {
                    // The gate of a test takes everybody.
                    let _ = self.pass_gate().await;
                    Host::broadcast(self, &members, &message, None)
                }
                Push::Close { code, reason } => {
                    let recipients = Recipients { members, host: self.host() };
                    Connections::of(recipients).filter(|connection| connection.close(code, &reason).is_ok()).count()
                }
                Push::Count => Host::count(self, &members),
                Push::List { .. } | Push::Call => 0,
            })
        })
    }

    fn gate(self: Rc<Self>, _: String) -> LocalBoxFuture<'static, std::result::Result<(), GateCrowded>> {
        Box::pin(async move { self.pass_gate().await })
    }

    fn set_alarm(self: Rc<Self>, _: &str, at: Option<Millis>) -> Result<()> {
        self.world.disk.alarm.set(at);
        self.alarm.set(at);
        Ok(())
    }

    fn storage(&self) -> RoomStorage {
        RoomStorage::in_memory(self.world.disk.values.clone())
    }

    fn restart(self: Rc<Self>) {
        self.world.is_restart_due.set(true);
    }
}
