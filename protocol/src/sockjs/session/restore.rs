//! Restores sessions of an object that hibernated or restarted, from storage, attachments and Workers.

use super::closing::{Closing, Word};
use super::queue::Queue;
use super::receiver::{AwaitedReport, InFlight};
use super::{Attached, Change, Event, Output, Phase, Receiver, Rules, Session, SessionKind, Stored};
use crate::sockjs::liveness::Silence;
use crate::time::Millis;

/// Delay of an alarm that is still normal for an object with an owner.
const ALARM_LATE: Millis = Millis::from_secs(2);

/// Time within which a client retries if it could not reach the object: stock clients poll again at once.
const COMES_AGAIN: Millis = Millis::from_secs(5);

impl Session {
    /// Restores a stored session. `attached` is the receiver that stayed attached while the object hibernated, if there is one,
    /// with the time at which it attached. A receiver that got its last frame does not count as attached. The application is not
    /// notified again of earlier events.
    pub fn restore(now: Millis, rules: Rules, stored: Stored, attached: Option<(Receiver, Millis)>) -> Self {
        let queue = Queue::restore(now, &stored);
        let mut session = Self::new(now, rules, stored.opener, queue);
        session.is_stored = true;
        session.is_restored = true;
        if let Some(since) = stored.absent.filter(|_| attached.is_none()) {
            session.idle_since = session.absent_since(now, since);
        }
        session.absence_stored = stored.absent.is_some();
        if attached.is_none() && session.queue.waiting_bytes() > 0 {
            session.awaited = Some(AwaitedReport::from(now, None));
        }
        if let Some(tombstone) = stored.closed {
            if !stored.told {
                session.after.push_back(Output::Notify(Event::Closed(tombstone.close_reason())));
            }
            let word = if stored.told { Word::Heard } else { Word::Recorded };
            session.phase = Phase::Closing(Closing::new(tombstone, true, word));
        }
        session.wake(now, attached);
        session
    }

    /// Returns the time from which `disconnect_delay` counts, for a client that is absent since `since`. If the end of the delay
    /// is long past, the object had no owner, as in a cluster whose node was killed: the client may have tried in vain, and gets
    /// time for another attempt.
    fn absent_since(&self, now: Millis, since: Millis) -> Millis {
        let delay = self.rules.disconnect_delay;
        if since + delay + ALARM_LATE > now {
            return since;
        }
        now - (delay - COMES_AGAIN)
    }

    /// Restores a receiver that got its last frame at `since` and has not yet reported that it wrote the frame. Called after
    /// [`Session::restore`].
    pub fn wake_ending(&mut self, receiver: Receiver, since: Millis) {
        if self.receiver.is_none() {
            self.ending = Some(receiver);
            self.in_flight = InFlight::Unknown;
            self.idle_since = since;
            self.awaited = None;
        }
    }

    /// Restores a WebSocket session after its object hibernated. Nothing is stored of such a session.
    pub fn wake_websocket(now: Millis, rules: Rules) -> Self {
        let mut session = Self::new(now, rules, Receiver::WEBSOCKET.id, Queue::new());
        session.kind = SessionKind::WebSocket;
        session.wake(now, Some((Receiver::WEBSOCKET, now)));
        session
    }

    /// Restores the session of a WebSocket that the Worker holds, after the object hibernated or restarted. The session is not in
    /// storage. Either its inner WebSocket is still there, and was attached or last heard of at `since`, or [`Session::resume`]
    /// follows at once. The application is not notified again.
    pub fn restore_held(now: Millis, rules: Rules, receiver: Receiver, since: Option<Millis>) -> Self {
        let mut session = Self::new(now, rules, receiver.id, Queue::continued(now));
        session.kind = SessionKind::Held;
        session.wake(now, since.map(|since| (receiver, since)));
        if session.writes_first() {
            session.before.push_back(Output::Persist(Change::Open { opener: receiver.id }));
            session.is_stored = true;
        }
        session
    }

    /// Converts a session that [`Session::restore`] read from storage into one of a WebSocket that the Worker holds.
    pub fn into_held(mut self) -> Self {
        self.kind = SessionKind::Held;
        self
    }

    /// Restarts the wait for the client's first message, after [`Session::restore`] or [`Session::wake_websocket`]. The
    /// client has sent nothing since `opened`.
    pub fn wake_silent(&mut self, opened: Millis) {
        self.silent_since = self.rules.first_message_timeout.map(|_| opened);
    }

    /// Continues the signs of life of a client that connected at `opened`, after [`Session::wake_websocket`]. `word` is the time
    /// of the last message of the client that was stored.
    pub fn wake_silence(&mut self, now: Millis, opened: Millis, word: Option<Millis>) {
        self.silence = self.rules.silence.map(|rules| Silence::wake(now, rules, opened, word));
    }

    fn wake(&mut self, now: Millis, attached: Option<(Receiver, Millis)>) {
        // An attached poll got no frame yet, and a client's WebSocket acknowledges nothing.
        if attached.is_some_and(|(receiver, _)| receiver.kind.acknowledges()) {
            self.in_flight = InFlight::Unknown;
        }
        self.beats = attached.is_some_and(|(receiver, _)| receiver.beats);
        self.receiver = attached.map(|(receiver, since)| Attached {
            receiver,
            since,
            last_out: None,
            woken: now,
            due: None,
            seen: since,
            asked: None,
        });
    }
}
