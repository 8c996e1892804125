//! One object of the quiz: in the kit a room has a single object.

use crate::{LOOK, LOOKS, Quiz};
use serde_json::{Value, json};
use sockjs_edge::testing::{TestClient, TestRoom};
use sockjs_edge::{CallError, Config, Placement};

fn quiz() -> TestRoom {
    TestRoom::new(Config::new("/quiz").placement(Placement::Room), || Quiz)
}

fn last(client: &TestClient) -> Value {
    client.received_json().pop().expect("a message")
}

fn ask(room: &TestRoom) {
    let call = json!({ "ask": { "text": "Yes?", "answers": ["yes", "no"] } });
    room.call(call.to_string()).expect("an answer");
}

#[test]
fn answers_are_counted_each_second_and_each_player_once() {
    let room = quiz();
    let players: Vec<_> = (0..3).map(|_| room.connect()).collect();
    ask(&room);
    let question = last(&players[0]);
    assert_eq!((&question["text"], &question["open"]), (&json!("Yes?"), &json!(true)));
    for (player, answer) in players.iter().zip([0, 1, 0]) {
        player.send_json(&json!({ "question": 1, "answer": answer }));
    }
    players[2].send_json(&json!({ "question": 1, "answer": 1 }));
    room.advance(LOOK);
    assert_eq!(last(&players[1])["counts"], json!([1, 2]));
}

#[test]
fn a_question_closes_and_the_next_one_has_another_number() {
    let room = quiz();
    let player = room.connect();
    ask(&room);
    room.advance(LOOK * LOOKS);
    assert_eq!(last(&player)["open"], json!(false));
    assert_eq!(room.alarm(), None);
    room.call(r#""next""#).expect("an answer");
    assert_eq!(last(&player)["question"], json!(2));
}

#[test]
fn a_question_without_a_choice_is_rejected() {
    let room = quiz();
    let call = json!({ "ask": { "text": "?", "answers": ["one"] } });
    assert!(matches!(room.call(call.to_string()), Err(CallError::Rejected(_))));
}
