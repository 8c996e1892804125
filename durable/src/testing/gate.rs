//! The gate of the room, with the connections and tasks that wait at it.

use crate::application::host::GateCrowded;
use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::testing::instance::Instance;
use futures::channel::oneshot;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::pacing::Gate;
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// The gate and its waiters, which pass in the order in which they came.
pub(super) struct RoomGate {
    gate: RefCell<Gate>,
    waiting: RefCell<VecDeque<Waiting>>,
}

enum Waiting {
    /// A connection whose handler may not be called yet.
    Handler(Rc<Entry>),
    /// A task that awaits [`Room::ready`](crate::Room::ready).
    Task(oneshot::Sender<()>),
}

impl RoomGate {
    pub fn new(config: &Config) -> Self {
        let gate = Gate::new(config.room_patience, config.queue_limit);
        Self { gate: RefCell::new(gate), waiting: RefCell::default() }
    }

    /// True if handlers and tasks have to wait before they broadcast.
    pub fn is_shut(&self) -> bool {
        self.gate.borrow().is_shut(now())
    }

    /// True if the room no longer waits for this member.
    pub fn gives_up_on(&self, entry: &Entry) -> bool {
        self.gate.borrow().gives_up_on(now(), &entry.info.id)
    }

    /// Records how many bytes wait for a member.
    pub fn look(&self, entry: &Entry) {
        let waiting = if entry.session.borrow().is_open() { entry.waiting() } else { 0 };
        self.gate.borrow_mut().look(now(), &entry.info.id, waiting);
    }

    /// Records that a message was broadcast to these members.
    pub fn broadcast(&self, to: &[Rc<Entry>]) {
        self.gate.borrow_mut().broadcast(now(), to.len());
        for entry in to {
            self.look(entry);
        }
    }

    /// Returns the moment at which the gate opens because the room's patience is used up.
    pub fn deadline(&self) -> Option<Millis> {
        self.gate.borrow().deadline(now())
    }

    /// Returns the number of tasks that wait at the gate.
    pub fn tasks(&self) -> usize {
        self.waiting
            .borrow()
            .iter()
            .filter(|waiting| matches!(waiting, Waiting::Task(task) if !task.is_canceled()))
            .count()
    }

    fn wait(&self, waiting: Waiting) {
        self.waiting.borrow_mut().push_back(waiting);
        self.gate.borrow_mut().wait(now(), true);
    }
}

impl Instance {
    /// Has the handler of a connection wait until the gate opens.
    pub(super) fn wait_at_gate(&self, entry: &Rc<Entry>) {
        if !entry.is_at_gate.replace(true) {
            self.gate.wait(Waiting::Handler(entry.clone()));
        }
    }

    /// Waits until the gate is open.
    pub(super) async fn pass_gate(&self) -> Result<(), GateCrowded> {
        while self.gate.is_shut() {
            let (ready, wait) = oneshot::channel();
            self.gate.wait(Waiting::Task(ready));
            // The wait is cancelled only when the room ends.
            let _ = wait.await;
        }
        Ok(())
    }

    /// Lets the next waiter pass if the gate is open. Returns false if none passed.
    pub(super) fn open_gate(&self) -> bool {
        let is_open = !self.gate.is_shut();
        let next = {
            let mut waiting = self.gate.waiting.borrow_mut();
            waiting.retain(|waiting| !matches!(waiting, Waiting::Task(task) if task.is_canceled()));
            let next = if is_open { waiting.pop_front() } else { None };
            self.gate.gate.borrow_mut().wait(now(), !waiting.is_empty());
            next
        };
        match next {
            None => false,
            Some(Waiting::Handler(entry)) => {
                entry.is_at_gate.set(false);
                self.touch_now(&entry);
                true
            }
            // Cancelled tasks were removed above.
            Some(Waiting::Task(ready)) => ready.send(()).is_ok(),
        }
    }
}
