//! A session on a client's WebSocket that the Worker holds: it goes on when its inner WebSocket breaks and when its object
//! restarts, and storage learns of it late.

mod common;

use common::{Driver, NOTHING, cases};
use proptest::prelude::*;
use sockjs_protocol::service::options::{Config, Durability};
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::{
    Change, CloseReason, Departure, Output, Receiver, ReceiverId, ReceiverKind, Rules, Session,
};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;

const HELD: Receiver = Receiver { id: ReceiverId(1), kind: ReceiverKind::Held, beats: false };
const REATTACH_TIMEOUT: u64 = 30_000;

fn rules(durability: Durability) -> Rules {
    let mut config = Config::new("/echo");
    config.durability = durability;
    Rules { heartbeat_delay: None, ..Rules::held(&config, Transport::WebSocket) }
}

fn default() -> Driver {
    open(rules(Durability::Default))
}

fn outbox() -> Driver {
    open(rules(Durability::Outbox))
}

/// A session whose client has read the open frame.
fn open(rules: Rules) -> Driver {
    let mut session = Driver::with(rules, HELD);
    session.ack(1, 0);
    session
}

/// A session with so many messages of 20,000 bytes more than fit the window.
fn crowded(rules: Rules, more: u64) -> Driver {
    let mut session = open(rules);
    for _ in 0..3 + more {
        session.send(&"x".repeat(20_000));
    }
    session
}

/// The object restarts, and knows nothing that is not stored.
fn restart(driver: &mut Driver) {
    driver.jump(1);
    if driver.stored.is_some() {
        driver.lose_memory(None);
        let session = std::mem::replace(&mut driver.session, Session::open(driver.now, driver.rules.clone(), HELD));
        driver.session = session.into_held();
    } else {
        driver.session = Session::restore_held(driver.now, driver.rules.clone(), HELD, None);
    }
}

/// Without the texts of long messages.
fn short(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| line.replace(&"x".repeat(20_000), "x")).collect()
}

#[test]
fn it_opens_without_a_row_at_the_default_level() {
    let mut session = Driver::new(rules(Durability::Default), HELD);
    assert_eq!(session.outputs(), ["to 1: o #0", "opened"]);
    assert_eq!(session.send("x"), [r#"to 1: a["x"] #1"#]);
    assert_eq!(session.ack(1, 1), NOTHING);
    assert_eq!(session.pass(600_000), NOTHING, "a client that keeps up costs no write");
    assert_eq!((session.stored, session.session.deadline()), (None, None));
}

#[test]
fn with_an_outbox_its_row_is_written_first() {
    let mut session = Driver::new(rules(Durability::Outbox), HELD);
    assert_eq!(session.outputs(), ["store open 1", "to 1: o #0", "opened"]);
    assert_eq!(session.send("x"), [r#"store #1: "x""#, r#"to 1: a["x"] #1"#]);
    assert_eq!(session.ack(1, 1), ["discard #1"]);
}

#[test]
fn no_more_than_a_window_is_on_its_way() {
    let mut session = default();
    for number in 1..=3 {
        assert_eq!(session.send(&"x".repeat(20_000)).len(), 1, "{number}");
    }
    assert_eq!(session.send(&"x".repeat(20_000)), NOTHING);
    assert_eq!(session.send("y"), NOTHING, "in their order");
    assert_eq!(short(session.ack(1, 1)), [r#"to 1: a["x"] #4"#, r#"to 1: a["y"] #5"#]);
}

#[test]
fn a_frame_joins_messages_up_to_frame_limit() {
    let mut session = default();
    for _ in 0..5 {
        session.try_send(&"x".repeat(1_500)).unwrap();
    }
    let frames = session.outputs();
    assert_eq!(frames.len(), 3);
    let limit = session.rules.frame_limit;
    assert!(frames.iter().all(|frame| frame.len() - "to 1:  #1".len() <= limit));
}

#[test]
fn what_the_worker_did_not_get_comes_again() {
    let mut session = default();
    for message in ["x", "y", "z"] {
        session.send(message);
    }
    session.detach(1, Departure::Broken);
    assert_eq!(session.resume(HELD, Some(1)), [r#"to 1: a["y","z"] #3"#]);
    assert_eq!(session.resume(HELD, Some(3)), NOTHING, "before its loss was noticed");
}

#[test]
fn a_worker_that_got_nothing_gets_the_open_frame_again() {
    let mut session = Driver::with(rules(Durability::Default), HELD);
    session.detach(1, Departure::Broken);
    session.send("x");
    assert_eq!(session.resume(HELD, None), ["to 1: o #0", r#"to 1: a["x"] #1"#]);
}

#[test]
fn what_does_not_fit_the_window_becomes_rows_after_a_moment_behind_the_session() {
    let mut session = crowded(rules(Durability::Default), 2);
    assert_eq!(short(session.pass(250)), ["250 store open 1", r#"250 store #4: "x""#, r#"250 store #5: "x""#]);
    let lines = [r#"to 1: a["x"] #4"#, r#"to 1: a["x"] #5"#, "discard #4", "discard #5"];
    assert_eq!(short(session.ack(1, 3)), lines);
    assert!(session.session.is_stored(), "and its row stays");
}

#[test]
fn its_row_goes_when_it_is_over() {
    let mut session = crowded(rules(Durability::Default), 2);
    session.pass(250);
    assert_eq!(session.disconnected(1000), ["discard #5", r#"closed Client { code: 1000, reason: "" }"#, "forget"]);
    assert!(session.session.is_closed());
    let mut session = default();
    assert_eq!(session.disconnected(1006), [r#"closed Client { code: 1006, reason: "" }"#], "no row, no write");
    assert!(session.session.is_closed());
}

#[test]
fn the_application_that_takes_its_time_at_the_end_is_told_again_after_a_restart_if_there_is_a_row() {
    let mut session = outbox();
    session.slow_application = true;
    assert_eq!(
        session.disconnected(1001),
        [r#"closed Client { code: 1001, reason: "" }"#, "store close 1001 , untold", "discard #9007199254740991"]
    );
    restart(&mut session);
    session.slow_application = false;
    assert_eq!(session.outputs()[0], r#"closed Client { code: 1001, reason: "" }"#);
}

#[test]
fn a_close_by_the_application_is_the_last_frame_and_ends_it_when_it_is_written() {
    for durability in [Durability::Default, Durability::Outbox] {
        let mut session = open(rules(durability));
        let lines = session.close();
        assert!(lines.contains(&r#"to 1: c[3000,"Go away!"] end"#.to_owned()), "{lines:?}");
        assert!(!session.session.is_closed());
        session.detach(1, Departure::Ended);
        assert!(session.session.is_closed());
    }
}

#[test]
fn a_close_that_was_not_written_is_repeated_to_the_worker_that_comes_back() {
    for durability in [Durability::Default, Durability::Outbox] {
        let mut session = open(rules(durability));
        session.close();
        session.detach(1, Departure::Broken);
        assert!(!session.session.is_closed());
        assert_eq!(session.resume(HELD, Some(0)), [r#"to 1: c[3000,"Go away!"] end"#]);
    }
}

#[test]
fn a_close_while_the_worker_is_away_waits_for_it() {
    for durability in [Durability::Default, Durability::Outbox] {
        let mut session = open(rules(durability));
        session.detach(1, Departure::Broken);
        session.send("x");
        session.close();
        assert!(!session.session.is_closed(), "{durability:?}");
        let lines = session.resume(HELD, Some(0));
        assert_eq!(&lines[..2], [r#"to 1: a["x"] #1"#, r#"to 1: c[3000,"Go away!"] end"#]);
        session.detach(1, Departure::Ended);
        assert!(session.session.is_closed());
    }
}

#[test]
fn a_close_for_a_worker_that_does_not_come_back_is_forgotten() {
    for durability in [Durability::Default, Durability::Outbox] {
        let mut session = open(rules(durability));
        session.detach(1, Departure::Broken);
        session.close();
        session.pass(REATTACH_TIMEOUT + 1);
        assert!(session.session.is_closed());
    }
}

#[test]
fn a_violation_closes_it_without_a_frame_after_what_waits() {
    let mut session = crowded(rules(Durability::Default), 1);
    let lines = session.violated(1003, "no");
    assert!(!lines.iter().any(|line| line.starts_with("release")), "{lines:?}");
    let lines = short(session.ack(1, 3));
    assert_eq!(&lines[..2], [r#"to 1: a["x"] #4"#, "release 1: 1003 no"]);
    session.detach(1, Departure::Ended);
    assert!(session.session.is_closed());
}

#[test]
fn an_end_by_the_server_is_repeated_until_the_worker_closed_the_websocket() {
    let mut session = default();
    session.session.end(Millis(0), 1013, "slow", CloseReason::TooSlow);
    assert_eq!(session.outputs(), ["release 1: 1013 slow", "closed TooSlow"]);
    session.detach(1, Departure::Broken);
    assert_eq!(session.resume(HELD, Some(0)), ["release 1: 1013 slow"]);
    session.detach(1, Departure::Ended);
    assert!(session.session.is_closed());
}

#[test]
fn the_application_hears_once_that_the_client_left() {
    for durability in [Durability::Default, Durability::Outbox] {
        let mut session = open(rules(durability));
        session.detach(1, Departure::Broken);
        assert!(session.disconnected(1001).contains(&r#"closed Client { code: 1001, reason: "" }"#.to_owned()));
        assert_eq!(session.disconnected(1001), NOTHING);
        assert!(session.session.is_closed());
    }
}

#[test]
fn a_worker_that_does_not_come_back_is_lost() {
    let mut session = default();
    session.detach(1, Departure::Broken);
    assert_eq!(session.session.passing_deadline(), session.session.deadline(), "nothing that outlives the object");
    assert_eq!(session.pass(REATTACH_TIMEOUT), ["30000 closed Lost"]);
    assert!(session.session.is_closed());

    let mut session = outbox();
    session.send("x");
    session.detach(1, Departure::Broken);
    session.pass(1_000);
    assert_eq!(session.session.lasting_deadline(), Some(Millis(REATTACH_TIMEOUT)), "the alarm");
    let lines = session.pass(REATTACH_TIMEOUT);
    assert!(lines.contains(&"30000 closed Lost".to_owned()), "{lines:?}");
    assert!(session.session.is_closed());
}

#[test]
fn with_an_outbox_it_is_lost_after_a_restart_too() {
    let mut session = outbox();
    session.send("x");
    restart(&mut session);
    session.outputs();
    let lines = session.pass(REATTACH_TIMEOUT + 1_000);
    assert!(lines.iter().any(|line| line.ends_with("closed Lost")), "{lines:?}");
    assert!(session.session.is_closed());
}

#[test]
fn with_an_outbox_its_absence_has_an_alarm_at_once_however_short_the_time() {
    let mut session = open(Rules { disconnect_delay: Millis(1_000), ..rules(Durability::Outbox) });
    session.detach(1, Departure::Broken);
    assert_eq!(session.session.expects_receiver_until(), None);
    assert_eq!(session.session.lasting_deadline(), Some(Millis(1_000)));
}

#[test]
fn with_an_outbox_one_without_heartbeats_has_an_alarm_for_the_case_that_everything_is_killed() {
    let mut session = outbox();
    let at = Millis(6 * 3_600_000);
    assert_eq!(session.session.lasting_deadline(), Some(at));
    assert_eq!(session.pass(at.0), ["21600000 ask 1"]);
    assert_eq!(session.answered(1, Some(0), &[]), NOTHING);
    assert_eq!(session.session.lasting_deadline(), Some(at + at));
    assert_eq!(default().session.lasting_deadline(), None, "nobody would learn of it");
}

#[test]
fn a_client_that_takes_nothing_ends_it_at_once() {
    for durability in [Durability::Default, Durability::Outbox] {
        let mut session = crowded(rules(durability), 2);
        session.pass(250);
        let lines = session.detach(1, Departure::Stalled);
        assert!(lines.contains(&"closed Stalled".to_owned()), "{lines:?}");
        assert!(session.session.is_closed(), "the Worker has closed the WebSocket");
    }
}

#[test]
fn it_continues_after_a_restart_from_what_the_worker_knows() {
    let mut session = default();
    session.send("x");
    restart(&mut session);
    assert_eq!(session.resume(HELD, Some(1)), NOTHING);
    let lines = session.send("y");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with(r#"to 1: a["y"] #"#) && lines[0] != r#"to 1: a["y"] #1"#, "{lines:?}");
}

#[test]
fn rows_that_were_written_come_after_a_restart() {
    let mut session = crowded(rules(Durability::Default), 2);
    session.pass(250);
    restart(&mut session);
    assert_eq!(session.outputs(), NOTHING);
    let lines = [r#"to 1: a["x"] #4"#, r#"to 1: a["x"] #5"#, "discard #4", "discard #5"];
    assert_eq!(short(session.resume(HELD, Some(3))), lines);
}

#[test]
fn after_hibernation_it_asks_before_it_sends() {
    let mut session = default();
    session.send("x");
    session.jump(60_000);
    session.session = Session::restore_held(session.now, session.rules.clone(), HELD, Some(session.now));
    assert_eq!(session.outputs(), NOTHING);
    assert_eq!(session.send("y"), ["ask 1"]);
    assert_eq!(session.send("z"), NOTHING);
    let lines = session.answered(1, Some(1), &[]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with(r#"to 1: a["y","z"] #"#), "{lines:?}");
}

#[test]
fn what_the_worker_holds_counts_as_on_its_way_after_hibernation() {
    let mut session = default();
    session.jump(60_000);
    session.session = Session::restore_held(session.now, session.rules.clone(), HELD, Some(session.now));
    session.send(&"x".repeat(20_000));
    assert_eq!(session.answered(1, None, &[(3, 60_000)]), NOTHING, "the window is full");
    assert_eq!(session.ack(1, 3).len(), 1);
}

#[test]
fn a_session_that_storage_did_not_take_is_written_again_with_its_messages() {
    let mut session = crowded(rules(Durability::Default), 2);
    session.jump(250);
    session.session.tick(session.now);
    let Some(Output::Persist(change @ Change::Open { .. })) = session.session.poll_output(session.now) else {
        panic!("the row of the session comes first");
    };
    session.session.not_persisted(session.now, &change);
    assert_eq!(session.outputs(), NOTHING, "no message without its session");
    let lines: Vec<_> = short(session.pass(60_000));
    let lines: Vec<_> = lines.iter().filter_map(|line| line.split_once(' ')).map(|(_, line)| line).collect();
    assert_eq!(lines, ["store open 1", r#"store #4: "x""#, r#"store #5: "x""#]);
}

#[test]
fn with_an_outbox_a_session_that_storage_did_not_take_is_none() {
    let mut session = Driver::new(rules(Durability::Outbox), HELD);
    let Some(Output::Persist(change)) = session.session.poll_output(session.now) else { panic!("a row first") };
    session.session.not_persisted(session.now, &change);
    assert_eq!(session.outputs(), NOTHING);
    assert!(session.session.is_closed());
}

#[test]
fn with_an_outbox_messages_go_to_storage_behind_a_session_that_it_did_not_take() {
    let mut session = outbox();
    session.stored = None;
    session.rows.0.clear();
    session.session = Session::restore_held(session.now, session.rules.clone(), HELD, Some(session.now));
    let Some(Output::Persist(change)) = session.session.poll_output(session.now) else { panic!("a row first") };
    session.session.not_persisted(session.now, &change);
    session.try_send("x").unwrap();
    let writes = session.session.take_writes();
    assert!(matches!(&*writes, [Change::Open { .. }, Change::Append(_)]), "{writes:?}");
}

/// One step of a life.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The application sends a message of so many bytes.
    Send(usize),
    /// The Worker takes everything that is on its way to it, and acknowledges.
    Read,
    /// The inner WebSocket breaks: so much of what is on its way is lost with it.
    Cut(usize),
    /// The Worker attaches again.
    Return,
    /// The object restarts.
    Restart,
    /// Time passes.
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => prop_oneof![1..100usize, 10_000..40_000usize].prop_map(Step::Send),
        3 => Just(Step::Read),
        1 => (0..4usize).prop_map(Step::Cut),
        2 => Just(Step::Return),
        1 => Just(Step::Restart),
        2 => (1..400u64).prop_map(Step::Pass),
    ]
}

/// A Worker, with what is on its way to it and the messages that it wrote.
#[derive(Debug, Default)]
struct Worker {
    is_attached: bool,
    on_the_way: Vec<(Option<u64>, Vec<String>)>,
    received: Option<u64>,
    read: Vec<String>,
}

impl Worker {
    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            if let Output::Deliver { seq, frame, .. } = output {
                let text = frame.encode();
                let messages = text.strip_prefix('a').and_then(|json| serde_json::from_str(json).ok());
                self.on_the_way.push((seq.map(|seq| seq.0), messages.unwrap_or_default()));
            }
        }
    }

    /// Receives so many of the frames that are on their way.
    fn receive(&mut self, count: usize) {
        let count = count.min(self.on_the_way.len());
        for (seq, messages) in self.on_the_way.drain(..count) {
            if seq.is_some() && seq <= self.received {
                continue;
            }
            self.received = seq.or(self.received);
            self.read.extend(messages);
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    /// A client reads each message once and in order. With an outbox none is missing; else only what a restart found unread, or
    /// younger than `persist_after`.
    #[test]
    fn messages_come_once_and_in_order(steps in prop::collection::vec(step(), 1..60), is_outbox: bool) {
        let durability = if is_outbox { Durability::Outbox } else { Durability::Default };
        let mut session = Driver::new(rules(durability), HELD);
        let mut worker = Worker { is_attached: true, ..Worker::default() };
        let mut sent = Vec::new();
        let mut may_lose = false;
        worker.take(session.drain());
        let come_back = |session: &mut Driver, worker: &mut Worker| {
            worker.on_the_way.clear();
            worker.is_attached = true;
            session.comes(HELD);
            session.session.resume(session.now, HELD, worker.received.map(sockjs_protocol::sockjs::session::Seq));
            worker.take(session.drain());
        };
        for step in steps {
            match step {
                Step::Send(bytes) => {
                    let message = format!("{} {}", sent.len(), "x".repeat(bytes));
                    if session.session.send(session.now, Message::new(&message), false).is_ok() {
                        sent.push(message);
                    }
                    worker.take(session.drain());
                }
                Step::Read if worker.is_attached => {
                    worker.receive(usize::MAX);
                    if let Some(seq) = worker.received {
                        session.session.ack(HELD.id, sockjs_protocol::sockjs::session::Seq(seq));
                    }
                    worker.take(session.drain());
                }
                Step::Cut(count) if worker.is_attached => {
                    worker.receive(count);
                    worker.on_the_way.clear();
                    worker.is_attached = false;
                    session.session.detach(session.now, HELD.id, Departure::Broken);
                    worker.take(session.drain());
                }
                Step::Return if !worker.is_attached => come_back(&mut session, &mut worker),
                Step::Restart => {
                    may_lose = true;
                    worker.is_attached = false;
                    worker.on_the_way.clear();
                    restart(&mut session);
                    session.drain();
                    come_back(&mut session, &mut worker);
                }
                Step::Pass(millis) => {
                    let end = session.now + Millis(millis);
                    while let Some(at) = session.session.deadline().filter(|at| *at <= end) {
                        session.now = session.now.max(at);
                        session.session.tick(session.now);
                        worker.take(session.drain());
                    }
                    session.now = end;
                }
                Step::Read | Step::Cut(_) | Step::Return => {}
            }
        }
        if !worker.is_attached {
            come_back(&mut session, &mut worker);
        }
        while !worker.on_the_way.is_empty() {
            worker.receive(usize::MAX);
            if let Some(seq) = worker.received {
                session.session.ack(HELD.id, sockjs_protocol::sockjs::session::Seq(seq));
            }
            worker.take(session.drain());
        }
        prop_assert!(session.session.is_open());
        let mut rest = sent.iter();
        for message in &worker.read {
            prop_assert!(rest.any(|other| other == message), "doubled or out of order: {}", &message[..10.min(message.len())]);
        }
        if is_outbox || !may_lose {
            prop_assert_eq!(worker.read.len(), sent.len());
        }
    }
}
