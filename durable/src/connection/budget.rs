//! The memory that all inboxes of one isolate share: the messages of clients that wait for their handlers.
//!
//! Objects of one class may share an isolate, and its 128 MB. When all inboxes together become too large, the fullest inbox is
//! emptied and its connection is closed, no matter who sent the last message. The connection may belong to another object, and
//! the runtime (workerd 1.20261117) forbids an object to do I/O for another. Therefore the connection is only marked here, and
//! its own object closes it at its next event, within seconds.

use crate::connection::entry::Entry;
use crate::js::clock::now;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// Bytes of all inboxes of an isolate. Messages in transit take several times as much before V8 collects them.
const LIMIT: usize = 24 << 20;

/// Time after which a client that reads nothing may lose its memory to others. A slow client is not seen to read for as long as
/// it reads one poll.
const STALLED: Millis = Millis::from_secs(30);

/// Number of holders below which empty ones are not removed.
const CLEAN_FIRST: usize = 64;

thread_local! {
    static TOTAL: Cell<usize> = const { Cell::new(0) };
    /// The connections with a non-empty inbox, and some whose inbox has become empty.
    static HOLDERS: RefCell<Vec<Weak<Entry>>> = const { RefCell::new(Vec::new()) };
    /// Number of holders at which empty ones are removed: twice the number that remained the last time.
    static CLEAN_AT: Cell<usize> = const { Cell::new(CLEAN_FIRST) };
}

/// One connection's share of the memory.
#[derive(Default)]
pub(crate) struct Share {
    bytes: Cell<usize>,
    /// True once the inbox was emptied for others.
    is_lost: Cell<bool>,
    /// True while the connection is among the holders.
    is_listed: Cell<bool>,
}

impl Share {
    /// True once messages of the connection had to be dropped: the connection has to be closed.
    pub fn is_lost(&self) -> bool {
        self.is_lost.get()
    }

    /// True if the connection has nothing in memory, and nothing was dropped.
    pub fn is_empty(&self) -> bool {
        self.bytes.get() == 0 && !self.is_lost()
    }

    fn set(&self, bytes: usize) {
        let before = self.bytes.replace(bytes);
        TOTAL.set(TOTAL.get().saturating_sub(before).saturating_add(bytes));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Memory for the messages of a send in transit. Dropping it releases the memory.
pub(crate) struct Reserved(usize);

impl Drop for Reserved {
    fn drop(&mut self) {
        TOTAL.set(TOTAL.get().saturating_sub(self.0));
    }
}

/// Reserves memory for this many bytes, if available. Otherwise clients that have read nothing for a while lose their memory, the
/// fullest first.
pub(crate) fn reserve(bytes: usize) -> Option<Reserved> {
    let fits = || TOTAL.get() == 0 || TOTAL.get().saturating_add(bytes) <= LIMIT;
    while !fits() {
        let now = now();
        empty(fullest(|holder| holder.pacing.borrow().is_stalled(now, STALLED))?);
    }
    TOTAL.set(TOTAL.get().saturating_add(bytes));
    Some(Reserved(bytes))
}

/// Returns the connection that holds most, among those that are `eligible`.
fn fullest(eligible: impl Fn(&Entry) -> bool) -> Option<Rc<Entry>> {
    HOLDERS.with_borrow(|holders| {
        let holders = holders.iter().filter_map(Weak::upgrade);
        let holders = holders.filter(|holder| holder.share.bytes.get() > 0 && eligible(holder));
        holders.max_by_key(|holder| holder.share.bytes.get())
    })
}

/// Drops the inbox of `holder`.
fn empty(holder: Rc<Entry>) {
    holder.pacing.borrow_mut().give_up();
    holder.share.set(0);
    holder.share.is_lost.set(true);
}

/// Updates the share of `entry`, and empties the fullest inboxes if the total exceeds the limit.
pub(crate) fn count(entry: &Rc<Entry>) {
    let bytes = entry.pacing.borrow().bytes();
    let before = entry.share.bytes.get();
    if bytes == before {
        return;
    }
    entry.share.set(bytes);
    if before == 0 {
        HOLDERS.with_borrow_mut(|holders| {
            if entry.share.is_listed.replace(true) {
                return;
            }
            if holders.len() >= CLEAN_AT.get() {
                holders.retain(|holder| {
                    let Some(holder) = holder.upgrade() else { return false };
                    holder.share.is_listed.set(holder.share.bytes.get() > 0);
                    holder.share.is_listed.get()
                });
                CLEAN_AT.set(CLEAN_FIRST.max(holders.len().saturating_mul(2)));
            }
            holders.push(Rc::downgrade(entry));
        });
    }
    while TOTAL.get() > LIMIT {
        let Some(fullest) = fullest(|_| true) else { return };
        empty(fullest);
    }
}
