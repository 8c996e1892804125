//! The object between client and handler, as `durable` has it: it drains the session and drives the pacing.

use crate::plan::Plan;
use crate::socket::Socket;
use crate::world::{Event, World};
use sockjs_protocol::sockjs::pacing::{Pacing, Refusal, SendAnswer};
use sockjs_protocol::sockjs::session::{CloseReason, Event as Told, Output, Receiver, SendError, Session};
use sockjs_protocol::time::Millis;

/// Times between two looks at a client, in milliseconds.
const LOOK_FIRST: u64 = 2;
const LOOK_LONGEST: u64 = 50;
const KEEP_AWAKE: u64 = 5_000;

/// Longest time after which a send is answered.
const LATER: Millis = Millis(5_000);

pub struct Object {
    pub session: Session,
    pub pacing: Pacing,
    pub socket: Socket,
    pub is_touched: bool,
    pub is_settling: bool,
    pub in_burst: bool,
    is_looked_at: bool,
    look_after: u64,
    /// True if the handler waits for the client.
    pub ready: bool,
    pub may_exceed: bool,
    /// True once the memory of its messages was needed for others.
    pub is_lost: bool,
}

impl Object {
    pub fn new(now: Millis, plan: &Plan, receiver: Receiver) -> Self {
        Self {
            session: Session::open(now, plan.session_rules(), receiver),
            pacing: Pacing::new(plan.pacing_rules()),
            socket: Socket::default(),
            is_touched: false,
            is_settling: false,
            in_burst: false,
            is_looked_at: false,
            look_after: 0,
            ready: false,
            may_exceed: false,
            is_lost: false,
        }
    }
}

impl World {
    pub fn touch(&mut self) {
        self.object.is_touched = true;
    }

    pub fn touch_and_settle(&mut self) {
        self.touch();
        self.settle();
    }

    pub fn settle(&mut self) {
        if std::mem::replace(&mut self.object.is_settling, true) {
            return;
        }
        while std::mem::take(&mut self.object.is_touched) {
            self.drain();
            self.pace();
            if self.object.session.still_telling() {
                self.drain();
            }
        }
        self.object.is_settling = false;
    }

    fn drain(&mut self) {
        let in_burst = self.object.in_burst;
        self.drain_with(in_burst);
        if in_burst && self.object.session.may_wait_for_more() {
            self.drop_events(|event| *event == Event::EndBurst);
            self.plan_at(0, Event::EndBurst);
        }
    }

    pub fn drain_with(&mut self, more_follows: bool) {
        loop {
            let output = match more_follows {
                true => self.object.session.poll_output_in_burst(self.now),
                false => self.object.session.poll_output(self.now),
            };
            match output {
                None => break,
                Some(Output::Deliver { to, seq, frame, end }) => self.deliver(to, seq, frame, end),
                Some(Output::Probe(receiver)) => self.plan_at(200, Event::Probed(receiver)),
                Some(Output::Ask(_) | Output::Read(_)) => panic!("it never slept"),
                Some(Output::Release { .. }) => {
                    self.object.socket.is_over = true;
                    self.plan_read();
                }
                Some(Output::Persist(_)) => {}
                Some(Output::Notify(Told::Opened)) => self.object.pacing.opened(),
                Some(Output::Notify(Told::Closed(reason))) => {
                    self.note_end(&reason);
                    self.object.pacing.closed(reason);
                }
            }
        }
    }

    fn note_end(&mut self, reason: &CloseReason) {
        assert_eq!(self.ledger.end.replace(reason.clone()), None, "it ends once");
        match reason {
            CloseReason::Client { .. } | CloseReason::Interrupted => assert!(self.reader.is_gone),
            CloseReason::TimedOut => {
                let absent = self.now - self.reader.here_at;
                assert!(absent >= self.plan.session_rules().disconnect_delay, "after {absent:?} only");
            }
            _ => self.ledger.is_dropped = true,
        }
    }

    fn pace(&mut self) {
        loop {
            let (has_unread, read) = (self.object.session.has_unread(), self.object.session.read_count());
            self.object.pacing.look(self.now, has_unread, read);
            let waiting = self.waiting();
            if !self.object.pacing.begin(waiting) {
                break;
            }
            self.begin_run();
        }
        if self.object.is_lost && self.object.session.is_open() {
            self.overrun(Refusal::Full);
            self.drain();
        }
        self.tell_waiters();
        if self.object.pacing.is_waiting() || self.object.ready {
            self.look_again();
        }
    }

    /// Bytes that wait for the client.
    pub fn waiting(&mut self) -> usize {
        let in_session = self.object.session.waiting_cost();
        if self.is_websocket() && self.object.pacing.is_behind(in_session + self.object.socket.cost()) {
            self.object.socket.correct();
        }
        in_session + self.object.socket.cost()
    }

    pub fn is_behind(&mut self) -> bool {
        let waiting = self.waiting();
        self.object.pacing.is_behind(waiting)
    }

    fn tell_waiters(&mut self) {
        for send in self.sender.take_waiting() {
            let late = self.sender.asked_at(send.id) + LATER;
            // The timer of one that was given up runs on in its object, but not here.
            assert!(self.now <= late || self.object.is_lost, "{} waits for its answer", send.id);
            match self.object.pacing.answer(self.now, send.id) {
                Some(answer) => {
                    self.check_answer(send.id, answer);
                    self.plan_at(0, Event::Answer(send, answer));
                }
                None => {
                    assert!(self.now < late, "{} gets no answer", send.id);
                    self.sender.wait(send);
                }
            }
        }
        if self.object.ready && (!self.object.session.is_open() || !self.is_behind()) {
            self.object.ready = false;
            self.plan_at(0, Event::Resume);
        }
    }

    /// Checks that there is a reason for this answer.
    pub fn check_answer(&mut self, id: u64, answer: SendAnswer) {
        let is_open = self.object.session.is_open();
        match answer {
            // What it was is not known any more.
            SendAnswer::Taken if self.object.is_lost => {}
            SendAnswer::Taken => {
                let is_done = self.ledger.body(id).is_done();
                assert!(!is_open || !self.plan.is_outbox || is_done, "{id} is answered before it was handled");
                self.ledger.accept(id);
            }
            SendAnswer::Later => {}
            SendAnswer::Over => assert!(!is_open && !self.ledger.is_closed_by_application()),
            SendAnswer::Refused(refusal) => {
                assert!(is_open, "refused though it is over");
                self.check_refusal(id, refusal);
            }
        }
    }

    fn check_refusal(&mut self, id: u64, refusal: Refusal) {
        let limits = self.plan.limits;
        let held = self.now - self.sender.held_since(id);
        match refusal {
            // Whatever followed the first refusal makes no difference any more.
            _ if std::mem::replace(&mut self.sender.is_refused, true) => {}
            Refusal::TimedOut => assert!(held.0 >= self.plan.send_timeout, "held for {held:?} only"),
            Refusal::Stalled => {
                let stalled = held.min(self.now - self.reader.progress_at);
                assert!(stalled.0 >= self.plan.stall_timeout, "stalled for {stalled:?} only");
            }
            Refusal::Full => assert!(self.sender.found(id) * 64 > limits.inbox, "the line is not full"),
            Refusal::Slow => {
                let missing = self.sender.missing_for(self.now, id);
                assert!(missing >= Millis(2_000), "it was missing for {missing:?} only");
            }
        }
    }

    fn look_again(&mut self) {
        if std::mem::replace(&mut self.object.is_looked_at, true) {
            return;
        }
        let after = match self.is_websocket() {
            true => self.object.look_after.clamp(LOOK_FIRST, LOOK_LONGEST),
            false => KEEP_AWAKE,
        };
        self.object.look_after = after * 2;
        self.plan_at(after, Event::Look);
    }

    pub fn look_now(&mut self) {
        self.object.is_looked_at = false;
        self.touch_and_settle();
        if !self.object.is_looked_at {
            self.object.look_after = 0;
        }
    }

    /// The handler sends a message of so many bytes.
    pub fn push(&mut self, bytes: usize) -> Result<(), SendError> {
        if self.object.session.is_too_large(bytes) {
            return Err(SendError::TooLarge);
        }
        if self.object.pacing.is_left() {
            return Ok(());
        }
        let message = self.ledger.next_message(bytes);
        let always = std::mem::take(&mut self.object.may_exceed);
        if !always && !self.has_room_on_socket(message.len()) {
            return Err(SendError::QueueFull);
        }
        let bytes = message.len();
        self.object.session.send(self.now, message, always)?;
        self.ledger.sent(bytes);
        self.touch();
        self.object.session.take_writes();
        Ok(())
    }

    fn has_room_on_socket(&mut self, bytes: usize) -> bool {
        let unsettled = self.object.session.buffered_amount() + bytes;
        let limit = self.plan.limits.queue;
        if !self.is_websocket() || self.object.socket.cost() + unsettled <= limit {
            return true;
        }
        self.object.socket.correct();
        self.object.socket.cost() + unsettled <= limit
    }

    pub fn close_by_application(&mut self) {
        if self.object.session.is_open() {
            let reason = CloseReason::Application { code: 3000, reason: "Go away!".into() };
            self.object.session.close(self.now, 3000, "Go away!", reason);
            self.drop_messages();
            self.touch();
        }
    }

    pub fn drop_messages(&mut self) {
        self.object.pacing.drop_messages();
        self.ledger.is_dropped = true;
    }

    /// Closes the session because of what the client sent.
    pub fn overrun(&mut self, refusal: Refusal) {
        let (code, text) = (Refusal::CODE, refusal.to_string());
        if self.is_websocket() {
            self.object.session.violated(self.now, code, &text);
        } else {
            let reason = CloseReason::Violation { code, reason: text.clone() };
            self.object.session.close(self.now, code, &text, reason);
        }
    }

    /// Another connection needs the memory.
    pub fn give_up(&mut self) {
        if self.object.pacing.bytes() > 0 && self.object.session.is_open() {
            self.object.pacing.give_up();
            self.object.is_lost = true;
            self.ledger.is_dropped = true;
            self.sender.is_refused = true;
        }
    }
}
