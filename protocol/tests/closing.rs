//! The end of an HTTP session.

mod common;

use common::{Driver, NOTHING, outbox, poll, stream};
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::{Departure, Rules, SendError};
use sockjs_protocol::time::Millis;

const CLOSE: &str = r#"c[3000,"Go away!"] end"#;
const CLOSED: &str = r#"closed Application { code: 3000, reason: "Go away!" }"#;

#[test]
fn a_waiting_receiver_gets_the_close_frame_at_once_and_the_application_is_told_once() {
    for receiver in [poll(2), stream(2)] {
        let mut session = Driver::idle(Rules::default());
        session.attach(receiver);
        assert_eq!(session.close(), [&format!("to 2: {CLOSE}"), CLOSED, "store close 3000 Go away!"]);
        assert_eq!(session.close(), NOTHING);
        assert_eq!(session.detach(2, Departure::Finished), NOTHING);
        assert_eq!(session.pass(60_000), ["5000 forget"]);
    }
}

#[test]
fn the_application_is_told_at_once_also_when_nobody_listens() {
    assert_eq!(Driver::idle(Rules::default()).close(), [CLOSED, "store close 3000 Go away!"]);
    assert_eq!(Driver::idle(outbox()).close(), [CLOSED, "store close 3000 Go away!"]);
}

#[test]
fn what_waits_is_stored_and_read_before_the_close_frame() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    assert_eq!(session.close(), [r#"store #1: "x""#, CLOSED, "store close 3000 Go away!"]);
    session.restart();
    session.pass(500);
    assert_eq!(session.attach(poll(2)), [r#"to 2: a["x"] #1 end"#, "discard #1"]);
    assert_eq!(session.attach(poll(3)), [format!("to 3: {CLOSE}")]);
}

#[test]
fn a_stream_gets_what_waits_and_the_close_frame_in_one_go() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.close();
    assert_eq!(session.attach(stream(2)), [r#"to 2: a["x"] #1"#, &format!("to 2: {CLOSE}"), "discard #1"]);
}

#[test]
fn what_goes_out_with_the_close_frame_is_not_stored() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.session.send(session.now, Message::new("bye"), false).unwrap();
    let closed = session.close();
    assert_eq!(closed[..2], [r#"to 2: a["bye"] #1"#.into(), format!("to 2: {CLOSE}")]);
    assert_eq!(closed[2..], [CLOSED, "store close 3000 Go away!"]);
}

#[test]
fn a_session_closed_while_two_contend_answers_whoever_is_there() {
    for (alive, answered) in [(true, 2), (false, 3)] {
        let mut session = Driver::idle(Rules::default());
        session.attach(stream(2));
        session.attach(poll(3));
        session.close();
        assert!(session.probed(2, alive).contains(&format!("to {answered}: {CLOSE}")), "{alive}");
    }
}

#[test]
fn the_opener_of_a_session_closed_at_once_reads_the_open_frame_first() {
    let mut session = Driver::new(Rules::default(), poll(1));
    let opened = session.outputs();
    assert!(opened.contains(&"to 1: o #0 end".into()), "{opened:?}");
    session.close();
    assert_eq!(session.attach(poll(2)), [format!("to 2: {CLOSE}")]);

    let mut session = Driver::open(stream(1));
    session.detach(1, Departure::Broken);
    session.close();
    assert_eq!(session.resume(stream(1), None), ["to 1: o #0", &format!("to 1: {CLOSE}")]);
}

#[test]
fn every_receiver_that_asks_gets_the_close_frame_also_after_a_restart() {
    let mut session = Driver::idle(Rules::default());
    session.close();
    for id in 2..5 {
        assert_eq!(session.attach(poll(id)), [format!("to {id}: {CLOSE}")]);
    }
    session.restart();
    assert_eq!(session.attach(stream(5)), [format!("to 5: {CLOSE}")]);
    session.restart();
    assert_eq!(session.resume(stream(5), None), [format!("to 5: {CLOSE}")]);
}

#[test]
fn a_close_frame_lost_on_the_way_is_sent_again() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.close();
    assert_eq!(session.detach(2, Departure::Broken), NOTHING);
    assert_eq!(session.resume(stream(2), None), [r#"to 2: a["x"] #1"#, &format!("to 2: {CLOSE}")]);
}

#[test]
fn sends_to_a_closed_session_mean_nothing() {
    let mut session = Driver::idle(Rules::default());
    session.close();
    assert!(!session.session.receive());
    assert_eq!(session.try_send("x"), Err(SendError::Closed));
    assert!(!session.session.is_open() && !session.session.is_closed());
}

#[test]
fn a_close_frame_is_read_when_the_receiver_that_was_given_it_is_done() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    session.send("x");
    session.close();
    assert!(!session.session.is_close_read());
    session.detach(2, Departure::Finished);
    assert!(!session.session.is_close_read(), "that one had a message");
    session.attach(poll(3));
    assert!(!session.session.is_close_read());
    session.detach(3, Departure::Finished);
    assert!(session.session.is_close_read());
}

#[test]
fn a_closed_session_is_forgotten_after_the_disconnect_delay_without_a_receive_request() {
    let mut session = Driver::idle(Rules::default());
    session.jump(1_000);
    session.close();
    assert_eq!(session.deadline(), Some(6_000), "nobody asks: it counts from the close");
    session.jump(4_000);
    session.attach(poll(2));
    session.jump(1_000);
    session.detach(2, Departure::Finished);
    assert_eq!(session.deadline(), Some(11_000), "somebody asked: it counts from the end of that request");
    assert_eq!(session.pass(10_000), ["11000 forget"]);
    assert!(session.session.is_closed());
}

#[test]
fn a_closed_session_is_forgotten_after_a_minute_however_often_it_is_asked() {
    let mut session = Driver::idle(Rules::default());
    session.close();
    for id in 2..15 {
        assert_eq!(session.pass(4_500), NOTHING);
        session.attach(poll(id));
        session.restart();
    }
    assert_eq!(session.deadline(), Some(60_000));
    assert_eq!(session.pass(4_500), ["60000 forget"]);
}

#[test]
fn a_minute_is_the_limit_also_for_a_longer_disconnect_delay() {
    let mut session = Driver::idle(Rules { disconnect_delay: Millis(90_000), ..Rules::default() });
    session.close();
    assert_eq!(session.deadline(), Some(60_000));
}

#[test]
fn a_stream_that_is_still_reading_keeps_its_closed_session_for_up_to_a_minute_and_then_gets_the_close_frame() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send(&"x".repeat(100_000));
    session.send("y");
    assert_eq!(session.close(), [r#"store #2: "y""#, CLOSED, "store close 3000 Go away!"], "the window is full");
    assert_eq!(session.attach(poll(3)), ["probe 2"]);
    assert_eq!(
        session.pass(70_000),
        [format!("60000 to 2: {CLOSE}"), format!("60000 to 3: {CLOSE}"), "60000 forget".into()],
        "nobody is left waiting"
    );
}

#[test]
fn a_stream_that_reads_on_gets_the_rest_and_the_close_frame() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send(&"x".repeat(100_000));
    session.send("y");
    session.close();
    assert_eq!(session.ack(2, 1), [r#"to 2: a["y"] #2"#, &format!("to 2: {CLOSE}"), "discard #2"]);
}

#[test]
fn without_a_receiver_a_session_is_closed_after_the_disconnect_delay_and_nothing_stays() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    assert_eq!(
        session.pass(5_000),
        [r#"250 store #1: "x""#, "5000 closed TimedOut", "5000 forget"],
        "there is nobody to tell the close frame"
    );
}

#[test]
fn a_client_that_left_gets_no_tombstone_of_another_reason() {
    let mut session = Driver::idle(Rules::default());
    session.close();
    session.attach(poll(2));
    assert_eq!(session.detach(2, Departure::ClientGone), NOTHING);
    assert_eq!(session.attach(poll(3)), [format!("to 3: {CLOSE}")]);
}

#[test]
fn a_client_that_leaves_takes_its_rows_along() {
    let mut session = Driver::idle(outbox());
    session.attach(stream(2));
    session.send("x");
    assert_eq!(
        session.detach(2, Departure::ClientGone),
        ["discard #1", "closed Interrupted", "store close 1002 Connection interrupted"]
    );
}

const STALLED: &str = r#"c[1013,"Stalled"] end"#;
const STALLED_CLOSED: [&str; 2] = ["closed Stalled", "store close 1013 Stalled"];

#[test]
fn a_client_that_stalls_is_closed_with_1013_and_what_waited_is_dropped() {
    for receiver in [poll(2), stream(2)] {
        let mut session = Driver::idle(Rules::default());
        session.attach(receiver);
        session.send("read or not");
        session.send("waits behind it");
        assert_eq!(session.detach(2, Departure::Stalled), STALLED_CLOSED);
        assert_eq!(session.attach(poll(3)), [format!("to 3: {STALLED}")]);
        assert_eq!(session.pass(60_000), ["5000 forget"]);
    }
}

#[test]
fn a_client_that_stalls_takes_its_rows_along() {
    let mut session = Driver::idle(outbox());
    session.attach(stream(2));
    session.send("x");
    let closed = session.detach(2, Departure::Stalled);
    assert_eq!(closed, ["discard #1", STALLED_CLOSED[0], STALLED_CLOSED[1]]);
}

#[test]
fn after_a_restart_the_application_is_told_that_the_client_stalled() {
    let mut session = Driver::idle(Rules::default());
    session.slow_application = true;
    session.attach(stream(2));
    session.send("x");
    assert!(session.detach(2, Departure::Stalled).contains(&STALLED_CLOSED[0].into()));
    assert!(session.restart().contains(&STALLED_CLOSED[0].into()));
}

#[test]
fn who_contends_with_a_client_that_stalls_gets_the_close_frame() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.attach(stream(3));
    assert!(session.detach(2, Departure::Stalled).contains(&format!("to 3: {STALLED}")));
}

#[test]
fn a_client_that_stalls_before_a_close_frame_gets_that_one_next() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.close();
    assert_eq!(session.detach(2, Departure::Stalled), NOTHING);
    assert_eq!(session.attach(poll(3)), [format!("to 3: {CLOSE}")]);
}
