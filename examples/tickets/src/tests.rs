//! Admission, and the claims and state that a connection has afterwards.

use crate::{Lobby, Members, admission};
use serde_json::json;
use sockjs_edge::testing::TestRoom;
use sockjs_edge::{Admission, Config, Millis, Rejection};

const USERS: &str = "ada:analytical engine,bob:builder";

fn lobby() -> TestRoom {
    let config = Config::new("/lobby").first_message_timeout(Millis::from_secs(10));
    TestRoom::new(config, || Lobby { users: USERS.into() })
}

#[test]
fn a_member_is_who_its_token_says() {
    let refused = Admission::Reject(Rejection::new(401, "a token is needed"));
    assert_eq!(admission("a=b&token=analytical%20engine", USERS), Admission::AdmitAs(json!({ "user": "ada" })));
    assert_eq!(admission("token=Builder", USERS), refused);
    assert_eq!(admission("", USERS), refused);
    assert_eq!(admission("token=", ""), refused, "without the secret there are no users");
}

#[test]
fn a_member_speaks_by_its_name() {
    let room = TestRoom::new(Config::new("/members"), || Members);
    let ada = room.client().claims(json!({ "user": "ada" })).connect();
    ada.send("hello");
    assert_eq!(ada.received(), ["ada: hello"]);
}

#[test]
fn in_the_lobby_the_first_message_is_a_token() {
    let room = lobby();
    let bob = room.connect();
    bob.send("builder");
    bob.send("hello");
    room.hibernate();
    bob.send("still here");
    assert_eq!(bob.received(), ["welcome, bob", "bob: hello", "bob: still here"]);
}

#[test]
fn the_lobby_closes_whoever_has_no_token() {
    let room = lobby();
    let (wrong, silent) = (room.connect(), room.connect());
    wrong.send("carpenter");
    assert_eq!(wrong.closed(), Some((4001, "a token is needed".into())));
    room.advance(Millis::from_secs(10));
    assert_eq!(silent.closed(), Some((1008, "No message came in time".into())));
}
