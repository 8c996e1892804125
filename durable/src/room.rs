//! All connections of a service in one object.

use crate::connection::{Connection, Entry, SendError};
use crate::log;
use crate::object::Object;
use crate::room_storage::RoomStorage;
use crate::runtime::{abort_after, now};
use sockjs_protocol::service::placement::prefix_of;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::session::{CloseReason, TOO_SLOW};
use sockjs_protocol::time::Millis;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;
use worker::{Delay, Error, Result};

/// An alarm whose handler could not be started waits for another try.
const START_RETRY: Millis = Millis::from_secs(30);

/// So many times `queue_limit` may wait for a member that the room waits for, if the application broadcasts without
/// [`Room::ready`]: a burst closes nobody who reads, and memory is bounded.
const UNPACED: usize = 4;

/// Before a restart: for the handler to end, and for what it sent to leave when its writes are on disk.
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// The connections of a service that share an object: with `Placement::Room` all of a room. Clones are the same room.
#[derive(Clone)]
pub struct Room {
    pub(crate) service: String,
    pub(crate) object: Weak<Object>,
}

impl Room {
    /// The prefix of the service, with the names of its parameters.
    pub fn prefix(&self) -> &str {
        &self.service
    }

    /// The prefix with the values of its parameters, as it stands in URLs. With [`Placement::Room`] it tells this room from
    /// others; the shards and the sessions of one prefix share it.
    ///
    /// [`Placement::Room`]: sockjs_protocol::service::options::Placement::Room
    pub fn name(&self) -> String {
        let name = self.object.upgrade().and_then(|object| object.name());
        name.as_deref().and_then(prefix_of).unwrap_or_default().to_owned()
    }

    /// The connection with this [`Connection::id`], if it is open.
    pub fn connection(&self, id: &str) -> Option<Connection> {
        let entry = self.awake()?.table.borrow().connection(id)?;
        let is_here = entry.info.service == self.service && entry.session.borrow().is_open();
        is_here.then(|| Connection { entry, object: self.object.clone(), is_own: false })
    }

    /// How many connections are open.
    pub fn count(&self) -> usize {
        self.awake().map_or(0, |object| object.table.borrow().open_count_of(&self.service))
    }

    /// Every connection that is open: who is present, also after the object was restarted.
    pub fn connections(&self) -> Vec<Connection> {
        let Some(object) = self.awake() else { return Vec::new() };
        let entries = object.table.borrow().entries();
        let mine = entries.into_iter().filter(|entry| entry.info.service == self.service);
        let open = mine.filter(|entry| entry.session.borrow().is_open());
        open.map(|entry| Connection { entry, object: self.object.clone(), is_own: false }).collect()
    }

    /// The object, with the sessions that are stored: a WebSocket's message alone does not read them.
    fn awake(&self) -> Option<Rc<Object>> {
        let object = self.object.upgrade()?;
        if let Err(error) = object.wake_sessions() {
            log::error("wake", Some(&self.service), error);
        }
        Some(object)
    }

    /// Sends a message to every connection; it is kept once. Returns how many connections there are: none of them is skipped.
    /// A message larger than `queue_limit` goes to none, which is logged.
    ///
    /// The messages of clients are handled no faster than the slowest member of the room reads, so a handler that broadcasts once
    /// for each message need not wait for anything. In a loop, await [`Room::ready`] before each. A member may hold up its room for
    /// `room_patience`; after that it is closed with 1013 `Too slow` if more than `queue_limit` waits for it; before that, if four
    /// times as much does.
    pub fn broadcast(&self, message: impl AsRef<str>) -> usize {
        self.send_to(message.as_ref(), |_| true)
    }

    /// The same to every connection but one.
    pub fn broadcast_except(&self, message: impl AsRef<str>, except: &Connection) -> usize {
        self.send_to(message.as_ref(), |connection| connection.id() != except.id())
    }

    /// Waits until no member of the room is behind that the room waits for. Await it before each broadcast of a loop.
    ///
    /// ```ignore
    /// for line in report.lines() {
    ///     room.ready().await;
    ///     room.broadcast(line);
    /// }
    /// ```
    pub async fn ready(&self) {
        let Some(object) = self.object.upgrade() else { return };
        if object.pass_gate(&self.service).await.is_err() {
            log::warn("room", Some(&self.service), "too many tasks wait for the room: one goes on");
        }
    }

    fn send_to(&self, message: &str, to: impl Fn(&Connection) -> bool) -> usize {
        let Some(object) = self.object.upgrade() else { return 0 };
        let Some(config) = object.services.find(&self.service).map(|service| &service.config) else { return 0 };
        if message.len() > config.queue_limit {
            log::error("broadcast", Some(&self.service), SendError::TooLarge);
            return 0;
        }
        let message = object.memory.message(message);
        let mut to: Vec<_> = self.connections().into_iter().filter(to).collect();
        to.retain(|connection| {
            let entry = &connection.entry;
            let may_exceed =
                !object.gates.gives_up_on(entry) && entry.waiting() < config.queue_limit.saturating_mul(UNPACED);
            match connection.push(message.clone(), may_exceed) {
                Ok(()) => true,
                Err(SendError::Closed) => false,
                Err(error) => {
                    object.end_member(entry, error);
                    false
                }
            }
        });
        object.gates.broadcast(&self.service, config, &to);
        to.len()
    }

    /// What the application keeps for the room.
    ///
    /// # Errors
    ///
    /// When the object is gone.
    pub fn storage(&self) -> Result<RoomStorage> {
        let object = self.object.upgrade().ok_or_else(|| Error::RustError("the object is gone".into()))?;
        Ok(RoomStorage(object.state.storage()))
    }

    /// Has [`Handler::on_alarm`](crate::Handler::on_alarm) called after `delay`, instead of when it was to be called before.
    /// It is stored, and lives through a restart of the object. Setting it is a billed write, and
    /// another where nothing wakes the object before.
    ///
    /// # Errors
    ///
    /// When storage fails, or the object is gone.
    pub fn set_alarm(&self, delay: impl Into<Millis>) -> Result<()> {
        self.alarm(Some(now() + delay.into()))
    }

    /// Has it not called any more.
    ///
    /// # Errors
    ///
    /// As [`Room::set_alarm`].
    pub fn clear_alarm(&self) -> Result<()> {
        self.alarm(None)
    }

    fn alarm(&self, at: Option<Millis>) -> Result<()> {
        let object = self.object.upgrade().ok_or_else(|| Error::RustError("the object is gone".into()))?;
        object.set_room_alarm(&self.service, at)
    }

    /// Ends the object, as a deploy or a crash does, when what the running handler sent and wrote has left. Only for the
    /// demo of the deployable Worker.
    #[doc(hidden)]
    pub fn restart(&self) -> Result<()> {
        let object = self.object.upgrade().ok_or_else(|| Error::RustError("the object is gone".into()))?;
        object.run(restart(object.clone()), "restart");
        Ok(())
    }
}

async fn restart(object: Rc<Object>) -> Result<()> {
    Delay::from(RESTART_PAUSE).await;
    object.state.storage().sync().await?;
    Ok(abort_after(&object.state, RESTART_PAUSE, "restarted, as asked for")?)
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("prefix", &self.service).finish()
    }
}

impl Object {
    /// Ends a member that a message could not be sent to: it would have a gap.
    fn end_member(self: &Rc<Self>, entry: &Rc<Entry>, error: SendError) {
        let (problem, code, text, why) = match error {
            SendError::StorageFailed => {
                ("storage failed", CloseCode::InternalError.number(), "Storage failed", CloseReason::HandlerFailed)
            }
            _ => (
                "it used up room_patience, and its queue is full",
                CloseCode::TryAgainLater.number(),
                TOO_SLOW,
                CloseReason::TooSlow,
            ),
        };
        log::warn("room", Some(&entry.info.service), format!("a member is closed: {problem}"));
        entry.session.borrow_mut().end(now(), code, text, why);
        self.touch(entry);
    }

    /// Stores when the application's alarm is due.
    fn set_room_alarm(self: &Rc<Self>, service: &str, at: Option<Millis>) -> Result<()> {
        self.store.set_room_alarm(service, at)?;
        self.room_alarm.replace(at.map(|at| (service.to_owned(), at)));
        self.plan_settle();
        Ok(())
    }

    /// The service whose application's alarm is due. From now on it is not set.
    pub(crate) fn take_room_alarm(&self) -> Option<String> {
        if self.room_alarm_runs.get() {
            return None;
        }
        self.room_alarm.borrow_mut().take_if(|(_, at)| *at <= now()).map(|(service, _)| service)
    }

    /// When the object has to be awake for the application's alarm: not while its handler still runs.
    pub(crate) fn room_alarm_at(&self) -> Option<Millis> {
        self.room_alarm.borrow().as_ref().map(|(_, at)| *at).filter(|_| !self.room_alarm_runs.get())
    }

    /// Tells the application of `service` of its alarm. Its row goes last: killed in between, the application is told again.
    pub(crate) async fn on_room_alarm(self: &Rc<Self>, service: String) -> Result<()> {
        let Some(handler) = self.handler(&service) else { return Ok(()) };
        self.room_alarm_runs.set(true);
        self.start_handlers();
        if self.start_of(&service).await {
            let room = Room { service: service.clone(), object: Rc::downgrade(self) };
            if let Err(error) = self.settling(handler.on_alarm(room)).await {
                log::error("handler", Some(&service), error);
            }
        } else if self.room_alarm.borrow().is_none() {
            self.room_alarm.replace(Some((service.clone(), now() + START_RETRY)));
        }
        self.room_alarm_runs.set(false);
        if self.room_alarm.borrow().is_none() {
            self.store.set_room_alarm(&service, None)?;
        }
        self.settle();
        if self.is_idle() { self.clear_storage().await } else { Ok(()) }
    }
}
