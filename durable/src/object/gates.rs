//! The gates of an object's rooms: who waits at them, and who passes when they open.
//!
//! A gate opens when no member is behind any more, which settling detects, or when the patience is used up, for which there is a
//! timer. Waiters pass one at a time, first come first served, since each broadcast may shut the gate again.

use crate::application::host::GateCrowded;
use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::object::Object;
use futures::channel::oneshot;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::pacing::Gate;
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// Most pushes and tasks of the application that wait at one gate. Handlers are not counted: each connection has one.
const TASKS_MAX: usize = 1024;

/// The gates that are in use, by the prefixes of their services.
#[derive(Default)]
pub(super) struct Gates {
    rooms: RefCell<HashMap<String, RoomGate>>,
    /// Services that have broadcast a message.
    broadcasters: RefCell<Vec<String>>,
}

struct RoomGate {
    gate: Gate,
    waiting: VecDeque<Waiting>,
    tasks: usize,
}

enum Waiting {
    /// A connection whose handler is not called yet.
    Handler(Rc<Entry>),
    /// A task that awaits [`Room::ready`](crate::Room::ready).
    Task(oneshot::Sender<()>),
}

/// Outcome of opening gates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Opened {
    /// Nobody passed.
    Nothing,
    /// Connections are touched.
    Handlers,
    /// A task passed, and continues when the current code ends. Until then it is unknown whether the gate stays open.
    Task,
}

impl Gates {
    /// True if broadcasts to the room of `service` have to wait.
    pub fn is_shut(&self, service: &str) -> bool {
        let rooms = self.rooms.borrow();
        rooms.get(service).is_some_and(|room| room.gate.is_shut(now()))
    }

    /// Returns the ids of the members for which a room waits.
    fn waits_for(&self, service: &str) -> Vec<String> {
        let rooms = self.rooms.borrow();
        rooms.get(service).map(|room| room.gate.held_up_by(now()).map(str::to_owned).collect()).unwrap_or_default()
    }

    /// True if the room no longer waits for this member.
    pub fn gives_up_on(&self, entry: &Entry) -> bool {
        let rooms = self.rooms.borrow();
        let room = rooms.get(&entry.info.service);
        room.is_some_and(|room| room.gate.gives_up_on(now(), &entry.info.id))
    }

    /// Notes how much data waits for a member of a room. Returns true if this member holds up somebody at the gate.
    pub fn look(&self, entry: &Entry) -> bool {
        let mut rooms = self.rooms.borrow_mut();
        let Some(room) = rooms.get_mut(&entry.info.service) else { return false };
        room.look(entry);
        room.gate.is_held_up_by(now(), &entry.info.id)
    }

    /// Notes that a broadcast was sent to `entry`, a member. The room gets a gate once a member is behind.
    pub fn sent(&self, config: &Config, entry: &Entry) {
        let mut rooms = self.rooms.borrow_mut();
        match rooms.get_mut(&entry.info.service) {
            Some(room) => room.look(entry),
            None if entry.is_behind(false) => {
                rooms.entry(entry.info.service.clone()).or_insert_with(|| RoomGate::new(config)).look(entry);
            }
            None => {}
        }
    }

    /// Notes that a message was broadcast to this many members of the room of `service`.
    pub fn broadcast(&self, service: &str, members: usize) {
        if !self.broadcasts(service) {
            self.broadcasters.borrow_mut().push(service.to_owned());
        }
        if let Some(room) = self.rooms.borrow_mut().get_mut(service) {
            room.gate.broadcast(now(), members);
        }
    }

    /// Returns the earliest time at which a gate opens because patience is used up.
    pub fn deadline(&self) -> Option<Millis> {
        let rooms = self.rooms.borrow();
        rooms.values().filter_map(|room| room.gate.deadline(now())).min()
    }

    fn broadcasts(&self, service: &str) -> bool {
        self.broadcasters.borrow().iter().any(|known| known == service)
    }

    /// True if anybody waits at a gate.
    pub fn is_waited_at(&self) -> bool {
        self.rooms.borrow().values().any(|room| !room.waiting.is_empty())
    }

    /// Lets the next waiter pass at each open gate whose room is not shut for another reason.
    fn open(&self, is_shut: impl Fn(&str) -> bool, mut touch: impl FnMut(&Rc<Entry>)) -> Opened {
        let now = now();
        let mut opened = Opened::Nothing;
        let mut rooms = self.rooms.borrow_mut();
        for (service, room) in rooms.iter_mut() {
            let is_open = !room.gate.is_shut(now) && !is_shut(service);
            match room.next(now, is_open) {
                None => {}
                Some(Waiting::Handler(entry)) => {
                    entry.is_at_gate.set(false);
                    touch(&entry);
                    opened = Opened::Handlers;
                }
                Some(Waiting::Task(ready)) => {
                    // The task was still waiting when it was selected.
                    let _ = ready.send(());
                    if opened == Opened::Nothing {
                        opened = Opened::Task;
                    }
                }
            }
        }
        rooms.retain(|_, room| !room.waiting.is_empty() || !room.gate.is_forgotten(now));
        opened
    }

    fn wait(&self, service: &str, config: &Config, waiting: Waiting) -> Result<(), GateCrowded> {
        let mut rooms = self.rooms.borrow_mut();
        let room = rooms.entry(service.to_owned()).or_insert_with(|| RoomGate::new(config));
        room.forget_abandoned();
        if let Waiting::Task(_) = waiting {
            if room.tasks >= TASKS_MAX {
                return Err(GateCrowded);
            }
            room.tasks += 1;
        }
        room.waiting.push_back(waiting);
        room.gate.wait(now(), true);
        Ok(())
    }
}

impl RoomGate {
    fn new(config: &Config) -> Self {
        Self { gate: Gate::new(config.room_patience, config.queue_limit), waiting: VecDeque::new(), tasks: 0 }
    }

    /// Removes and returns the next waiter, if the gate is open.
    fn next(&mut self, now: Millis, is_open: bool) -> Option<Waiting> {
        self.forget_abandoned();
        let next = if is_open { self.waiting.pop_front() } else { None };
        self.tasks -= usize::from(matches!(next, Some(Waiting::Task(_))));
        self.gate.wait(now, !self.waiting.is_empty());
        next
    }

    /// Removes abandoned tasks, so that no member pays for them.
    fn forget_abandoned(&mut self) {
        if self.tasks > 0 {
            self.waiting.retain(|waiting| !matches!(waiting, Waiting::Task(ready) if ready.is_canceled()));
            self.tasks = self.waiting.iter().filter(|waiting| matches!(waiting, Waiting::Task(_))).count();
        }
    }

    fn look(&mut self, entry: &Entry) {
        let id = &entry.info.id;
        if self.gate.is_behind(id) {
            // The estimate alone never shrinks.
            entry.buffered_on_socket();
        }
        let waiting = if entry.session.borrow().is_open() { entry.waiting() } else { 0 };
        self.gate.look(now(), id, waiting);
    }
}

impl Object {
    /// True if sends to the room of `service` have to wait, for its members or for memory.
    pub(super) fn is_room_shut(&self, service: &str) -> bool {
        self.gates.is_shut(service) || self.is_memory_shut(service)
    }

    /// True if the service has to wait for memory: a service that broadcasts, while memory is short; every service, while it is
    /// used up.
    fn is_memory_shut(&self, service: &str) -> bool {
        self.memory.is_used_up() || (self.memory.is_short() && self.gates.broadcasts(service))
    }

    /// Defers the handler of a connection until the gate of its room opens.
    pub(super) fn wait_at_gate(&self, entry: &Rc<Entry>) {
        if entry.is_at_gate.replace(true) {
            return;
        }
        if let Some(service) = self.services.find(&entry.info.service) {
            // Only tasks are limited.
            let _ = self.gates.wait(&entry.info.service, &service.config, Waiting::Handler(entry.clone()));
        }
        self.look_at_members(&entry.info.service);
    }

    /// Waits until the gate of the room of `service` is open.
    pub(super) async fn pass_gate(self: &Rc<Self>, service: &str) -> Result<(), GateCrowded> {
        let Some(known) = self.services.find(service) else { return Ok(()) };
        while self.is_room_shut(service) {
            let (ready, wait) = oneshot::channel();
            self.gates.wait(service, &known.config, Waiting::Task(ready))?;
            self.look_at_members(service);
            self.plan_settle();
            // The wait is only cancelled with the object.
            let _ = wait.await;
        }
        Ok(())
    }

    /// Checks the members that hold up a room by timer, until they do not.
    fn look_at_members(&self, service: &str) {
        for id in self.gates.waits_for(service) {
            let entry = self.table.borrow().connection(&id);
            if let Some(entry) = entry {
                self.touch_now(&entry);
            }
        }
    }

    /// Lets waiters pass at open gates.
    pub(super) fn open_gates(&self) -> Opened {
        self.gates.open(|service| self.is_memory_shut(service), |entry| self.touch_now(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000);

    /// Returns a room with this many tasks waiting at its gate, and their receivers.
    fn waited_at(tasks: usize) -> (RoomGate, Vec<oneshot::Receiver<()>>) {
        let mut room = RoomGate::new(&Config::new("/room"));
        let waiting = (0..tasks).map(|_| oneshot::channel()).map(|(ready, wait)| {
            room.waiting.push_back(Waiting::Task(ready));
            room.tasks += 1;
            wait
        });
        let waiting = waiting.collect();
        room.gate.wait(NOW, true);
        (room, waiting)
    }

    #[test]
    fn tasks_are_let_through_one_by_one() {
        let (mut room, _waiting) = waited_at(2);
        assert!(room.next(NOW, false).is_none(), "not while it is shut");
        for left in [1, 0] {
            assert!(matches!(room.next(NOW, true), Some(Waiting::Task(_))));
            assert_eq!((room.tasks, room.waiting.len()), (left, left));
        }
        assert!(room.next(NOW, true).is_none() && room.gate.is_forgotten(NOW));
    }

    #[test]
    fn a_gate_at_which_nobody_waits_any_more_is_forgotten_though_it_is_shut() {
        let (mut room, waiting) = waited_at(3);
        drop(waiting);
        assert!(!room.gate.is_forgotten(NOW));
        assert!(room.next(NOW, false).is_none());
        assert!(room.tasks == 0 && room.gate.is_forgotten(NOW), "no member pays for tasks that were given up");
    }
}
