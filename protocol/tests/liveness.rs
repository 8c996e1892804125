//! Clients of WebSockets that say that they are there, and clients that are silent.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Driver, NOTHING, stream};
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::session::{Receiver, Rules};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;

const CLOSED: [&str; 2] = ["release 0: 3000 No response from heartbeat", "closed Silent"];

fn config() -> Config {
    Config::new("/echo").liveness("page")
}

fn socket(config: &Config, transport: Transport) -> Driver {
    Driver::with(Rules::new(config, transport), Receiver::WEBSOCKET)
}

fn framed() -> Driver {
    socket(&config(), Transport::WebSocket)
}

fn at(millis: u64, lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| format!("{millis} {line}")).collect()
}

/// The client says something, in a message or in the one that says that it is there.
fn says(session: &mut Driver, is_beat: bool) {
    session.session.heard(session.now, is_beat);
    assert_eq!(session.outputs(), NOTHING);
}

#[test]
fn a_client_that_answered_once_and_is_silent_is_closed() {
    let mut session = framed();
    session.jump(25_000);
    assert_eq!(session.tick(), ["to 0: h"]);
    says(&mut session, true);
    let beats = [at(50_000, &["to 0: h"]), at(75_000, &["to 0: h"]), at(100_000, &["to 0: h"])].concat();
    assert_eq!(session.pass(115_000 - 25_000), [beats, at(115_000, &CLOSED)].concat());
}

#[test]
fn so_it_is_while_it_is_sent_something() {
    let mut session = framed();
    says(&mut session, true);
    let mut lines = Vec::new();
    for second in 1..=90 {
        lines.extend(session.pass(1_000));
        if second < 90 {
            lines.extend(session.send("x").into_iter().filter(|line| !line.starts_with("to 0: a")));
        }
    }
    let asked = [at(25_000, &["to 0: h"]), at(50_000, &["to 0: h"]), at(75_000, &["to 0: h"])].concat();
    assert_eq!(lines, [asked, at(90_000, &CLOSED)].concat());
}

#[test]
fn a_message_does_not_take_the_place_of_a_heartbeat_that_asks() {
    let mut session = framed();
    says(&mut session, true);
    session.jump(25_000);
    session.session.tick(session.now);
    session.try_send("x").unwrap();
    assert_eq!(session.outputs(), [r#"to 0: a["x"] #1"#, "to 0: h"]);
    assert_eq!(session.deadline(), Some(50_000));
}

#[test]
fn one_that_never_said_so_is_left_alone() {
    let mut session = framed();
    says(&mut session, false);
    assert!(session.pass(1_000_000).iter().all(|line| line.ends_with("to 0: h")));
    let mut raw = socket(&config(), Transport::WebSocketRaw);
    assert_eq!(raw.deadline(), None);
    assert_eq!(raw.pass(1_000_000), NOTHING);
}

#[test]
fn unless_it_has_to() {
    let config = config().liveness_required(true);
    for transport in [Transport::WebSocket, Transport::WebSocketRaw] {
        let closed = socket(&config, transport).pass(90_000);
        assert_eq!(closed[closed.len() - 2..], at(90_000, &CLOSED));
    }
}

#[test]
fn whatever_it_says_is_a_sign_of_life_and_so_is_what_it_reads() {
    let mut raw = socket(&config(), Transport::WebSocketRaw);
    says(&mut raw, true);
    raw.jump(80_000);
    says(&mut raw, false);
    assert_eq!(raw.deadline(), Some(170_000));
    raw.jump(80_000);
    raw.session.progressed(raw.now);
    assert_eq!(raw.deadline(), Some(250_000));
}

#[test]
fn one_that_answers_only_heartbeats_is_asked_once_for_each_delay_and_stays() {
    let mut session = framed();
    let mut asked = Vec::new();
    for _ in 0..300 {
        let lines = session.pass(1_000);
        if !lines.is_empty() {
            assert_eq!(lines, [format!("{} to 0: h", session.now.0)]);
            asked.push(session.now.0);
            says(&mut session, true);
        }
        session.send("each second");
    }
    assert_eq!(asked, (1..=12).map(|count| count * 25_000).collect::<Vec<_>>());
}

#[test]
fn sessions_over_http_are_not_judged() {
    let rules = Rules::new(&config().liveness_required(true), Transport::XhrStreaming);
    let mut session = Driver::with(rules, stream(1));
    session.session.heard(session.now, true);
    session.ack(1, 0);
    assert!(session.pass(500_000).iter().all(|line| line.ends_with("to 1: h")));
}

#[test]
fn sleep_forgets_no_word_that_was_remembered() {
    let rules = Rules::new(&config(), Transport::WebSocket);
    let woken = |word| {
        let mut session = framed();
        session.now = Millis(60_000);
        session.session = sockjs_protocol::sockjs::session::Session::wake_websocket(session.now, rules.clone());
        session.session.wake_silence(session.now, Millis(0), word);
        session
    };
    let closed = woken(Some(Millis(20_000))).pass(90_000);
    assert_eq!(closed[closed.len() - 2..], at(115_000, &CLOSED));
    let mut session = woken(None);
    assert!(session.session.is_open() && session.session.remembers_each().is_none());
    // The runtime tells of an earlier answer.
    session.session.heard(Millis(30_000), true);
    assert_eq!(session.pass(120_000 - 60_000).last(), Some(&"120000 closed Silent".to_owned()));
}
