//! What is written to storage, when, and in which order with the frames.

mod common;

use common::{Driver, NOTHING, outbox, poll, stream};
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::{Change, Departure, ReceiverId, Row, Rules, Seq, Stored};

#[test]
fn by_default_nothing_is_written_for_what_goes_straight_to_a_receiver() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    assert_eq!(session.send("x"), [r#"to 2: a["x"] #1"#]);
    assert_eq!(session.ack(2, 1), NOTHING);
    session.send("y");
    assert_eq!(session.pass(20_000), NOTHING, "nor while it is not acknowledged");
    assert_eq!(session.detach(2, Departure::Finished), NOTHING);
    session.attach(poll(3));
    assert_eq!(session.send("z"), [r#"to 3: a["z"] #3 end"#]);
    assert_eq!(session.detach(3, Departure::Finished), NOTHING);
}

#[test]
fn by_default_nothing_is_written_for_what_a_poll_takes_in_time() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    assert_eq!(session.pass(249), NOTHING);
    assert_eq!(session.attach(poll(2)), [r#"to 2: a["x"] #1 end"#]);
    assert_eq!(session.pass(1_000), NOTHING);
}

#[test]
fn by_default_what_waits_too_long_is_written_with_its_neighbours_as_one_row() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.jump(200);
    session.send("y");
    assert_eq!(session.pass(1_000), [r#"250 store #1: "x" "y""#]);
    session.send("z");
    assert_eq!(session.pass(250), [r#"1450 store #3: "z""#]);
}

#[test]
fn by_default_a_row_is_discarded_when_it_is_delivered_and_the_frame_leaves_first() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.pass(250);
    session.send("y");
    assert_eq!(session.attach(poll(2)), [r#"to 2: a["x","y"] #2 end"#, "discard #1"], "y was never written");
    assert_eq!(session.detach(2, Departure::Finished), NOTHING);
}

#[test]
fn by_default_the_rest_of_a_row_delivered_in_part_stays() {
    let mut session = Driver::idle(Rules::default());
    for letter in ["x", "y"] {
        session.send(&letter.repeat(40_000));
    }
    session.pass(250);
    assert_eq!(session.attach(stream(2)).last().unwrap(), "discard #1");
    assert_eq!(session.stored.as_ref().unwrap().rows.len(), 1);
    session.hibernate(1, None);
    session.pass(500);
    assert_eq!(session.session.buffered_amount(), 40_000, "only y is left");
    assert_eq!(session.attach(poll(3)).last().unwrap(), "discard #2");
    assert!(session.stored.unwrap().rows.is_empty());
}

#[test]
fn by_default_what_was_lost_on_the_way_is_written_when_it_waits_again() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.jump(10_000);
    session.detach(2, Departure::Broken);
    assert_eq!(session.pass(250), [r#"10250 store #1: "x""#]);
}

#[test]
fn by_default_what_was_lost_on_the_way_is_written_again_though_it_was_delivered_once() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.pass(250);
    session.attach(stream(2));
    session.detach(2, Departure::Broken);
    assert_eq!(session.pass(250), [r#"500 store #1: "x""#]);
    session.restart();
    assert_eq!(session.resume(stream(2), None), [r#"to 2: a["x"] #1"#, "discard #1"]);
}

#[test]
fn by_default_part_of_a_row_that_was_lost_on_the_way_joins_the_rest_again() {
    let mut session = Driver::idle(Rules::default());
    for letter in "abcdefghi".chars() {
        session.send(&letter.to_string().repeat(9_000));
    }
    session.pass(250);
    session.attach(stream(2));
    assert_eq!(session.ack(2, 1).last().unwrap(), "discard #8", "the last of the third row does not fit the window");
    session.detach(2, Departure::Broken);
    assert_eq!(session.pass(250).len(), 3, "the second to the eighth are written again");
    session.restart();
    assert_eq!(session.session.buffered_amount(), 8 * 9_000, "each once but the first, which was acknowledged");
    session.resume(stream(2), Some(2));
    session.ack(2, 9);
    assert_eq!(session.stored.unwrap().rows, []);
}

#[test]
fn by_default_a_row_holds_neighbours_only() {
    let mut session = Driver::idle(Rules::default());
    session.send(&"x".repeat(60_000));
    session.send(&"y".repeat(60_000));
    session.pass(250);
    session.attach(stream(2));
    session.detach(2, Departure::Broken);
    session.send("z");
    let rows = session.pass(250);
    assert!(rows[0].starts_with("500 store #1: \"xx") && !rows[0].contains('y'), "x was on its way, y is still stored");
    assert_eq!(rows[1..], [r#"500 store #3: "z""#]);
    session.restart();
    assert_eq!(session.session.buffered_amount(), 120_001);
}

#[test]
fn by_default_what_was_lost_on_the_way_is_written_also_once_the_session_is_closed() {
    let mut session = Driver::idle(Rules::default());
    session.attach(stream(2));
    session.send("x");
    session.close();
    session.detach(2, Departure::Broken);
    assert_eq!(session.pass(250), [r#"250 store #1: "x""#]);
    session.restart();
    assert_eq!(session.resume(stream(2), None)[0], r#"to 2: a["x"] #1"#);
}

#[test]
fn an_outbox_writes_each_message_before_it_is_delivered() {
    let mut session = Driver::idle(outbox());
    session.attach(stream(2));
    assert_eq!(session.send("x"), [r#"store #1: "x""#, r#"to 2: a["x"] #1"#]);
    assert_eq!(session.send("y"), [r#"store #2: "y""#, r#"to 2: a["y"] #2"#]);
}

#[test]
fn an_outbox_writes_also_what_nobody_waits_for() {
    let mut session = Driver::idle(outbox());
    assert_eq!(session.send("x"), [r#"store #1: "x""#]);
    assert_eq!(session.pass(1_000), NOTHING, "it is stored already");
}

#[test]
fn an_outbox_keeps_a_row_until_it_is_acknowledged() {
    let mut session = Driver::idle(outbox());
    session.attach(stream(2));
    session.send("x");
    session.send("y");
    session.send("z");
    assert_eq!(session.ack(2, 2), ["discard #2"]);
    assert_eq!(session.ack(2, 2), NOTHING);
    assert_eq!(session.detach(2, Departure::Finished), ["discard #3"]);
}

#[test]
fn an_outbox_discards_a_polls_frame_when_that_is_finished() {
    let mut session = Driver::idle(outbox());
    session.attach(poll(2));
    session.send("x");
    assert_eq!(session.detach(2, Departure::Finished), ["discard #1"]);
    session.attach(poll(3));
    session.send("y");
    assert_eq!(session.attach(poll(4)), ["probe 3"], "its end may be on its way");
    assert_eq!(session.finished(3, Some(2), None), (false, vec!["discard #2".to_owned()]));
    assert_eq!(session.send("z"), [r#"store #3: "z""#, r#"to 4: a["z"] #3 end"#]);
}

#[test]
fn an_outbox_gives_the_frame_of_a_poll_that_says_nothing_to_the_next_one() {
    let mut session = Driver::idle(outbox());
    session.attach(poll(2));
    session.send("x");
    assert_eq!(session.attach(poll(3)), ["probe 2"]);
    assert_eq!(session.probed(2, true), NOTHING);
    assert_eq!(session.pass(1_000), [r#"500 to 3: a["x"] #1 end"#]);
    assert_eq!(session.detach(3, Departure::Finished), ["discard #1"]);
}

#[test]
fn an_outbox_keeps_what_was_lost_on_the_way_and_writes_it_once() {
    let mut session = Driver::idle(outbox());
    session.attach(stream(2));
    session.send("x");
    assert_eq!(session.detach(2, Departure::Broken), NOTHING);
    assert_eq!(session.pass(1_000), NOTHING);
    assert_eq!(session.resume(stream(2), None), [r#"to 2: a["x"] #1"#]);
    assert_eq!(session.resume(stream(2), Some(1)), ["discard #1"]);
}

#[test]
fn a_restored_session_takes_the_word_of_a_receiver_also_when_it_does_not_wait_for_it_any_more() {
    let mut session = Driver::idle(outbox());
    session.attach(poll(2));
    session.send("x");
    session.restart();
    session.pass(1_000);
    assert_eq!(session.wrote(2, Some(1), &[]), ["discard #1"]);
    assert_eq!(session.attach(poll(3)), NOTHING);
}

#[test]
fn an_outbox_closes_after_its_messages() {
    let mut session = Driver::idle(outbox());
    session.attach(poll(2));
    session.try_send("x").unwrap();
    assert_eq!(
        session.close(),
        [
            r#"store #1: "x""#,
            r#"to 2: a["x"] #1 end"#,
            r#"closed Application { code: 3000, reason: "Go away!" }"#,
            "store close 3000 Go away!"
        ]
    );
    assert_eq!(session.detach(2, Departure::Finished), ["discard #1"]);
    assert_eq!(session.attach(poll(3)), [r#"to 3: c[3000,"Go away!"] end"#]);
}

fn row(first: u64, messages: &[&str]) -> Change {
    Change::Append(Row { first: Seq(first), messages: messages.iter().map(|text| Message::new(text)).collect() })
}

fn fold(changes: impl IntoIterator<Item = Change>) -> Option<Stored> {
    let mut stored = None;
    changes.into_iter().for_each(|change| Stored::apply(&mut stored, change));
    stored
}

#[test]
fn changes_to_a_session_that_storage_does_not_know_mean_nothing() {
    assert_eq!(fold([row(1, &["x"]), Change::Discard { through: Seq(1) }, Change::Forget]), None);
    assert_eq!(fold([Change::Open { opener: ReceiverId(1) }, Change::Forget, row(1, &["x"])]), None);
}

#[test]
fn a_row_written_again_counts_whole() {
    let open = Change::Open { opener: ReceiverId(1) };
    let discard = |through| Change::Discard { through: Seq(through) };
    let stored = fold([open.clone(), row(1, &["x", "y", "z"]), discard(2), row(2, &["y"])]).unwrap();
    assert_eq!(stored.delivered, Some(Seq(1)), "x stays delivered");
    let stored = fold([open.clone(), row(1, &["x"]), discard(1), row(2, &["y"])]).unwrap();
    assert_eq!(stored.delivered, Some(Seq(1)), "one that was never delivered says nothing of others");
    let stored = fold([open.clone(), row(0, &["x"]), discard(0), row(0, &["x"])]).unwrap();
    assert_eq!(stored.delivered, None);
    for rows in [[row(1, &["x", "y"]), row(1, &["x"])], [row(1, &["x"]), row(1, &["x", "y"])]] {
        let stored = fold([open.clone()].into_iter().chain(rows)).unwrap();
        assert_eq!(stored.rows.iter().map(|row| row.last.0).collect::<Vec<_>>(), [2], "the longer stays");
    }
}
