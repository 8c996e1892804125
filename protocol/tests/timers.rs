//! The effects of time alone on a session.

mod common;

use common::{Driver, NOTHING, outbox, poll, stream};
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::session::{Departure, Rules};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;

#[test]
fn a_stream_gets_a_heartbeat_after_each_silence() {
    let mut session = Driver::open(stream(1));
    assert_eq!(session.pass(60_000), ["25000 to 1: h", "50000 to 1: h"]);
}

#[test]
fn a_heartbeat_ends_a_poll() {
    let mut session = Driver::idle(Rules::default());
    session.attach(poll(2));
    assert_eq!(session.pass(25_000), ["25000 to 2: h end"]);
    assert_eq!(session.detach(2, Departure::Finished), NOTHING);
    assert_eq!(session.pass(5_000), ["30000 closed TimedOut", "30000 forget"]);
}

#[test]
fn whatever_goes_out_puts_the_heartbeat_off() {
    let mut session = Driver::open(stream(1));
    session.jump(20_000);
    session.send("x");
    assert_eq!(session.deadline(), Some(45_000));
}

#[test]
fn what_comes_in_does_not_put_the_heartbeat_off() {
    let mut session = Driver::open(stream(1));
    session.jump(20_000);
    session.receive();
    session.ack(1, 0);
    assert_eq!(session.deadline(), Some(25_000));
}

#[test]
fn the_silence_of_a_receiver_counts_from_its_request() {
    let mut session = Driver::idle(Rules::default());
    session.jump(4_000);
    session.attach(poll(2));
    assert_eq!(session.deadline(), Some(29_000));
}

#[test]
fn a_message_takes_the_place_of_a_heartbeat_that_is_due() {
    let mut session = Driver::open(stream(1));
    session.jump(25_000);
    session.session.tick(session.now);
    session.try_send("x").unwrap();
    assert_eq!(session.outputs(), [r#"to 1: a["x"] #1"#]);
    assert_eq!(session.deadline(), Some(50_000));
}

#[test]
fn a_late_heartbeat_is_one_heartbeat() {
    let mut session = Driver::open(stream(1));
    session.jump(80_000);
    assert_eq!(session.tick(), ["to 1: h"]);
    assert_eq!(session.deadline(), Some(105_000));
}

#[test]
fn a_stream_whose_window_is_full_gets_heartbeats_and_nothing_else() {
    let mut session = Driver::open(stream(1));
    session.send(&"x".repeat(100_000));
    session.send("y");
    assert_eq!(session.pass(60_000), [r#"250 store #2: "y""#, "25000 to 1: h", "50000 to 1: h"]);
    assert_eq!(session.ack(1, 1), [r#"to 1: a["y"] #2"#, "discard #2"]);
}

#[test]
fn one_alarm_beats_everyone_who_is_due_within_half_of_the_delay() {
    let mut session = Driver::open(stream(1));
    session.jump(12_499);
    assert_eq!(session.beat_early(), NOTHING);
    session.jump(1);
    assert_eq!(session.beat_early(), ["to 1: h"]);
    assert_eq!(session.deadline(), Some(37_500));
}

#[test]
fn an_early_beat_is_for_whoever_listens() {
    let mut session = Driver::idle(Rules::default());
    session.jump(20_000);
    assert_eq!(session.beat_early(), NOTHING, "nobody is attached");
    session.attach(stream(2));
    assert_eq!(session.beat_early(), NOTHING, "it has just come");
    session.send(&"x".repeat(100_000));
    session.send("y");
    session.close();
    session.jump(20_000);
    assert_eq!(session.beat_early(), NOTHING, "nothing but the close frame may follow a close");
}

#[test]
fn a_session_without_a_receiver_lasts_for_the_disconnect_delay() {
    let mut session = Driver::open(poll(1));
    session.jump(1_000);
    session.detach(1, Departure::Finished);
    assert_eq!(session.deadline(), Some(6_000));
    assert_eq!(session.pass(5_000), ["6000 closed TimedOut", "6000 forget"]);
}

#[test]
fn a_client_may_take_its_time_to_read_its_last_frame() {
    let mut session = Driver::open(poll(1));
    let age = Rules::default().receiver_max_age.0;
    assert_eq!(session.deadline(), Some(age), "delivered, and not finished");
    assert_eq!(session.pass(age), NOTHING);
    assert_eq!(session.pass(5_000), [format!("{} closed TimedOut", age + 5_000), format!("{} forget", age + 5_000)]);
}

#[test]
fn the_disconnect_delay_counts_from_each_end_of_a_receive_request() {
    let mut session = Driver::idle(Rules::default());
    for (id, how) in [(2, Departure::Finished), (3, Departure::Broken)] {
        assert_eq!(session.pass(4_000), NOTHING);
        session.attach(stream(id));
        assert_eq!(session.pass(4_000), NOTHING);
        session.detach(id, how);
        assert_eq!(session.deadline(), Some(session.now.0 + 5_000));
    }
}

#[test]
fn sends_and_messages_do_not_put_the_end_of_an_abandoned_session_off() {
    let mut session = Driver::idle(Rules { persist_after: Millis(999), ..Rules::default() });
    session.jump(4_900);
    session.receive();
    session.send("x");
    assert_eq!(session.deadline(), Some(5_000));
}

#[test]
fn a_late_tick_ends_an_abandoned_session_like_one_in_time_and_stores_nothing_more() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.jump(3_600_000);
    assert_eq!(session.tick(), ["closed TimedOut", "forget"]);
}

#[test]
fn a_receiver_that_is_earlier_than_a_late_tick_saves_its_session() {
    let mut session = Driver::idle(Rules::default());
    session.jump(5_001);
    session.attach(poll(2));
    assert_eq!(session.tick(), NOTHING);
    assert!(session.session.is_open());
}

#[test]
fn a_stream_of_maximum_age_is_ended_cleanly_and_the_next_goes_on() {
    let mut session = Driver::open(stream(1));
    session.jump(590_000);
    session.send("x");
    assert_eq!(session.pass(10_000), ["600000 to 1: h end"]);
    session.detach(1, Departure::Finished);
    session.send("y");
    assert_eq!(session.attach(stream(2)), [r#"to 2: a["y"] #2"#]);
}

#[test]
fn the_end_of_a_stream_passes_a_full_window() {
    let mut session = Driver::open(stream(1));
    session.jump(590_000);
    session.send(&"x".repeat(100_000));
    session.send("y");
    assert_eq!(session.pass(10_000), [r#"590250 store #2: "y""#, "600000 to 1: h end"]);
    assert_eq!(session.detach(1, Departure::Finished), NOTHING);
    assert_eq!(session.attach(stream(2)), [r#"to 2: a["y"] #2"#, "discard #2"]);
}

#[test]
fn an_end_and_a_heartbeat_due_at_once_are_one_frame() {
    let mut session = Driver::open(stream(1));
    session.jump(700_000);
    // As the object's alarm does it.
    session.session.tick(session.now);
    session.session.beat_early(session.now);
    assert_eq!(session.outputs(), ["to 1: h end"]);
}

#[test]
fn a_poll_has_no_maximum_age() {
    let mut session = Driver::idle(Rules { heartbeat_delay: None, ..Rules::default() });
    session.attach(poll(2));
    assert_eq!(session.deadline(), None);
}

#[test]
fn the_age_of_a_stream_survives_sleep() {
    let mut session = Driver::open(stream(1));
    assert_eq!(session.hibernate(590_000, Some(stream(1))), NOTHING);
    assert_eq!(session.deadline(), Some(600_000));
    assert_eq!(session.pass(10_000), ["600000 to 1: h end"]);
}

#[test]
fn a_message_is_stored_when_it_waited_long_enough_and_a_late_tick_does_the_same() {
    for late in [0, 1, 500] {
        let mut session = Driver::idle(Rules::default());
        session.send("x");
        assert_eq!(session.deadline(), Some(250));
        session.jump(250 + late);
        assert_eq!(session.tick(), [r#"store #1: "x""#]);
        assert_eq!(session.deadline(), Some(5_000));
    }
}

#[test]
fn a_message_taken_in_time_needs_no_alarm() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.jump(249);
    session.attach(poll(2));
    assert_eq!(session.detach(2, Departure::Finished), NOTHING);
    assert_eq!(session.deadline(), Some(5_249));
}

#[test]
fn an_early_tick_does_nothing() {
    let mut session = Driver::idle(Rules::default());
    session.send("x");
    session.jump(249);
    assert_eq!(session.tick(), NOTHING);
    let mut session = Driver::open(stream(1));
    session.jump(24_999);
    assert_eq!(session.tick(), NOTHING);
}

#[test]
fn the_near_deadline_of_what_is_only_in_memory_is_told_apart_from_the_lasting_ones() {
    let mut session = Driver::idle(Rules::default());
    assert_eq!(session.session.passing_deadline(), None);
    session.jump(4_900);
    session.send("x");
    assert_eq!(session.session.passing_deadline(), Some(Millis(5_150)));
    assert_eq!(session.session.lasting_deadline(), Some(Millis(5_000)), "the end of an abandoned session");
    assert_eq!(session.deadline(), Some(5_000));
    session.close();
    assert_eq!(session.session.passing_deadline(), None, "the close wrote it");
    assert_eq!(session.session.lasting_deadline(), Some(Millis(9_900)));
}

#[test]
fn the_rules_of_a_transport_are_those_of_its_service() {
    let config = Config::new("/echo").heartbeat_delay(Millis(10_000)).disconnect_delay(Millis(2_000));
    let rules = |config: &Config, transport| Rules::new(config, transport);
    assert_eq!(rules(&config, Transport::XhrPolling).heartbeat_delay, Some(Millis(10_000)));
    assert_eq!(rules(&config, Transport::XhrPolling).disconnect_delay, Millis(2_000));
    assert_eq!(rules(&config, Transport::WebSocket).heartbeat_delay, Some(Millis(10_000)));
    assert_eq!(rules(&config, Transport::WebSocketRaw).heartbeat_delay, None);
    let config = config.websocket_heartbeat_delay(Millis(50_000));
    assert_eq!(rules(&config, Transport::WebSocket).heartbeat_delay, Some(Millis(50_000)));
    assert_eq!(rules(&config, Transport::XhrPolling).heartbeat_delay, Some(Millis(10_000)));
}

#[test]
fn no_deadline_stays_in_the_past_in_any_state() {
    for rules in [Rules::default(), outbox(), Rules { persist_after: Millis(0), ..Rules::default() }] {
        for (waiting, attached, closed, slept) in (0..16).map(|n| (n & 1 > 0, n & 2 > 0, n & 4 > 0, n & 8 > 0)) {
            for receiver in [poll(2), stream(2)] {
                let mut session = Driver::idle(rules.clone());
                if attached {
                    session.attach(receiver);
                    session.send(&"x".repeat(100_000));
                }
                if waiting {
                    session.send("y");
                }
                if closed {
                    session.close();
                }
                if slept {
                    let attached = session.session.is_attached().then_some(receiver);
                    session.hibernate(10_000, attached);
                }
                for _ in 0..200 {
                    session.jump(7_000);
                    session.tick(); // which asserts it
                }
            }
        }
    }
}
