//! The one timer of an object, and the deadlines that it serves.
//!
//! Every wait of an object that is no request, and need not survive a restart, is a deadline in this table. Deadlines that have
//! to survive belong to the alarm (see `alarm`). The runtime has one timer for all of them, set to the earliest. If a deadline
//! moves to a later time, the timer stays: it fires too early, finds nothing due, and is set again. A timer keeps an object
//! awake, so it only runs while there is a deadline.
//!
//! Other waits are not here. The end of a burst (`bursts`) has a timer of its own, which fires when the runtime has delivered
//! all messages that it has read. A request that waits for a limited time waits in its own future.

use crate::js::clock::now;
use crate::js::timer::JsTimer;
use crate::object::Object;
use crate::object::looks::Look;
use sockjs_protocol::sockjs::session::Session;
use sockjs_protocol::time::Millis;
use std::cell::Cell;
use std::rc::Rc;

/// A deadline of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// A session has something to do that a restart makes obsolete, or a gate opens, or memory was short for too long.
    Sessions,
    /// The grace of a poll ends.
    Grace,
    /// The client of a probed receiver has had its time to show that it is gone.
    Probe,
    /// Somebody waits for the client of a WebSocket to read.
    SocketLook,
    /// Messages wait in the inbox of a session over HTTP, and the object must stay awake.
    SessionLook,
    /// Much waits on a WebSocket, and its client may have stalled.
    StallLook,
    /// Workers that hold WebSockets have to be notified of handled messages.
    TellHandled,
    /// The time for WebSockets that the Worker holds to come back after a restart is over.
    Returned,
    /// Counters have to be reported within a moment.
    Report,
    /// The sum of reports has to be stored.
    SaveTotals,
}

impl Timer {
    const ALL: [Self; 10] = [
        Self::Sessions,
        Self::Grace,
        Self::Probe,
        Self::SocketLook,
        Self::SessionLook,
        Self::StallLook,
        Self::TellHandled,
        Self::Returned,
        Self::Report,
        Self::SaveTotals,
    ];
}

/// The deadlines of an object, one for each kind of timer.
#[derive(Debug, Default)]
struct Deadlines([Cell<Option<Millis>>; Timer::ALL.len()]);

impl Deadlines {
    fn get(&self, timer: Timer) -> Option<Millis> {
        self.0.get(timer as usize).and_then(Cell::get)
    }

    fn set(&self, timer: Timer, at: Option<Millis>) {
        if let Some(deadline) = self.0.get(timer as usize) {
            deadline.set(at);
        }
    }

    fn earliest(&self) -> Option<Millis> {
        self.0.iter().filter_map(Cell::get).min()
    }

    /// Takes the deadlines that are due.
    fn take_due(&self, now: Millis) -> impl Iterator<Item = Timer> {
        let due = Timer::ALL.map(|timer| self.get(timer).is_some_and(|at| at <= now).then_some(timer));
        for timer in due.into_iter().flatten() {
            self.set(timer, None);
        }
        due.into_iter().flatten()
    }
}

/// The deadlines of an object, and the timer of the runtime that serves them.
#[derive(Default)]
pub(super) struct Timers {
    deadlines: Deadlines,
    /// Time at which the runtime's timer fires, if it runs.
    fires_at: Cell<Option<Millis>>,
    timer: JsTimer,
}

impl Timers {
    /// Returns the deadline of `timer`.
    pub fn at(&self, timer: Timer) -> Option<Millis> {
        self.deadlines.get(timer)
    }
}

/// Next step for the timer of the runtime.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Leave,
    Stop,
    Start(Millis),
}

/// Decides what to do with a timer that fires at `fires_at`, or does not run, for the `earliest` deadline.
fn step(fires_at: Option<Millis>, earliest: Option<Millis>) -> Step {
    match (fires_at, earliest) {
        (None, None) => Step::Leave,
        (Some(_), None) => Step::Stop,
        (Some(fires_at), Some(earliest)) if fires_at <= earliest => Step::Leave,
        (_, Some(earliest)) => Step::Start(earliest),
    }
}

impl Object {
    /// Sets the deadline of `timer`, replacing the previous one.
    pub(super) fn set_timer(self: &Rc<Self>, timer: Timer, at: Option<Millis>) {
        self.timers.deadlines.set(timer, at);
        self.adjust_timer();
    }

    /// Sets the deadline of `timer`, unless an earlier one is set.
    pub(super) fn set_timer_to_earlier(self: &Rc<Self>, timer: Timer, at: Millis) {
        if self.timers.at(timer).is_none_or(|earlier| at < earlier) {
            self.set_timer(timer, Some(at));
        }
    }

    fn adjust_timer(self: &Rc<Self>) {
        let timers = &self.timers;
        match step(timers.fires_at.get(), timers.deadlines.earliest()) {
            Step::Leave => {}
            Step::Stop => {
                timers.fires_at.set(None);
                timers.timer.stop();
            }
            Step::Start(at) => {
                timers.timer.stop();
                timers.fires_at.set(Some(at));
                timers.timer.start((at - now()).0, || {
                    let object = Rc::downgrade(self);
                    move || {
                        if let Some(object) = object.upgrade() {
                            object.on_timer();
                        }
                    }
                });
            }
        }
    }

    /// Serves the deadlines that are due.
    fn on_timer(self: &Rc<Self>) {
        self.timers.timer.fired();
        self.timers.fires_at.set(None);
        for timer in self.timers.deadlines.take_due(now()) {
            match timer {
                Timer::Sessions => self.tick(Session::tick),
                Timer::Grace => self.end_graces(),
                Timer::Probe => self.end_probes(),
                Timer::SocketLook => self.look(Look::Socket),
                Timer::SessionLook => self.look(Look::Session),
                Timer::StallLook => self.look(Look::Stall),
                Timer::TellHandled => self.tell_handled(),
                Timer::Returned => self.all_returned(),
                Timer::Report => self.settle(),
                Timer::SaveTotals => self.save_totals(),
            }
        }
        self.adjust_timer();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Option<Millis> = |at| Some(Millis(at));

    #[test]
    fn each_timer_has_a_deadline_of_its_own() {
        for (at, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, at);
        }
        let deadlines = Deadlines::default();
        deadlines.set(Timer::Grace, AT(50));
        deadlines.set(Timer::SaveTotals, AT(9));
        assert_eq!((deadlines.earliest(), deadlines.get(Timer::Probe)), (AT(9), None));
        assert_eq!(deadlines.take_due(Millis(8)).next(), None);
        assert_eq!(deadlines.take_due(Millis(49)).collect::<Vec<_>>(), [Timer::SaveTotals]);
        assert_eq!(deadlines.take_due(Millis(50)).collect::<Vec<_>>(), [Timer::Grace]);
        assert_eq!(deadlines.earliest(), None, "each is served once");
    }

    #[test]
    fn the_timer_moves_only_to_an_earlier_moment_and_stops_without_a_deadline() {
        assert_eq!(step(None, None), Step::Leave);
        assert_eq!(step(None, AT(250)), Step::Start(Millis(250)));
        assert_eq!(step(AT(251), AT(250)), Step::Start(Millis(250)));
        assert_eq!(step(AT(250), AT(250)), Step::Leave);
        assert_eq!(step(AT(250), AT(300)), Step::Leave);
        assert_eq!(step(AT(250), None), Step::Stop);
    }
}
