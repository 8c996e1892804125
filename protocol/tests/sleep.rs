//! Frames that a session sent before its object slept.

mod common;

use common::{Driver, NOTHING, outbox, poll, stream};
use sockjs_protocol::sockjs::session::{Departure, ReceiverKind, Rules};
use sockjs_protocol::time::Millis;

const WINDOW: usize = 64 << 10;

/// A message of `bytes`.
fn message(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// A stream to which a window is on its way and for which a message waits, after a sleep of ten seconds.
fn blocked(rules: Rules) -> Driver {
    let mut session = Driver::idle(rules);
    session.attach(stream(2));
    for _ in 0..4 {
        session.send(&message(WINDOW / 4));
    }
    session.send("waits");
    session.pass(250);
    session.hibernate(10_000, Some(stream(2)));
    session
}

/// The part of that which its edge holds.
const HELD: [(u64, usize); 4] = [(1, WINDOW / 4), (2, WINDOW / 4), (3, WINDOW / 4), (4, WINDOW / 4)];

#[test]
fn the_receiver_is_asked_once_as_soon_as_something_waits_for_it() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("before");
    assert_eq!(session.hibernate(10_000, Some(stream(2))), NOTHING);
    assert_eq!(session.send("x"), ["ask 2"]);
    assert_eq!(session.send("y"), NOTHING);
    assert_eq!(session.pass(250).len(), 1, "they are stored while it does not answer");
    assert_eq!(session.answered(2, Some(1), &[])[0], r#"to 2: a["x","y"] #10240002"#);
    assert_eq!(session.send("z"), [r#"to 2: a["z"] #10240003"#]);
}

#[test]
fn a_stream_that_never_slept_is_not_asked() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    assert_eq!(session.send("x"), [r#"to 2: a["x"] #1"#]);
    assert_eq!(session.answered(2, Some(1), &[(9, 1_000_000)]), NOTHING);
    assert_eq!(session.send("y"), [r#"to 2: a["y"] #2"#], "an answer to nothing is an acknowledgement");
}

#[test]
fn a_poll_is_not_asked_since_it_was_given_nothing() {
    for rules in [Rules::default(), outbox()] {
        let mut session = Driver::idle(rules);
        session.attach(poll(2));
        session.hibernate(10_000, Some(poll(2)));
        session.try_send("x").unwrap();
        session.try_send("y").unwrap();
        assert!(session.outputs().contains(&r#"to 2: a["x","y"] #10240002 end"#.to_owned()));
    }
}

#[test]
fn no_more_than_a_window_is_on_its_way_after_sleep() {
    for rules in [Rules::default(), outbox()] {
        let mut session = blocked(rules);
        assert_eq!(session.answered(2, None, &HELD), NOTHING);
        session.send("more");
        assert_eq!(session.ack(2, 1).iter().filter(|line| line.starts_with("to 2")).count(), 2);
    }
}

#[test]
fn what_was_written_meanwhile_makes_room() {
    let mut session = blocked(Rules::default());
    assert_eq!(session.answered(2, Some(3), &HELD[3..]), [r#"to 2: a["waits"] #5"#, "discard #5"]);
}

#[test]
fn a_session_that_sleeps_before_the_answer_asks_again() {
    let mut session = blocked(Rules::default());
    assert_eq!(session.hibernate(10_000, Some(stream(2))), ["ask 2"]);
    assert_eq!(session.answered(2, None, &HELD), NOTHING, "to the first question or the second");
    assert_eq!(session.answered(2, Some(4), &[]), [r#"to 2: a["waits"] #5"#, "discard #5"]);
}

#[test]
fn heartbeats_go_out_whether_it_answers_or_not() {
    let mut session = blocked(Rules::default());
    assert_eq!(session.beat_early(), ["to 2: h"]);
    assert_eq!(session.pass(25_000), ["35250 to 2: h"]);
    assert_eq!(session.answered(2, None, &HELD), NOTHING);
    assert_eq!(session.pass(25_000), ["60250 to 2: h"]);
}

#[test]
fn a_stream_of_its_maximum_age_ends_without_an_answer() {
    let mut session = blocked(Rules { receiver_max_age: Millis(20_000), ..Rules::default() });
    assert_eq!(session.pass(20_000), ["20250 to 2: h end"]);
    assert_eq!(session.finished(2, Some(4), None), (false, vec![]));
    assert_eq!(session.attach(poll(3))[0], r#"to 3: a["waits"] #5 end"#);
}

#[test]
fn what_an_ended_response_held_goes_before_what_waits() {
    let mut session = blocked(Rules::default());
    session.answered(2, None, &HELD);
    assert_eq!(session.finished(2, Some(2), Some(4)), (true, vec![]));
    assert_eq!(session.attach(stream(3)), NOTHING, "nothing goes out until that is back");
    assert_eq!(
        session.wrote(2, Some(2), &[(3, "third"), (4, "fourth")]),
        [r#"to 3: a["third","fourth","waits"] #5"#, "discard #5"]
    );
    assert_eq!(session.ack(3, 5), NOTHING);
    assert!(!session.session.has_unread());
}

#[test]
fn it_comes_back_also_if_nobody_asked_for_it() {
    for asks in [false, true] {
        let mut session = Driver::idle(Rules::default());
        session.attach(stream(2));
        session.send("x");
        session.send("y");
        session.hibernate(10_000, Some(stream(2)));
        if asks {
            session.attach(poll(3));
            assert_eq!(session.finished(2, Some(1), Some(2)), (true, vec![]));
        } else {
            assert_eq!(session.finished(2, Some(1), Some(2)), (true, vec![]));
            assert_eq!(session.attach(poll(3)), NOTHING);
        }
        assert_eq!(session.wrote(2, Some(1), &[(2, "y")]), [r#"to 3: a["y"] #2 end"#]);
    }
}

#[test]
fn what_comes_back_while_nobody_is_there_is_stored() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.hibernate(10_000, Some(stream(2)));
    session.finished(2, None, Some(1));
    assert_eq!(session.wrote(2, None, &[(1, "x")]), NOTHING);
    assert_eq!(session.pass(250), [r#"10250 store #1: "x""#]);
    session.restart();
    session.pass(500);
    assert_eq!(session.attach(poll(3)), [r#"to 3: a["x"] #1 end"#, "discard #1"]);
}

#[test]
fn what_the_object_has_is_not_brought_back() {
    // It never slept.
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.send("y");
    assert_eq!(session.finished(2, Some(1), Some(2)), (false, vec![]));
    assert_eq!(session.attach(poll(3)), [r#"to 3: a["y"] #2 end"#]);
    // It slept, and rows have it.
    let mut session = blocked(outbox());
    assert_eq!(session.finished(2, Some(2), Some(4)), (false, vec!["discard #2".into()]));
    assert_eq!(session.attach(poll(3)).len(), 1);
}

#[test]
fn what_comes_back_twice_counts_once() {
    let mut session = Driver::idle(outbox());
    session.attach(stream(2));
    session.send("x");
    session.send("y");
    session.detach(2, Departure::Broken);
    assert_eq!(session.wrote(2, Some(0), &[(1, "x"), (2, "y")]), NOTHING);
    assert_eq!(session.attach(poll(3)), [r#"to 3: a["x","y"] #2 end"#]);
    assert_eq!(session.wrote(2, Some(0), &[(1, "x"), (2, "y")]), NOTHING, "too late");
    assert_eq!(session.detach(3, Departure::Finished), ["discard #2"]);
}

#[test]
fn a_session_whose_edge_does_not_bring_back_what_it_held_is_closed() {
    let mut session = blocked(Rules::default());
    session.finished(2, Some(2), Some(4));
    session.attach(stream(3));
    assert_eq!(
        session.pass(5_000),
        [
            r#"15250 to 3: c[1002,"Connection interrupted"] end"#,
            "15250 discard #5",
            "15250 closed Interrupted",
            "15250 store close 1002 Connection interrupted"
        ],
        "rather than with a gap"
    );
}

#[test]
fn the_edge_of_a_lost_socket_gives_back_what_it_held() {
    for notices in [true, false] {
        let mut session = blocked(Rules::default());
        if notices {
            session.detach(2, Departure::Broken);
        }
        let lines = session.wrote(2, Some(3), &[(4, "fourth")]);
        assert_eq!(lines, NOTHING);
        assert_eq!(session.attach(poll(3)), [r#"to 3: a["fourth","waits"] #5 end"#, "discard #5"]);
    }
}

#[test]
fn a_stream_that_comes_back_wrote_all_that_it_held() {
    for asked in [true, false] {
        let mut session = blocked(Rules::default());
        if asked {
            session.answered(2, None, &HELD);
        }
        session.detach(2, Departure::Broken);
        assert_eq!(session.attach(poll(3)), NOTHING, "it may still say how far it got");
        session.detach(3, Departure::Ended);
        assert_eq!(session.resume(stream(2), Some(4)), [r#"to 2: a["waits"] #5"#, "discard #5"]);
    }
}

#[test]
fn a_response_that_ends_after_sleep_is_asked_when_the_next_one_comes() {
    for (receiver, kept) in [(stream(2), 4), (poll(2), 1)] {
        let mut session = Driver::idle(outbox());
        session.attach(receiver);
        for _ in 0..kept {
            session.send("x");
        }
        session.close();
        session.jump(10_000);
        session.lose_memory_while_ending((receiver, session.now));
        assert_eq!(session.attach(poll(3)), ["ask 2", "probe 2"]);
        assert_eq!(session.answered(2, None, &[(kept, 10)]), NOTHING);
        let lines = session.probed(2, true);
        if receiver.kind == ReceiverKind::OneFrame {
            // Its client asks again only when the object knows what it read.
            assert_eq!(session.pass(1_000), [r#"10500 to 3: a["x"] #1 end"#]);
            continue;
        }
        assert!(lines.contains(&format!("discard #{kept}")), "{lines:?}");
        assert!(lines.contains(&r#"to 3: c[3000,"Go away!"] end"#.to_owned()), "{lines:?}");
    }
}

#[test]
fn what_waits_is_stored_before_a_session_closes_that_does_not_know_what_is_in_flight() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.hibernate(10_000, Some(stream(2)));
    session.try_send("x").unwrap();
    let lines = session.close();
    assert_eq!(lines[0], "ask 2");
    assert!(lines.contains(&r#"store #10240001: "x""#.to_owned()), "{lines:?}");
    assert_eq!(
        session.answered(2, None, &[]),
        [r#"to 2: a["x"] #10240001"#, r#"to 2: c[3000,"Go away!"] end"#, "discard #10240001"]
    );
}

/// As in the build of version 2.
#[test]
fn a_receiver_that_cannot_be_asked_is_sent_to_at_once() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("before");
    assert_eq!(session.hibernate(10_000, Some(stream(2))), NOTHING);
    assert_eq!(session.cannot_be_asked(2), NOTHING);
    assert_eq!(session.send("x"), [r#"to 2: a["x"] #10240001"#]);
    assert_eq!(session.finished(2, Some(1), None), (false, vec![]));
    assert!(session.attach(stream(3))[0].starts_with(r#"to 3: a["x"]"#), "what it did not write is for the next");
}

/// Its edge drops a frame whose last number it wrote. A frame that joins such a message with a new one would double it.
#[test]
fn what_a_receiver_may_hold_that_cannot_be_asked_goes_in_frames_of_its_own() {
    let mut session = Driver::idle(outbox());
    session.attach(stream(2));
    session.send("a");
    session.send("b");
    session.now = session.now + Millis(10_000);
    session.lose_memory(Some((stream(2), session.now)));
    let again = session.cannot_be_asked(2);
    let sent = |outputs: Vec<String>| outputs.into_iter().filter(|line| line.starts_with("to ")).collect::<Vec<_>>();
    assert_eq!(sent(again), [r#"to 2: a["a"] #1"#, r#"to 2: a["b"] #2"#]);
    assert_eq!(sent(session.send("c")), [r#"to 2: a["c"] #10240001"#]);
    // Another receiver has nothing of it.
    session.finished(2, Some(1), None);
    assert_eq!(sent(session.attach(stream(3)))[0], r#"to 3: a["b"] #2"#);
}
