//! The timers of a session, as data: each is a moment derived from its state, none is ever started or stopped.

use super::{Attached, Change, CloseReason, Departure, Due, Event, Output, Phase, ReceiverKind, Session};
use crate::time::Millis;

/// How long a closed session answers its close frame at most.
pub const TOMBSTONE_MAX: Millis = Millis::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timer {
    /// Silence in the outgoing direction lasted for `heartbeat_delay`.
    Heartbeat,
    /// A stream reached `receiver_max_age`.
    ReceiverAge,
    /// A receiver that was given its last frame said nothing for `receiver_max_age`.
    Unfinished,
    /// No receiver came for `disconnect_delay`.
    Disconnect,
    /// Something waited in memory alone for `persist_after`.
    Persist,
    /// The close frame of a closed session was kept long enough.
    Tombstone,
}

impl Session {
    /// When [`Session::tick`] has something to do; none for never. Ask after each drain.
    pub fn deadline(&self) -> Option<Millis> {
        self.earliest(|_| true)
    }

    /// When messages are to be stored that wait in memory alone: always soon, and lost with the memory that they are in.
    pub fn persist_deadline(&self) -> Option<Millis> {
        self.earliest(|timer| timer == Timer::Persist)
    }

    /// When anything else is due: what has to happen also if the object is restarted in between.
    pub fn lasting_deadline(&self) -> Option<Millis> {
        self.earliest(|timer| timer != Timer::Persist)
    }

    fn earliest(&self, which: impl Fn(Timer) -> bool) -> Option<Millis> {
        self.timers().into_iter().flatten().filter(|(_, timer)| which(*timer)).map(|(at, _)| at).min()
    }

    /// Does everything that is due. A late call does the same as one in time.
    pub fn tick(&mut self, now: Millis) {
        // What one timer does can set another that is due at once.
        for _ in 0..3 {
            for (at, timer) in self.timers().into_iter().flatten() {
                if at <= now {
                    self.expire(now, timer);
                }
            }
        }
    }

    /// For the moment the object's alarm fires: beats also when that is due within half of `heartbeat_delay`, or when
    /// nobody knows, so that one alarm serves everyone. Early is allowed, late is not.
    pub fn beat_early(&mut self, now: Millis) {
        let (Some(delay), Some(attached)) = (self.rules.heartbeat_delay, &mut self.receiver) else { return };
        if self.phase == Phase::Open && attached.last_out.is_none_or(|last| last + delay <= now + delay.half()) {
            attached.due.get_or_insert(Due::Heartbeat);
        }
    }

    fn timers(&self) -> [Option<(Millis, Timer)>; 3] {
        let rules = &self.rules;
        let persist = self.queue.waiting_since().map(|since| (since + rules.persist_after, Timer::Persist));
        let persist = persist.filter(|_| !self.websocket);
        match &self.phase {
            Phase::Closed => [None; 3],
            Phase::Closing(_) if self.websocket => [None; 3],
            Phase::Closing(tombstone) => {
                let latest = tombstone.at + TOMBSTONE_MAX;
                let at = match self.receiver {
                    // Its receive request goes on: the rest of what waits is still being read.
                    Some(_) => latest,
                    None => latest.min(self.idle_since.max(tombstone.at) + rules.disconnect_delay),
                };
                [Some((at, Timer::Tombstone)), persist, None]
            }
            Phase::Open => {
                let [first, second] = match &self.receiver {
                    // Its client may still be reading what it was given.
                    None if self.ending.is_some() => {
                        [Some((self.idle_since + rules.receiver_max_age, Timer::Unfinished)), None]
                    }
                    None => [Some((self.idle_since + rules.disconnect_delay, Timer::Disconnect)), None],
                    // Nothing goes out until the probe tells, which is a matter of milliseconds.
                    Some(_) if self.contender.is_some() => [None, None],
                    Some(attached) => [
                        rules.heartbeat_delay.map(|delay| (attached.last_heard(delay), Timer::Heartbeat)),
                        (attached.receiver.kind == ReceiverKind::Stream)
                            .then(|| (attached.since + rules.receiver_max_age, Timer::ReceiverAge)),
                    ],
                };
                [first, second, persist]
            }
        }
    }

    fn expire(&mut self, now: Millis, timer: Timer) {
        match timer {
            Timer::Heartbeat => self.due(Due::Heartbeat),
            Timer::ReceiverAge => self.due(Due::End),
            Timer::Persist => self.store_waiting(),
            Timer::Unfinished => {
                // Rather lost with a client that is surely gone than doubled for one that is not.
                if let Some(ending) = self.ending {
                    self.detach(now, ending, Departure::Finished);
                }
            }
            Timer::Disconnect => {
                self.after.push_back(Output::Notify(Event::Closed(CloseReason::TimedOut)));
                self.forget();
            }
            Timer::Tombstone => {
                self.hurry();
                self.forget();
            }
        }
    }

    fn due(&mut self, due: Due) {
        if let Some(attached) = &mut self.receiver {
            // The end of a stream says more than a heartbeat.
            if attached.due != Some(Due::End) {
                attached.due = Some(due);
            }
        }
    }

    /// Whoever still reads what came before the close frame took too long, and whoever contends waits for that one: both
    /// get it now, or they would wait for a session that nobody knows.
    fn hurry(&mut self) {
        let Phase::Closing(tombstone) = &self.phase else { return };
        let attached = self.receiver.as_ref().map(|attached| attached.receiver);
        for receiver in [attached, self.contender].into_iter().flatten() {
            let frame = tombstone.frame();
            self.before.push_back(Output::Deliver { to: receiver.id, seq: None, frame, end: true });
        }
    }

    pub(super) fn forget(&mut self) {
        self.phase = Phase::Closed;
        self.receiver = None;
        self.contender = None;
        self.ending = None;
        self.queue.clear();
        if !self.websocket {
            self.persist(Change::Forget);
        }
    }
}

impl Attached {
    /// When silence has lasted for `delay`.
    fn last_heard(&self, delay: Millis) -> Millis {
        self.last_out.unwrap_or(self.woken) + delay
    }
}
