//! Virtual time: what happens when, and what must be true after each event.

use crate::handler::Run;
use crate::ledger::Ledger;
use crate::object::Object;
use crate::plan::{Change, Plan, Speed};
use crate::reader::Reader;
use crate::sender::{Sender, Try};
use sockjs_protocol::sockjs::pacing::SendAnswer;
use sockjs_protocol::sockjs::session::{CloseReason, ReceiverId, ReceiverKind, Seq};
use sockjs_protocol::time::Millis;
use std::collections::BTreeMap;

/// Time that a session without anything else to do is left to its own timers.
const LONG: Millis = Millis::from_secs(200);

#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The handler goes on.
    Resume,
    /// The object looks how far the client is.
    Look,
    EndBurst,
    AppCloses,
    GiveUp,
    Probed(ReceiverId),
    /// The client makes a message.
    Produce,
    /// A message of a WebSocket comes.
    Message(u64),
    /// The request of a send comes, then its body.
    Arrive(Try),
    Bring(Try),
    Answer(Try, SendAnswer),
    /// The client sees the status of the answer to a send, or 0 for none.
    Answered(u16),
    /// The client reads a frame, or some bytes of its WebSocket.
    Read,
    Ack(ReceiverId, Seq),
    Finished(ReceiverId, Option<Seq>),
    Ask,
    Change(Change),
}

pub struct World {
    pub plan: Plan,
    pub now: Millis,
    events: BTreeMap<(Millis, u64), Event>,
    planned: u64,
    pub object: Object,
    pub run: Run,
    pub reader: Reader,
    pub sender: Sender,
    pub ledger: Ledger,
    rest_until: Option<Millis>,
}

impl World {
    pub fn new(mut plan: Plan) -> Self {
        let now = Millis(1_000_000);
        let reader = Reader::new(&mut plan, now);
        let mut world = Self {
            object: Object::new(now, &plan, reader.first()),
            run: Run::default(),
            sender: Sender::new(&plan),
            ledger: Ledger::default(),
            events: BTreeMap::new(),
            planned: 0,
            rest_until: None,
            reader,
            now,
            plan,
        };
        world.object.is_touched = true;
        world.settle();
        world.plan_at(0, Event::Produce);
        let mut at = 0;
        for (after, change) in world.plan.changes.clone() {
            at += after;
            world.plan_at(at, Event::Change(change));
        }
        if let Some(at) = world.plan.closes_at {
            world.plan_at(at, Event::AppCloses);
        }
        if let Some(at) = world.plan.gives_up_at {
            world.plan_at(at, Event::GiveUp);
        }
        world
    }

    /// Plans `event` so many milliseconds from now.
    pub fn plan_at(&mut self, after: u64, event: Event) {
        self.planned += 1;
        self.events.insert((self.now + Millis(after), self.planned), event);
    }

    /// Plans `event` at a random moment, so many milliseconds from now at most.
    pub fn plan_within(&mut self, most: u64, event: Event) {
        let after = self.plan.dice.up_to(most);
        self.plan_at(after, event);
    }

    pub fn drop_events(&mut self, is_over: impl Fn(&Event) -> bool) {
        self.events.retain(|_, event| !is_over(event));
    }

    pub fn is_websocket(&self) -> bool {
        self.plan.kind == ReceiverKind::WebSocket
    }

    /// Runs until nothing is left to do, and checks what became of all that was promised.
    pub fn run(mut self) {
        for _ in 0..100_000 {
            if self.is_at_rest() {
                self.check_rest();
                if self.object.session.is_closed() {
                    return self.finale();
                }
                if self.go_on() {
                    continue;
                }
            }
            self.step();
            self.check();
        }
        panic!("it does not come to rest: {:?}", self.events);
    }

    /// True if nothing happens any more but what happens without anybody: heartbeats, and looks that see nothing new.
    fn is_at_rest(&self) -> bool {
        let is_idle = |event: &Event| {
            *event == Event::Look
                && (!self.is_websocket() || self.reader.is_gone || self.reader.speed == Speed::Stopped)
        };
        // The object of one that was given up closes it when it looks.
        let is_lost = self.object.is_lost && !self.ledger.is_closed;
        let rests = !is_lost && self.events.values().all(is_idle) && self.object.pacing.deadline().is_none();
        let is_late = self.rest_until.is_none_or(|until| until <= self.now);
        rests && (is_late || self.object.session.is_closed())
    }

    /// At rest: the client goes at last, at once or after a long time in which it does nothing. False if it is gone already.
    fn go_on(&mut self) -> bool {
        if self.reader.is_gone {
            return false;
        }
        if self.rest_until.is_none() && !self.is_websocket() && self.plan.dice.one_in(2) {
            self.rest_until = Some(self.now + LONG);
        } else {
            self.rest_until = None;
            self.leave();
        }
        true
    }

    fn step(&mut self) {
        let timer = [self.object.session.deadline(), self.object.pacing.deadline()].into_iter().flatten().min();
        let next = self.events.first_key_value().map(|((at, _), _)| *at);
        let timer =
            timer.filter(|timer| next.is_none_or(|next| *timer < next || (*timer == next && self.plan.dice.one_in(2))));
        if let Some(at) = timer {
            self.now = self.now.max(at);
            self.object.session.tick(self.now);
            self.touch_and_settle();
            let at = self.object.session.deadline();
            assert!(at.is_none_or(|at| at > self.now), "the timer of the session fires over and over: {at:?}");
            let at = self.object.pacing.deadline().filter(|_| !self.sender.is_refused);
            assert!(at.is_none_or(|at| at > self.now), "the timer of pacing fires over and over: {at:?}");
        } else if let Some(((at, _), event)) = self.events.pop_first() {
            self.now = at;
            self.happen(event);
        } else {
            panic!("nothing happens any more, and the session is not over: {:?}", self.object.session);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Resume => self.resume(),
            Event::Look => self.look_now(),
            Event::EndBurst => {
                self.object.in_burst = false;
                self.touch_and_settle();
            }
            Event::AppCloses => {
                self.close_by_application();
                self.settle();
            }
            Event::GiveUp => self.give_up(),
            Event::Probed(receiver) => {
                self.object.session.probed(self.now, receiver, true);
                self.touch_and_settle();
            }
            Event::Produce => self.produce(),
            Event::Message(id) => self.message(id),
            Event::Arrive(send) => self.arrive(send),
            Event::Bring(send) => self.bring(send),
            Event::Answer(send, answer) => self.reply(send, answer),
            Event::Answered(status) => self.answered(status),
            Event::Read => self.read(),
            Event::Ack(receiver, seq) => {
                self.object.session.ack(receiver, seq);
                self.touch_and_settle();
            }
            Event::Finished(receiver, written) => self.finish(receiver, written),
            Event::Ask => self.ask(),
            Event::Change(Change::Speed(speed)) => self.change_speed(speed),
            Event::Change(Change::Leave) => self.leave(),
        }
    }

    /// Checks what is true at any time.
    fn check(&mut self) {
        self.check_memory();
        self.check_line();
        let read = self.object.session.read_count();
        if !self.object.session.has_unread() || std::mem::replace(&mut self.reader.count, read) != read {
            self.reader.progress_at = self.now;
        }
    }

    fn check_memory(&self) {
        let Self { object, plan, .. } = self;
        let limits = plan.limits;
        let (inbox, bytes) = (object.pacing.inbox_bytes(), object.pacing.bytes());
        let held: usize = self.sender.waiting_ids().into_iter().map(|id| self.ledger.body(id).cost()).sum();
        assert!(bytes - inbox <= held, "{} bytes are held for requests with {held}", bytes - inbox);
        if self.ledger.is_dropped {
            return assert_eq!(inbox, 0, "dropped, and still in memory");
        }
        let is_inside = |id: u64| self.is_inside(id);
        let (number, cost) = self.ledger.unhandled(is_inside);
        assert!(cost <= inbox, "{cost} bytes wait for the handler, and {inbox} count");
        assert!(inbox <= limits.inbox || number == 1, "{inbox} bytes in the inbox of {number} bodies");
        let most = limits.queue + limits.queue / 2 + 64;
        let waiting = object.session.waiting_cost();
        assert!(waiting <= most, "{waiting} bytes wait in the session, with a limit of {}", limits.queue);
        if self.is_websocket() && !self.reader.is_gone {
            let unread = self.ledger.unread_bytes().saturating_sub(object.socket.read_in_part());
            assert!(unread <= most, "{unread} bytes wait for the client, with a limit of {}", limits.queue);
        }
    }

    /// True if the messages with this id were taken, as far as the client could know.
    fn is_inside(&self, id: u64) -> bool {
        self.ledger.body(id).is_accepted || self.object.pacing.is_taken(id)
    }

    /// Checks that no send is held without a reason.
    fn check_line(&mut self) {
        let Self { object, ledger, sender, plan, .. } = self;
        // After a refusal the session is closed at the same moment.
        if !object.session.is_open() || sender.is_refused {
            return;
        }
        let line = ledger.in_order(sender.ids_in_line(&object.pacing).into_iter());
        let Some(first) = line.first().copied() else {
            sender.blocked = None;
            return;
        };
        let is_here = |id: &u64| sender.is_waiting(*id);
        if is_here(&first) {
            let (inbox, cost) = (object.pacing.inbox_bytes(), ledger.body(first).cost());
            assert!(inbox > 0 && inbox + cost > plan.limits.inbox, "{first} is held, with {inbox} bytes before it");
        }
        let is_blocked = !is_here(&first) && line.iter().any(is_here);
        let since = sender.arrived_at(first);
        let before = sender.blocked.filter(|(id, at, _)| *id == first && *at == since);
        sender.blocked = is_blocked.then(|| before.unwrap_or((first, since, self.now)));
        if let Some((id, _, since)) = sender.blocked {
            let waited = self.now - since;
            assert!(waited <= Millis(2_000), "{id} is not here, and holds up the others for {waited:?}");
        }
    }

    /// Checks that nothing waits for something that never happens.
    fn check_rest(&self) {
        let Self { object, reader, ledger, run, sender, .. } = self;
        assert!(sender.waiting_ids().is_empty(), "a request waits for ever");
        if reader.is_alive() && object.session.is_open() {
            assert!(!run.is_running, "the handler waits for ever");
            assert_eq!(object.pacing.bytes(), 0, "messages wait for ever");
            assert!(ledger.has_read_all() && !object.session.has_unread(), "a client waits for ever");
            assert!(ledger.bodies.iter().all(|(_, body)| !body.is_accepted || body.is_done()));
            assert!(sender.is_done() || sender.is_broken, "the client did not get rid of its messages");
        }
        if reader.is_alive() && !object.session.is_open() {
            assert!(ledger.has_close_frame, "a client was not told the end");
        }
        if ledger.end.is_some() {
            assert!(!run.is_running && ledger.is_closed, "the handler was not told the end: {:?}", ledger.end);
        }
    }

    fn finale(&self) {
        self.ledger.finale();
        assert!(!self.run.is_running);
        assert_eq!(self.object.pacing.bytes(), 0);
        if matches!(self.ledger.end, Some(CloseReason::TimedOut)) {
            assert!(!self.is_websocket());
        }
    }
}
