//! The limits of the bytes in flight to a client, and of those that wait for it.

mod common;

use common::{Driver, NOTHING, poll, stream};
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::{Departure, Rules, SendError};

const WINDOW: usize = 64 << 10;

/// A message of `bytes`.
fn message(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn streaming() -> Driver {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session
}

/// Numbers of the frames that `lines` deliver.
fn frames(lines: &[String]) -> Vec<u64> {
    let number = |line: &String| line.rsplit_once('#')?.1.trim_end_matches(" end").parse().ok();
    lines.iter().filter(|line| line.starts_with("to ")).filter_map(number).collect()
}

#[test]
fn a_stream_takes_a_window_without_an_acknowledgement_and_not_a_byte_more() {
    let mut session = streaming();
    for seq in 1..=4 {
        assert_eq!(frames(&session.send(&message(WINDOW / 4))), [seq]);
    }
    assert_eq!(session.send("y"), NOTHING);
    assert_eq!(session.session.buffered_amount(), 1);
}

#[test]
fn a_message_that_does_not_fit_what_is_left_of_the_window_waits_for_it() {
    let mut session = streaming();
    session.send(&message(WINDOW - 10));
    assert_eq!(session.send(&message(11)), NOTHING);
    assert_eq!(session.send(&message(5)), NOTHING, "it would fit, but order comes first");
    assert_eq!(frames(&session.ack(2, 1)), [3], "both in one frame");
}

#[test]
fn a_message_larger_than_the_window_goes_when_less_than_half_of_it_is_in_flight() {
    let mut session = streaming();
    assert_eq!(frames(&session.send(&message(3 * WINDOW))), [1]);
    assert_eq!(session.send("y"), NOTHING);
    assert_eq!(frames(&session.ack(2, 1)), [2]);
    // An edge acknowledges at once only when half a window is written: waiting for that would be waiting for its timer.
    assert_eq!(frames(&session.send(&message(3 * WINDOW))), [3], "only y is in flight");
    assert_eq!(session.send("z"), NOTHING);
    session.ack(2, 3);
    session.send(&message(WINDOW / 2));
    assert_eq!(session.send(&message(WINDOW)), NOTHING, "half a window is in flight");
}

#[test]
fn an_acknowledgement_frees_what_it_covers() {
    let mut session = streaming();
    for _ in 0..4 {
        session.send(&message(WINDOW / 4));
    }
    session.send(&message(WINDOW / 2));
    assert_eq!(session.ack(2, 1), NOTHING);
    assert_eq!(session.ack(2, 1), NOTHING, "the same again frees nothing");
    assert_eq!(frames(&session.ack(2, 2)), [5]);
}

#[test]
fn acknowledgements_are_cumulative() {
    let mut session = streaming();
    for _ in 0..4 {
        session.send(&message(WINDOW / 4));
    }
    session.send("y");
    assert_eq!(session.ack(2, 4), [r#"to 2: a["y"] #5"#]);
}

#[test]
fn only_whoever_was_given_the_frames_can_acknowledge_them() {
    let mut session = streaming();
    session.send(&message(WINDOW));
    session.send("y");
    assert_eq!(session.ack(3, 1), NOTHING);
    session.attach(stream(3));
    assert_eq!(session.ack(3, 1), NOTHING);
    session.probed(2, true);
    assert_eq!(frames(&session.ack(2, 1)), [2]);
}

#[test]
fn a_frame_is_filled_up_to_the_window() {
    let mut session = Driver::idle(Rules::default());
    for _ in 0..5 {
        session.send(&message(WINDOW / 4));
    }
    assert_eq!(frames(&session.attach(stream(2))), [4]);
    assert_eq!(frames(&session.ack(2, 4)), [5]);
}

#[test]
fn a_broken_stream_gives_its_window_back() {
    let mut session = streaming();
    session.send(&message(WINDOW));
    session.send("y");
    session.detach(2, Departure::Broken);
    assert_eq!(session.session.buffered_amount(), WINDOW + 1);
    assert_eq!(frames(&session.resume(stream(2), Some(1))), [2]);
    assert_eq!(frames(&session.send(&message(WINDOW - 1))), [3]);
}

#[test]
fn a_close_frame_waits_for_the_messages_before_it() {
    let mut session = streaming();
    session.send(&message(WINDOW));
    session.send("y");
    session.close();
    assert_eq!(session.ack(2, 1)[..2], [r#"to 2: a["y"] #2"#, r#"to 2: c[3000,"Go away!"] end"#]);
}

#[test]
fn a_close_frame_needs_no_credit_itself() {
    let mut session = streaming();
    session.send(&message(WINDOW));
    assert_eq!(session.close()[0], r#"to 2: c[3000,"Go away!"] end"#);
}

#[test]
fn what_waits_is_counted_in_the_bytes_that_the_application_sent() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    assert_eq!(session.session.buffered_amount(), 1);
    session.send("\n");
    assert_eq!(session.session.buffered_amount(), 2);
    session.attach(poll(2));
    assert_eq!(session.session.buffered_amount(), 0, "in flight is not waiting");
}

#[test]
fn a_send_beyond_the_queue_limit_is_refused_and_changes_nothing() {
    // Each message that waits counts for 64 bytes more than it has.
    let mut session = Driver::idle(Rules { queue_limit: 200, ..Rules::default() });
    session.send(&message(60));
    assert_eq!(session.try_send(&message(77)), Err(SendError::QueueFull));
    assert_eq!(session.outputs(), NOTHING);
    assert_eq!(session.session.buffered_amount(), 60);
    session.send(&message(76));
    assert_eq!(session.try_send(""), Err(SendError::QueueFull));
}

#[test]
fn a_message_that_must_not_be_refused_is_taken_though_the_queue_is_full() {
    let mut session = Driver::idle(Rules { queue_limit: 200, ..Rules::default() });
    session.send(&message(100));
    let another = Message::new(&message(150));
    assert_eq!(session.session.send(session.now, another.clone(), false), Err(SendError::QueueFull));
    assert_eq!(session.session.send(session.now, another, true), Ok(()));
    let too_large = Message::new(&message(201));
    assert_eq!(session.session.send(session.now, too_large, true), Err(SendError::TooLarge));
}

#[test]
fn a_poll_takes_no_more_than_a_slow_client_reads_in_a_while() {
    let mut session = Driver::idle(Rules::default());
    for _ in 0..5 {
        session.send(&message(WINDOW / 6));
    }
    assert_eq!(frames(&session.attach(poll(2))), [3]);
    session.detach(2, Departure::Finished);
    assert_eq!(frames(&session.attach(poll(3))), [5]);
    session.detach(3, Departure::Finished);
    assert!(!session.session.has_unread());
    assert_eq!(session.session.read_count(), 6, "with the open frame");
}

#[test]
fn a_message_larger_than_the_queue_never_fits_it() {
    let mut session = Driver::idle(Rules { queue_limit: 200, ..Rules::default() });
    assert_eq!(session.try_send(&message(201)), Err(SendError::TooLarge));
    assert_eq!(session.try_send(&message(200)), Ok(()));
}

#[test]
fn a_refused_send_can_be_repeated_when_something_was_taken() {
    let mut session = Driver::idle(Rules { queue_limit: 100, ..Rules::default() });
    session.send(&message(100));
    assert_eq!(session.try_send("x"), Err(SendError::QueueFull));
    session.attach(poll(2));
    assert_eq!(session.send("x"), NOTHING);
}

#[test]
fn what_is_in_flight_does_not_count_towards_the_queue_limit() {
    let mut session = Driver::idle(Rules { queue_limit: 100, ..Rules::default() });
    session.attach(stream(2));
    for seq in 1..=5 {
        assert_eq!(frames(&session.send(&message(100))), [seq]);
    }
}

#[test]
fn the_limit_holds_for_what_a_woken_session_finds() {
    let mut session = Driver::idle(Rules { queue_limit: 100, ..Rules::default() });
    session.send(&message(60));
    session.pass(250);
    session.hibernate(1_000, None);
    assert_eq!(session.session.buffered_amount(), 60);
    assert_eq!(session.try_send(&message(41)), Err(SendError::QueueFull));
}

#[test]
fn what_is_in_flight_beyond_the_queue_counts_as_waiting() {
    let mut session = streaming();
    let limit = Rules::default().queue_limit;
    session.send(&message(WINDOW / 4));
    session.send(&message(limit));
    assert_eq!((session.session.buffered_amount(), session.session.waiting_cost()), (0, WINDOW / 4));
    let fits = limit - session.session.waiting_cost();
    assert_eq!(session.try_send(&message(fits + 1)), Err(SendError::QueueFull));
    session.send(&message(fits));
    session.ack(2, 1);
    assert_eq!(session.session.waiting_cost(), fits + 64);
}
