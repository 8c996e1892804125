//! Clients' own WebSockets that are not read: each is closed after `stall_timeout` without progress.
//!
//! The runtime tells how many bytes wait on a socket, and only when it is asked, which costs about as much as a send. So a socket is
//! watched once much was sent on it, and before a message the runtime is asked if it was not for a while: heartbeats pass here, too.
//! One timer of the object looks at all watched sockets, ever more seldom, until nothing waits on them.
//!
//! Where the runtime has no `bufferedAmount` (before workerd 1.20261117) no socket stalls.

use crate::connection::Entry;
use crate::object::Object;
use crate::runtime::{in_one_moment, now, set_timeout};
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::frame::{Frame, Message};
use sockjs_protocol::sockjs::session::{CloseReason, STALLED};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::Closure;
use worker::WebSocket;

/// A socket is watched if more than this may wait on it: no socket of a client that reads.
pub(crate) const MUCH: usize = 64 << 10;

/// Time after which the runtime is asked before something is sent.
const ASK_AFTER: Millis = Millis::from_secs(10);

/// First and longest time between two looks, in milliseconds: each is twice the one before.
const LOOK_FIRST: u64 = 250;
const LOOK_LONGEST: u64 = 5_000;

/// Looks in one `stall_timeout`, at least.
const LOOKS: u64 = 6;

/// The slowest reading that counts: a message counts as read when all of it is, and until then looks like none.
const BYTES_A_SECOND: u64 = 8 << 10;

/// How long the client of one WebSocket has taken nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    /// When the client was last seen to read, if something waits for it.
    since: Option<Millis>,
    /// Bytes of the largest message that may wait.
    largest: usize,
    /// When the runtime was last asked.
    asked: Option<Millis>,
}

impl Stall {
    /// A message of so many bytes was given to the runtime.
    pub fn give(&mut self, bytes: usize) {
        self.largest = self.largest.max(bytes);
    }

    /// Notes that `waiting` bytes wait, of the `given` ones that could.
    pub fn look(&mut self, now: Millis, given: usize, waiting: usize) {
        self.asked = Some(now);
        if waiting == 0 {
            self.since = None;
            self.largest = 0;
        } else if self.since.is_none() || waiting < given {
            self.since = Some(now);
        }
    }

    /// True if the runtime was not asked for a while.
    fn is_due(&mut self, now: Millis) -> bool {
        *self.asked.get_or_insert(now) + ASK_AFTER <= now
    }

    /// True if the client has taken nothing for `timeout`, and for as long as its largest message may take.
    fn is_over(&self, now: Millis, timeout: Millis) -> bool {
        let largest = Millis((self.largest as u64).saturating_mul(1_000) / BYTES_A_SECOND);
        self.since.is_some_and(|since| since + timeout + largest <= now)
    }
}

/// The time to the next look, after one of `before`.
fn next_look(before: u64, timeout: Millis) -> u64 {
    let longest = LOOK_LONGEST.min(timeout.0 / LOOKS);
    before.saturating_mul(2).max(LOOK_FIRST).min(longest)
}

/// The sockets of an object that are watched.
#[derive(Default)]
pub(crate) struct Stalls {
    entries: RefCell<Vec<Rc<Entry>>>,
    /// Time between the last two looks, in milliseconds.
    after: Cell<u64>,
    timer_runs: Cell<bool>,
    on_timer: OnceCell<Closure<dyn FnMut()>>,
}

impl Entry {
    /// Notes that `frame` is given to the client's own WebSocket.
    pub(crate) fn give(&self, frame: &Frame) {
        let is_raw = self.info.transport == Transport::WebSocketRaw;
        let (messages, bytes, largest) = match frame {
            // A raw message is one of the runtime's; the others go in one together.
            Frame::Messages(messages) if is_raw => {
                let lengths = || messages.iter().map(Message::len);
                (messages.len(), lengths().sum(), lengths().max().unwrap_or_default())
            }
            _ if is_raw => return,
            frame => {
                let bytes = frame.encoded_len();
                (1, bytes, bytes)
            }
        };
        self.outgoing.add(messages, bytes);
        self.change_stall(|stall| stall.give(largest));
    }

    /// Bytes that wait on `websocket`, the client's own, as the runtime says.
    pub(crate) fn buffered_on(&self, websocket: &WebSocket) -> usize {
        let buffered = websocket.as_ref().buffered_amount() as usize;
        let given = self.outgoing.correct(buffered);
        self.change_stall(|stall| stall.look(now(), given, buffered));
        buffered
    }

    fn change_stall<T>(&self, change: impl FnOnce(&mut Stall) -> T) -> T {
        let mut stall = self.stall.get();
        let changed = change(&mut stall);
        self.stall.set(stall);
        changed
    }
}

impl Object {
    /// Looks whether something waits on `websocket`, the client's own, if nobody has for a while. To be called before something is
    /// sent on it.
    pub(crate) fn look_for_stall(self: &Rc<Self>, now: Millis, entry: &Rc<Entry>, websocket: &WebSocket) {
        if !entry.is_watched.get() && entry.change_stall(|stall| stall.is_due(now)) && entry.buffered_on(websocket) > 0
        {
            self.watch(entry);
        }
    }

    /// Looks at the client's own WebSocket until nothing waits on it.
    pub(crate) fn watch(self: &Rc<Self>, entry: &Rc<Entry>) {
        if entry.is_watched.replace(true) {
            return;
        }
        self.stalls.entries.borrow_mut().push(entry.clone());
        if !self.stalls.timer_runs.get() {
            self.plan_look();
        }
    }

    fn plan_look(self: &Rc<Self>) {
        let entries = self.stalls.entries.borrow();
        let timeouts = entries.iter().filter_map(|entry| self.stall_timeout(entry));
        let Some(timeout) = timeouts.min() else { return };
        let after = next_look(self.stalls.after.get(), timeout);
        self.stalls.after.set(after);
        let on_timer = self.stalls.on_timer.get_or_init(|| {
            let object = Rc::downgrade(self);
            Closure::new(move || {
                if let Some(object) = object.upgrade() {
                    object.stalls.timer_runs.set(false);
                    in_one_moment(|| object.look_at_watched());
                }
            })
        });
        set_timeout(on_timer.as_ref(), u32::try_from(after).unwrap_or(u32::MAX));
        self.stalls.timer_runs.set(true);
    }

    fn look_at_watched(self: &Rc<Self>) {
        let mut entries = self.stalls.entries.take();
        entries.retain(|entry| {
            let stays = self.is_waiting_on_socket(entry);
            entry.is_watched.set(stays);
            stays
        });
        // Looks begin anew, soon, when the next socket is watched.
        if entries.is_empty() {
            self.stalls.after.set(0);
        }
        self.stalls.entries.borrow_mut().extend(entries);
        self.plan_look();
        self.settle();
    }

    /// True if something still waits on the client's own WebSocket. Closes one that stalls.
    fn is_waiting_on_socket(self: &Rc<Self>, entry: &Rc<Entry>) -> bool {
        if entry.session.borrow().is_closed() || entry.buffered_on_socket() == 0 {
            return false;
        }
        let is_over = |timeout| entry.stall.get().is_over(now(), timeout);
        if !self.stall_timeout(entry).is_some_and(is_over) {
            return true;
        }
        entry.session.borrow_mut().end(now(), CloseCode::TryAgainLater.number(), STALLED, CloseReason::Stalled);
        self.touch_now(entry);
        false
    }

    fn stall_timeout(&self, entry: &Entry) -> Option<Millis> {
        Some(self.services.find(&entry.info.service)?.config.stall_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Millis = Millis(30_000);

    /// A client for which these bytes wait, given in one message.
    fn waiting(now: Millis, bytes: usize) -> Stall {
        let mut stall = Stall::default();
        stall.give(bytes);
        stall.look(now, bytes, bytes);
        stall
    }

    #[test]
    fn a_client_that_takes_nothing_stalls() {
        let mut stall = waiting(Millis(1_000), 100);
        stall.look(Millis(20_000), 100, 100);
        stall.give(50);
        stall.look(Millis(30_000), 150, 150);
        assert!(!stall.is_over(Millis(31_011), TIMEOUT));
        assert!(stall.is_over(Millis(31_012), TIMEOUT), "and a second for each 8 KiB of the largest message");
    }

    #[test]
    fn whatever_it_takes_is_progress() {
        let mut stall = waiting(Millis(1_000), 100);
        stall.give(50);
        stall.look(Millis(30_000), 150, 149);
        assert!(!stall.is_over(Millis(60_011), TIMEOUT));
        assert!(stall.is_over(Millis(60_012), TIMEOUT));
    }

    #[test]
    fn a_large_message_has_its_time_until_nothing_waits() {
        let mut stall = waiting(Millis(0), 80 << 10);
        stall.give(1);
        stall.look(Millis(5_000), (80 << 10) + 1, 1);
        assert!(!stall.is_over(Millis(44_999), TIMEOUT), "which message waits is unknown");
        assert!(stall.is_over(Millis(45_000), TIMEOUT));
        stall.look(Millis(46_000), 1, 0);
        assert!(!stall.is_over(Millis(1_000_000), TIMEOUT));
        stall.give(1);
        stall.look(Millis(50_000), 1, 1);
        assert!(stall.is_over(Millis(80_000), TIMEOUT));
    }

    #[test]
    fn a_client_for_which_nothing_waits_does_not_stall() {
        assert!(!Stall::default().is_over(Millis(1_000_000), TIMEOUT));
    }

    #[test]
    fn the_runtime_is_asked_after_a_while_without() {
        let mut stall = Stall::default();
        assert!(!stall.is_due(Millis(1_000)), "nothing was sent before");
        assert!(!stall.is_due(Millis(10_999)));
        assert!(stall.is_due(Millis(11_000)));
        stall.look(Millis(11_000), 1, 0);
        assert!(!stall.is_due(Millis(20_999)));
    }

    #[test]
    fn looks_become_fewer() {
        let mut looks = vec![];
        for _ in 0..6 {
            looks.push(next_look(looks.last().copied().unwrap_or_default(), TIMEOUT));
        }
        assert_eq!(looks, [250, 500, 1_000, 2_000, 4_000, 5_000]);
        assert_eq!(next_look(0, Millis(1_000)), 166);
        assert_eq!(next_look(4_000, Millis(12_000)), 2_000);
    }
}
