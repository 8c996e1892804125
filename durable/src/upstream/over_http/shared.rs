//! State that the connections of one gateway share.

use futures::channel::oneshot;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::breakers::Breakers;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use worker::Env;
use worker::durable::State;

/// Most requests in flight of an object: each may have a response of more than a megabyte.
const IN_FLIGHT: usize = 32;

/// State that the connections of one gateway share.
pub(super) struct Shared {
    pub config: Rc<Config>,
    pub env: Env,
    pub state: State,
    /// Key of signatures. Empty without one.
    pub key: String,
    /// Secret that signs claims. Empty without one.
    pub claims_secret: String,
    pub breakers: RefCell<Breakers>,
    /// Bytes that wait in all queues.
    pub waiting: Cell<usize>,
    /// Bytes of responses whose messages wait for their clients.
    pub answered: Cell<usize>,
    pub slots: Slots,
    /// Moment of the room's alarm, as far as this instance knows.
    pub alarm: Cell<Option<Millis>>,
}

/// A response whose messages wait for their client.
pub(super) struct Waiting<'a> {
    all: &'a Cell<usize>,
    bytes: usize,
}

impl<'a> Waiting<'a> {
    pub fn new(all: &'a Cell<usize>, bytes: usize) -> Self {
        all.set(all.get().saturating_add(bytes));
        Self { all, bytes }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.set(self.all.get().saturating_sub(self.bytes));
    }
}

/// Requests in flight, and those that wait for another to end.
#[derive(Default)]
pub(super) struct Slots {
    taken: Cell<usize>,
    waiters: RefCell<VecDeque<oneshot::Sender<()>>>,
}

impl Slots {
    pub async fn take(&self) -> Slot<'_> {
        while self.taken.get() >= IN_FLIGHT {
            let (free, wait) = oneshot::channel();
            self.waiters.borrow_mut().push_back(free);
            // It can only be cancelled with the object.
            let _ = wait.await;
        }
        self.taken.set(self.taken.get() + 1);
        Slot(self)
    }
}

/// One request in flight.
pub(super) struct Slot<'a>(&'a Slots);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.taken.set(self.0.taken.get().saturating_sub(1));
        loop {
            let next = self.0.waiters.borrow_mut().pop_front();
            match next.map(|next| next.send(())) {
                // The one that waited is gone.
                Some(Err(())) => {}
                Some(Ok(())) | None => return,
            }
        }
    }
}
