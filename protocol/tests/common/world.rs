//! A model of an honest client, its edge and its object in virtual time, which knows what may be lost.

use crate::common::Driver;
use sockjs_protocol::frame::{Encoded, Frame};
use sockjs_protocol::options::Durability;
use sockjs_protocol::session::{CloseReason, Departure, Output, Receiver, ReceiverId, Rules, Seq};
use sockjs_protocol::time::Millis;
use std::collections::{BTreeSet, VecDeque};

/// What happens next; where it makes no sense, nothing does.
#[derive(Debug, Clone)]
pub enum Op {
    /// The application sends a message of this many bytes, or a few more.
    Send(usize),
    /// The application closes the session.
    Close,
    /// Time passes.
    Pass(u64, Alarm),
    /// The object's alarm beats those who are due soon.
    BeatEarly,
    /// The client asks for one frame, if its former request ended cleanly.
    Poll,
    /// The client asks for a stream, if its former request ended cleanly.
    Stream,
    /// The edge takes up to this many frames in transit and writes them to the client.
    Read(usize),
    /// The edge acknowledges what it wrote.
    Ack,
    /// The object hears that a response is complete.
    Finish,
    /// The inner socket breaks, or an object that did not notice does now.
    Break { noticed: bool },
    /// The edge attaches again.
    Resume,
    /// The object sleeps: memory lost, sockets and what is in transit stay.
    Hibernate,
    /// The object dies: memory and sockets lost.
    Restart,
}

/// How the alarm goes while time passes.
#[derive(Debug, Clone, Copy)]
pub enum Alarm {
    OnTime,
    Late,
    Never,
}

/// What is known of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// The object has it for nobody yet.
    Waiting { since: Millis },
    /// The object gave it away and keeps it until it is acknowledged.
    InFlight,
    /// The object gave it away and has forgotten it.
    InTransitOnly,
    /// The object was told that it was written.
    Settled,
    /// It may be lost: the table of DESIGN section 4 says so.
    Mortal,
}

/// A receive request at the edge.
struct Request {
    receiver: Receiver,
    since: Millis,
    /// Frames given to it and not yet written: number, frame, whether it is the last.
    transit: VecDeque<(Option<Seq>, Frame, bool)>,
    connected: bool,
    /// Whether the object knows that it is not.
    noticed: bool,
    /// How far it got, and whether it ever said so.
    written: Option<Seq>,
    acked: bool,
    /// Whether the object gave it its last frame, and whether the client has it.
    ending: bool,
    ended: bool,
}

pub struct World {
    object: Driver,
    rules: Rules,
    request: Option<Request>,
    /// Requests that ended before the object heard of it.
    late: Vec<ReceiverId>,
    requests: u64,
    /// By number of the message.
    fates: Vec<Fate>,
    /// What the client read.
    read: BTreeSet<usize>,
    opens: usize,
    closed: bool,
    /// What the client may read twice: it did, and the word of it was lost.
    doubtful: BTreeSet<usize>,
    doubtful_open: bool,
    /// Everything due by then was done.
    ticked: Millis,
}

impl World {
    pub fn new(rules: Rules, opener: Receiver) -> Self {
        let object = Driver::new(rules.clone(), opener);
        let mut world = Self {
            object,
            rules,
            request: Some(Request::new(opener, Millis(0))),
            late: Vec::new(),
            requests: opener.id.0,
            fates: Vec::new(),
            read: BTreeSet::new(),
            opens: 0,
            closed: false,
            doubtful: BTreeSet::new(),
            doubtful_open: false,
            ticked: Millis(0),
        };
        world.drain();
        world
    }

    /// Whether time ended the session: what waited then went with it.
    pub fn expired(&self) -> bool {
        self.object.session.is_closed()
    }

    pub fn apply(&mut self, op: &Op) {
        if self.expired() {
            return;
        }
        match *op {
            Op::Send(bytes) => self.send(bytes),
            Op::Close => self.close(),
            Op::Pass(millis, alarm) => self.pass(Millis(millis), alarm),
            Op::BeatEarly => self.object.session.beat_early(self.object.now),
            Op::Poll => self.ask(crate::common::poll),
            Op::Stream => self.ask(crate::common::stream),
            Op::Read(frames) => self.read(frames),
            Op::Ack => self.ack(),
            Op::Finish => self.finish(),
            Op::Break { noticed } => self.lose_socket(noticed),
            Op::Resume => self.resume(),
            Op::Hibernate => self.hibernate(),
            Op::Restart => self.restart(),
        }
        self.drain();
    }

    fn send(&mut self, bytes: usize) {
        let message = Encoded::raw(&format!("{}:{}", self.fates.len(), "x".repeat(bytes)));
        if self.object.session.send(self.object.now, message).is_ok() {
            self.fates.push(Fate::Waiting { since: self.object.now });
        }
    }

    fn close(&mut self) {
        if !self.object.session.is_open() {
            return;
        }
        let reason = CloseReason::Application { code: 3000, reason: String::new() };
        self.object.session.close(self.object.now, 3000, "", reason);
        // It writes all that waits first.
        self.turn(|fate| if matches!(fate, Fate::Waiting { .. }) { Fate::Waiting { since: Millis(0) } } else { fate });
    }

    fn pass(&mut self, span: Millis, alarm: Alarm) {
        let end = self.object.now + span;
        while let (Alarm::OnTime, Some(at)) = (alarm, self.object.session.deadline().filter(|at| *at <= end)) {
            self.object.now = self.object.now.max(at);
            self.tick();
        }
        self.object.now = end;
        if !matches!(alarm, Alarm::Never) {
            self.tick();
        }
    }

    fn tick(&mut self) {
        self.object.session.tick(self.object.now);
        self.ticked = self.object.now;
        self.drain();
        assert!(self.object.session.deadline().is_none_or(|at| at > self.object.now));
    }

    fn ask(&mut self, kind: impl Fn(u64) -> Receiver) {
        if self.closed || self.request.as_ref().is_some_and(|request| !request.ended) {
            return;
        }
        self.late.extend(self.request.take().map(|former| former.receiver.id));
        self.requests += 1;
        let receiver = kind(self.requests);
        self.request = Some(Request::new(receiver, self.object.now));
        self.object.comes(receiver);
        self.object.session.attach(self.object.now, receiver);
        self.settle_in_flight();
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
            match frame {
                Frame::Open => {
                    assert!(self.opens == 0 || self.doubtful_open, "the open frame came twice");
                    self.opens += 1;
                }
                Frame::Messages(messages) => messages.iter().for_each(|message| self.reads(number(message))),
                Frame::Close { .. } => self.closed = true,
                Frame::Heartbeat => {}
            }
        }
    }

    fn reads(&mut self, message: usize) {
        assert!(self.opens > 0, "message {message} came before the open frame");
        assert!(!self.closed, "message {message} came after the close frame");
        if self.read.contains(&message) {
            assert!(self.doubtful.remove(&message), "message {message} came twice");
        } else {
            assert!(self.read.last().is_none_or(|last| *last < message), "message {message} came too late");
            self.read.insert(message);
        }
    }

    fn ack(&mut self) {
        let Some(request) = self.request.as_mut().filter(|request| request.connected) else { return };
        let Some(seq) = request.written else { return };
        request.acked = true;
        self.object.session.ack(request.receiver.id, seq);
        let read = self.read.clone();
        self.turn_each(|message, fate| if read.contains(&message) { Fate::Settled } else { fate });
    }

    fn finish(&mut self) {
        if let Some(request) = self.request.take_if(|request| request.ended) {
            self.object.session.detach(self.object.now, request.receiver.id, Departure::Finished);
            self.settle_in_flight();
        } else if let Some(late) = self.late.pop() {
            // Whatever becomes of a client after its last byte means nothing.
            self.object.session.detach(self.object.now, late, Departure::ClientGone);
        }
    }

    fn lose_socket(&mut self, noticed: bool) {
        self.doubt();
        let Some(request) = &mut self.request else { return };
        let (id, was_connected) = (request.receiver.id, request.connected);
        if was_connected {
            request.connected = false;
            request.transit.clear();
        }
        let noticed = noticed || request.ended || !was_connected;
        if noticed && !request.noticed {
            request.noticed = true;
            self.object.session.detach(self.object.now, id, Departure::Broken);
            self.requeue();
        }
        self.lose_transit();
        self.request.take_if(|request| request.ended);
    }

    fn resume(&mut self) {
        let Some(request) = self.request.as_mut().filter(|request| !request.connected) else { return };
        let (receiver, written) = (request.receiver, request.written);
        *request = Request { written, acked: written.is_some(), ..Request::new(receiver, self.object.now) };
        self.object.comes(receiver);
        self.object.session.resume(self.object.now, receiver, written);
        self.requeue();
    }

    fn hibernate(&mut self) {
        // An outbox sleeps after its last acknowledgement only: that comes within 100 ms, sleep after 10 s. Otherwise
        // the object could not tell one that was given its end from one that waits.
        if self.outbox() && self.request.as_ref().is_some_and(|request| request.ending) {
            return;
        }
        self.object.now = self.object.now + Millis(1);
        let request = self.request.as_ref().filter(|request| request.connected);
        let (connected, attached) = (request.is_some(), request.filter(|request| !request.ending));
        let attached = attached.map(|request| (request.receiver, request.since));
        self.forget_memory(if connected { Fate::InTransitOnly } else { Fate::Mortal });
        self.object.lose_memory(attached);
        if let Some(request) = self.request.as_mut().filter(|request| !request.connected) {
            request.noticed = true;
        }
    }

    fn restart(&mut self) {
        self.object.now = self.object.now + Millis(1);
        if self.outbox() {
            self.doubt();
        }
        if let Some(request) = &mut self.request {
            (request.connected, request.noticed) = (false, true);
            request.transit.clear();
        }
        self.request.take_if(|request| request.ended);
        self.late.clear();
        self.forget_memory(Fate::Mortal);
        self.lose_transit();
        self.object.lose_memory(None);
    }

    /// Drains the object: frames go into transit.
    fn drain(&mut self) {
        for output in self.object.drain() {
            let Output::Deliver { to, seq, frame, end } = output else {
                assert!(matches!(output, Output::Persist(_) | Output::Notify(_)), "one client at a time: {output:?}");
                continue;
            };
            if let Frame::Messages(messages) = &frame {
                messages.iter().for_each(|message| self.fates[number(message)] = Fate::InFlight);
            }
            let request = self.request.as_mut().filter(|request| request.receiver.id == to).unwrap();
            if request.connected {
                request.ending = end;
                request.transit.push_back((seq, frame, end));
            }
        }
    }

    /// The client reads all that is left; then nothing that was promised may be missing.
    pub fn finale(&mut self) {
        for _ in 0..10_000 {
            self.apply(&Op::Resume);
            self.read(usize::MAX);
            self.apply(&Op::Ack);
            self.apply(&Op::Finish);
            self.apply(&Op::Poll);
            if self.expired() || self.request.as_ref().is_none_or(|request| request.transit.is_empty()) {
                break;
            }
        }
        if self.expired() {
            return;
        }
        let lost = |(message, fate): (usize, &Fate)| !self.read.contains(&message) && *fate != Fate::Mortal;
        let lost: Vec<_> = self.fates.iter().enumerate().filter(|entry| lost(*entry)).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        assert!(self.opens > 0 && self.closed != self.object.session.is_open());
        let rows = self.object.stored.as_ref().unwrap().rows.len();
        assert!(self.closed || rows == 0, "all was delivered, and {rows} rows are left");
    }

    fn outbox(&self) -> bool {
        self.rules.durability == Durability::Outbox
    }

    fn turn(&mut self, turn: impl Fn(Fate) -> Fate) {
        self.turn_each(|_, fate| turn(fate));
    }

    fn turn_each(&mut self, turn: impl Fn(usize, Fate) -> Fate) {
        self.fates.iter_mut().enumerate().for_each(|(message, fate)| *fate = turn(message, *fate));
    }

    fn settle_in_flight(&mut self) {
        self.turn(|fate| if fate == Fate::InFlight { Fate::Settled } else { fate });
    }

    fn requeue(&mut self) {
        let since = self.object.now;
        self.turn(|fate| if fate == Fate::InFlight { Fate::Waiting { since } } else { fate });
    }

    /// What the object alone remembered is gone.
    fn forget_memory(&mut self, in_flight: Fate) {
        if self.outbox() {
            return;
        }
        let stored_before = self.ticked;
        let persist_after = self.rules.persist_after;
        self.turn(|fate| match fate {
            Fate::InFlight => in_flight,
            Fate::Waiting { since } if since + persist_after > stored_before => Fate::Mortal,
            fate => fate,
        });
    }

    fn lose_transit(&mut self) {
        self.turn(|fate| if fate == Fate::InTransitOnly { Fate::Mortal } else { fate });
    }

    /// A response was complete and the object will not hear of it: the client goes on, and what nobody acknowledged is
    /// sent once more.
    fn doubt(&mut self) {
        let Some(request) = self.request.as_ref().filter(|request| request.ended) else { return };
        self.doubtful_open |= !request.acked;
        let in_flight = |message: &&usize| self.fates.get(**message) == Some(&Fate::InFlight);
        self.doubtful.extend(self.read.iter().filter(in_flight));
    }
}

impl Request {
    fn new(receiver: Receiver, since: Millis) -> Self {
        let transit = VecDeque::new();
        let (connected, noticed, written, acked, ending, ended) = (true, false, None, false, false, false);
        Self { receiver, since, transit, connected, noticed, written, acked, ending, ended }
    }
}

fn number(message: &Encoded) -> usize {
    message.as_str().split_once(':').unwrap().0.parse().unwrap()
}
