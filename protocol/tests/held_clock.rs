//! Receivers whose holder keeps the clock: it writes the heartbeats, and the session only looks whether it is still there.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Driver, NOTHING, outbox, poll, stream};
use sockjs_protocol::sockjs::session::{Departure, LOOK_EVERY, Receiver, Rules};
use sockjs_protocol::time::Millis;

const SIX_HOURS: u64 = 6 * 3_600_000;

const fn beating(receiver: Receiver) -> Receiver {
    Receiver { beats: true, ..receiver }
}

#[test]
fn it_has_no_deadline_but_the_look_for_it() {
    assert_eq!(LOOK_EVERY, Millis(SIX_HOURS));
    for receiver in [beating(stream(2)), beating(poll(2))] {
        let mut session = Driver::idle(Rules::default());
        session.attach(receiver);
        assert_eq!(session.deadline(), Some(SIX_HOURS));
        assert_eq!(session.session.lasting_deadline(), Some(Millis(SIX_HOURS)));
        assert_eq!(session.pass(SIX_HOURS - 1), NOTHING, "neither heartbeat nor end");
    }
}

#[test]
fn one_that_answers_stays() {
    let mut session = Driver::open(beating(stream(1)));
    assert_eq!(session.pass(SIX_HOURS), ["21600000 ask 1"]);
    session.jump(9_999);
    assert_eq!(session.answered(1, Some(0), &[]), NOTHING);
    assert_eq!(session.deadline(), Some(2 * SIX_HOURS + 9_999));
}

#[test]
fn one_that_does_not_answer_is_given_up_and_the_session_has_its_disconnect_delay() {
    let mut session = Driver::open(beating(stream(1)));
    session.ack(1, 0);
    let end = ["21600000 ask 1", "21610000 release 1: 4000 no answer", "21615000 closed TimedOut", "21615000 forget"];
    assert_eq!(session.pass(SIX_HOURS + 20_000), end);
}

#[test]
fn so_it_is_after_a_sleep_of_the_object() {
    let mut session = Driver::open(beating(stream(1)));
    session.ack(1, 0);
    assert_eq!(session.hibernate(SIX_HOURS, Some(beating(stream(1)))), NOTHING);
    assert_eq!(session.tick(), ["ask 1"], "it was last seen when it attached");
    let end = ["21610000 release 1: 4000 no answer", "21610500 absent since 21610000"];
    assert_eq!(session.pass(10_500)[0], end[0]);
    assert_eq!(session.pass(10_000), ["21615000 closed TimedOut", "21615000 forget"]);
}

#[test]
fn one_that_is_only_slow_attaches_again_and_loses_nothing() {
    let mut session = Driver::open(beating(stream(1)));
    session.ack(1, 0);
    session.send("x");
    assert!(session.pass(SIX_HOURS + 10_000).contains(&"21610000 release 1: 4000 no answer".to_owned()));
    assert_eq!(session.resume(beating(stream(1)), Some(0)), [r#"to 1: a["x"] #1"#]);
    assert_eq!(session.deadline(), Some(2 * SIX_HOURS + 10_000));
}

#[test]
fn what_waits_after_a_sleep_goes_out_with_the_answer() {
    let mut session = Driver::idle(outbox());
    session.attach(beating(stream(2)));
    session.hibernate(SIX_HOURS, Some(beating(stream(2))));
    assert_eq!(session.tick(), ["ask 2"]);
    assert!(session.send("x").iter().all(|line| !line.starts_with("to ")), "nobody knows what it holds");
    assert!(session.answered(2, None, &[])[0].starts_with(r#"to 2: a["x"]"#));
}

#[test]
fn an_alarm_of_others_looks_for_those_that_were_not_seen_for_half_of_the_time() {
    let mut session = Driver::open(beating(stream(1)));
    session.jump(SIX_HOURS / 2 - 1);
    assert_eq!(session.beat_early(), NOTHING);
    session.jump(1);
    assert_eq!(session.beat_early(), ["ask 1"]);
    assert_eq!(session.beat_early(), NOTHING, "it was asked");
    session.answered(1, None, &[]);
    assert_eq!(session.beat_early(), NOTHING, "and answered");
}

#[test]
fn a_poll_that_its_holder_ended_gives_back_what_came_too_late_for_it() {
    let mut session = Driver::idle(Rules::default());
    session.attach(beating(poll(2)));
    assert_eq!(session.send("x"), [r#"to 2: a["x"] #1 end"#]);
    assert_eq!(session.finished(2, None, None), (false, vec![]), "it ended with a heartbeat");
    assert_eq!(session.attach(beating(poll(3))), [r#"to 3: a["x"] #1 end"#]);
}

#[test]
fn polls_move_no_alarm_while_they_follow_each_other() {
    let mut session = Driver::with(Rules::default(), beating(poll(1)));
    for id in 2..5 {
        session.detach(id - 1, Departure::Finished);
        let alarm = session.session.absence_alarm();
        assert!(alarm >= session.now + LOOK_EVERY, "until the next is there");
        session.jump(100);
        session.attach(beating(poll(id)));
        assert!(session.session.lasting_deadline().unwrap() >= alarm);
        session.jump(25_000);
    }
    session.detach(4, Departure::Finished);
    assert_eq!(session.session.lasting_deadline(), Some(session.now + Rules::default().disconnect_delay));
}

#[test]
fn a_holder_that_does_not_keep_the_clock_gets_heartbeats_in_the_same_session() {
    let mut session = Driver::open(beating(stream(1)));
    session.ack(1, 0);
    session.detach(1, Departure::Ended);
    session.attach(stream(2));
    assert_eq!(session.pass(25_000), ["25000 to 2: h"]);
}
