//! Clients that have to say something.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Driver, NOTHING, poll, stream};
use sockjs_protocol::sockjs::session::{Receiver, Rules};
use sockjs_protocol::time::Millis;

const CLOSED: &str = r#"closed Violation { code: 1008, reason: "No message came in time" }"#;

fn strict() -> Rules {
    Rules { first_message_timeout: Some(Millis(10_000)), ..Rules::default() }
}

#[test]
fn a_client_that_says_nothing_in_time_is_closed() {
    let mut session = Driver::with(strict(), stream(1));
    let closed = session.pass(10_000);
    assert!(closed.contains(&format!("10000 {CLOSED}")), "{closed:?}");
    let mut socket = Driver::with(strict(), Receiver::WEBSOCKET);
    let closed = socket.pass(10_000);
    assert!(closed.iter().any(|line| line.contains("c[1008,")), "{closed:?}");
}

#[test]
fn one_that_has_said_something_may_be_silent() {
    let mut session = Driver::with(strict(), stream(1));
    assert_eq!(session.receive(), ["heard"]);
    assert_eq!(session.receive(), NOTHING, "noted once");
    assert!(session.pass(20_000).is_empty());
    assert!(session.session.is_open());
}

#[test]
fn sleep_is_no_excuse() {
    let mut session = Driver::with(strict(), stream(1));
    session.now = Millis(9_000);
    session.lose_memory(Some((stream(1), Millis(0))));
    session.session.wake_silent(Millis(0));
    assert_eq!(session.outputs(), NOTHING);
    assert!(session.pass(1_000).contains(&format!("10000 {CLOSED}")));
}

#[test]
fn by_default_nobody_has_to_say_anything() {
    let mut session = Driver::with(Rules::default(), poll(1));
    assert_eq!(session.receive(), NOTHING);
}
