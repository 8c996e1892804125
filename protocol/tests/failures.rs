//! Writes that fail.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Driver, NOTHING, outbox, poll, stream};
use sockjs_protocol::sockjs::session::{Change, Output, Rules};

/// Fails everything that the next drain persists, and says so at once.
fn fail(session: &mut Driver) -> Vec<Change> {
    let mut failed = Vec::new();
    session.drain_with(|session, now, output| {
        if let Output::Persist(change) = output {
            session.not_persisted(now, change);
            failed.push(change.clone());
        }
    });
    failed
}

#[test]
fn a_session_that_cannot_be_stored_is_not_opened() {
    for rules in [Rules::default(), outbox()] {
        let mut session = Driver::new(rules, poll(1));
        let Some(Output::Persist(open)) = session.session.poll_output(session.now) else {
            panic!("it is stored first")
        };
        session.session.not_persisted(session.now, &open);
        assert_eq!(session.outputs(), NOTHING, "neither the client nor the application hears of it");
        assert!(session.session.is_closed());
    }
}

#[test]
fn messages_that_could_not_be_stored_stay_in_memory_and_are_tried_again() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.jump(250);
    session.session.tick(session.now);
    assert_eq!(fail(&mut session).len(), 1);
    assert_eq!(session.deadline(), Some(2_500));
    session.stored.as_mut().unwrap().rows.clear();
    assert_eq!(session.pass(2_250), [r#"2500 store #1: "x""#]);
    assert_eq!(session.attach(poll(2)), [r#"to 2: a["x"] #1 end"#, "discard #1"]);
}

#[test]
fn messages_that_could_not_be_stored_go_out_without_a_discard() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.jump(250);
    session.session.tick(session.now);
    fail(&mut session);
    session.stored.as_mut().unwrap().rows.clear();
    assert_eq!(session.attach(poll(2)), [r#"to 2: a["x"] #1 end"#]);
}

#[test]
fn with_an_outbox_a_message_that_could_not_be_stored_was_never_sent() {
    let mut session = Driver::idle(outbox());
    session.send("x");
    session.try_send("y").unwrap();
    let [change] = session.session.take_writes().try_into().unwrap();
    session.session.not_persisted(session.now, &change);
    session.session.unsend();
    assert_eq!(session.outputs(), NOTHING);
    assert_eq!(session.attach(stream(2)), [r#"to 2: a["x"] #1"#]);
    session.send("z");
    assert_eq!(session.session.buffered_amount(), 0);
}

#[test]
fn what_could_not_be_forgotten_is_forgotten_later_and_the_application_hears_of_it_once() {
    let mut session = Driver::idle(Rules::default());
    session.jump(5_000);
    session.session.tick(session.now);
    let stored = session.stored.clone();
    while let Some(output) = session.session.poll_output(session.now) {
        match output {
            Output::Notify(_) => session.session.told(),
            Output::Persist(change) => {
                assert_eq!(change, Change::Forget);
                session.session.not_persisted(session.now, &change);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    session.stored = stored;
    assert_eq!(session.outputs(), NOTHING);
    assert_eq!(session.attach(poll(2)), [r#"to 2: c[1002,"Timed out"] end"#]);
    assert_eq!(session.pass(5_000).last().unwrap(), "10000 forget");
}
