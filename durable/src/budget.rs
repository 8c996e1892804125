//! The memory that all inboxes of one isolate share: the messages of clients that wait for their handlers.
//!
//! Objects of one class may share an isolate, and its 128 MB. Where the inboxes of all of them together become too large, the
//! fullest one is emptied, and its connection is closed: not the one that happens to send next. Its object may be another
//! one, which the runtime (workerd 1.20261117) does not let this one act for; so that one closes it when it looks the next
//! time, which it does soon, since messages wait in it.

use crate::connection::Entry;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// Bytes of all inboxes of an isolate: a quarter of its memory.
const LIMIT: usize = 32 << 20;

thread_local! {
    static TOTAL: Cell<usize> = const { Cell::new(0) };
    /// Those that have something in their inbox, and some that had.
    static HOLDERS: RefCell<Vec<Weak<Entry>>> = const { RefCell::new(Vec::new()) };
}

/// The part of the memory that one connection has.
#[derive(Default)]
pub(crate) struct Share {
    bytes: Cell<usize>,
    /// True once its inbox was emptied for others.
    is_lost: Cell<bool>,
}

impl Share {
    /// True once the messages of the connection had to be dropped: it has to be closed.
    pub fn is_lost(&self) -> bool {
        self.is_lost.get()
    }

    /// True if nothing of it is in memory, nor was dropped.
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

/// Memory for the messages of a send that are on their way, given back when this is dropped.
pub(crate) struct Reserved(usize);

/// Reserves memory for so many bytes, if there is some.
pub(crate) fn reserve(bytes: usize) -> Option<Reserved> {
    let total = TOTAL.get();
    (total == 0 || total.saturating_add(bytes) <= LIMIT).then(|| {
        TOTAL.set(total.saturating_add(bytes));
        Reserved(bytes)
    })
}

impl Drop for Reserved {
    fn drop(&mut self) {
        TOTAL.set(TOTAL.get().saturating_sub(self.0));
    }
}

/// Counts what `entry` holds now, and empties the fullest inboxes if all together hold too much.
pub(crate) fn count(entry: &Rc<Entry>) {
    let bytes = entry.pacing.borrow().bytes();
    let before = entry.share.bytes.get();
    if bytes == before {
        return;
    }
    entry.share.set(bytes);
    if before == 0 {
        HOLDERS.with_borrow_mut(|holders| {
            holders.retain(|holder| holder.upgrade().is_some_and(|holder| holder.share.bytes.get() > 0));
            holders.push(Rc::downgrade(entry));
        });
    }
    while TOTAL.get() > LIMIT {
        let fullest = HOLDERS.with_borrow(|holders| {
            holders.iter().filter_map(Weak::upgrade).max_by_key(|holder| holder.share.bytes.get())
        });
        let Some(fullest) = fullest.filter(|fullest| fullest.share.bytes.get() > 0) else { return };
        fullest.pacing.borrow_mut().give_up();
        fullest.share.set(0);
        fullest.share.is_lost.set(true);
    }
}
