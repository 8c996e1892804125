//! A driver in virtual time: it applies an input, drains what comes out, and gives that back as readable lines.
//!
//! | line | output |
//! |---|---|
//! | `to 1: a["x"] #3 end` | a frame for receiver 1, whose last message has number 3, which ends its response |
//! | `probe 1`, `ask 1`, `release 0: 1003 text` | a probe; a question what is in flight; the close of a WebSocket without a frame |
//! | `store open 1`, `store #3: "x" "y"`, `store close 3000 Go away!`, `discard #3`, `forget` | writes to storage |
//! | `opened`, `messages ["a"]`, `closed TimedOut` | what the application is told |
//!
//! What every caller may rely on is checked at each drain, whatever the test is about.

#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use proptest::test_runner::{Config as ProptestConfig, RngAlgorithm};
use sockjs_protocol::service::options::Durability;
use sockjs_protocol::sockjs::frame::{Message, quote};
use sockjs_protocol::sockjs::session::{
    Change, CloseReason, Departure, Event, Held, Output, READ, Receiver, ReceiverId, ReceiverKind, Row, Rules,
    SendError, Seq, Session, Stored,
};
use sockjs_protocol::time::Millis;
use std::collections::BTreeMap;

/// The outputs of an input that changes nothing.
pub const NOTHING: [&str; 0] = [];

pub const fn poll(id: u64) -> Receiver {
    Receiver { id: ReceiverId(id), kind: ReceiverKind::OneFrame, beats: false }
}

pub const fn stream(id: u64) -> Receiver {
    Receiver { id: ReceiverId(id), kind: ReceiverKind::Stream, beats: false }
}

pub fn outbox() -> Rules {
    Rules { durability: Durability::Outbox, ..Rules::default() }
}

/// Settings of a property test: failures print their input and leave no file behind, and random numbers come from a
/// generator that takes no time unoptimised either.
pub fn cases(cases: u32) -> ProptestConfig {
    let rng_algorithm = RngAlgorithm::XorShift;
    ProptestConfig { cases, rng_algorithm, failure_persistence: None, ..ProptestConfig::default() }
}

pub struct Driver {
    pub now: Millis,
    pub session: Session,
    /// The fold of everything persisted.
    pub stored: Option<Stored>,
    /// The rows of messages that are stored.
    pub rows: Rows,
    /// True if the application takes its time to handle the end of a session.
    pub slow_application: bool,
    /// True if more messages are about to be sent at each drain.
    pub in_burst: bool,
    pub rules: Rules,
    contract: Contract,
}

impl Driver {
    /// A session opened by `receiver`, its first outputs not drained yet: [`Driver::outputs`] gives them.
    pub fn new(rules: Rules, receiver: Receiver) -> Self {
        let now = Millis(0);
        let session = Session::open(now, rules.clone(), receiver);
        Self {
            now,
            session,
            stored: None,
            rows: Rows::default(),
            slow_application: false,
            in_burst: false,
            rules,
            contract: Contract::default(),
        }
    }

    /// A session opened by `receiver`.
    pub fn with(rules: Rules, receiver: Receiver) -> Self {
        let mut driver = Self::new(rules, receiver);
        driver.outputs();
        driver
    }

    /// A session with the default settings, opened by `receiver`.
    pub fn open(receiver: Receiver) -> Self {
        Self::with(Rules::default(), receiver)
    }

    /// A session with `rules` whose client has read `o` in poll 1 and asks for nothing.
    pub fn idle(rules: Rules) -> Self {
        let mut driver = Self::with(rules, poll(1));
        driver.detach(1, Departure::Finished);
        driver
    }

    /// Notes that `receiver` has a new response, whatever it was told before.
    pub fn comes(&mut self, receiver: Receiver) {
        self.contract.ended.retain(|id| *id != receiver.id);
    }

    pub fn attach(&mut self, receiver: Receiver) -> Vec<String> {
        self.comes(receiver);
        self.session.attach(self.now, receiver);
        self.outputs()
    }

    pub fn resume(&mut self, receiver: Receiver, after: Option<u64>) -> Vec<String> {
        self.comes(receiver);
        self.session.resume(self.now, receiver, after.map(Seq));
        self.outputs()
    }

    pub fn ack(&mut self, receiver: u64, seq: u64) -> Vec<String> {
        self.session.ack(ReceiverId(receiver), Seq(seq));
        self.outputs()
    }

    /// The receiver answers what it wrote, and the numbers and bytes that it holds.
    pub fn answered(&mut self, receiver: u64, written: Option<u64>, held: &[(u64, usize)]) -> Vec<String> {
        let held: Vec<_> = held.iter().map(|(seq, bytes)| Held { through: Seq(*seq), bytes: *bytes }).collect();
        self.session.answered(self.now, ReceiverId(receiver), written.map(Seq), &held);
        self.outputs()
    }

    /// The receiver cannot be asked what it holds.
    pub fn cannot_be_asked(&mut self, receiver: u64) -> Vec<String> {
        self.session.cannot_be_asked(ReceiverId(receiver));
        self.outputs()
    }

    /// The response of a receiver is over: whether the object misses what was held, and the outputs.
    pub fn finished(&mut self, receiver: u64, written: Option<u64>, held: Option<u64>) -> (bool, Vec<String>) {
        let is_missing = self.session.finished(self.now, ReceiverId(receiver), written.map(Seq), held.map(Seq));
        (is_missing, self.outputs())
    }

    /// The edge of a response that is over gives back what was not written.
    pub fn wrote(&mut self, receiver: u64, written: Option<u64>, unwritten: &[(u64, &str)]) -> Vec<String> {
        let unwritten = unwritten.iter().map(|(seq, text)| (Seq(*seq), Message::new(text))).collect();
        self.session.wrote(self.now, ReceiverId(receiver), written.map(Seq), unwritten);
        self.outputs()
    }

    pub fn detach(&mut self, receiver: u64, how: Departure) -> Vec<String> {
        self.session.detach(self.now, ReceiverId(receiver), how);
        self.outputs()
    }

    pub fn probed(&mut self, receiver: u64, alive: bool) -> Vec<String> {
        self.session.probed(self.now, ReceiverId(receiver), alive);
        self.outputs()
    }

    /// The client sends something.
    pub fn receive(&mut self) -> Vec<String> {
        self.session.receive();
        self.outputs()
    }

    /// Sends a message that must be taken.
    pub fn send(&mut self, message: &str) -> Vec<String> {
        self.try_send(message).unwrap();
        self.outputs()
    }

    /// Sends a message without draining.
    pub fn try_send(&mut self, message: &str) -> Result<(), SendError> {
        self.session.send(self.now, Message::new(message), false)
    }

    pub fn close(&mut self) -> Vec<String> {
        let reason = CloseReason::Application { code: 3000, reason: "Go away!".into() };
        self.session.close(self.now, 3000, "Go away!", reason);
        self.outputs()
    }

    pub fn disconnected(&mut self, code: u16) -> Vec<String> {
        self.session.disconnected(self.now, code, "");
        self.outputs()
    }

    pub fn violated(&mut self, code: u16, reason: &str) -> Vec<String> {
        self.session.violated(self.now, code, reason);
        self.outputs()
    }

    pub fn tick(&mut self) -> Vec<String> {
        self.session.tick(self.now);
        let lines = self.outputs();
        let deadline = self.session.deadline();
        assert!(deadline.is_none_or(|at| at > self.now), "an alarm at {deadline:?} would fire at once, over and over");
        lines
    }

    pub fn beat_early(&mut self) -> Vec<String> {
        self.session.beat_early(self.now);
        self.outputs()
    }

    /// Lets `millis` pass without a tick: the alarm is late.
    pub fn jump(&mut self, millis: u64) {
        self.now = self.now + Millis(millis);
    }

    /// Lets `millis` pass, with a tick at each deadline; each line says when it came out.
    pub fn pass(&mut self, millis: u64) -> Vec<String> {
        let end = self.now + Millis(millis);
        let mut lines = Vec::new();
        while let Some(at) = self.session.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let now = self.now.0;
            lines.extend(self.tick().into_iter().map(|line| format!("{now} {line}")));
        }
        self.now = end;
        lines
    }

    /// The object's memory is lost; `attached` kept its socket, opened at the time given. Outputs are not drained.
    pub fn lose_memory(&mut self, attached: Option<(Receiver, Millis)>) {
        let stored = self.stored.clone().unwrap();
        self.contract.closed = stored.told;
        self.session = Session::restore(self.now, self.rules.clone(), stored, attached);
    }

    /// The same with a receiver that was given its last frame, at the time given.
    pub fn lose_memory_while_ending(&mut self, ending: (Receiver, Millis)) {
        self.lose_memory(None);
        self.session.wake_ending(ending.0, ending.1);
    }

    /// The object sleeps for `millis` and wakes up with `attached`.
    pub fn hibernate(&mut self, millis: u64, attached: Option<Receiver>) -> Vec<String> {
        let since = self.now;
        self.now = self.now + Millis(millis);
        self.lose_memory(attached.map(|receiver| (receiver, since)));
        self.outputs()
    }

    /// The object dies and starts again a millisecond later: numbers of messages derive from the clock.
    pub fn restart(&mut self) -> Vec<String> {
        self.hibernate(1, None)
    }

    /// Returns the time of the next tick that has an effect.
    pub fn deadline(&self) -> Option<u64> {
        self.session.deadline().map(|at| at.0)
    }

    /// Drains the outputs.
    pub fn outputs(&mut self) -> Vec<String> {
        self.drain().iter().map(line).collect()
    }

    /// Drains the outputs as they are.
    pub fn drain(&mut self) -> Vec<Output> {
        self.drain_with(|_, _, _| {})
    }

    /// Drains the outputs, with an input after each one: the object knows at once that a frame could not be sent, or
    /// that the body of a 200 was its receiver's last.
    pub fn drain_with(&mut self, mut then: impl FnMut(&mut Session, Millis, &Output)) -> Vec<Output> {
        let mut outputs = Vec::new();
        let poll = if self.in_burst { Session::poll_output_in_burst } else { Session::poll_output };
        while let Some(output) = poll(&mut self.session, self.now) {
            self.contract.check(&output);
            match &output {
                Output::Persist(change) => {
                    self.rows.apply(change);
                    Stored::apply(&mut self.stored, change.clone());
                }
                Output::Read(first) => {
                    self.session.read(self.now, *first, &self.rows.from(*first));
                    continue;
                }
                _ => {}
            }
            then(&mut self.session, self.now, &output);
            // The application hears it at once, unless a test has it take its time.
            if matches!(output, Output::Notify(Event::Closed(_))) {
                if self.slow_application {
                    self.session.still_telling();
                } else {
                    self.session.told();
                }
            }
            outputs.push(output);
            assert!(outputs.len() < 1_000, "a drain without end: {:?}", outputs.last());
        }
        let (waiting, limit) = (self.session.buffered_amount(), self.rules.queue_limit);
        assert!(waiting <= 2 * limit, "{waiting} bytes wait, and the queue holds {limit}");
        if self.session.is_closed() {
            assert_eq!(self.stored, None, "a session that is over leaves nothing behind");
            assert_eq!(self.session.deadline(), None);
        }
        outputs
    }
}

/// Rows of messages, by their first number.
#[derive(Debug, Default)]
pub struct Rows(pub BTreeMap<u64, Row>);

impl Rows {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Append(row) => {
                let known = self.0.entry(row.first.0).or_insert_with(|| row.clone());
                if known.last() < row.last() {
                    *known = row.clone();
                }
            }
            Change::Discard { through } => self.0.retain(|_, row| row.last() > *through),
            Change::Open { .. } | Change::Forget => self.0.clear(),
            _ => {}
        }
    }

    fn from(&self, first: Seq) -> Vec<Row> {
        let mut left = READ;
        let rows = self.0.values().filter(|row| row.last() >= first);
        let wanted = rows.take_while(|row| {
            let is_wanted = left > 0;
            left = left.saturating_sub(row.extent().bytes);
            is_wanted
        });
        wanted.cloned().collect()
    }
}

/// The contract that holds for every sequence of inputs, sensible or not.
#[derive(Debug, Default)]
struct Contract {
    /// Receivers that were told the end of their response, and have not come back.
    ended: Vec<ReceiverId>,
    opened: bool,
    closed: bool,
}

impl Contract {
    fn check(&mut self, output: &Output) {
        match output {
            Output::Deliver { to, end, .. } => {
                assert!(!self.ended.contains(to), "{to:?} was told the end before: {output:?}");
                if *end {
                    self.ended.push(*to);
                }
            }
            Output::Notify(event) => {
                assert!(!self.closed, "the end is the last that the application hears: {event:?}");
                assert!(!(self.opened && *event == Event::Opened), "a session opens once");
                self.opened |= *event == Event::Opened;
                self.closed = matches!(event, Event::Closed(_));
            }
            _ => {}
        }
    }
}

fn line(output: &Output) -> String {
    match output {
        Output::Deliver { to, seq, frame, end } => {
            let seq = seq.map(|seq| format!(" #{}", seq.0)).unwrap_or_default();
            let end = if *end { " end" } else { "" };
            format!("to {}: {}{seq}{end}", to.0, frame.encode())
        }
        Output::Probe(id) => format!("probe {}", id.0),
        Output::Ask(id) => format!("ask {}", id.0),
        Output::Read(first) => format!("read #{}", first.0),
        Output::Release { receiver, code, reason } => format!("release {}: {code} {reason}", receiver.0),
        Output::Persist(Change::Open { opener }) => format!("store open {}", opener.0),
        Output::Persist(Change::Append(row)) => {
            let messages: Vec<_> = row.messages.iter().map(|message| quote(message.as_str())).collect();
            format!("store #{}: {}", row.first.0, messages.join(" "))
        }
        Output::Persist(Change::Discard { through }) => format!("discard #{}", through.0),
        Output::Persist(Change::Close { tombstone, told }) => {
            let told = if *told { "" } else { ", untold" };
            format!("store close {} {}{told}", tombstone.code, tombstone.reason)
        }
        Output::Persist(Change::Told) => "told".into(),
        Output::Persist(Change::Heard) => "heard".into(),
        Output::Persist(Change::Absent(Some(since))) => format!("absent since {}", since.0),
        Output::Persist(Change::Absent(None)) => "present".into(),
        Output::Persist(Change::Forget) => "forget".into(),
        Output::Notify(Event::Opened) => "opened".into(),
        Output::Notify(Event::Closed(reason)) => format!("closed {reason:?}"),
    }
}
