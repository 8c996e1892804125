//! The knowledge of a session after its object hibernated or died.

mod common;

use common::{Driver, NOTHING, outbox, poll, stream};
use sockjs_protocol::sockjs::session::{CloseReason, Departure, Rules};
use sockjs_protocol::time::Millis;

#[test]
fn a_restarted_session_is_open_and_tells_the_application_nothing() {
    let mut session = Driver::idle(Rules::default());
    session.jump(1_000);
    assert_eq!(session.restart(), NOTHING);
    assert!(session.session.is_open() && !session.session.is_attached());
    assert_eq!(session.deadline(), Some(6_001), "the disconnect delay starts again");
}

#[test]
fn a_restarted_session_has_what_was_stored_in_order() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.send("y");
    session.pass(250);
    session.send("z");
    session.pass(250);
    session.send("lost: younger than persist_after");
    session.restart();
    session.pass(500);
    assert_eq!(session.attach(poll(2)), [r#"to 2: a["x","y","z"] #3 end"#, "discard #3"]);
}

#[test]
fn numbers_go_on_above_all_that_were_given_before() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.hibernate(10, Some(stream(2)));
    assert_eq!(session.send("y"), ["ask 2"]);
    assert_eq!(session.answered(2, Some(1), &[]), [format!(r#"to 2: a["y"] #{}"#, 10 * 1024 + 1)]);
    session.restart();
    assert_eq!(
        session.resume(stream(2), Some(50_000)),
        NOTHING,
        "the edge remembers more than the clock tells, should that run behind"
    );
    assert_eq!(session.send("z"), [r#"to 2: a["z"] #50001"#]);
}

#[test]
fn a_receiver_stays_attached_while_the_object_sleeps() {
    for receiver in [poll(2), stream(2)] {
        let mut session = Driver::idle(Rules::default());
        session.attach(receiver);
        assert_eq!(session.hibernate(20_000, Some(receiver)), NOTHING);
        assert!(session.session.is_attached());
        let mut sent = session.send("x");
        if receiver == stream(2) {
            assert_eq!(sent, ["ask 2"]);
            sent = session.answered(2, None, &[]);
        }
        assert!(sent[0].starts_with(r#"to 2: a["x"]"#), "{sent:?}");
    }
}

#[test]
fn after_sleep_silence_counts_from_waking_and_an_early_beat_comes_at_once() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.hibernate(20_000, Some(stream(2)));
    assert_eq!(session.deadline(), Some(45_000));
    assert_eq!(session.beat_early(), ["to 2: h"]);
    assert_eq!(session.deadline(), Some(45_000));
    assert_eq!(session.beat_early(), NOTHING);
}

#[test]
fn by_default_nothing_is_sent_twice_after_sleep() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    assert_eq!(session.hibernate(10_000, Some(stream(2))), NOTHING, "nor is it asked while nothing waits for it");
    assert_eq!(session.ack(2, 1), NOTHING);
}

#[test]
fn an_outbox_asks_what_is_on_its_way_and_sends_the_rest() {
    let mut session = Driver::idle(outbox());
    session.attach(stream(2));
    for message in ["w", "x", "y", "z"] {
        session.send(message);
    }
    assert_eq!(session.hibernate(10_000, Some(stream(2))), ["ask 2"], "it has four, and does not know who else");
    assert_eq!(session.send("later"), [r#"store #10240001: "later""#]);
    assert_eq!(
        session.answered(2, Some(1), &[(2, 6), (3, 6)]),
        ["discard #1", r#"to 2: a["z"] #4"#, r#"to 2: a["later"] #10240001"#],
        "apart, since their numbers are"
    );
    assert_eq!(session.ack(2, 10_240_001), ["discard #10240001"]);
    assert!(!session.session.has_unread());
}

#[test]
fn an_outbox_that_nobody_was_attached_to_sends_all_in_one_frame() {
    let mut session = Driver::idle(outbox());
    session.send("x");
    session.send("y");
    session.restart();
    assert_eq!(session.attach(poll(2)), NOTHING, "the edge of a former receiver may still tell what it wrote");
    assert_eq!(session.pass(500), [r#"501 to 2: a["x","y"] #2 end"#]);
}

#[test]
fn an_application_that_was_killed_while_it_was_told_of_the_end_is_told_again() {
    let reasons = [r#"Application { code: 3000, reason: "Go away!" }"#, "Interrupted", "HandlerFailed", "TimedOut"];
    for (ends, reason) in reasons.into_iter().enumerate() {
        let mut session = Driver::idle(Rules::default());
        session.slow_application = true;
        session.attach(stream(2));
        let lines = match ends {
            0 => session.close(),
            1 => session.detach(2, Departure::ClientGone),
            2 => {
                session.session.close(session.now, 1011, "Handler failed", CloseReason::HandlerFailed);
                session.outputs()
            }
            _ => {
                session.detach(2, Departure::Finished);
                session.pass(5_000)
            }
        };
        let told = format!("closed {reason}");
        assert!(
            lines.iter().any(|line| line.ends_with(&told)) && lines.iter().any(|line| line.ends_with(", untold")),
            "{lines:?}"
        );
        assert_eq!(session.restart(), [told]);
        session.session.told();
        assert_eq!(session.outputs(), ["told"]);
        assert_eq!(session.restart(), NOTHING);
        assert_eq!(session.pass(5_000).last().unwrap().split_once(' ').unwrap().1, "forget");
    }
}

#[test]
fn of_a_session_that_timed_out_nothing_stays_once_the_application_knows() {
    let mut session = Driver::idle(Rules::default());
    session.slow_application = true;
    session.send("x");
    session.pass(5_000);
    assert_eq!(session.attach(poll(2)), [r#"to 2: c[1002,"Timed out"] end"#]);
    session.session.told();
    assert_eq!(session.outputs(), ["forget"]);
}

#[test]
fn an_application_that_takes_more_than_a_minute_is_not_told_again() {
    let mut session = Driver::idle(Rules::default());
    session.slow_application = true;
    session.close();
    assert_eq!(session.pass(60_000), ["60000 forget"]);
    session.session.told();
    assert_eq!(session.outputs(), NOTHING);
}

#[test]
fn an_outbox_believes_the_edge_how_far_it_got() {
    let mut session = Driver::idle(outbox());
    session.attach(stream(2));
    for message in ["x", "y", "z"] {
        session.send(message);
    }
    session.restart();
    assert_eq!(session.resume(stream(2), Some(2)), ["discard #2", r#"to 2: a["z"] #3"#]);
}

#[test]
fn the_opener_gets_the_open_frame_again_only_if_it_never_wrote_it() {
    for opener in [poll(1), stream(1)] {
        let end = if opener == poll(1) { " end" } else { "" };
        let mut session = Driver::open(opener);
        session.restart();
        assert_eq!(session.resume(opener, None), [format!("to 1: o #0{end}")]);
    }
    let mut session = Driver::open(stream(1));
    session.restart();
    assert_eq!(session.resume(stream(1), Some(0)), NOTHING);
}

#[test]
fn the_open_frame_comes_before_what_is_stored() {
    let mut session = Driver::open(stream(1));
    session.detach(1, Departure::Broken);
    session.send("x");
    session.pass(250);
    session.restart();
    assert_eq!(session.resume(stream(1), None), ["to 1: o #0", r#"to 1: a["x"] #1"#, "discard #1"]);
}

#[test]
fn no_other_receiver_gets_the_open_frame_after_a_restart() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    session.restart();
    assert_eq!(session.resume(poll(2), None), NOTHING);
    assert!(session.session.is_attached());
}

#[test]
fn an_opener_that_stayed_attached_gets_no_second_open_frame() {
    let mut session = Driver::open(stream(1));
    assert_eq!(session.hibernate(10_000, Some(stream(1))), NOTHING);
}

#[test]
fn a_closed_session_is_closed_also_after_sleep_and_its_minute_goes_on() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.close();
    session.hibernate(59_000, None);
    assert!(!session.session.is_open());
    assert_eq!(session.session.lasting_deadline(), Some(Millis(60_000)));
    session.pass(500);
    assert_eq!(session.attach(poll(2)), [r#"to 2: a["x"] #1 end"#, "discard #1"]);
    assert_eq!(session.pass(500), ["60000 forget"]);
}
