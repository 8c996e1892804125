//! The handle of a room: all connections of a service in one object.

use crate::application::connection::Connection;
use crate::application::host::{GateCrowded, Host};
use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::observe::log;
use crate::store::room_storage::RoomStorage;
use sockjs_protocol::service::placement::prefix_of;
use sockjs_protocol::time::Millis;
use std::fmt;
use std::rc::{Rc, Weak};
use worker::{Error, Result};

/// The connections of a service that share an object: with `Placement::Room` all of a room. Clones are the same room.
#[derive(Clone)]
pub struct Room {
    pub(crate) service: String,
    pub(crate) host: Weak<dyn Host>,
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
        let name = self.host.upgrade().and_then(|host| host.name());
        name.as_deref().and_then(prefix_of).unwrap_or_default().to_owned()
    }

    /// The connection with this [`Connection::id`], if it is open.
    pub fn connection(&self, id: &str) -> Option<Connection> {
        let entry = self.host.upgrade()?.connection(&self.service, id)?;
        Some(self.of(entry))
    }

    /// How many connections are open.
    pub fn count(&self) -> usize {
        self.host.upgrade().map_or(0, |host| host.count(&self.service))
    }

    /// Every connection that is open: who is present, also after the object was restarted.
    pub fn connections(&self) -> Vec<Connection> {
        let Some(host) = self.host.upgrade() else { return Vec::new() };
        host.connections(&self.service).into_iter().map(|entry| self.of(entry)).collect()
    }

    /// Returns the handle of a connection, as the room gives it.
    fn of(&self, entry: Rc<Entry>) -> Connection {
        Connection { entry, host: self.host.clone(), is_own: false }
    }

    /// Sends a message to every connection; it is kept once. Returns how many connections there are: none of them is skipped.
    /// A message larger than `queue_limit` goes to none, which is logged.
    ///
    /// The messages of clients are handled no faster than the slowest member of the room reads, so a handler that broadcasts once
    /// for each message need not wait for anything. In a loop, await [`Room::ready`] before each. A member may hold up its room for
    /// `room_patience`; after that it is closed with 1013 `Too slow` if more than `queue_limit` waits for it; before that, if four
    /// times as much does.
    pub fn broadcast(&self, message: impl AsRef<str>) -> usize {
        self.send_to(message.as_ref(), None)
    }

    /// The same to every connection but one.
    pub fn broadcast_except(&self, message: impl AsRef<str>, except: &Connection) -> usize {
        self.send_to(message.as_ref(), Some(except.id()))
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
        let Some(host) = self.host.upgrade() else { return };
        if let Err(GateCrowded) = host.gate(self.service.clone()).await {
            log::warn("room", Some(&self.service), "too many tasks wait for the room: one goes on");
        }
    }

    fn send_to(&self, message: &str, except: Option<&str>) -> usize {
        self.host.upgrade().map_or(0, |host| host.broadcast(&self.service, message, except))
    }

    /// What the application keeps for the room.
    ///
    /// # Errors
    ///
    /// When the object is gone.
    pub fn storage(&self) -> Result<RoomStorage> {
        Ok(self.host()?.storage())
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
        self.host()?.set_alarm(&self.service, at)
    }

    fn host(&self) -> Result<Rc<dyn Host>> {
        self.host.upgrade().ok_or_else(|| Error::RustError("the object is gone".into()))
    }

    /// Ends the object, as a deploy or a crash does, when what the running handler sent and wrote has left. Only for the
    /// demo of the deployable Worker.
    #[doc(hidden)]
    pub fn restart(&self) -> Result<()> {
        self.host()?.restart();
        Ok(())
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("prefix", &self.service).finish()
    }
}
