//! The client as it reads: by its own WebSocket, or by one receive request after the other.

use crate::plan::{Plan, Speed};
use crate::socket::{Socket, bytes_of};
use crate::world::{Event, World};
use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::session::{Departure, Receiver, ReceiverId, ReceiverKind, Seq};
use sockjs_protocol::time::Millis;
use std::collections::VecDeque;

/// Written bytes after which a stream is acknowledged at once.
const ACKNOWLEDGE_BYTES: usize = 32 << 10;

/// A receive request, with what the client has not read of its response.
#[derive(Debug)]
struct Request {
    receiver: Receiver,
    transit: VecDeque<(Option<Seq>, Frame, bool)>,
    written: Option<Seq>,
    unacknowledged: usize,
    /// True if its response is the whole body of a 200, of which the object hears no more.
    is_whole: bool,
    /// The moment at which it was given its newest frame.
    given_at: Millis,
}

pub struct Reader {
    pub speed: Speed,
    pub is_gone: bool,
    request: Option<Request>,
    requests: u64,
    /// True if a read is planned.
    is_reading: bool,
    /// The moment at which the object last heard that it read something, or had nothing for it.
    pub progress_at: Millis,
    /// Messages that the object knew to be read at that moment.
    pub count: u64,
    /// The moment at which the object last heard of a receiver of it.
    pub here_at: Millis,
    has_heard_end: bool,
}

impl Reader {
    pub fn new(plan: &mut Plan, now: Millis) -> Self {
        let mut reader = Self {
            speed: plan.speed,
            is_gone: false,
            request: None,
            requests: 0,
            is_reading: false,
            progress_at: now,
            count: 0,
            here_at: now,
            has_heard_end: false,
        };
        reader.new_request(plan);
        reader
    }

    pub fn first(&self) -> Receiver {
        self.request.as_ref().map_or(Receiver::WEBSOCKET, |request| request.receiver)
    }

    fn new_request(&mut self, plan: &mut Plan) {
        if plan.kind == ReceiverKind::WebSocket {
            return;
        }
        self.requests += 1;
        let receiver = Receiver { id: ReceiverId(self.requests), kind: plan.kind, beats: false };
        let is_whole = plan.kind == ReceiverKind::OneFrame && !plan.dice.one_in(3);
        let transit = VecDeque::new();
        self.request =
            Some(Request { receiver, transit, written: None, unacknowledged: 0, is_whole, given_at: Millis(0) });
    }

    /// True if it reads, sooner or later.
    pub fn is_alive(&self) -> bool {
        !self.is_gone && self.speed != Speed::Stopped
    }
}

impl World {
    /// Longest time in which the client reads a frame, and comes back.
    fn reading(&self) -> (u64, u64) {
        match self.reader.speed {
            Speed::Fast => (20, 30),
            Speed::Slow | Speed::Stopped => (4_000, 5_200),
        }
    }

    pub fn deliver(&mut self, to: ReceiverId, seq: Option<Seq>, frame: Frame, end: bool) {
        if self.is_websocket() {
            assert!(!self.object.socket.is_over, "after the end: {frame:?}");
            if !self.reader.is_gone {
                self.object.socket.send(frame);
                self.object.socket.is_over = end;
                self.plan_read();
            }
            return;
        }
        self.ledger.is_hurried |= self.object.session.is_closed();
        let is_outbox = self.plan.is_outbox;
        let request = self.reader.request.as_mut().filter(|request| request.receiver.id == to);
        let Some(request) = request.filter(|_| !self.reader.is_gone) else {
            return self.object.session.detach(self.now, to, Departure::Broken);
        };
        request.is_whole &= !(is_outbox && matches!(frame, Frame::Messages(_)));
        let is_whole = request.is_whole;
        request.given_at = self.now;
        request.transit.push_back((seq, frame, end));
        if is_whole {
            self.reader.here_at = self.now;
            self.object.session.detach(self.now, to, Departure::Finished);
        }
        self.plan_read();
    }

    pub fn plan_read(&mut self) {
        let is_something = !self.object.socket.frames.is_empty()
            || (self.object.socket.is_over && !self.reader.has_heard_end)
            || self.reader.request.as_ref().is_some_and(|request| !request.transit.is_empty());
        if is_something && self.reader.is_alive() && !std::mem::replace(&mut self.reader.is_reading, true) {
            let (most, _) = self.reading();
            self.plan_within(if self.is_websocket() { most / 10 } else { most }, Event::Read);
        }
    }

    pub fn read(&mut self) {
        self.reader.is_reading = false;
        if !self.reader.is_alive() {
            return;
        }
        match self.is_websocket() {
            true => self.read_socket(),
            false => self.read_response(),
        }
        self.plan_read();
    }

    fn read_socket(&mut self) {
        let most = if self.reader.speed == Speed::Fast { 64 << 10 } else { self.plan.limits.queue / 4 };
        let bytes = 1 + self.plan.dice.up_to(most as u64) as usize;
        for frame in self.object.socket.read(bytes) {
            self.ledger.read(&frame);
        }
        if self.object.socket.is_over && self.object.socket.frames.is_empty() {
            assert!(self.ledger.has_read_all(), "the socket ended before all was sent");
            self.ledger.has_close_frame = true;
            self.reader.has_heard_end = true;
        }
    }

    fn read_response(&mut self) {
        let Some(request) = &mut self.reader.request else { return };
        let Some((seq, frame, end)) = request.transit.pop_front() else { return };
        request.written = request.written.max(seq);
        request.unacknowledged += bytes_of(&frame);
        let (receiver, written, is_whole) = (request.receiver, request.written, request.is_whole);
        let given_at = request.given_at;
        let is_much = request.unacknowledged >= ACKNOWLEDGE_BYTES;
        self.ledger.read(&frame);
        self.reader.has_heard_end |= self.ledger.has_close_frame;
        if end {
            if !is_whole {
                // One that takes longer is not waited for.
                if self.now < given_at + self.plan.session_rules().receiver_max_age {
                    self.reader.here_at = self.now;
                }
                self.plan_within(30, Event::Finished(receiver.id, written));
            }
            self.reader.request = None;
            self.come_back();
        } else if let Some(written) = written {
            if is_much && let Some(request) = &mut self.reader.request {
                request.unacknowledged = 0;
            }
            let after = if self.plan.is_outbox { 100 } else { 1_000 };
            self.plan_within(if is_much { 10 } else { after }, Event::Ack(receiver.id, written));
        }
    }

    fn come_back(&mut self) {
        if !self.reader.has_heard_end && self.reader.is_alive() {
            let (_, most) = self.reading();
            self.plan_within(most, Event::Ask);
        }
    }

    pub fn finish(&mut self, receiver: ReceiverId, written: Option<Seq>) {
        if let Some(written) = written {
            self.object.session.ack(receiver, written);
        }
        self.object.session.detach(self.now, receiver, Departure::Ended);
        self.touch_and_settle();
    }

    pub fn ask(&mut self) {
        if !self.reader.is_alive() || self.reader.has_heard_end || self.reader.request.is_some() {
            return;
        }
        if self.object.session.is_closed() {
            // What would be opened now is another session.
            self.reader.is_gone = true;
            return;
        }
        self.reader.new_request(&mut self.plan);
        self.reader.here_at = self.now;
        self.object.session.attach(self.now, self.reader.first());
        self.touch_and_settle();
    }

    pub fn change_speed(&mut self, speed: Speed) {
        self.reader.speed = speed;
        self.plan_read();
        if self.reader.request.is_none() && !self.is_websocket() {
            self.come_back();
        }
    }

    /// The client is gone, and so are its requests.
    pub fn leave(&mut self) {
        if std::mem::replace(&mut self.reader.is_gone, true) {
            return;
        }
        self.sender.is_broken = true;
        if self.is_websocket() {
            self.object.session.disconnected(self.now, 1006, "");
            self.touch_and_settle();
            self.object.socket = Socket::default();
            self.object.socket.is_over = true;
        } else if let Some(request) = self.reader.request.take() {
            self.object.session.detach(self.now, request.receiver.id, Departure::ClientGone);
            self.touch_and_settle();
        }
    }
}
