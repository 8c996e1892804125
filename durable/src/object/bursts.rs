//! Bursts of messages on WebSockets: the answers may wait for the rest of the burst, so that they share one frame. Each send on a
//! socket costs the runtime as much as receiving a message.
//!
//! A burst consists of the messages that the runtime has read and not delivered yet. The runtime does not report their number. A
//! timer without a delay fires when all of them are delivered (workerd 1.20261117), but costs as much as a send, so it only pays
//! if messages arrive in between. Therefore waiting is tried: at first after some messages, then more and more rarely as long as
//! it does not pay, and for each message as long as it does.

use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::js::timer::JsTimer;
use crate::object::Object;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Longest time for which an answer waits while further messages of its burst arrive.
const LONGEST: Millis = Millis(100);

/// Messages before the first trial, and between trials that do not pay; the last value is repeated.
const BETWEEN: [u16; 4] = [24, 96, 384, 1536];

/// A trial covers this many consecutive messages, one of which has to find another: the first may arrive before the next one.
const TRIAL: u8 = 2;

/// The same number after waiting has paid several times.
const TRUST: u8 = 4;

/// Decides whether answers to messages wait for more messages.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Burst {
    /// Number of times that waiting may still fail before answers stop waiting.
    trust: u8,
    /// Failed trials since the last one that paid.
    failed: usize,
    /// Messages that were answered at once since the last trial.
    answered: u16,
    /// Time at which answers began to wait, if they do.
    since: Option<Millis>,
    /// Number of answers that waited.
    waited: usize,
}

impl Burst {
    /// Notes that a message arrived.
    pub fn message(&mut self, now: Millis) {
        if self.since.is_some() {
            return;
        }
        let between = BETWEEN.get(self.failed).or(BETWEEN.last()).copied().unwrap_or_default();
        if self.trust == 0 {
            if self.answered < between {
                self.answered += 1;
                return;
            }
            (self.trust, self.answered) = (TRIAL, 0);
        }
        self.since = Some(now);
    }

    /// True if answers wait.
    pub fn waits(&self) -> bool {
        self.since.is_some()
    }

    /// True if answers have waited long enough.
    pub fn is_late(&self, now: Millis) -> bool {
        self.since.is_some_and(|since| since + LONGEST <= now)
    }

    /// Notes that another answer waits.
    pub fn waited(&mut self) {
        self.waited += 1;
    }

    /// Notes that the waiting answers are sent, in this many frames.
    pub fn over(&mut self, frames: usize) {
        if self.since.take().is_none() {
            return;
        }
        if self.waited > frames {
            self.trust = TRUST.min(self.trust + 2);
            self.failed = 0;
        } else {
            self.trust = self.trust.saturating_sub(1);
            self.failed = self.failed.saturating_add((self.trust == 0).into());
        }
        self.waited = 0;
    }
}

/// The bursts of an object's WebSockets.
#[derive(Default)]
pub(super) struct Bursts {
    burst: Cell<Burst>,
    /// Connections whose answers wait.
    entries: RefCell<Vec<Rc<Entry>>>,
    timer_runs: Cell<bool>,
    timer: JsTimer,
}

impl Bursts {
    fn change(&self, change: impl FnOnce(&mut Burst)) {
        let mut burst = self.burst.get();
        change(&mut burst);
        self.burst.set(burst);
    }
}

impl Object {
    /// Notes that a message arrived on a client's WebSocket.
    pub(super) fn burst_goes_on(self: &Rc<Self>) {
        if self.bursts.burst.get().is_late(now()) {
            self.end_burst();
        }
        self.bursts.change(|burst| burst.message(now()));
    }

    /// True if messages for `entry` wait for more of them. Frames of a raw WebSocket cannot hold several.
    pub(super) fn is_in_burst(&self, entry: &Entry) -> bool {
        entry.info.transport == Transport::WebSocket && !entry.info.held && self.bursts.burst.get().waits()
    }

    /// Holds messages for `entry` until the end of the burst.
    pub(super) fn await_burst(self: &Rc<Self>, entry: &Rc<Entry>) {
        let waiting = entry.session.borrow().buffered_amount();
        let before = entry.in_burst.replace(waiting);
        if waiting > before {
            self.bursts.change(Burst::waited);
        }
        if before == 0 {
            self.bursts.entries.borrow_mut().push(entry.clone());
        }
        if !self.bursts.timer_runs.replace(true) {
            self.bursts.timer.start(0, || {
                let object = Rc::downgrade(self);
                move || {
                    if let Some(object) = object.upgrade() {
                        object.bursts.timer.fired();
                        object.bursts.timer_runs.set(false);
                        object.end_burst();
                    }
                }
            });
        }
    }

    fn end_burst(self: &Rc<Self>) {
        let entries = self.bursts.entries.take();
        self.bursts.change(|burst| burst.over(entries.len()));
        for entry in &entries {
            entry.in_burst.set(0);
            self.touch_now(entry);
        }
        self.settle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Burst {
        /// Simulates a burst of `size` messages on one connection. Returns true if the last answer had to wait.
        fn pass(&mut self, size: usize) -> bool {
            for _ in 0..size {
                self.message(Millis(1));
                if self.waits() {
                    self.waited();
                }
            }
            let waits = self.waits();
            self.over(1);
            waits
        }
    }

    #[test]
    fn answers_wait_where_messages_come_in_bursts() {
        let mut burst = Burst::default();
        let waits: Vec<_> = (0..9).map(|_| burst.pass(4)).collect();
        assert_eq!(waits, [false, false, false, false, false, false, true, true, true]);
    }

    #[test]
    fn answers_hardly_ever_wait_where_messages_come_one_by_one() {
        let mut burst = Burst::default();
        let waits: Vec<_> = (0..10_000).filter(|_| burst.pass(1)).collect();
        assert_eq!(waits, [24, 122, 508, 2046, 3584, 5122, 6660, 8198, 9736].map(|at| [at, at + 1]).concat());
    }

    #[test]
    fn some_single_messages_between_bursts_do_not_count() {
        let mut burst = Burst::default();
        while burst.trust < TRUST {
            burst.pass(4);
        }
        for _ in 0..10 {
            assert!(burst.pass(1) && burst.pass(4));
        }
        let waits = (0..20).filter(|_| burst.pass(1)).count();
        assert_eq!(waits, usize::from(TRUST), "until the trust is used up");
    }

    #[test]
    fn bursts_are_noticed_however_long_there_was_none() {
        let mut burst = Burst { failed: 100, ..Burst::default() };
        assert!(burst.pass(4_000));
        assert!(burst.pass(1));
    }

    #[test]
    fn answers_wait_for_a_moment_at_most() {
        let mut burst = Burst { trust: 1, ..Burst::default() };
        burst.message(Millis(1));
        assert!(!burst.is_late(Millis(100)));
        assert!(burst.is_late(Millis(101)));
        burst.over(0);
        assert!(!burst.is_late(Millis(1000)));
    }
}
