//! State that the connections of one gateway share.

use crate::peers::turns::Turns;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::breakers::Breakers;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use worker::Env;
use worker::durable::State;

/// Most requests in flight of an object: each may have a response of more than a megabyte.
pub(super) const IN_FLIGHT: usize = 32;

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
    /// Turns of requests. Each connection has at most one request, in flight or waiting.
    pub requests: Rc<Turns>,
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
