//! A model of an honest client, its edge and its object in virtual time.

use crate::common::{Driver, poll, stream};
use crate::fates::Fates;
use crate::op::{Alarm, Op};
use crate::request::Request;
use sockjs_protocol::inner::envelope::{ToEdge, Version, encode_unwritten, groups, read_unwritten};
use sockjs_protocol::service::options::Durability;
use sockjs_protocol::sockjs::frame::{Frame, Message};
use sockjs_protocol::sockjs::session::{
    CloseReason, Departure, Held, Output, Receiver, ReceiverId, ReceiverKind, Rules, Seq,
};
use sockjs_protocol::time::Millis;
use std::collections::VecDeque;

/// Bytes of messages that may be on their way to a stream.
const WINDOW: usize = 64 << 10;

/// Time in which an edge brings back what the object does not have.
const BRINGS_BACK: Millis = Millis(5_000);

pub struct World {
    object: Driver,
    outbox: bool,
    request: Option<Request>,
    requests: u64,
    /// Requests that ended before the object heard of it, and what each wrote.
    late: Vec<(ReceiverId, Option<Seq>)>,
    /// Answers on their way to the object: of whom, what was written, what was held.
    answers: VecDeque<(ReceiverId, Option<Seq>, Vec<Held>)>,
    unwritten: Option<Unwritten>,
    /// Requests whose end the object did not hear of: what was written, the last message of that, and since when.
    unconfirmed: Vec<(ReceiverId, Seq, Option<usize>, Millis)>,
    /// The last number that such a report named.
    confirmed: Option<Seq>,
    fates: Fates,
    /// True if the client read the open frame; `closed` is the same for the close frame. `open_is_doubtful` is true if `o` may be
    /// repeated.
    opened: bool,
    closed: bool,
    /// Time at which a response last got its last frame.
    ending_since: Option<Millis>,
    stalled: bool,
    open_is_doubtful: bool,
    /// Everything due by then was done.
    ticked: Millis,
}

/// Frames that an edge held when its response ended, and that the object does not have.
struct Unwritten {
    receiver: ReceiverId,
    written: Option<Seq>,
    frames: Vec<(Seq, Frame)>,
    since: Millis,
}

impl World {
    pub fn new(rules: Rules, opener: Receiver) -> Self {
        let mut world = Self {
            object: Driver::new(rules.clone(), opener),
            outbox: rules.durability == Durability::Outbox,
            request: Some(Request::new(opener, Millis(0), None)),
            requests: opener.id.0,
            late: Vec::new(),
            answers: VecDeque::new(),
            unwritten: None,
            unconfirmed: Vec::new(),
            confirmed: None,
            fates: Fates::new(rules),
            opened: false,
            closed: false,
            open_is_doubtful: false,
            ticked: Millis(0),
            ending_since: None,
            stalled: false,
        };
        world.drain();
        world
    }

    /// True if time ended the session, with the messages that waited; or if a response got its last frame and nobody finished it
    /// for as long as a stream may last: then it is unknown what was read of it, and nothing is promised.
    fn expired(&self) -> bool {
        self.object.session.is_closed() || self.stalled
    }

    pub fn apply(&mut self, op: &Op) {
        if self.expired() {
            return;
        }
        match *op {
            Op::Send(bytes) => self.send(bytes),
            Op::Close => self.close(),
            Op::Shortage => self.shortage(),
            Op::Pass(millis, alarm) => self.pass(Millis(millis), alarm),
            Op::BeatEarly => self.object.session.beat_early(self.object.now),
            Op::Poll => self.ask(poll(self.requests + 1)),
            Op::Stream => self.ask(stream(self.requests + 1)),
            Op::Read(frames) => self.read(frames),
            Op::Ack => self.ack(),
            Op::Finish => self.finish(),
            Op::Limit => self.limit(),
            Op::LimitLost { noticed } => self.limit_lost(noticed),
            Op::Answer => self.answer(),
            Op::BringBack => self.bring_back(),
            Op::Break { noticed } => self.lose_socket(Departure::Broken, noticed),
            Op::Resume => self.resume(),
            Op::Confirm => self.confirm(),
            Op::Hibernate => self.hibernate(),
            Op::Restart => self.restart(),
        }
        self.drain();
    }

    /// The client reads all that is left; then nothing that was promised may be missing.
    pub fn finale(&mut self) {
        // Nobody comes any more of whom the object still waits for a word.
        self.apply(&Op::Resume);
        self.apply(&Op::BringBack);
        self.apply(&Op::Pass(600, Alarm::OnTime));
        for _ in 0..10_000 {
            for op in [Op::Resume, Op::Answer, Op::Read(usize::MAX), Op::Ack, Op::Finish, Op::Poll] {
                self.apply(&op);
            }
            let is_read = self.request.as_ref().is_none_or(|request| request.transit.is_empty());
            if self.expired() || (is_read && self.answers.is_empty()) {
                break;
            }
        }
        let Some(stored) = self.object.stored.as_ref().filter(|_| !self.stalled) else { return };
        let lost = self.fates.broken_promises();
        assert!(lost.is_empty(), "lost: {lost:?}");
        assert!(self.opened && self.closed != self.object.session.is_open());
        assert!(self.closed || stored.rows.is_empty(), "all was delivered, and rows are left");
    }

    fn send(&mut self, bytes: usize) {
        let message = Message::new(&format!("{}:{}", self.fates.next(), "x".repeat(bytes)));
        if self.object.session.send(self.object.now, message, false).is_ok() {
            self.fates.send(self.object.now);
        }
    }

    fn close(&mut self) {
        if self.object.session.is_open() {
            let reason = CloseReason::Application { code: 3000, reason: String::new() };
            self.object.session.close(self.object.now, 3000, "", reason);
            self.fates.store();
        }
    }

    fn shortage(&mut self) {
        self.object.session.store_early();
        self.fates.store();
        self.drain();
        self.object.session.leave_in_rows();
    }

    fn pass(&mut self, span: Millis, alarm: Alarm) {
        let end = self.object.now + span;
        if self.unwritten.as_ref().is_some_and(|unwritten| end >= unwritten.since + BRINGS_BACK) {
            self.bring_back();
            self.drain();
        }
        let due = |world: &Self| world.object.session.deadline().filter(|at| *at <= end && alarm == Alarm::OnTime);
        while let Some(at) = due(self) {
            self.object.now = self.object.now.max(at);
            self.tick();
        }
        self.object.now = end;
        if alarm != Alarm::Never {
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.stalled |= self.ending_since.is_some_and(|since| since + Millis(40_000) <= self.object.now);
        self.object.session.tick(self.object.now);
        self.ticked = self.object.now;
        self.drain();
        assert!(self.object.session.deadline().is_none_or(|at| at > self.object.now));
    }

    fn ask(&mut self, receiver: Receiver) {
        if self.closed || self.request.as_ref().is_some_and(|request| !request.ended) {
            return;
        }
        if self.outbox {
            self.confirm_end();
        }
        self.late.extend(self.request.take().map(|former| (former.receiver.id, former.written)));
        self.requests = receiver.id.0;
        self.request = Some(Request::new(receiver, self.object.now, None));
        self.object.comes(receiver);
        self.object.session.attach(self.object.now, receiver);
        self.fates.settle();
    }

    /// With an outbox a response ends only when the object knows what was written.
    fn confirm_end(&mut self) {
        if self.request.as_ref().is_some_and(|request| request.ended) {
            self.finish();
            self.drain();
        }
        while !self.unconfirmed.is_empty() {
            self.confirm();
            self.drain();
        }
    }

    fn read(&mut self, frames: usize) {
        for _ in 0..frames {
            let Some(request) = &mut self.request else { return };
            let Some((seq, frame, end)) = request.transit.pop_front() else { return };
            request.ended = end;
            if seq.is_some() && seq <= request.written {
                continue;
            }
            request.written = request.written.max(seq);
            assert!(!self.closed, "{seq:?} came after the close frame");
            match frame {
                Frame::Open => {
                    assert!(!self.opened || self.open_is_doubtful, "the open frame came twice");
                    self.opened = true;
                }
                Frame::Messages(messages) => {
                    assert!(self.opened, "{seq:?} came before the open frame");
                    messages.iter().for_each(|message| self.fates.read(number(message)));
                }
                Frame::Close { .. } => self.closed = true,
                Frame::Heartbeat => {}
            }
        }
    }

    /// The answers that were sent before arrive before whatever the edge says next.
    fn answer(&mut self) {
        while let Some((receiver, written, held)) = self.answers.pop_front() {
            self.object.session.answered(self.object.now, receiver, written, &held);
        }
        self.drain();
    }

    fn ack(&mut self) {
        self.answer();
        let Some(request) = self.request.as_mut().filter(|request| request.connected) else { return };
        if let Some(seq) = request.written {
            request.acked = true;
            self.object.session.ack(request.receiver.id, seq);
            self.fates.acknowledge();
        }
    }

    fn finish(&mut self) {
        self.answer();
        if let Some(request) = self.request.take_if(|request| request.ended) {
            let (id, written) = (request.receiver.id, request.written);
            assert!(!self.object.session.finished(self.object.now, id, written, None));
            self.fates.settle();
        } else if let Some((late, _)) = self.late.pop() {
            // Whatever becomes of a response after its last byte means nothing.
            self.object.session.detach(self.object.now, late, Departure::ClientGone);
        }
    }

    /// The frames that the edge of a stream holds, if it may end it.
    fn held(&self) -> Option<Unwritten> {
        let request = self.request.as_ref().filter(|request| request.connected && !request.ended)?;
        if request.receiver.kind != ReceiverKind::Stream || request.written.is_none() {
            return None;
        }
        let frames = request.transit.iter().filter_map(|(seq, frame, _)| Some(((*seq)?, frame.clone())));
        let frames = frames.filter(|(seq, _)| Some(*seq) > request.written).collect();
        let since = self.object.now;
        Some(Unwritten { receiver: request.receiver.id, written: request.written, frames, since })
    }

    fn limit(&mut self) {
        let Some(unwritten) = self.held() else { return };
        self.ack();
        // What that made room for is on its way when the edge closes.
        self.drain();
        let held = unwritten.frames.last().map(|(seq, _)| *seq);
        let (now, receiver, written) = (self.object.now, unwritten.receiver, unwritten.written);
        self.request = None;
        self.fates.requeue(now);
        if self.object.session.finished(now, receiver, written, held) {
            assert!(!self.outbox, "rows have what was not acknowledged");
            self.unwritten = Some(unwritten);
        }
    }

    fn limit_lost(&mut self, noticed: bool) {
        let Some(unwritten) = self.held() else { return };
        self.answers.clear();
        self.request = None;
        self.fates.acknowledge();
        self.fates.requeue(self.object.now);
        if noticed {
            self.object.session.detach(self.object.now, unwritten.receiver, Departure::Broken);
        }
        self.unwritten = Some(unwritten);
        self.bring_back();
    }

    fn bring_back(&mut self) {
        let Some(Unwritten { receiver, written, frames, .. }) = self.unwritten.take() else { return };
        for (_, frame) in &frames {
            let Frame::Messages(messages) = frame else { continue };
            messages.iter().for_each(|message| self.fates.give_back(self.object.now, number(message)));
        }
        let encode = |(seq, frame): &(Seq, Frame)| {
            ToEdge::Frame { seq: Some(*seq), end: false, frame: frame.encode() }.encode(Version::CURRENT)
        };
        let frames: Vec<_> = frames.iter().map(encode).collect();
        let unwritten = read_unwritten(&encode_unwritten(frames.iter().map(Vec::as_slice))).unwrap();
        self.object.session.wrote(self.object.now, receiver, written, unwritten);
    }

    fn confirm(&mut self) {
        let Some((receiver, seq, last, since)) = self.unconfirmed.pop() else { return };
        self.object.session.wrote(self.object.now, receiver, Some(seq), Vec::new());
        self.confirmed = self.confirmed.max(Some(seq));
        if let Some(last) = last.filter(|_| self.unconfirmed.is_empty() && self.object.now < since + Millis(500)) {
            self.fates.confirm(last);
        }
        self.unconfirmed.clear();
    }

    fn lose_socket(&mut self, how: Departure, noticed: bool) {
        self.doubt();
        self.answers.clear();
        let Some(request) = &mut self.request else { return };
        let notices = !request.noticed && (noticed || request.ended || !request.connected);
        request.connected = false;
        request.transit.clear();
        request.noticed |= notices;
        let id = request.receiver.id;
        if notices {
            self.object.session.detach(self.object.now, id, how);
            self.fates.requeue(self.object.now);
        }
        self.fates.lose_transit();
        self.request.take_if(|request| request.ended);
    }

    fn resume(&mut self) {
        let Some(request) = self.request.as_mut().filter(|request| !request.connected) else { return };
        let (receiver, written) = (request.receiver, request.written);
        *request = Request::new(receiver, self.object.now, written);
        self.object.comes(receiver);
        self.object.session.resume(self.object.now, receiver, written);
        self.fates.requeue(self.object.now);
    }

    /// In reality it sleeps after 10 s without an event; here at any moment but while it waits for what an edge is to bring
    /// back.
    fn hibernate(&mut self) {
        if self.unwritten.is_some() {
            return;
        }
        // Nor does it sleep while it waits for a word.
        self.unconfirmed.clear();
        self.object.now = self.object.now + Millis(1);
        self.fates.lose_memory(self.ticked);
        if let Some(request) = self.request.as_mut().filter(|request| !request.connected) {
            request.noticed = true;
            self.fates.lose_transit();
        }
        match self.request.as_ref().filter(|request| request.connected) {
            Some(request) if request.ending => {
                self.object.lose_memory_while_ending((request.receiver, self.object.now));
            }
            attached => self.object.lose_memory(attached.map(|request| (request.receiver, request.since))),
        }
    }

    fn restart(&mut self) {
        // Of two losses in a row the first stays in doubt.
        self.unconfirmed.clear();
        self.object.now = self.object.now + Millis(1);
        if self.outbox {
            self.doubt();
        }
        if let Some(request) = &mut self.request {
            (request.connected, request.noticed) = (false, true);
            request.transit.clear();
        }
        self.request.take_if(|request| request.ended);
        self.late.clear();
        self.answers.clear();
        self.fates.lose_memory(self.ticked);
        self.fates.lose_transit();
        self.object.lose_memory(None);
    }

    /// A response was complete and the object will not hear of it: the client goes on, and what nobody acknowledged is
    /// sent once more.
    fn doubt(&mut self) {
        if let Some(request) = self.request.as_ref().filter(|request| request.ended) {
            self.open_is_doubtful |= !request.acked;
            let last = self.fates.doubt();
            if let Some(written) = request.written {
                self.unconfirmed.push((request.receiver.id, written, last, self.object.now));
            }
        }
    }

    /// Drains the object: frames go into transit.
    fn drain(&mut self) {
        for output in self.object.drain() {
            if let Output::Probe(ended) = output {
                // One client has one request at a time: the stream before is over, and all of it was written. What its edge
                // said before is here by then.
                self.answer();
                self.object.session.probed(self.object.now, ended, true);
                self.drain();
                continue;
            }
            if let Output::Ask(receiver) = output {
                self.asked(receiver);
                continue;
            }
            let Output::Deliver { to, seq, frame, end } = output else {
                assert!(matches!(output, Output::Persist(_) | Output::Notify(_)), "one client at a time: {output:?}");
                continue;
            };
            if let Frame::Messages(messages) = &frame {
                messages.iter().for_each(|message| self.fates.deliver(number(message)));
            }
            let request = self.request.as_mut().filter(|request| request.receiver.id == to).unwrap();
            self.ending_since = end.then_some(self.object.now);
            if request.connected {
                let counted = request.transit.iter().map(|(seq, frame, _)| unconfirmed(*seq, frame, self.confirmed));
                let before: usize = counted.sum();
                let fits = before + bytes(&frame) <= WINDOW || before < WINDOW / 2;
                assert!(
                    fits || request.receiver.kind != ReceiverKind::Stream || bytes(&frame) == 0,
                    "{before} in flight"
                );
                request.ending = end;
                request.transit.push_back((seq, frame, end));
            }
        }
    }

    /// The edge of `receiver` answers at once.
    fn asked(&mut self, receiver: ReceiverId) {
        if let Some(request) = self.request.as_ref().filter(|request| request.receiver.id == receiver) {
            if request.connected {
                let held = request.transit.iter().filter_map(|(seq, frame, _)| Some(((*seq)?, frame.encode().len())));
                let held = groups(held.filter(|(seq, _)| Some(*seq) > request.written));
                self.answers.push_back((receiver, request.written, held));
            }
        } else if let Some((_, written)) = self.late.iter().find(|(late, _)| *late == receiver) {
            self.object.session.answered(self.object.now, receiver, *written, &[]);
        }
    }
}

fn bytes(frame: &Frame) -> usize {
    if let Frame::Messages(messages) = frame { messages.iter().map(Message::len).sum() } else { 0 }
}

fn number(message: &Message) -> usize {
    message.as_str().split_once(':').unwrap().0.parse().unwrap()
}

/// Bytes of a frame's messages that no late report named. A message that such a report names was sent twice, and counts no more, although
/// it is under way once again: at most a window is.
fn unconfirmed(seq: Option<Seq>, frame: &Frame, confirmed: Option<Seq>) -> usize {
    match (frame, seq, confirmed) {
        (Frame::Messages(messages), Some(last), Some(confirmed)) => {
            let left = last.0.saturating_sub(confirmed.0) as usize;
            bytes(&Frame::Messages(messages[messages.len().saturating_sub(left)..].into()))
        }
        _ => bytes(frame),
    }
}
