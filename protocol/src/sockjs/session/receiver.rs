//! Receivers of a session: they attach, come back, contend and leave.

use super::{Attached, Change, CloseReason, Output, Phase, Seq, Session, SessionKind};
use crate::service::options::Durability;
use crate::sockjs::close_code::{CloseCode, INTERRUPTED, STALLED};
use crate::sockjs::frame::{Frame, Message};
use crate::sockjs::transport::Transport;
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// Identifier of a receiver, unique in its session. A receiver that attaches again keeps its identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReceiverId(pub u64);

/// Destination of a session's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    /// Identifier of the receiver.
    pub id: ReceiverId,
    /// Kind of the receiver.
    pub kind: ReceiverKind,
    /// True if the holder of the receiver writes its heartbeats, and ends it at its maximum age. The session then only checks
    /// every [`LOOK_EVERY`] whether the receiver is still there.
    pub beats: bool,
}

/// Time after which a receiver that writes its own heartbeats is asked whether it is still there.
pub const LOOK_EVERY: Millis = Millis::from_secs(6 * 3_600);

/// Time within which a receiver that is still there answers.
pub(super) const ANSWERS: Millis = Millis::from_secs(10);

impl Receiver {
    /// The only receiver of a WebSocket session.
    pub const WEBSOCKET: Self = Self { id: ReceiverId(0), kind: ReceiverKind::WebSocket, beats: false };
}

/// Kind of a receiver, by the frames that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverKind {
    /// A client's own WebSocket. It lives as long as its session and acknowledges nothing.
    WebSocket,
    /// A response that ends with its first frame.
    OneFrame,
    /// A response that takes frames until it is ended.
    Stream,
    /// A client's WebSocket that the Worker holds.
    Held,
}

/// Consecutive frames that an edge holds and has not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Number of the last message in the frames.
    pub through: Seq,
    /// Bytes of the frames.
    pub bytes: usize,
}

/// Knowledge of the frames that a receiver holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InFlight {
    /// The queue has the frames.
    Known,
    /// The object hibernated meanwhile. The receiver is asked as soon as data waits for it.
    Unknown,
    /// The receiver was asked. It gets no message until it answers.
    Asked,
}

/// Time within which the edge of an ended response has to return the frames that it held and did not write.
const BRINGS_BACK: Millis = Millis::from_secs(5);

/// Report of a lost receiver about its progress, for which the session waits a moment. Its Worker tries within 10 ms, and
/// repeatedly. Until then no other receiver gets any frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct AwaitedReport {
    pub until: Millis,
    /// The lost receiver; `None` after a restart, when it is unknown.
    of: Option<ReceiverId>,
    /// True if another receiver was lost meanwhile. A receiver that comes back without a report may then be either of the two.
    pub is_ambiguous: bool,
    /// True if messages are missing until the receiver's edge returns them. Without them the session has a gap.
    pub is_gap: bool,
}

impl AwaitedReport {
    pub fn from(now: Millis, of: Option<ReceiverId>) -> Self {
        Self { until: now + Millis(500), of, is_ambiguous: false, is_gap: false }
    }

    fn for_unwritten(now: Millis, of: ReceiverId) -> Self {
        Self { until: now + BRINGS_BACK, of: Some(of), is_ambiguous: false, is_gap: true }
    }

    fn is_for(&self, receiver: ReceiverId) -> bool {
        self.of.is_none_or(|of| of == receiver)
    }
}

impl ReceiverKind {
    /// True if a receiver of this kind gets several frames, and acknowledges them.
    pub(super) fn acknowledges(self) -> bool {
        match self {
            Self::Stream | Self::Held => true,
            Self::WebSocket | Self::OneFrame => false,
        }
    }

    /// Returns the kind of the receivers of `transport`.
    pub fn of(transport: Transport) -> Self {
        match transport.receive() {
            None => Self::WebSocket,
            Some(row) if row.one_frame => Self::OneFrame,
            Some(_) => Self::Stream,
        }
    }
}

/// The end of a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// The response is over, and everything delivered to it was written.
    Finished,
    /// The client left before the last byte.
    ClientGone,
    /// The client read nothing for `stall_timeout`. Its response is aborted: the client may or may not have read the bytes that
    /// were written last.
    Stalled,
    /// The receiver ended and acknowledged everything that it wrote. The rest is for the next receiver.
    Ended,
    /// The connection to the receiver was lost, and the receiver may attach again. It may have written frames that it
    /// did not acknowledge.
    Broken,
}

impl Session {
    /// Attaches a receiver. If the session has a receiver already, the new one contends with it. A receiver that the session
    /// knows already asks again because its first response was lost: see [`Session::resume`].
    pub fn attach(&mut self, now: Millis, receiver: Receiver) {
        if self.knows(receiver.id) { self.resume(now, receiver, None) } else { self.admit(now, receiver) }
    }

    /// Attaches a receiver that came back after its connection was lost. The receiver wrote everything up to `after`.
    pub fn resume(&mut self, now: Millis, receiver: Receiver, after: Option<Seq>) {
        if self.contender.is_some_and(|contender| contender.id == receiver.id) {
            // It got no frame yet, and the probe that it waits for is in progress.
            return;
        }
        let newcomer = self.receiver.as_ref().map(|attached| attached.receiver).filter(|other| other.id != receiver.id);
        match (newcomer, self.ending.filter(|ending| ending.id != receiver.id)) {
            // This is the awaited receiver; any other one that attached meanwhile came second.
            (Some(newcomer), None) if self.awaited.is_some() && self.contender.is_none() => {
                self.contender = Some(newcomer);
                self.before.push_back(Output::Probe(receiver.id));
            }
            (None, None) => {}
            _ => return self.admit(now, receiver),
        }
        let is_attached = self.receiver.take().is_some_and(|attached| attached.receiver.id == receiver.id);
        if !is_attached
            && self.awaited.is_some_and(|awaited| !awaited.is_gap && (after.is_some() || !awaited.is_ambiguous))
        {
            self.awaited = None;
        }
        self.ending = None;
        self.queue.requeue(now);
        match after {
            Some(seq) => {
                self.queue.raise(seq);
                self.acknowledge(seq);
            }
            // After a restart it is unknown whether the receiver that opened the session ever got its open frame.
            None if self.opener == receiver.id => self.queue.push_open(),
            None => {}
        }
        self.adopt(now, receiver);
    }

    fn knows(&self, id: ReceiverId) -> bool {
        let attached = self.receiver.as_ref().map(|attached| attached.receiver);
        [attached, self.contender, self.ending].into_iter().flatten().any(|receiver| receiver.id == id)
    }

    fn admit(&mut self, now: Millis, receiver: Receiver) {
        if let Some(ending) = self.ending {
            // The edge may have ended a stream before everything was written: its report is worth a moment. After a hibernation
            // the same holds for any receiver, since it is unknown which frames it got.
            let is_stream = ending.kind == ReceiverKind::Stream && self.queue.last_sent().is_some();
            let is_worth_a_moment = is_stream || self.ends_when_confirmed(ending);
            if self.contender.is_none() && (is_worth_a_moment || self.in_flight != InFlight::Known) {
                if self.in_flight == InFlight::Unknown {
                    self.in_flight = InFlight::Asked;
                    self.before.push_back(Output::Ask(ending.id));
                }
                self.contender = Some(receiver);
                self.before.push_back(Output::Probe(ending.id));
                return;
            }
            // A client that polls again has read the previous response: its confirmation is in flight.
            self.detach(now, ending.id, Departure::Finished);
        }
        match (&self.receiver, self.contender) {
            (None, _) => self.adopt(now, receiver),
            (Some(first), None) => {
                let first = first.receiver.id;
                self.contender = Some(receiver);
                self.before.push_back(Output::Probe(first));
            }
            (Some(_), Some(_)) => self.refuse(receiver.id),
        }
    }

    /// True if a poll got a message, and its response ends only when the edge knows that its progress is stored. A client that
    /// polls again before that has not read the message: the poll's node hangs, or gave the poll up.
    fn ends_when_confirmed(&self, ending: Receiver) -> bool {
        ending.kind == ReceiverKind::OneFrame
            && self.rules.durability == Durability::Outbox
            && self.queue.last_sent().is_some()
    }

    /// Handles the acknowledgement of a receiver, which wrote everything up to `seq`.
    pub fn ack(&mut self, receiver: ReceiverId, seq: Seq) {
        if self.is_here(receiver) {
            self.acknowledge(seq);
        }
    }

    /// True if the receiver is attached, or got its last frame.
    fn is_here(&self, id: ReceiverId) -> bool {
        let attached = self.receiver.as_ref().map(|attached| attached.receiver);
        [attached, self.ending].into_iter().flatten().any(|receiver| receiver.id == id)
    }

    /// Handles the reply to [`Output::Ask`]: the receiver wrote everything up to `written`, and holds the rest.
    pub fn answered(&mut self, now: Millis, receiver: ReceiverId, written: Option<Seq>, held: &[Held]) {
        if !self.is_here(receiver) {
            return;
        }
        if let Some(seq) = written {
            self.queue.raise(seq);
            self.acknowledge(seq);
        }
        if std::mem::replace(&mut self.in_flight, InFlight::Known) != InFlight::Known {
            self.queue.set_in_flight(held);
        }
        if let Some(attached) = self.receiver.as_mut().filter(|attached| attached.receiver.id == receiver) {
            attached.seen = now;
            attached.asked = None;
        }
    }

    /// Handles a receiver that cannot be asked after [`Session::restore`], since its edge is of
    /// [`Version::V2`](crate::inner::envelope::Version::V2). Nothing counts as in flight. The edge may hold messages that are in
    /// rows. They are sent again, each in a frame of its own, and the edge drops those that it wrote.
    pub fn cannot_be_asked(&mut self, receiver: ReceiverId) {
        if self.is_here(receiver) {
            self.in_flight = InFlight::Known;
            self.queue.send_alone();
        }
    }

    /// Ends a receiver whose response is over. The receiver wrote everything up to `written`. The messages after that, up to
    /// `held`, are for the next receiver. Returns true if the session does not have all of them: it then delivers nothing until
    /// [`Session::wrote`] returns them.
    pub fn finished(&mut self, now: Millis, receiver: ReceiverId, written: Option<Seq>, held: Option<Seq>) -> bool {
        if !self.is_here(receiver) {
            self.detach(now, receiver, Departure::Ended);
            return false;
        }
        if let Some(seq) = written {
            self.acknowledge(seq);
        }
        let is_missing = held.is_some_and(|last| !self.queue.has_all(last));
        self.detach(now, receiver, Departure::Ended);
        if is_missing && !self.is_closed() {
            self.awaited = Some(AwaitedReport::for_unwritten(now, receiver));
        }
        is_missing
    }

    /// Ends a receiver whose response is over, if the receiver could not report that before or did not return the messages that
    /// it held. The receiver wrote everything up to `written`; `unwritten` are the messages after that.
    pub fn wrote(&mut self, now: Millis, receiver: ReceiverId, written: Option<Seq>, unwritten: Vec<(Seq, Message)>) {
        // After a restart, no awaited report names its receiver, so a later receiver may have got the rest.
        let gives_back = self.is_here(receiver) || self.awaited.is_some_and(|awaited| awaited.of == Some(receiver));
        if self.is_here(receiver) {
            self.detach(now, receiver, Departure::Ended);
        } else if self.awaited.take_if(|awaited| awaited.is_for(receiver)).is_none() && !self.is_restored {
            return;
        }
        if let Some(seq) = written {
            self.acknowledge(seq);
        }
        if gives_back && !self.is_closed() {
            self.queue.take_back(now, unwritten);
            if self.writes_first() {
                self.store_waiting();
            }
        }
    }

    /// Ends a receiver. Does nothing if the session no longer knows the receiver.
    pub fn detach(&mut self, now: Millis, receiver: ReceiverId, how: Departure) {
        if self.contender.is_some_and(|contender| contender.id == receiver) {
            self.contender = None;
            return;
        }
        if self.ending.is_some_and(|ending| ending.id == receiver) {
            self.ending = None;
        } else if self.receiver.as_ref().is_some_and(|attached| attached.receiver.id == receiver) {
            self.receiver = None;
        } else {
            return;
        }
        let is_unknown = std::mem::replace(&mut self.in_flight, InFlight::Known) != InFlight::Known;
        self.idle_since = now;
        if let Phase::Closing(closing) = &mut self.phase
            && matches!(how, Departure::Finished | Departure::Ended)
        {
            closing.is_read |= closing.given_to == Some(receiver);
        }
        if self.kind == SessionKind::Held && how != Departure::Broken && !self.is_open() {
            return self.forget_if_over();
        }
        match how {
            Departure::Finished => {
                if let Some(seq) = self.queue.last_sent() {
                    self.acknowledge(seq);
                }
            }
            Departure::Ended => self.queue.requeue(now),
            Departure::Broken => {
                // The Worker that holds its response attaches again, or reports what it wrote.
                if is_unknown || self.queue.last_sent().is_some() {
                    self.awaited = Some(AwaitedReport::from(now, Some(receiver)));
                } else if let Some(awaited) = &mut self.awaited {
                    awaited.is_ambiguous = true;
                }
                self.queue.requeue(now);
            }
            Departure::ClientGone => self.interrupt(now),
            Departure::Stalled => self.stalled(now),
        }
        if self.receiver.is_none()
            && let Some(contender) = self.contender.take()
        {
            self.adopt(now, contender);
        }
    }

    /// Closes the session and drops the waiting messages, since earlier ones are lost.
    pub(super) fn interrupt(&mut self, now: Millis) {
        self.drop_waiting();
        self.close(now, CloseCode::Interrupted.number(), INTERRUPTED, CloseReason::Interrupted);
    }

    /// Closes the session and drops the waiting messages, since earlier ones may be lost.
    fn stalled(&mut self, now: Millis) {
        self.drop_waiting();
        let code = CloseCode::TryAgainLater.number();
        match self.kind {
            // The Worker has closed the WebSocket already.
            SessionKind::Held if self.is_open() => self.leave_nothing(now, code, STALLED, CloseReason::Stalled),
            SessionKind::Http | SessionKind::WebSocket | SessionKind::Held => {
                self.close(now, code, STALLED, CloseReason::Stalled);
            }
        }
    }

    pub(super) fn drop_waiting(&mut self) {
        if let Some(through) = self.queue.clear() {
            self.persist(Change::Discard { through });
        }
    }

    /// Handles the result of an [`Output::Probe`]. Does nothing if the receiver is neither attached nor ending.
    pub fn probed(&mut self, now: Millis, receiver: ReceiverId, alive: bool) {
        if let Some(ending) = self.ending.filter(|ending| ending.id == receiver && self.contender.is_some()) {
            let how = if self.ends_when_confirmed(ending) { Departure::Broken } else { Departure::Finished };
            return self.detach(now, receiver, how);
        }
        if self.receiver.as_ref().is_none_or(|attached| attached.receiver.id != receiver) {
            return;
        }
        if !alive {
            self.detach(now, receiver, Departure::ClientGone);
        } else if let Some(contender) = self.contender.take() {
            self.refuse(contender.id);
        }
    }

    pub(super) fn adopt(&mut self, now: Millis, receiver: Receiver) {
        self.in_flight = InFlight::Known;
        self.beats = receiver.beats;
        let last_out = Some(now);
        self.receiver =
            Some(Attached { receiver, since: now, last_out, woken: now, due: None, seen: now, asked: None });
        if std::mem::take(&mut self.absence_stored) {
            self.persist(Change::Absent(None));
        }
    }

    /// Asks the attached receiver whether it is still there.
    pub(super) fn look_for_receiver(&mut self, now: Millis) {
        let Some(attached) = &mut self.receiver else { return };
        attached.asked = Some(now);
        if self.in_flight == InFlight::Unknown {
            self.in_flight = InFlight::Asked;
        }
        self.before.push_back(Output::Ask(attached.receiver.id));
    }

    /// Gives up the attached receiver, which did not answer. A Worker that is still there attaches again.
    pub(super) fn give_up_receiver(&mut self, now: Millis) {
        let Some(attached) = &self.receiver else { return };
        let receiver = attached.receiver.id;
        let (code, reason) = (CloseCode::Replaced.number(), "no answer".to_owned());
        self.before.push_back(Output::Release { receiver, code, reason });
        self.detach(now, receiver, Departure::Broken);
    }

    fn refuse(&mut self, receiver: ReceiverId) {
        let frame = Frame::another_connection();
        self.before.push_back(Output::Deliver { to: receiver, seq: None, frame, end: true });
    }
}
