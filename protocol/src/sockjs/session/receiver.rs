//! Who receives: receivers come, come back, contend and leave.

use super::{Attached, Change, CloseReason, Output, Phase, Seq, Session};
use crate::sockjs::close_code::{CloseCode, STALLED};
use crate::sockjs::frame::{Frame, Message};
use crate::sockjs::transport::Transport;
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// Name of a receiver, unique in its session; one that attaches again keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReceiverId(pub u64);

/// Something that frames are delivered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receiver {
    /// Its name.
    pub id: ReceiverId,
    /// What it takes.
    pub kind: ReceiverKind,
}

impl Receiver {
    /// The one receiver of a WebSocket session.
    pub const WEBSOCKET: Self = Self { id: ReceiverId(0), kind: ReceiverKind::WebSocket };
}

/// What a receiver takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiverKind {
    /// A client's own WebSocket: it lives as long as its session and acknowledges nothing.
    WebSocket,
    /// A response that ends with its first frame.
    OneFrame,
    /// A response that takes frames until it is ended.
    Stream,
}

/// Neighbouring frames that an edge holds and has not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Number of the last message in them.
    pub through: Seq,
    /// Their bytes.
    pub bytes: usize,
}

/// Knowledge of the frames that a receiver holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InFlight {
    /// The queue has them.
    Known,
    /// The object slept meanwhile. The receiver is asked as soon as something waits for it.
    Unknown,
    /// The receiver was asked. Until it answers, it is given no message.
    Asked,
}

/// Time in which the edge of a response that ended has to bring back what it held and did not write.
const BRINGS_BACK: Millis = Millis::from_secs(5);

/// A receiver that was lost has a moment to tell how far it got: its Worker tries within 10 ms, and again and again. Until
/// then nothing goes to another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    pub until: Millis,
    /// Who was lost; after a restart nobody knows.
    of: Option<ReceiverId>,
    /// Whether another one was lost meanwhile, so that one that comes back without a word may be either.
    pub is_shaken: bool,
    /// True if messages are missing until the receiver's edge brings them back: without them the session has a gap.
    pub is_gap: bool,
}

impl Hold {
    pub fn from(now: Millis, of: Option<ReceiverId>) -> Self {
        Self { until: now + Millis(500), of, is_shaken: false, is_gap: false }
    }

    fn for_unwritten(now: Millis, of: ReceiverId) -> Self {
        Self { until: now + BRINGS_BACK, of: Some(of), is_shaken: false, is_gap: true }
    }

    fn is_for(&self, receiver: ReceiverId) -> bool {
        self.of.is_none_or(|of| of == receiver)
    }
}

impl ReceiverKind {
    /// What the receivers of `transport` take.
    pub fn of(transport: Transport) -> Self {
        match transport.receive() {
            None => Self::WebSocket,
            Some(row) if row.one_frame => Self::OneFrame,
            Some(_) => Self::Stream,
        }
    }
}

/// How a receiver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// Its response is over, and everything delivered to it was written.
    Finished,
    /// The client left before the last byte.
    ClientGone,
    /// The client took nothing for `stall_timeout`. Its response is aborted: what was written last may or may not have been read.
    Stalled,
    /// It ended, having acknowledged all that it wrote: the rest is for the next one.
    Ended,
    /// The way to it was lost, and it may attach again: what it did not acknowledge may have been written.
    Broken,
}

impl Session {
    /// A receiver came: to an idle session it is attached, to one with a receiver it contends with that one. One that
    /// is here already asked twice, so its first answer was lost: see [`Session::resume`].
    pub fn attach(&mut self, now: Millis, receiver: Receiver) {
        if self.knows(receiver.id) { self.resume(now, receiver, None) } else { self.admit(now, receiver) }
    }

    /// A receiver came back after its way here was lost, having written everything up to `after`.
    pub fn resume(&mut self, now: Millis, receiver: Receiver, after: Option<Seq>) {
        if self.contender.is_some_and(|contender| contender.id == receiver.id) {
            // Nothing was given to it, and the probe that it waits for is on its way.
            return;
        }
        let newcomer = self.receiver.as_ref().map(|attached| attached.receiver).filter(|other| other.id != receiver.id);
        match (newcomer, self.ending.filter(|ending| ending.id != receiver.id)) {
            // It is the one that everyone waits for; whoever came meanwhile came second.
            (Some(newcomer), None) if self.hold.is_some() && self.contender.is_none() => {
                self.contender = Some(newcomer);
                self.before.push_back(Output::Probe(receiver.id));
            }
            (None, None) => {}
            _ => return self.admit(now, receiver),
        }
        let is_attached = self.receiver.take().is_some_and(|attached| attached.receiver.id == receiver.id);
        if !is_attached && self.hold.is_some_and(|hold| !hold.is_gap && (after.is_some() || !hold.is_shaken)) {
            self.hold = None;
        }
        self.ending = None;
        self.queue.requeue(now);
        match after {
            Some(seq) => {
                self.queue.raise(seq);
                self.acknowledge(seq);
            }
            // After a restart nobody else knows whether the one that opened the session ever saw its open frame.
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
            // A stream may have been ended by its edge before all of it was written: its word is worth a moment. After a
            // sleep so is that of any, since nobody knows what it was given.
            let is_stream = ending.kind == ReceiverKind::Stream && self.queue.last_sent().is_some();
            if self.contender.is_none() && (is_stream || self.in_flight != InFlight::Known) {
                if self.in_flight == InFlight::Unknown {
                    self.in_flight = InFlight::Asked;
                    self.before.push_back(Output::Ask(ending.id));
                }
                self.contender = Some(receiver);
                self.before.push_back(Output::Probe(ending.id));
                return;
            }
            // Whoever polls again has read the response before: its confirmation is on its way.
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

    /// A receiver wrote everything up to `seq`.
    pub fn ack(&mut self, receiver: ReceiverId, seq: Seq) {
        if self.is_here(receiver) {
            self.acknowledge(seq);
        }
    }

    /// Whether the receiver is attached, or was given its last frame.
    fn is_here(&self, id: ReceiverId) -> bool {
        let attached = self.receiver.as_ref().map(|attached| attached.receiver);
        [attached, self.ending].into_iter().flatten().any(|receiver| receiver.id == id)
    }

    /// Takes the answer to [`Output::Ask`]: the receiver wrote everything up to `written`, and holds the rest.
    pub fn answered(&mut self, receiver: ReceiverId, written: Option<Seq>, held: &[Held]) {
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
    }

    /// After [`Session::restore`]: this receiver cannot be asked, since its edge is of [`Version::V2`](crate::inner::envelope::Version::V2).
    /// Nothing counts as in flight. Messages in rows, which the edge may hold, go out again, each in a frame of its own: the edge
    /// drops those that it wrote.
    pub fn cannot_be_asked(&mut self, receiver: ReceiverId) {
        if self.is_here(receiver) {
            self.in_flight = InFlight::Known;
            self.queue.send_alone();
        }
    }

    /// Ends a receiver whose response is over. It wrote everything up to `written`; the messages after that, up to `held`, are
    /// for the next receiver. Returns true if the session does not have all of them: then it delivers nothing until
    /// [`Session::wrote`] brings them back.
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
            self.hold = Some(Hold::for_unwritten(now, receiver));
        }
        is_missing
    }

    /// Ends a receiver whose response is over and which could not say so before, or did not bring back what it held. It wrote
    /// everything up to `written`; `unwritten` are the messages after that.
    pub fn wrote(&mut self, now: Millis, receiver: ReceiverId, written: Option<Seq>, unwritten: Vec<(Seq, Message)>) {
        // After a restart, of which no hold says whom it is for, a next receiver may have had the rest.
        let gives_back = self.is_here(receiver) || self.hold.is_some_and(|hold| hold.of == Some(receiver));
        if self.is_here(receiver) {
            self.detach(now, receiver, Departure::Ended);
        } else if self.hold.take_if(|hold| hold.is_for(receiver)).is_none() {
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

    /// A receiver ended. One that is not attached any more says nothing new.
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
        match how {
            Departure::Finished => {
                if let Some(seq) = self.queue.last_sent() {
                    self.acknowledge(seq);
                }
            }
            Departure::Ended => self.queue.requeue(now),
            Departure::Broken => {
                // The Worker that holds its response comes again, or says what it wrote.
                if is_unknown || self.queue.last_sent().is_some() {
                    self.hold = Some(Hold::from(now, Some(receiver)));
                } else if let Some(hold) = &mut self.hold {
                    hold.is_shaken = true;
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

    /// Closes the session and drops what waits for its client, since something before that is lost.
    pub(super) fn interrupt(&mut self, now: Millis) {
        self.drop_waiting();
        self.close(now, CloseCode::Interrupted.number(), "Connection interrupted", CloseReason::Interrupted);
    }

    /// Closes the session and drops what waits for its client, since something before that may be lost.
    fn stalled(&mut self, now: Millis) {
        self.drop_waiting();
        self.close(now, CloseCode::TryAgainLater.number(), STALLED, CloseReason::Stalled);
    }

    pub(super) fn drop_waiting(&mut self) {
        if let Some(through) = self.queue.clear() {
            self.persist(Change::Discard { through });
        }
    }

    /// What became of an [`Output::Probe`]. An answer about one that is not attached any more says nothing new.
    pub fn probed(&mut self, now: Millis, receiver: ReceiverId, alive: bool) {
        if self.ending.is_some_and(|ending| ending.id == receiver) && self.contender.is_some() {
            return self.detach(now, receiver, Departure::Finished);
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
        self.receiver = Some(Attached { receiver, since: now, last_out: Some(now), woken: now, due: None });
        if std::mem::take(&mut self.absence_stored) {
            self.persist(Change::Absent(None));
        }
    }

    fn refuse(&mut self, receiver: ReceiverId) {
        let frame = Frame::another_connection();
        self.before.push_back(Output::Deliver { to: receiver, seq: None, frame, end: true });
    }
}
