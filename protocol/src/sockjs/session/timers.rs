//! The timers of a session, as data. Each timer is a moment derived from the session's state. No timer is ever started
//! or stopped.

use super::receiver::{ANSWERS, LOOK_EVERY};
use super::{
    Attached, Change, CloseReason, Closing, Departure, Due, Output, Phase, ReceiverKind, Session, SessionKind, Word,
};
use crate::sockjs::close_code::{CloseCode, TIMED_OUT};
use crate::sockjs::liveness::NO_RESPONSE;
use crate::time::Millis;

/// Longest time for which a closed session answers with its close frame.
pub const TOMBSTONE_MAX: Millis = Millis::from_secs(60);

/// Time for which an idle object stays in memory: the runtime may evict it after ten seconds of silence.
const MEMORY: Millis = Millis::from_secs(8);

/// Time within which a polling client is expected back.
const RETURNS: Millis = Millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timer {
    /// Nothing went out for `heartbeat_delay`.
    Heartbeat,
    /// A stream reached `receiver_max_age`.
    ReceiverAge,
    /// A receiver that writes its own heartbeats was not seen for [`LOOK_EVERY`].
    Look,
    /// A receiver did not answer whether it is still there.
    Unanswered,
    /// A receiver that was given its last frame reported nothing for `receiver_max_age`.
    Unfinished,
    /// No receiver attached for `disconnect_delay`.
    Disconnect,
    /// The same for a session that storage does not know.
    Lost,
    /// A message waited in memory alone for `persist_after`.
    Persist,
    /// A lost receiver did not report how far it got.
    Report,
    /// The client sent nothing for `first_message_timeout`.
    FirstMessage,
    /// The client of a WebSocket gave no sign of life for `silence_timeout`.
    Silent,
    /// No receiver attached soon, and the disconnect delay may outlast the object's memory.
    Absence,
    /// The close frame of a closed session was kept long enough.
    Tombstone,
}

impl Timer {
    fn is_passing(self) -> bool {
        matches!(self, Self::Unanswered | Self::Persist | Self::Report | Self::Absence | Self::Lost)
    }
}

impl Session {
    /// Returns the moment at which [`Session::tick`] has something to do, or `None` for never. Call this after each
    /// drain.
    pub fn deadline(&self) -> Option<Millis> {
        self.earliest(|_| true)
    }

    /// Returns the next deadline among the short timers that a restart makes obsolete.
    pub fn passing_deadline(&self) -> Option<Millis> {
        self.earliest(Timer::is_passing)
    }

    /// Returns the next deadline among the other timers. They have to fire even if the object is restarted in between.
    pub fn lasting_deadline(&self) -> Option<Millis> {
        self.earliest(|timer| !timer.is_passing()).or_else(|| {
            // If no frame is sent for a moment, a heartbeat needs no tick, but an alarm that serves the session if the object
            // dies in that moment.
            let attached = self.receiver.as_ref().filter(|_| self.is_open())?;
            if self.is_looked_for(attached) {
                return Some(attached.asked.unwrap_or(attached.seen) + LOOK_EVERY);
            }
            Some(attached.last_heard(self.rules.heartbeat_delay?))
        })
    }

    /// Returns the moment until which the next receiver is expected, if no receiver is attached. A polling client is
    /// back within moments. Until then its absence is not worth an alarm of its own, as long as an alarm is set for
    /// [`Session::absence_alarm`] or earlier.
    pub fn expects_receiver_until(&self) -> Option<Millis> {
        let absent = self.is_open() && self.kind == SessionKind::Http && self.receiver.is_none();
        absent.then(|| self.idle_since + RETURNS)
    }

    /// Returns the latest moment for the alarm that [`Session::expects_receiver_until`] relies on.
    pub fn absence_alarm(&self) -> Millis {
        if self.beats {
            return self.idle_since + self.rules.disconnect_delay.max(LOOK_EVERY);
        }
        let delays = self.rules.heartbeat_delay.into_iter().chain([self.rules.disconnect_delay]);
        self.idle_since + delays.max().unwrap_or_default()
    }

    fn earliest(&self, which: impl Fn(Timer) -> bool) -> Option<Millis> {
        self.timers().into_iter().flatten().filter(|(_, timer)| which(*timer)).map(|(at, _)| at).min()
    }

    /// Does everything that is due. A late call has the same effect as one in time.
    pub fn tick(&mut self, now: Millis) {
        // One timer can make another one due at once.
        for _ in 0..3 {
            for (at, timer) in self.timers().into_iter().flatten() {
                if at <= now {
                    self.expire(now, timer);
                }
            }
        }
    }

    /// True if the next [`Session::tick`] ends the session since no receiver attached for `disconnect_delay`.
    pub fn is_leaving(&self, now: Millis) -> bool {
        self.timers().into_iter().flatten().any(|(at, timer)| timer == Timer::Disconnect && at <= now)
    }

    /// Restarts `disconnect_delay`: the client might have returned long ago, but its response was held up.
    pub fn was_held_up(&mut self, now: Millis) {
        if self.receiver.is_none() && self.is_open() {
            self.idle_since = self.idle_since.max(now);
            if self.absence_stored {
                self.persist(Change::Absent(Some(self.idle_since)));
            }
        }
    }

    /// Makes a heartbeat due when the object's alarm fires, even up to half of `heartbeat_delay` too early, or if its time is
    /// unknown. One alarm thus serves all sessions. A heartbeat may be early, but not late. In the same way, a receiver that
    /// writes its own heartbeats is asked early whether it is still there.
    pub fn beat_early(&mut self, now: Millis) {
        if !matches!(self.phase, Phase::Open) || self.contender.is_some() || self.awaited.is_some() {
            return;
        }
        if let Some(attached) = self.receiver.as_ref().filter(|attached| self.is_looked_for(attached)) {
            if attached.asked.is_none() && attached.seen + LOOK_EVERY <= now + LOOK_EVERY.half() {
                self.look_for_receiver(now);
            }
            return;
        }
        let (Some(delay), Some(attached)) = (self.rules.heartbeat_delay, &mut self.receiver) else { return };
        // An end that is due before the next heartbeat replaces it: its own alarm would be an extra one.
        let is_stream = attached.receiver.kind == ReceiverKind::Stream;
        if is_stream && attached.since + self.rules.receiver_max_age <= now + delay.half() {
            attached.due = Some(Due::End);
            return;
        }
        let is_near = |at: Millis| at <= now + delay.half();
        let is_silent = attached.last_out.is_none_or(|last| is_near(last + delay));
        let is_due = match self.silence {
            None => is_silent,
            Some(silence) => (is_silent || is_near(silence.asks_at(delay))) && silence.may_ask_early(now, delay),
        };
        if is_due {
            attached.due.get_or_insert(Due::Heartbeat);
        }
    }

    fn timers(&self) -> [Option<(Millis, Timer)>; 7] {
        let rules = &self.rules;
        let persist = self.queue.waiting_since().map(|since| (since + rules.persist_after, Timer::Persist));
        let persist = persist.filter(|_| self.kind != SessionKind::WebSocket);
        let report = self.awaited.map(|awaited| (awaited.until, Timer::Report));
        match &self.phase {
            Phase::Closed => [None; 7],
            Phase::Closing(_) if self.kind == SessionKind::WebSocket => [None; 7],
            Phase::Closing(Closing { tombstone, word, .. }) => {
                let latest = tombstone.at + TOMBSTONE_MAX;
                let at = match self.receiver {
                    None if *word == Word::Heard => {
                        latest.min(self.idle_since.max(tombstone.at) + rules.disconnect_delay)
                    }
                    // Its receive request continues, because waiting messages are still being read; or the application is still
                    // being notified.
                    _ => latest,
                };
                [Some((at, Timer::Tombstone)), persist, report, None, None, None, None]
            }
            Phase::Open => {
                let [first, second] = match &self.receiver {
                    // The client may still be reading its last response.
                    None if self.ending.is_some() => {
                        [Some((self.idle_since + rules.receiver_max_age, Timer::Unfinished)), None]
                    }
                    None => {
                        let timer = if self.is_stored { Timer::Disconnect } else { Timer::Lost };
                        [Some((self.idle_since + rules.disconnect_delay, timer)), None]
                    }
                    // Nothing is sent until the result of the probe or the report, within milliseconds.
                    Some(_) if self.contender.is_some() || self.awaited.is_some() => [None, None],
                    Some(Attached { asked: Some(asked), .. }) => [Some((*asked + ANSWERS, Timer::Unanswered)), None],
                    Some(attached) if self.is_looked_for(attached) => {
                        [Some((attached.seen + LOOK_EVERY, Timer::Look)), None]
                    }
                    Some(attached) => [
                        rules.heartbeat_delay.map(|delay| (self.beats_at(attached, delay), Timer::Heartbeat)),
                        (attached.receiver.kind == ReceiverKind::Stream)
                            .then(|| (attached.since + rules.receiver_max_age, Timer::ReceiverAge)),
                    ],
                };
                let absent = self.receiver.is_none() && self.ending.is_none() && self.kind != SessionKind::WebSocket;
                let outlasts = rules.disconnect_delay >= MEMORY && !self.absence_stored;
                let absence = (absent && outlasts).then(|| (self.idle_since + RETURNS, Timer::Absence));
                let silence = self.silent_since.zip(rules.first_message_timeout);
                let silence = silence.map(|(since, timeout)| (since + timeout, Timer::FirstMessage));
                let silent = self.silence.and_then(|silence| silence.ends_at()).map(|at| (at, Timer::Silent));
                [first, second, persist, report, absence, silence, silent]
            }
        }
    }

    /// True if no heartbeat shows whether the receiver is still there, although its loss must be noticed if everything is killed
    /// at once: its holder writes the heartbeats, or it has none and the session is stored.
    fn is_looked_for(&self, attached: &Attached) -> bool {
        let is_quiet = self.rules.heartbeat_delay.is_none() && self.is_stored;
        attached.receiver.beats || self.kind == SessionKind::Held && is_quiet
    }

    /// Returns the moment of the next heartbeat: after silence, or to ask a client that said nothing.
    fn beats_at(&self, attached: &Attached, delay: Millis) -> Millis {
        let at = attached.last_heard(delay);
        self.silence.map_or(at, |silence| silence.asks_at(delay).min(at))
    }

    fn expire(&mut self, now: Millis, timer: Timer) {
        match timer {
            Timer::Heartbeat => self.due(Due::Heartbeat),
            Timer::ReceiverAge => self.due(Due::End),
            Timer::Look => self.look_for_receiver(now),
            Timer::Unanswered => self.give_up_receiver(now),
            Timer::Persist => self.store_waiting(),
            Timer::Report => {
                // Messages after a gap are not delivered.
                if self.awaited.take().is_some_and(|awaited| awaited.is_gap) {
                    self.interrupt(now);
                }
            }
            Timer::Silent => {
                self.end(now, CloseCode::BrokenFraming.number(), NO_RESPONSE, CloseReason::Silent);
            }
            Timer::FirstMessage => {
                self.silent_since = None;
                let (code, text) = (CloseCode::PolicyViolation.number(), "No message came in time");
                self.close(now, code, text, CloseReason::Violation { code, reason: text.into() });
            }
            Timer::Absence => {
                self.absence_stored = true;
                self.persist(Change::Absent(Some(self.idle_since)));
            }
            Timer::Unfinished => {
                // A message is rather lost with a client that is surely gone than doubled for one that is not.
                if let Some(ending) = self.ending {
                    self.detach(now, ending.id, Departure::Finished);
                }
            }
            Timer::Disconnect | Timer::Lost => {
                self.queue.clear();
                let (code, reason) = match self.kind {
                    SessionKind::Held => (CloseCode::Abnormal, CloseReason::Lost),
                    SessionKind::Http | SessionKind::WebSocket => (CloseCode::Interrupted, CloseReason::TimedOut),
                };
                self.leave_nothing(now, code.number(), TIMED_OUT, reason);
            }
            Timer::Tombstone => {
                self.hurry();
                self.forget();
            }
        }
    }

    fn due(&mut self, due: Due) {
        if let Some(attached) = &mut self.receiver {
            // The end of a stream includes the effect of a heartbeat.
            if attached.due != Some(Due::End) {
                attached.due = Some(due);
            }
        }
    }

    /// Gives the close frame at once to the receiver that still reads earlier messages, since it took too long, and to
    /// the contender that waits for that receiver. Both would otherwise wait for a session that no longer exists.
    fn hurry(&mut self) {
        let Phase::Closing(Closing { tombstone, .. }) = &self.phase else { return };
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
        self.awaited = None;
        self.queue.clear();
        if self.kind != SessionKind::WebSocket {
            self.persist(Change::Forget);
        }
    }
}

impl Attached {
    /// Returns the moment at which silence has lasted for `delay`.
    fn last_heard(&self, delay: Millis) -> Millis {
        self.last_out.unwrap_or(self.woken) + delay
    }
}
