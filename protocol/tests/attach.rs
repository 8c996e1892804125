//! Receivers attach, contend and leave.

mod common;

use common::{Driver, NOTHING, outbox, poll, stream};
use sockjs_protocol::sockjs::session::{Departure, Rules};

const REFUSED: &str = r#"c[2010,"Another connection still open"] end"#;
const INTERRUPTED: &str = r#"c[1002,"Connection interrupted"] end"#;

#[test]
fn the_opener_gets_the_open_frame_before_the_application_hears_of_it() {
    assert_eq!(Driver::new(Rules::default(), poll(1)).outputs(), ["store open 1", "to 1: o #0 end", "opened"]);
    assert_eq!(Driver::new(Rules::default(), stream(1)).outputs(), ["store open 1", "to 1: o #0", "opened"]);
    assert_eq!(Driver::new(outbox(), poll(1)).outputs(), ["store open 1", "to 1: o #0 end", "opened"]);
}

#[test]
fn the_open_frame_goes_alone_whatever_waits() {
    let mut session = Driver::new(Rules::default(), stream(1));
    session.try_send("x").unwrap();
    assert_eq!(session.outputs(), ["store open 1", "to 1: o #0", r#"to 1: a["x"] #1"#, "opened"]);
}

#[test]
fn all_that_waits_goes_in_one_frame_which_ends_a_poll() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.send("y");
    assert_eq!(session.attach(poll(2)), [r#"to 2: a["x","y"] #2 end"#]);
    assert!(!session.session.is_attached());
}

#[test]
fn a_poll_waits_for_one_frame_and_no_more() {
    let mut session = Driver::idle(Rules::default());
    assert_eq!(session.attach(poll(2)), NOTHING);
    assert!(session.session.is_attached());
    assert_eq!(session.send("x"), [r#"to 2: a["x"] #1 end"#]);
    assert_eq!(session.send("y"), NOTHING);
}

#[test]
fn a_stream_takes_frame_after_frame() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    assert_eq!(session.send("x"), [r#"to 2: a["x"] #1"#]);
    assert_eq!(session.send("y"), [r#"to 2: a["y"] #2"#]);
}

#[test]
fn messages_sent_between_two_drains_share_a_frame() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.try_send("x").unwrap();
    session.try_send("y").unwrap();
    assert_eq!(session.outputs(), [r#"to 2: a["x","y"] #2"#]);
}

#[test]
fn a_second_receiver_has_the_first_probed_and_is_refused_when_that_is_alive() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    assert_eq!(session.attach(poll(3)), ["probe 2"]);
    assert_eq!(session.probed(2, true), [format!("to 3: {REFUSED}")]);
    assert_eq!(session.send("x"), [r#"to 2: a["x"] #1 end"#], "the first goes on");
}

#[test]
fn when_the_first_is_gone_the_session_is_closed_and_the_newcomer_told() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.attach(poll(3));
    assert_eq!(
        session.probed(2, false),
        [&format!("to 3: {INTERRUPTED}"), "closed Interrupted", "store close 1002 Connection interrupted"]
    );
}

#[test]
fn a_third_receiver_is_refused_without_another_probe() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    session.attach(poll(3));
    assert_eq!(session.attach(poll(4)), [format!("to 4: {REFUSED}")]);
    assert_eq!(session.probed(2, true), [format!("to 3: {REFUSED}")]);
}

#[test]
fn each_new_contention_is_a_new_probe() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    session.attach(poll(3));
    session.probed(2, true);
    assert_eq!(session.attach(poll(4)), ["probe 2"]);
}

#[test]
fn nothing_is_given_to_a_receiver_that_may_be_gone() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    session.attach(poll(3));
    assert_eq!(session.send("x"), NOTHING, "until the probe tells");
    let refused = r#"to 3: c[2010,"Another connection still open"] end"#;
    assert_eq!(session.probed(2, true), [refused, r#"to 2: a["x"] #1 end"#]);
}

#[test]
fn the_word_of_a_stream_that_was_given_its_last_frame_is_worth_a_moment() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.close();
    assert_eq!(session.attach(poll(3)), ["probe 2"]);
    // Its edge ended it before that was written.
    assert_eq!(session.detach(2, Departure::Ended), [r#"to 3: a["x"] #1 end"#]);
}

#[test]
fn without_that_word_what_it_was_given_counts_as_written() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.close();
    session.attach(poll(3));
    assert_eq!(session.probed(2, true), [r#"to 3: c[3000,"Go away!"] end"#]);
}

#[test]
fn the_newcomer_is_adopted_when_the_first_finishes() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.attach(stream(3));
    assert_eq!(session.detach(2, Departure::Finished), NOTHING);
    assert_eq!(session.send("x"), [r#"to 3: a["x"] #1"#]);
}

#[test]
fn the_newcomer_is_adopted_when_the_first_breaks_and_gets_what_that_did_not_acknowledge() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.send("y");
    session.ack(2, 1);
    session.attach(stream(3));
    assert_eq!(session.detach(2, Departure::Broken), NOTHING, "it may still tell how far it got");
    assert_eq!(session.pass(500), [r#"250 store #2: "y""#, r#"500 to 3: a["y"] #2"#, "500 discard #2"]);
}

#[test]
fn the_first_that_comes_back_in_time_takes_its_place_and_the_newcomer_is_refused() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.send("y");
    session.detach(2, Departure::Broken);
    assert_eq!(session.attach(poll(3)), NOTHING);
    assert_eq!(session.resume(stream(2), Some(1)), ["probe 2"]);
    assert_eq!(
        session.probed(2, true),
        [&format!("to 3: {}", r#"c[2010,"Another connection still open"] end"#), r#"to 2: a["y"] #2"#]
    );
}

#[test]
fn a_receiver_whose_response_is_over_tells_in_time_what_it_wrote() {
    for rules in [Rules::default(), outbox()] {
        let mut session = Driver::idle(rules);
        session.attach(poll(2));
        session.send("x");
        session.detach(2, Departure::Broken);
        session.send("y");
        session.attach(poll(3));
        let lines = session.wrote(2, Some(1), &[]);
        assert!(lines.contains(&r#"to 3: a["y"] #2 end"#.into()), "{lines:?}");
    }
}

#[test]
fn what_the_first_response_wrote_includes_the_open_frame() {
    let mut session = Driver::open(stream(1));
    session.send("x");
    session.detach(1, Departure::Broken);
    assert_eq!(session.wrote(1, Some(1), &[]), NOTHING);
    assert_eq!(session.attach(stream(2)), NOTHING);
}

#[test]
fn what_it_wrote_says_nothing_of_another_session() {
    let mut session = Driver::with(Rules::default(), poll(7));
    session.detach(7, Departure::Broken);
    assert_eq!(session.wrote(2, Some(99), &[]), NOTHING);
    assert_eq!(session.attach(poll(8)), NOTHING, "the one that was lost is still waited for");
    assert_eq!(session.pass(500), ["500 to 8: o #0 end"]);
}

#[test]
fn the_newcomer_can_leave_before_the_answer() {
    for how in [Departure::ClientGone, Departure::Broken, Departure::Finished] {
        let mut session = Driver::idle(Rules::default());
        session.attach(poll(2));
        session.attach(poll(3));
        assert_eq!(session.detach(3, how), NOTHING);
        assert_eq!(session.probed(2, true), NOTHING);
        assert!(session.session.is_open() && session.session.is_attached());
    }
}

#[test]
fn a_newcomer_that_attaches_again_still_waits_for_the_probe() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.attach(stream(3));
    assert_eq!(session.resume(stream(3), None), NOTHING);
    assert_eq!(session.detach(2, Departure::Finished), NOTHING);
    assert_eq!(session.send("x"), [r#"to 3: a["x"] #1"#]);
}

#[test]
fn a_receiver_that_comes_back_gets_what_it_did_not_write() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.send("y");
    session.detach(2, Departure::Broken);
    session.send("z");
    assert_eq!(session.resume(stream(2), Some(1)), [r#"to 2: a["y","z"] #3"#]);
}

#[test]
fn a_receiver_can_be_back_before_its_loss_is_noticed() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    assert_eq!(session.resume(stream(2), None), [r#"to 2: a["x"] #1"#], "no probe: it is the same receiver");
}

#[test]
fn a_request_that_arrives_twice_is_one_receiver() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    assert_eq!(session.attach(poll(2)), NOTHING);
    assert_eq!(session.send("x"), [r#"to 2: a["x"] #1 end"#]);
    assert_eq!(session.attach(poll(2)), [r#"to 2: a["x"] #1 end"#], "the first answer never arrived");
}

#[test]
fn a_poll_that_lost_its_last_frame_gets_it_again() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    session.send("x");
    assert_eq!(session.resume(poll(2), None), [r#"to 2: a["x"] #1 end"#]);
}

#[test]
fn the_opener_that_comes_back_without_the_open_frame_gets_it_again() {
    let mut session = Driver::open(stream(1));
    session.send("x");
    assert_eq!(session.resume(stream(1), None), ["to 1: o #0", r#"to 1: a["x"] #1"#]);
    assert_eq!(session.resume(stream(1), Some(0)), [r#"to 1: a["x"] #1"#]);
    assert_eq!(session.resume(stream(1), Some(1)), NOTHING);
}

#[test]
fn a_receiver_that_comes_back_to_another_contends_with_it() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.detach(2, Departure::Broken);
    session.attach(stream(3));
    assert_eq!(session.resume(stream(2), None), ["probe 3"]);
}

#[test]
fn whoever_polls_again_has_read_the_response_before() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    session.send("x");
    assert_eq!(session.attach(poll(3)), NOTHING);
    assert_eq!(session.detach(3, Departure::Broken), NOTHING);
    assert_eq!(session.attach(poll(4)), NOTHING, "x is not sent again");
}

#[test]
fn a_late_departure_means_nothing() {
    for how in [Departure::ClientGone, Departure::Broken, Departure::Finished] {
        let mut session = Driver::idle(Rules::default());
        session.attach(poll(2));
        session.send("x");
        session.attach(poll(3));
        assert_eq!(session.detach(2, how), NOTHING, "{how:?} of a receiver whose client polled again");
        assert_eq!(session.probed(2, false), NOTHING);
        assert_eq!(session.detach(7, how), NOTHING, "{how:?} of one never heard of");
        assert!(session.session.is_open() && session.session.is_attached());
    }
}

#[test]
fn a_client_that_leaves_before_the_last_byte_closes_its_session() {
    for end in [false, true] {
        let mut session = Driver::idle(Rules::default());
        session.attach(if end { poll(2) } else { stream(2) });
        session.send("x");
        assert_eq!(
            session.detach(2, Departure::ClientGone),
            ["closed Interrupted", "store close 1002 Connection interrupted"]
        );
        assert_eq!(session.attach(poll(3)), [format!("to 3: {INTERRUPTED}")], "x is not sent to anyone");
    }
}

#[test]
fn a_contender_whose_response_ends_does_not_contend_any_more() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.attach(poll(3));
    assert_eq!(session.finished(3, None, None), (false, vec![]));
    assert_eq!(session.send("x"), [r#"to 2: a["x"] #1"#]);
}
