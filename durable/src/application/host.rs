//! The object as connections and rooms see it. Tests of an application replace it.

use crate::connection::entry::Entry;
use crate::info::errors::{GroupError, ShardsError};
use crate::store::room_storage::RoomStorage;
use futures::future::LocalBoxFuture;
use sockjs_protocol::inner::envelope::Push;
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::Change;
use sockjs_protocol::time::Millis;
use std::rc::Rc;
use worker::Result;

/// The owner of connections: it stores, sends and wakes when a [`Connection`](crate::Connection) or a [`Room`](crate::Room)
/// changes. Services are named by their prefix.
///
/// A handle changes the entry's session, and then calls [`Host::touch`]. The host polls the session's outputs when the current
/// code has finished.
pub(crate) trait Host {
    /// Returns the name of the object, if the runtime provides it.
    fn name(&self) -> Option<String>;

    /// Returns the address of the object, if the runtime provides its name.
    fn location(&self) -> Option<String>;

    /// Returns the first open connection of a room, or of one of its groups, at `place` or after it, with its place.
    fn member(self: Rc<Self>, members: &Members, place: usize) -> Option<(usize, Rc<Entry>)>;

    /// Returns the open connection of a service that has this id.
    fn connection(self: Rc<Self>, service: &str, id: &str) -> Option<Rc<Entry>>;

    /// Returns the number of open connections of a room, or of one of its groups.
    fn count(self: Rc<Self>, members: &Members) -> usize;

    /// Creates a message that counts towards the memory of the object.
    fn message(&self, text: &str) -> Message;

    /// Returns how much memory is left for messages.
    fn memory(&self) -> MemoryLevel;

    /// Notes that the session of `entry` has changed: its outputs are to be polled.
    fn touch(self: Rc<Self>, entry: &Rc<Entry>);

    /// Writes a change of the session of `entry` to storage. False if that failed.
    fn persist(&self, entry: &Entry, change: Change) -> bool;

    /// Stores the state that the application keeps with a connection.
    fn store_state(&self, entry: &Entry, json: &str) -> Result<()>;

    /// Adds a connection to a group.
    fn join(&self, entry: &Rc<Entry>, group: &str) -> std::result::Result<(), GroupError>;

    /// Removes a connection from a group.
    fn leave(&self, entry: &Rc<Entry>, group: &str) -> std::result::Result<(), GroupError>;

    /// Sends a message to `members` except `except`. Returns the number of recipients.
    fn broadcast(self: Rc<Self>, members: &Members, message: &str, except: Option<&Rc<Entry>>) -> usize;

    /// Pushes to the members in all objects of the room. `message` is the message, if any.
    fn push_to_all(
        self: Rc<Self>,
        members: Members,
        push: Push,
        message: Rc<str>,
    ) -> LocalBoxFuture<'static, std::result::Result<usize, ShardsError>>;

    /// Waits until the gate of the room is open: no member is behind for which the room still waits.
    fn gate(self: Rc<Self>, service: String) -> LocalBoxFuture<'static, std::result::Result<(), GateCrowded>>;

    /// Sets the alarm of the application, or clears it.
    fn set_alarm(self: Rc<Self>, service: &str, at: Option<Millis>) -> Result<()>;

    /// Returns the storage of the application.
    fn storage(&self) -> RoomStorage;

    /// Restarts the object as a deploy or a crash does, after everything that was sent and written has left.
    fn restart(self: Rc<Self>);
}

/// The connections of a room, or of one of its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    /// Prefix of the service.
    pub service: String,
    /// `None` for all connections.
    pub group: Option<String>,
}

/// The memory that is left for messages to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryLevel {
    /// At least half.
    Free,
    /// Less than half: applications wait for slow clients.
    Short,
    /// Nothing: only a client that has read everything gets more.
    UsedUp,
}

impl MemoryLevel {
    /// True if less than half is left.
    pub fn is_short(self) -> bool {
        match self {
            Self::Free => false,
            Self::Short | Self::UsedUp => true,
        }
    }
}

/// Error: the maximum number of tasks already wait at the gate of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GateCrowded;
