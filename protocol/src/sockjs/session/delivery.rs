//! Delivery: the choice of the frame that goes to the receiver next.

use super::{Attached, Change, Due, InFlight, Output, Phase, ReceiverKind, Session, SessionKind, Tombstone};
use crate::service::options::Durability;
use crate::sockjs::frame::Frame;
use crate::time::Millis;

/// Bytes of messages, counted as in frames, that may be in flight to a receiver without its acknowledgement. A single message
/// that does not fit may be sent when less than half of the window is in flight.
pub const WINDOW: usize = 64 << 10;

/// Bytes of messages in one poll, unless a single message is larger. A poll counts as over when it is answered: at 128 kbit/s its
/// client is back after 2 s, within any `disconnect_delay`.
const POLL: usize = WINDOW / 2;

/// Approximate bytes of stored messages that are read at once.
pub const READ: usize = 32 << 10;

impl Session {
    /// Returns the next output, or `None` when all are drained. Frames come before writes to storage if the durability allows it.
    /// Notifications of the application come last. All waiting messages for one receiver that fit its window share one frame.
    pub fn poll_output(&mut self, now: Millis) -> Option<Output> {
        if let Some(output) = self.before.pop_front() {
            return Some(output);
        }
        self.next_delivery(now).or_else(|| self.after.pop_front())
    }

    /// Returns the next output while more messages are about to be sent. Messages for a client's WebSocket stay in the queue, to
    /// share a frame with later ones, as long as [`Session::may_wait_for_more`]. A drain with [`Session::poll_output`] has to
    /// follow.
    pub fn poll_output_in_burst(&mut self, now: Millis) -> Option<Output> {
        if self.before.is_empty() && self.may_wait_for_more() {
            return self.after.pop_front();
        }
        self.poll_output(now)
    }

    /// True if everything that is to be delivered may wait for more messages: the receiver is a client's WebSocket, only messages
    /// are next, and the queue still has room for more.
    pub fn may_wait_for_more(&self) -> bool {
        self.kind == SessionKind::WebSocket
            && self.is_open()
            && self.receiver.as_ref().is_some_and(|attached| attached.due.is_none())
            && self.queue.next_is_message()
            && self.queue.waiting_cost() < self.rules.queue_limit / 8
            && !self.has_full_frame()
    }

    /// True if more messages would not make the next frame larger: a full frame waits for a WebSocket, or half a window for
    /// another receiver.
    pub fn has_full_frame(&self) -> bool {
        match self.kind {
            SessionKind::WebSocket => self.queue.waiting_frame() >= self.rules.frame_limit,
            SessionKind::Http | SessionKind::Held => self.queue.waiting_bytes() >= WINDOW / 2,
        }
    }

    /// True if the next drain gives the receiver everything that waits.
    pub(super) fn goes_out_at_once(&self) -> bool {
        let fits = self.queue.sent_bytes().saturating_add(self.queue.waiting_in_frames()) <= WINDOW;
        self.contender.is_none()
            && self.awaited.is_none()
            && self.in_flight == InFlight::Known
            && self.receiver.as_ref().is_some_and(|attached| !attached.receiver.kind.acknowledges() || fits)
    }

    pub(super) fn next_delivery(&mut self, now: Millis) -> Option<Output> {
        // Until the result of the probe, it is unknown whether a frame would be read, or which were read.
        if self.contender.is_some() || self.awaited.is_some() {
            return None;
        }
        let Attached { receiver, due, .. } = self.receiver.as_ref()?;
        let (receiver, due) = (*receiver, *due);
        let (credit, frame_limit) = match receiver.kind {
            ReceiverKind::Stream => (WINDOW.saturating_sub(self.queue.sent_bytes()), usize::MAX),
            ReceiverKind::OneFrame => (POLL, usize::MAX),
            ReceiverKind::Held => (WINDOW.saturating_sub(self.queue.sent_bytes()), self.rules.frame_limit),
            ReceiverKind::WebSocket => (usize::MAX, self.rules.frame_limit),
        };
        if self.in_flight == InFlight::Unknown && due != Some(Due::End) && self.queue.next_bytes().is_some() {
            self.in_flight = InFlight::Asked;
            return Some(Output::Ask(receiver.id));
        }
        // The edge acknowledges when half a window is written. Below that, waiting until a larger message fits would mean waiting
        // for the edge's timer.
        let is_full = |bytes| self.queue.sent_bytes() >= WINDOW / 2 && bytes > credit;
        let blocked = self.queue.next_bytes().is_some_and(|bytes| self.in_flight == InFlight::Asked || is_full(bytes));
        let one_frame = receiver.kind == ReceiverKind::OneFrame;
        let (frame, seq, end) = if due == Some(Due::End) {
            (Frame::Heartbeat, None, true)
        } else if blocked {
            // A heartbeat may pass: there is one in each `heartbeat_delay`, and `receiver_max_age` bounds their number.
            due?;
            (Frame::Heartbeat, None, one_frame)
        } else if let Some(first) = self.queue.next_in_rows(credit) {
            return Some(Output::Read(first));
        } else if let Some(taken) = self.queue.take_frame(credit, frame_limit, receiver.kind == ReceiverKind::Stream) {
            if let Some(through) = taken.stored
                && self.rules.durability == Durability::Default
                && !self.queue.has_rows_in_flight()
            {
                self.queue.mark_discarded(through);
                self.persist(Change::Discard { through });
            }
            (taken.frame, Some(taken.last), one_frame)
        } else if let Phase::Closing(closing) = &mut self.phase {
            closing.given_to = Some(receiver.id);
            if closing.is_bare {
                let Tombstone { code, reason, .. } = closing.tombstone.clone();
                self.ended(now);
                return Some(Output::Release { receiver: receiver.id, code, reason });
            }
            (closing.tombstone.frame(), None, true)
        } else if due == Some(Due::Heartbeat) {
            (Frame::Heartbeat, None, one_frame)
        } else {
            return None;
        };
        let is_heartbeat = frame == Frame::Heartbeat;
        // Messages replace a heartbeat, but not one that asks a client.
        let asks = match (&mut self.silence, self.rules.heartbeat_delay) {
            (Some(silence), Some(delay)) if is_heartbeat => {
                silence.ask(now, delay);
                false
            }
            (Some(silence), Some(delay)) => silence.asks_at(delay) <= now,
            (None, _) | (_, None) => false,
        };
        if let Some(attached) = &mut self.receiver {
            attached.last_out = Some(now);
            if !asks {
                attached.due = None;
            }
        }
        if let (ReceiverKind::WebSocket, Some(seq)) = (receiver.kind, seq) {
            self.acknowledge(seq);
        }
        if end {
            self.ended(now);
        }
        Some(Output::Deliver { to: receiver.id, seq, frame, end })
    }

    /// Notes that the receiver got its last frame.
    fn ended(&mut self, now: Millis) {
        let Some(attached) = self.receiver.take() else { return };
        self.idle_since = now;
        if self.kind == SessionKind::WebSocket {
            self.phase = Phase::Closed;
            return;
        }
        self.ending = Some(attached.receiver);
    }
}
