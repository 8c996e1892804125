//! The counters of one service and transport, in one object.

use sockjs_protocol::observe::metrics::{Counts, Tally, UpstreamCounts};
use sockjs_protocol::sockjs::transport::Transport;
use std::cell::{Cell, RefCell};
use worker::Result;

/// The counters of one service and transport.
pub(crate) struct Counters {
    pub service: String,
    pub transport: Transport,
    /// Counted since the last report.
    counts: RefCell<Counts>,
    /// Connections opened minus connections ended, since the object came into memory.
    change: Cell<i64>,
    /// The number of open connections in storage, if it is kept there.
    stored: Option<StoredCount>,
}

/// The number of open connections in storage.
#[derive(Default)]
struct StoredCount {
    /// The number when the object came into memory; `None` until it is read.
    before: Cell<Option<i64>>,
    /// The number that is stored now.
    now: Cell<i64>,
}

impl Counters {
    /// Counters at zero. `is_stored` says that the number of open connections is kept in storage.
    pub fn new(service: &str, transport: Transport, is_stored: bool) -> Self {
        Self {
            service: service.to_owned(),
            transport,
            counts: RefCell::default(),
            change: Cell::new(0),
            stored: is_stored.then(StoredCount::default),
        }
    }

    /// True if something was counted since the last report.
    pub fn has_changed(&self) -> bool {
        *self.counts.borrow() != Counts::default()
    }

    /// Counts connections that were opened.
    pub fn opened(&self, count: u64) {
        self.counts.borrow_mut().opened += count;
        self.change.set(self.change.get().saturating_add_unsigned(count));
    }

    /// Counts connections that ended with `code`.
    pub fn closed(&self, code: u16, count: u64) {
        self.counts.borrow_mut().close(code, count);
        self.change.set(self.change.get().saturating_sub_unsigned(count));
    }

    /// Counts a message of the application, after which `waiting` bytes wait for the client.
    pub fn sent(&self, bytes: usize, waiting: usize) {
        let mut counts = self.counts.borrow_mut();
        counts.sent.add(bytes);
        counts.queue_high_water = counts.queue_high_water.max(waiting as u64);
    }

    /// Counts a message that the handler is called with.
    pub fn received(&self, bytes: usize) {
        self.counts.borrow_mut().received.add(bytes);
    }

    /// Counts what happened to a connection to the upstream.
    pub fn upstream(&self, more: &UpstreamCounts) {
        self.counts.borrow_mut().upstream.merge(more);
    }

    /// Takes the counts since the last report.
    pub fn take(&self) -> Tally {
        Tally { service: self.service.clone(), transport: Some(self.transport), counts: self.counts.take() }
    }

    /// Returns the number of open connections; `None` if it is not kept in storage. `read` reads the stored number, once.
    pub fn open(&self, read: impl FnOnce(&Self) -> Result<i64>) -> Result<Option<i64>> {
        let Some(stored) = &self.stored else { return Ok(None) };
        let before = match stored.before.get() {
            Some(before) => before,
            None => {
                let before = read(self)?;
                stored.before.set(Some(before));
                stored.now.set(before);
                before
            }
        };
        Ok(Some(before.saturating_add(self.change.get())))
    }

    /// Notes that `open` is stored. True if another number was.
    pub fn replace_stored(&self, open: i64) -> bool {
        self.stored.as_ref().is_some_and(|stored| stored.now.replace(open) != open)
    }
}
