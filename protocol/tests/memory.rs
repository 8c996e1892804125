//! Messages that wait in rows of storage, because the memory of the object is short or because it slept.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Driver, NOTHING, outbox, poll, stream};
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::{CloseReason, Departure, Rules, Session};

/// A session with `count` messages of 1,000 bytes waiting.
fn waiting(rules: Rules, count: usize) -> Driver {
    let mut session = Driver::idle(rules);
    for number in 0..count {
        session.send(&text(number));
    }
    session
}

fn text(number: usize) -> String {
    format!("{number:0>1000}")
}

fn leave_in_rows(session: &mut Driver) -> Vec<String> {
    session.session.store_early();
    let outputs = session.outputs();
    session.session.leave_in_rows();
    outputs
}

fn in_memory(session: &Session) -> (usize, usize) {
    (session.bytes_in_memory(), session.overhead())
}

/// All messages that polls read, one after the other.
fn read_all(session: &mut Driver) -> Vec<String> {
    let mut read = Vec::new();
    for id in 10..30 {
        let outputs = session.attach(poll(id));
        let Some(frame) = outputs.iter().find(|line| line.starts_with("to ")) else { break };
        let array = frame.split_once('a').unwrap().1.rsplit_once(" #").unwrap().0;
        read.extend(serde_json::from_str::<Vec<String>>(array).unwrap());
        session.detach(id, Departure::Finished);
    }
    read
}

#[test]
fn what_waits_leaves_memory_and_is_read_when_its_turn_comes() {
    for rules in [Rules::default(), outbox()] {
        let mut session = waiting(rules, 200);
        let (bytes, overhead) = in_memory(&session.session);
        assert_eq!(bytes, 200_000);
        leave_in_rows(&mut session);
        let (left, left_overhead) = in_memory(&session.session);
        assert!(left == 0 && left_overhead < overhead / 20, "{left} {left_overhead}");
        assert_eq!(session.session.buffered_amount(), 200_000);
        assert_eq!(read_all(&mut session), (0..200).map(text).collect::<Vec<_>>());
        assert!(session.rows.0.is_empty());
    }
}

#[test]
fn a_wake_up_reads_no_message_that_nobody_asks_for() {
    let mut session = waiting(Rules::default(), 200);
    session.pass(250);
    session.restart();
    session.pass(500);
    assert_eq!(session.session.bytes_in_memory(), 0);
    session.attach(poll(9));
    assert!(session.session.bytes_in_memory() <= 64 << 10, "one row more than the poll takes");
    session.detach(9, Departure::Ended);
    assert_eq!(read_all(&mut session).len(), 200);
}

#[test]
fn what_came_since_goes_after_what_waits_in_rows() {
    let mut session = waiting(Rules::default(), 40);
    leave_in_rows(&mut session);
    for number in 40..80 {
        session.send(&text(number));
    }
    assert_eq!(read_all(&mut session), (0..80).map(text).collect::<Vec<_>>());
}

#[test]
fn what_is_in_flight_stays_in_memory() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    for number in 0..100 {
        session.send(&text(number));
    }
    leave_in_rows(&mut session);
    assert_eq!(session.session.bytes_in_memory(), 65_000);
    assert_eq!(session.session.waiting_cost(), 35 * 1_064);
    session.detach(2, Departure::Ended);
    assert_eq!(read_all(&mut session), (0..100).map(text).collect::<Vec<_>>());
}

#[test]
fn a_receiver_that_read_a_part_of_a_row_gets_the_rest() {
    let mut session = waiting(Rules::default(), 100);
    session.pass(250);
    session.restart();
    session.resume(stream(2), Some(7));
    assert_eq!(session.session.waiting_cost(), (93 - 65) * 1_064);
    session.ack(2, 72);
    assert!(session.rows.0.keys().all(|first| *first > 64), "{:?}", session.rows.0.keys());
}

#[test]
fn what_an_edge_holds_of_a_row_is_in_flight_and_comes_back_from_the_row() {
    for rules in [Rules::default(), outbox()] {
        let mut session = waiting(rules, 40);
        session.pass(250);
        session.hibernate(10_000, Some(stream(2)));
        assert_eq!(session.answered(2, None, &[(7, 7_000)])[0].split(' ').nth(1), Some("2:"));
        session.detach(2, Departure::Ended);
        assert_eq!(read_all(&mut session), (0..40).map(text).collect::<Vec<_>>(), "seven were not written");
    }
}

#[test]
fn a_row_that_cannot_be_read_ends_the_session() {
    let mut session = waiting(Rules::default(), 100);
    leave_in_rows(&mut session);
    session.rows.0.remove(&33);
    let outputs = session.attach(stream(2));
    assert_eq!(outputs.iter().filter(|line| line.starts_with("to 2")).count(), 1, "{outputs:?}");
    assert!(outputs.iter().any(|line| line == r#"to 2: c[1011,"Storage failed"] end"#), "{outputs:?}");
    assert!(outputs.contains(&"closed HandlerFailed".to_owned()));
}

#[test]
fn a_write_that_failed_leaves_its_messages_in_memory() {
    let mut session = waiting(Rules::default(), 10);
    session.session.store_early();
    while let Some(output) = session.session.poll_output(session.now) {
        let sockjs_protocol::sockjs::session::Output::Persist(change) = output else { continue };
        session.session.not_persisted(session.now, &change);
    }
    session.session.leave_in_rows();
    assert_eq!(session.session.bytes_in_memory(), 10_000);
    assert_eq!(leave_in_rows(&mut session).len(), 1);
    assert_eq!(session.session.bytes_in_memory(), 0);
}

#[test]
fn of_a_websocket_nothing_is_stored() {
    let mut session = Driver::open(sockjs_protocol::sockjs::session::Receiver::WEBSOCKET);
    session.in_burst = true;
    session.send("x");
    assert_eq!(leave_in_rows(&mut session), NOTHING);
    assert_eq!(session.session.bytes_in_memory(), 1);
}

#[test]
fn a_session_that_is_cut_off_frees_what_waits_and_what_is_in_flight() {
    for rules in [Rules::default(), outbox()] {
        let mut session = waiting(rules, 100);
        session.attach(stream(2));
        assert!(session.session.bytes_in_memory() > 0);
        session.session.cut_off(session.now, 1013, "Too slow", CloseReason::TooSlow);
        let outputs = session.outputs();
        assert_eq!(session.session.bytes_in_memory(), 0);
        assert!(outputs.contains(&r#"to 2: c[1013,"Too slow"] end"#.to_owned()), "{outputs:?}");
        assert!(session.rows.0.is_empty());
    }
}

#[test]
fn small_messages_behind_a_large_one_in_rows_count_for_what_they_are() {
    let mut session = Driver::idle(Rules::default());
    session.send(&"x".repeat(700_000));
    for number in 0..200 {
        session.send(&number.to_string());
    }
    leave_in_rows(&mut session);
    session.attach(stream(2));
    assert_eq!(session.session.waiting_cost(), 490 + 200 * 64, "the large one is in flight");
    assert_eq!(session.try_send(&"y".repeat(400_000)), Ok(()));
}

#[test]
fn empty_messages_fill_the_window_too() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    for _ in 0..20_000 {
        session.session.send(session.now, Message::new(""), true).unwrap();
    }
    session.outputs();
    assert_eq!(session.session.waiting_cost(), (20_000 - 16_384) * 64);
}
