//! The handle of a room: all connections of a service in one object.

use crate::application::connection::Connection;
use crate::application::group::{Connections, Group, Recipients};
use crate::application::host::{GateCrowded, Host, Members};
use crate::application::shards::AllShards;
use crate::js::clock::now;
use crate::observe::log;
use crate::store::room_storage::RoomStorage;
use sockjs_protocol::service::placement::prefix_of;
use sockjs_protocol::time::Millis;
use std::fmt;
use std::rc::{Rc, Weak};
use worker::{Error, Result};

/// A handle of the connections of a service that share an object: with `Placement::Room`, all of a room. Clones refer to the same
/// room.
///
/// ```
/// # extern crate sockjs_durable as sockjs_edge;
/// use sockjs_edge::{Connection, Handler};
///
/// struct Chat;
///
/// impl Handler for Chat {
///     async fn on_open(&self, connection: &Connection) -> worker::Result<()> {
///         let room = connection.room();
///         room.broadcast_except(format!("{} are here", room.count()), connection);
///         Ok(())
///     }
///
///     async fn on_message(&self, connection: &Connection, message: String) -> worker::Result<()> {
///         connection.room().broadcast(message);
///         Ok(())
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Room(Recipients);

impl Room {
    pub(crate) fn of(service: String, host: Weak<dyn Host>) -> Self {
        Self(Recipients { members: Members { service, group: None }, host })
    }

    /// Returns the prefix of the service, with the names of its parameters.
    pub fn prefix(&self) -> &str {
        &self.0.members.service
    }

    /// Returns the prefix with the values of its parameters, as in URLs. With [`Placement::Room`] the name identifies the room.
    /// The shards and the sessions of one prefix share it.
    ///
    /// [`Placement::Room`]: sockjs_protocol::service::options::Placement::Room
    pub fn name(&self) -> String {
        let name = self.0.host.upgrade().and_then(|host| host.name());
        name.as_deref().and_then(prefix_of).unwrap_or_default().to_owned()
    }

    /// Returns a string that identifies the object of the room. `None` if the runtime does not give the object its name.
    #[doc(hidden)]
    pub fn location(&self) -> Option<String> {
        self.0.host.upgrade()?.location()
    }

    /// Returns the connection with this [`Connection::id`], if it is open.
    pub fn connection(&self, id: &str) -> Option<Connection> {
        let entry = self.0.host.upgrade()?.connection(self.prefix(), id)?;
        Some(Connection { entry, host: self.0.host.clone(), is_own: false })
    }

    /// Returns the number of open connections.
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Iterates over the open connections, including those that survived a restart of the object. Connections may open and close
    /// meanwhile, since the iterator looks each of them up when it is reached. A connection that is open all the time is returned
    /// once.
    pub fn connections(&self) -> Connections {
        Connections::of(self.0.clone())
    }

    /// Returns a group of the room: the connections that [joined](Connection::join) it. A group without members is empty.
    ///
    /// ```
    /// # use sockjs_durable::{Connection, GroupError};
    /// fn enter(connection: &Connection, team: &str) -> Result<(), GroupError> {
    ///     connection.join(team)?;
    ///     let team = connection.room().to(team);
    ///     team.broadcast_except(format!("{} of us now", team.count()), connection);
    ///     Ok(())
    /// }
    /// ```
    pub fn to(&self, group: impl Into<String>) -> Group {
        Group(self.0.group(group.into()))
    }

    /// Returns all connections of the room, across all of its objects: see [`AllShards`].
    pub fn all(&self) -> AllShards {
        AllShards(self.0.clone())
    }

    /// Sends a message to every connection, and keeps only one copy in memory. Returns the number of connections; none is
    /// skipped. A message larger than `queue_limit` is sent to nobody, and logged.
    ///
    /// Messages of clients are handled no faster than the slowest member of the room reads. A handler that broadcasts once for
    /// each message therefore need not wait. In a loop, await [`Room::ready`] before each broadcast.
    ///
    /// A member may hold up its room for `room_patience`. After that it is closed with 1013 `Too slow` if more than `queue_limit`
    /// waits for it. Before that, it is closed if four times as much waits.
    pub fn broadcast(&self, message: impl AsRef<str>) -> usize {
        self.0.send(message.as_ref(), None)
    }

    /// Sends a message to every connection except `except`. See [`Room::broadcast`].
    pub fn broadcast_except(&self, message: impl AsRef<str>, except: &Connection) -> usize {
        self.0.send(message.as_ref(), Some(except))
    }

    /// Waits until no member is behind for which the room still waits. Await it before each broadcast of a loop.
    ///
    /// ```
    /// # async fn send(room: &sockjs_durable::Room, report: &str) {
    /// for line in report.lines() {
    ///     room.ready().await;
    ///     room.broadcast(line);
    /// }
    /// # }
    /// ```
    pub async fn ready(&self) {
        let Some(host) = self.0.host.upgrade() else { return };
        if let Err(GateCrowded) = host.gate(self.prefix().to_owned()).await {
            log::warn("room", Some(self.prefix()), "too many tasks await Room::ready: one continues without waiting");
        }
    }

    /// Returns the application's storage for the room.
    ///
    /// # Errors
    ///
    /// If the object is gone.
    pub fn storage(&self) -> Result<RoomStorage> {
        Ok(self.host()?.storage())
    }

    /// Schedules [`Handler::on_alarm`](crate::Handler::on_alarm) to run after `delay`, replacing any pending alarm. The alarm is
    /// stored and survives restarts of the object. Each call is a billed write, or two if nothing else wakes the object earlier.
    ///
    /// # Errors
    ///
    /// If storage fails, or the object is gone.
    pub fn set_alarm(&self, delay: impl Into<Millis>) -> Result<()> {
        self.alarm(Some(now() + delay.into()))
    }

    /// Cancels the pending alarm, if any.
    ///
    /// # Errors
    ///
    /// As [`Room::set_alarm`].
    pub fn clear_alarm(&self) -> Result<()> {
        self.alarm(None)
    }

    fn alarm(&self, at: Option<Millis>) -> Result<()> {
        self.host()?.set_alarm(self.prefix(), at)
    }

    fn host(&self) -> Result<Rc<dyn Host>> {
        self.0.host.upgrade().ok_or_else(|| Error::RustError("the object is gone".into()))
    }

    /// Restarts the object as a deploy or a crash does, after the messages and writes of the running handler. Only for the demo
    /// of the deployable Worker.
    #[doc(hidden)]
    pub fn restart(&self) -> Result<()> {
        self.host()?.restart();
        Ok(())
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("prefix", &self.prefix()).finish()
    }
}
