//! The handles of a room's groups, and of the connections of a room or group.

use crate::application::connection::Connection;
use crate::application::host::{Host, Members};
use crate::application::members::next_member;
use std::fmt;
use std::rc::{Rc, Weak};

/// A group of a room: the connections that [joined](Connection::join) it. Clones refer to the same group.
#[derive(Clone)]
pub struct Group(pub(crate) Recipients);

impl Group {
    /// Returns the name.
    pub fn name(&self) -> &str {
        self.0.members.group.as_deref().unwrap_or_default()
    }

    /// Returns the number of open connections in the group.
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// Iterates over the open connections of the group. See [`Room::connections`](crate::Room::connections).
    pub fn connections(&self) -> Connections {
        Connections::of(self.0.clone())
    }

    /// Sends a message to every connection of the group, with the rules and limits of
    /// [`Room::broadcast`](crate::Room::broadcast). In a loop, await [`Room::ready`](crate::Room::ready) before each call.
    pub fn broadcast(&self, message: impl AsRef<str>) -> usize {
        self.0.send(message.as_ref(), None)
    }

    /// Sends a message to every connection of the group except `except`.
    pub fn broadcast_except(&self, message: impl AsRef<str>, except: &Connection) -> usize {
        self.0.send(message.as_ref(), Some(except))
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("prefix", &self.0.members.service).field("name", &self.name()).finish()
    }
}

/// Iterator over the open connections of a room or a group.
pub struct Connections {
    recipients: Recipients,
    /// Place of the next connection, or a place before it.
    place: usize,
}

impl Connections {
    pub(crate) fn of(recipients: Recipients) -> Self {
        Self { recipients, place: 0 }
    }
}

impl Iterator for Connections {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        let Recipients { members, host } = &self.recipients;
        let entry = next_member(&host.upgrade()?, members, &mut self.place)?;
        Some(Connection { entry, host: host.clone(), is_own: false })
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("of", &self.recipients.members).finish_non_exhaustive()
    }
}

/// The connections of a room or group, as a handle refers to them.
#[derive(Clone)]
pub(crate) struct Recipients {
    pub members: Members,
    pub host: Weak<dyn Host>,
}

impl Recipients {
    /// Returns the members of a group among those of the room.
    pub fn group(&self, group: String) -> Self {
        Self { members: Members { service: self.members.service.clone(), group: Some(group) }, host: self.host.clone() }
    }

    pub fn count(&self) -> usize {
        self.host.upgrade().map_or(0, |host| host.count(&self.members))
    }

    pub fn send(&self, message: &str, except: Option<&Connection>) -> usize {
        let except = except.map(|connection| &connection.entry);
        self.host.upgrade().map_or(0, |host: Rc<dyn Host>| host.broadcast(&self.members, message, except))
    }
}
