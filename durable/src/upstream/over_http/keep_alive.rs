//! Idle connections: the room has one alarm for all of them, at the earliest moment of any.

use crate::application::connection::Connection;
use crate::application::room::Room;
use crate::js::clock::now;
use crate::observe::log;
use crate::upstream::over_http::link::Link;
use crate::upstream::over_http::shared::Shared;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::over_http::state::LinkState;
use std::rc::Rc;

/// Shortest time until the alarm. Bounds the alarms where a write fails.
const ALARM_MIN: Millis = Millis::from_secs(1);

/// Returns the stored state of a connection that the upstream accepted.
pub(super) fn state_of(connection: &Connection) -> Option<LinkState> {
    LinkState::read(connection.entry.state.borrow().as_deref()?)
}

/// Schedules the alarm for what is stored of the room's connections.
pub(super) fn plan(shared: &Shared, room: &Room) {
    let due = room.connections().filter_map(|connection| state_of(&connection)?.due()).min();
    shared.alarm.set(due);
    let Some(due) = due else { return };
    if let Err(error) = room.set_alarm((due - now()).max(ALARM_MIN)) {
        log::error("upstream", Some(room.prefix()), error);
        // The next connection that plans tries again.
        shared.alarm.set(None);
    }
}

impl Link {
    /// Schedules the alarm, if it would be too late for this connection. An instance that does not know the alarm looks at all
    /// connections: theirs may be earlier.
    pub(super) fn plan(&self) {
        let due = self.state.borrow().due();
        if due.is_some_and(|due| self.shared.alarm.get().is_none_or(|alarm| due < alarm)) {
            plan(&self.shared, &self.connection.room());
        }
    }

    /// Does what is due, and stores the next moment. A client that does not read gets nothing more.
    pub(super) fn beat(self: &Rc<Self>, now: Millis) {
        if self.is_over.get() {
            return;
        }
        let due = self.state.borrow_mut().take_due(now);
        let state = self.state.borrow().clone();
        let prefix = Some(self.connection.prefix());
        if let Err(error) = self.connection.set_state(&state) {
            log::warn("upstream", prefix, error);
        }
        let message = due.message.filter(|_| !self.connection.is_behind());
        if let Some(Err(error)) = message.map(|message| self.connection.send(message)) {
            log::warn("upstream", prefix, error);
        }
        // A request in flight is answered, and then the time begins again.
        if due.is_poll && !self.is_pumping.get() {
            self.is_polling.set(true);
            self.start();
        }
    }
}
