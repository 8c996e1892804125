//! A broker from its clients' point of view.

use crate::broker::Broker;
use crate::frame::Frame;
use sockjs_edge::testing::{TestClient, TestRoom};
use sockjs_edge::{Config, Millis, Placement};

const BEAT: Millis = Millis::from_secs(20);

fn broker(config: Config) -> TestRoom {
    TestRoom::new(config.placement(Placement::Room), || Broker::started(7, BEAT))
}

fn stomp() -> TestRoom {
    broker(Config::new("/stomp").liveness("stomp"))
}

fn send(client: &TestClient, frame: Frame) {
    client.send(frame.to_string());
}

/// Takes the received frames; a heart-beat is not a frame.
fn frames(client: &TestClient) -> Vec<Frame> {
    client.received().iter().flat_map(|message| Frame::parse_all(message).expect("the broker sends frames")).collect()
}

fn connected(room: &TestRoom, heart_beat: &str) -> TestClient {
    let client = room.connect();
    send(&client, Frame::new("CONNECT").with("accept-version", "1.1,1.2").with("heart-beat", heart_beat));
    let connected = frames(&client);
    assert_eq!(
        (connected.len(), connected[0].command.as_str(), connected[0].header("version")),
        (1, "CONNECTED", Some("1.2"))
    );
    client
}

fn subscribe(client: &TestClient, id: &str, destination: &str) {
    send(client, Frame::new("SUBSCRIBE").with("id", id).with("destination", destination));
}

#[test]
fn a_message_goes_to_whoever_is_subscribed_to_its_destination() {
    let room = stomp();
    let [alice, bob, other] = [(); 3].map(|()| connected(&room, "0,0"));
    subscribe(&bob, "b", "/news");
    subscribe(&other, "o", "/weather");
    let sent = Frame::new("SEND").with("destination", "/news").with("kind", "small").with("receipt", "r1");
    send(&alice, sent.with_body("hello"));
    assert_eq!(frames(&alice), [Frame::new("RECEIPT").with("receipt-id", "r1")]);
    let heard = frames(&bob);
    let header = |name| heard[0].header(name);
    assert_eq!((heard.len(), heard[0].command.as_str(), heard[0].body.as_str()), (1, "MESSAGE", "hello"));
    assert_eq!((header("subscription"), header("kind"), header("receipt")), (Some("b"), Some("small"), None));
    assert_eq!(header("message-id"), Some("7-0"));
    assert_eq!(frames(&other), []);
}

#[test]
fn subscriptions_stay_while_the_object_sleeps() {
    let room = stomp();
    let client = connected(&room, "0,0");
    subscribe(&client, "1", "/news");
    room.hibernate();
    send(&client, Frame::new("SEND").with("destination", "/news").with_body("awake"));
    assert_eq!(frames(&client).len(), 1);
    send(&client, Frame::new("UNSUBSCRIBE").with("id", "1"));
    send(&client, Frame::new("SEND").with("destination", "/news").with_body("to nobody"));
    assert_eq!(frames(&client), []);
}

#[test]
fn the_server_beats_as_often_as_a_client_that_beats() {
    for (wanted, answer) in
        [("0,0", "0,20000"), ("0,10000", "0,20000"), ("10000,0", "20000,20000"), ("30000,0", "30000,20000")]
    {
        let room = stomp();
        let client = room.connect();
        send(&client, Frame::new("CONNECT").with("accept-version", "1.2").with("heart-beat", wanted));
        assert_eq!(frames(&client)[0].header("heart-beat"), Some(answer), "{wanted}");
    }
}

#[test]
fn a_client_whose_heart_stops_is_closed() {
    let room = stomp();
    let (beats, never) = (connected(&room, "20000,0"), connected(&room, "0,0"));
    beats.send("\n");
    room.advance(Millis::from_secs(60));
    beats.send("\n");
    room.advance(Millis::from_secs(80));
    assert!(beats.is_open());
    room.advance(Millis::from_secs(40));
    assert_eq!(beats.closed(), Some((3000, "No response from heartbeat".into())));
    assert!(never.is_open());
}

#[test]
fn an_error_says_what_is_wrong_and_closes() {
    for (wrong, error) in [
        (Frame::new("SEND").with("destination", "/news"), "CONNECT comes first"),
        (Frame::new("CONNECT").with("accept-version", "1.0"), "this server speaks STOMP 1.2"),
    ] {
        let room = stomp();
        let client = room.connect();
        send(&client, wrong);
        let answer = frames(&client);
        assert_eq!((answer[0].command.as_str(), answer[0].body.as_str()), ("ERROR", error));
        assert_eq!(client.closed(), Some((4000, "STOMP error".into())));
    }
}

#[test]
fn a_subscriber_that_does_not_read_is_closed() {
    let room = broker(Config::new("/stomp").queue_limit(10_000).message_limit(5_000));
    let (alice, bob) = (connected(&room, "0,0"), connected(&room, "0,0"));
    subscribe(&bob, "b", "/news");
    bob.stop_reading();
    for _ in 0..30 {
        send(&alice, Frame::new("SEND").with("destination", "/news").with_body("x".repeat(1_000)));
    }
    bob.resume_reading();
    assert_eq!(bob.closed(), Some((4013, "Too slow".into())));
    assert!(alice.is_open());
}
