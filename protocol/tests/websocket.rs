//! A session on the client's own WebSocket: nothing of it is stored, and it ends with its socket.

mod common;

use common::{Driver, NOTHING, outbox};
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::session::{Output, Receiver, Rules, SendError, Session};
use sockjs_protocol::sockjs::transport::Transport;

fn websocket() -> Driver {
    Driver::open(Receiver::WEBSOCKET)
}

#[test]
fn it_opens_and_sends_without_a_row_at_either_level() {
    for rules in [Rules::default(), outbox()] {
        let mut session = Driver::new(rules, Receiver::WEBSOCKET);
        assert_eq!(session.outputs(), ["to 0: o #0", "opened"]);
        assert_eq!(session.send("x"), [r#"to 0: a["x"] #1"#]);
        assert_eq!(session.pass(1_000), NOTHING);
        assert_eq!(session.session.buffered_amount(), 0);
    }
}

#[test]
fn it_has_no_window_since_nobody_acknowledges() {
    let mut session = websocket();
    for _ in 0..10 {
        assert_eq!(session.send(&"x".repeat(50_000)).len(), 1);
    }
}

#[test]
fn it_keeps_nothing_of_what_it_sent() {
    let mut session = websocket();
    session.send("remember me");
    assert!(!format!("{:?}", session.session).contains("remember me"));
}

#[test]
fn a_close_is_its_last_frame_and_ends_it() {
    let mut session = websocket();
    session.try_send("x").unwrap();
    assert_eq!(
        session.close(),
        [
            r#"to 0: a["x"] #1"#,
            r#"to 0: c[3000,"Go away!"] end"#,
            r#"closed Application { code: 3000, reason: "Go away!" }"#
        ]
    );
    assert!(session.session.is_closed());
    assert_eq!(session.disconnected(1000), NOTHING, "the answer to its own close");
}

#[test]
fn the_application_hears_how_the_client_closed() {
    let mut session = websocket();
    assert_eq!(session.disconnected(1001), [r#"closed Client { code: 1001, reason: "" }"#]);
    assert!(session.session.is_closed());
    assert_eq!(session.try_send("x"), Err(SendError::Closed));
    assert_eq!(session.disconnected(1006), NOTHING);
    assert_eq!(session.violated(1003, "no binary"), NOTHING);
}

#[test]
fn a_violation_closes_the_socket_without_a_frame() {
    let mut session = websocket();
    assert_eq!(
        session.violated(1003, "no binary"),
        ["release 0: 1003 no binary", r#"closed Violation { code: 1003, reason: "no binary" }"#]
    );
    assert!(session.session.is_closed());
    assert_eq!(session.close(), NOTHING);
    assert!(!session.session.receive());
}

#[test]
fn in_a_burst_messages_wait_for_each_other_and_go_in_one_frame() {
    let mut session = websocket();
    session.in_burst = true;
    assert_eq!(session.send("x"), NOTHING);
    assert_eq!(session.send("y"), NOTHING);
    session.in_burst = false;
    assert_eq!(session.outputs(), [r#"to 0: a["x","y"] #2"#]);
}

#[test]
fn a_burst_holds_nothing_back_but_messages_and_few_of_them() {
    let mut session = Driver::new(Rules::default(), Receiver::WEBSOCKET);
    session.in_burst = true;
    assert_eq!(session.outputs(), ["to 0: o #0", "opened"]);
    assert_eq!(session.send(&"x".repeat(1_900)), NOTHING);
    assert_eq!(session.send(&"y".repeat(2_188)).len(), 1, "a full frame");
    assert_eq!(session.send("z"), NOTHING);
    session.jump(25_000);
    assert_eq!(session.tick(), [r#"to 0: a["z"] #3"#], "in place of a heartbeat");
    assert_eq!(session.send("last"), NOTHING);
    assert_eq!(session.close()[..2], [r#"to 0: a["last"] #4"#, r#"to 0: c[3000,"Go away!"] end"#]);
}

#[test]
fn a_small_queue_is_not_filled_by_what_waits_for_the_end_of_a_burst() {
    let mut session = Driver::with(Rules { queue_limit: 1_000, ..Rules::default() }, Receiver::WEBSOCKET);
    session.in_burst = true;
    let frames: usize = (0..100).map(|_| session.send(&"x".repeat(50)).len()).sum();
    assert_eq!(frames, 50, "two in each");
}

#[test]
fn what_waits_for_the_end_of_a_burst_goes_out_before_the_answer_to_a_close() {
    let mut session = websocket();
    session.in_burst = true;
    session.send("x");
    let outputs = session.disconnected(1001);
    assert_eq!(outputs, [r#"to 0: a["x"] #1"#, r#"closed Client { code: 1001, reason: "" }"#]);
}

#[test]
fn what_waits_for_the_end_of_a_burst_goes_out_before_a_violation_closes_the_socket() {
    let mut session = websocket();
    session.in_burst = true;
    session.send("x");
    let outputs = session.violated(1003, "no binary");
    assert_eq!(outputs[..2], [r#"to 0: a["x"] #1"#, "release 0: 1003 no binary"]);
}

#[test]
fn a_frame_that_joins_messages_has_no_more_bytes_than_the_limit() {
    let limit = Rules::default().frame_limit;
    for (size, quoted) in [("x".repeat(100), 102), ("\u{1f600}".repeat(50), 602), ("x".repeat(5_000), 5_002)] {
        let mut session = websocket();
        for _ in 0..100 {
            session.try_send(&size).unwrap();
        }
        let frames: Vec<_> = session
            .drain()
            .into_iter()
            .map(|output| match output {
                Output::Deliver { frame, .. } => frame.encode(),
                output => panic!("{output:?}"),
            })
            .collect();
        let fitting = ((limit - 2) / (quoted + 1)).max(1);
        assert_eq!(frames.len(), 100_usize.div_ceil(fitting));
        assert!(frames.iter().all(|frame| frame.len() <= limit.max(quoted + 3)));
    }
}

#[test]
fn it_beats_in_silence_and_lives_on_without_an_age() {
    let mut session = websocket();
    assert_eq!(session.pass(50_000), ["25000 to 0: h", "50000 to 0: h"]);
    session.jump(3_600_000);
    assert_eq!(session.tick(), ["to 0: h"]);
}

#[test]
fn after_sleep_it_is_open_without_another_open_frame_and_its_silence_counts_from_waking() {
    let mut session = websocket();
    session.send("x");
    session.jump(20_000);
    session.session = Session::wake_websocket(session.now, Rules::default());
    assert_eq!(session.outputs(), NOTHING);
    assert!(session.session.is_open() && session.session.is_attached());
    assert_eq!(session.deadline(), Some(45_000), "not earlier than the alarm that was set before");
    assert_eq!(session.beat_early(), ["to 0: h"], "when the last traffic is unknown, beat");
    assert_eq!(session.disconnected(1001), [r#"closed Client { code: 1001, reason: "" }"#]);
}

#[test]
fn a_raw_one_has_no_heartbeat() {
    let rules = Rules::new(&Config::new(""), Transport::WebSocketRaw);
    let mut session = Driver::with(rules, Receiver::WEBSOCKET);
    assert_eq!(session.deadline(), None);
    assert_eq!(session.beat_early(), NOTHING);
}
