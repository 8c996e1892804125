//! Sessions without a receiver whose object does not stay in memory until their time is over.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Driver, NOTHING, poll, stream};
use sockjs_protocol::sockjs::session::{Departure, Rules};
use sockjs_protocol::time::Millis;

fn patient() -> Rules {
    Rules { disconnect_delay: Millis(30_000), ..Rules::default() }
}

#[test]
fn a_long_absence_goes_on_after_sleep_and_ends_in_time() {
    let mut session = Driver::idle(patient());
    assert_eq!(session.pass(1_000), ["500 absent since 0"]);
    session.hibernate(14_000, None);
    assert_eq!(session.session.lasting_deadline(), Some(Millis(30_000)));
    session.hibernate(10_000, None);
    assert_eq!(session.pass(5_000), ["30000 closed TimedOut", "30000 forget"]);
}

#[test]
fn a_client_gets_time_to_come_again_when_nobody_owned_its_object_at_the_end_of_its_absence() {
    let mut session = Driver::idle(patient());
    assert_eq!(session.pass(1_000), ["500 absent since 0"]);
    session.hibernate(50_000, None);
    assert_eq!(session.session.lasting_deadline(), Some(Millis(56_000)));
    assert_eq!(session.attach(poll(2)), ["present"]);

    let mut abandoned = Driver::idle(patient());
    abandoned.pass(1_000);
    abandoned.hibernate(50_000, None);
    assert_eq!(abandoned.pass(10_000), ["56000 closed TimedOut", "56000 forget"]);
}

#[test]
fn whoever_comes_ends_the_absence() {
    let mut session = Driver::idle(patient());
    session.pass(1_000);
    assert_eq!(session.attach(poll(2)), ["present"]);
    session.hibernate(12_000, Some(poll(2)));
    session.jump(1_000);
    assert_eq!(session.detach(2, Departure::Finished), NOTHING);
    assert_eq!(session.session.lasting_deadline(), Some(Millis(44_000)));
}

#[test]
fn a_client_that_polls_writes_nothing() {
    let mut session = Driver::idle(patient());
    for id in 2..10 {
        session.jump(400);
        assert_eq!(session.attach(poll(id)), NOTHING);
        session.send("x");
        assert_eq!(session.detach(id, Departure::Finished), NOTHING);
    }
}

#[test]
fn with_the_default_delay_the_object_remembers() {
    let mut session = Driver::idle(Rules::default());
    assert_eq!(session.pass(4_000), NOTHING);
}

#[test]
fn a_response_that_nobody_ever_confirms_does_not_keep_its_session_by_sleeping() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    let closed = session.pass(600_000);
    assert!(closed.iter().any(|line| line.ends_with(" end")), "its age is over: {closed:?}");
    let since = session.now;
    for _ in 0..3 {
        session.now = session.now + Millis(200_000);
        session.lose_memory(None);
        session.session.wake_ending(stream(2), since);
        session.tick();
    }
    session.pass(5_000);
    assert!(session.session.is_closed());
}

#[test]
fn a_word_that_a_response_is_over_ends_its_receiver() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    assert_eq!(session.wrote(2, Some(1), &[]), NOTHING);
    assert_eq!(session.attach(poll(3)), NOTHING, "no probe: it is attached");
    assert_eq!(session.send("y"), [r#"to 3: a["y"] #2 end"#]);
}

#[test]
fn a_late_word_of_another_receiver_does_not_end_the_wait_for_the_one_that_was_lost() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    session.detach(2, Departure::Finished);
    session.attach(poll(3));
    session.send("x");
    session.detach(3, Departure::Broken);
    assert_eq!(session.wrote(2, Some(0), &[]), NOTHING);
    assert_eq!(session.attach(poll(4)), NOTHING);
    assert_eq!(session.wrote(3, Some(1), &[]), NOTHING, "it was written");
}

#[test]
fn a_client_whose_answer_was_held_up_gets_its_time_anew() {
    let mut session = Driver::idle(patient());
    session.pass(1_000);
    session.jump(29_000);
    assert!(session.session.is_leaving(Millis(30_000)));
    session.session.was_held_up(Millis(30_000));
    assert_eq!(session.outputs(), ["absent since 30000"]);
    assert_eq!(session.session.lasting_deadline(), Some(Millis(60_000)));
    assert_eq!(session.pass(30_000), ["60000 closed TimedOut", "60000 forget"]);
}
