//! A room from the clients' point of view, and after a restart.

use crate::{Chat, HISTORY, TEXT_MAX};
use serde_json::{Value, json};
use sockjs_edge::testing::{TestClient, TestRoom};
use sockjs_edge::{Config, Placement, Transport};

fn lobby() -> TestRoom {
    TestRoom::new(Config::new("/chat/{room}").placement(Placement::Room), Chat::default).at("/chat/lobby")
}

/// Gives a client its nickname, and discards the messages that it has received so far.
fn named(client: TestClient, nickname: &str) -> TestClient {
    client.send_json(&json!({ "nickname": nickname }));
    client.received();
    client
}

fn text(text: impl Into<Value>) -> Value {
    json!({ "text": text.into() })
}

#[test]
fn everybody_hears_who_is_present() {
    let room = lobby();
    let ada = named(room.connect(), " Ada ");
    let bob = room.connect();
    assert_eq!(bob.received_json(), [json!({ "history": [] }), json!({ "present": ["Ada"] })]);
    bob.send_json(&json!({ "nickname": "Bob" }));
    assert_eq!(ada.received_json(), [json!({ "present": ["Ada", "Bob"] })]);
    ada.leave();
    assert_eq!(bob.received_json().last(), Some(&json!({ "present": ["Bob"] })));
}

#[test]
fn a_text_needs_a_nickname() {
    let room = lobby();
    let (ada, nobody) = (named(room.connect(), "Ada"), room.connect());
    nobody.send_json(&text("hello"));
    assert_eq!(nobody.received_json().last(), Some(&json!({ "error": "a nickname first" })));
    assert!(ada.received().is_empty());
    ada.send_json(&text("hello"));
    assert_eq!(nobody.received_json(), [json!({ "from": "Ada", "text": "hello" })]);
}

#[test]
fn whoever_comes_later_gets_the_last_messages() {
    let room = lobby();
    let ada = named(room.connect(), "Ada");
    for number in 0..=HISTORY {
        ada.send_json(&text(number.to_string()));
    }
    ada.send_json(&text("x".repeat(TEXT_MAX + 1)));
    room.restart();
    let history = room.connect().received_json().remove(0);
    let history = history["history"].as_array().expect("it is a list");
    assert_eq!((history.len(), &history[0]["text"]), (HISTORY, &json!("2")));
    assert_eq!(history[HISTORY - 1]["text"].as_str().map(str::len), Some(TEXT_MAX));
}

#[test]
fn after_a_restart_whoever_is_gone_is_not_present() {
    let room = lobby();
    let _ada = named(room.connect(), "Ada");
    let bob = named(room.client().transport(Transport::XhrStreaming).connect(), "Bob");
    room.hibernate();
    assert!(bob.received().is_empty(), "nothing changed");
    room.restart();
    assert_eq!(bob.received_json(), [json!({ "present": ["Bob"] })]);
}

#[test]
fn a_client_that_sends_no_json_is_closed_alone() {
    let room = lobby();
    let (ada, bob) = (named(room.connect(), "Ada"), room.connect());
    bob.send("hello");
    assert_eq!(bob.closed(), Some((1011, "Handler failed".into())));
    assert!(ada.is_open());
}

#[test]
fn those_who_watch_see_who_is_typing() {
    let room = lobby();
    let (ada, bob, eve) = (named(room.connect(), "Ada"), named(room.connect(), "Bob"), named(room.connect(), "Eve"));
    for client in [&ada, &bob, &eve] {
        client.send_json(&json!({ "watching": true }));
        client.received();
    }
    eve.send_json(&json!({ "watching": false }));
    room.hibernate();
    ada.send_json(&json!("typing"));
    assert_eq!(bob.received_json(), [json!({ "typing": "Ada" })]);
    assert!(ada.received().is_empty() && eve.received().is_empty());
}

#[test]
fn a_route_may_ask_who_is_present() {
    let room = lobby();
    assert_eq!(room.call(r#""present""#).expect("an answer"), "[]");
    let _people = ["Bob", "Ada"].map(|name| named(room.connect(), name));
    assert_eq!(room.call(r#""present""#).expect("an answer"), r#"["Ada","Bob"]"#);
    assert!(room.call("{}").is_err());
}
