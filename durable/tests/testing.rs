//! The test kit gives an application what the server would give it.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use futures::channel::oneshot;
use sockjs_durable::testing::{TestClient, TestRoom};
use sockjs_durable::{Connection, Handler, Room, SendError};
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::session::CloseReason;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use std::rc::Rc;
use worker::{Error, Result};

/// Arguments of the callbacks, in the order of their calls.
type Calls = Rc<RefCell<Vec<String>>>;

/// Does what a message says, and writes down what happens.
#[derive(Default)]
struct Puppet {
    calls: Calls,
    go: RefCell<Option<oneshot::Sender<()>>>,
}

impl Puppet {
    fn call(&self, call: impl Into<String>) {
        self.calls.borrow_mut().push(call.into());
    }
}

impl Handler for Puppet {
    async fn on_start(&self, room: &Room) -> Result<()> {
        self.call(format!("start {}", room.count()));
        let fails: Option<bool> = room.storage()?.get("fails").await?;
        if fails == Some(true) { Err(Error::RustError("no".into())) } else { Ok(()) }
    }

    async fn on_open(&self, _: &Connection) -> Result<()> {
        self.call("open");
        Ok(())
    }

    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        self.call(message.clone());
        let (word, rest) = message.split_once(' ').unwrap_or((&message, ""));
        match word {
            "say" => conn.send(rest)?,
            "all" => drop(conn.room().broadcast(rest)),
            "keep" => conn.set_state(&rest)?,
            "kept" => conn.send(conn.state::<String>()?.unwrap_or_default())?,
            "put" => conn.room().storage()?.put("value", rest).await?,
            "got" => conn.send(conn.room().storage()?.get::<String>("value").await?.unwrap_or_default())?,
            "alarm" => conn.room().set_alarm(Millis(rest.parse().unwrap()))?,
            "clear" => conn.room().clear_alarm()?,
            "close" => conn.close(3001, rest)?,
            "fail" => return Err(Error::RustError("as it was told".into())),
            "many" => {
                for number in 0..rest.parse().unwrap() {
                    conn.ready().await?;
                    conn.send(format!("{number} {}", "x".repeat(1_000)))?;
                }
            }
            "wait" => {
                let (go, waiting) = oneshot::channel();
                self.go.replace(Some(go));
                waiting.await.unwrap();
                conn.send("went on")?;
            }
            "go" => self.go.take().unwrap().send(()).unwrap(),
            "stuck" => std::future::pending().await,
            "date" => drop(worker::Date::now()),
            _ => {}
        }
        Ok(())
    }

    async fn on_close(&self, _: &Connection, reason: CloseReason) -> Result<()> {
        self.call(format!("closed {reason:?}"));
        Ok(())
    }

    async fn on_alarm(&self, room: &Room) -> Result<()> {
        self.call("alarm");
        room.broadcast("beep");
        Ok(())
    }
}

/// A room with a puppet, and its calls.
fn room(config: Config) -> (TestRoom, Calls) {
    let calls = Calls::default();
    let copy = calls.clone();
    (TestRoom::new(config, move || Puppet { calls: copy.clone(), ..Puppet::default() }), calls)
}

fn puppet() -> (TestRoom, Calls) {
    room(Config::new("/puppet"))
}

/// A client of each kind of transport.
fn one_of_each(room: &TestRoom) -> [TestClient; 4] {
    [Transport::WebSocket, Transport::WebSocketRaw, Transport::XhrStreaming, Transport::XhrPolling]
        .map(|transport| room.client().transport(transport).connect())
}

fn closed(code: u16, reason: &str) -> Option<(u16, String)> {
    Some((code, reason.to_owned()))
}

#[test]
fn callbacks_come_in_their_order() {
    let (room, calls) = puppet();
    assert_eq!(*calls.borrow(), [""; 0]);
    let alice = room.connect();
    alice.send("say hi");
    alice.leave();
    assert_eq!(alice.received(), ["hi"]);
    assert_eq!(alice.received(), [""; 0], "they were taken");
    let left = r#"closed Client { code: 1005, reason: "" }"#;
    assert_eq!(*calls.borrow(), ["start 1", "open", "say hi", left]);
    assert_eq!((alice.is_open(), alice.closed()), (false, None));
}

#[test]
fn each_transport_carries_messages_and_closes() {
    let (room, _) = puppet();
    for client in one_of_each(&room) {
        for number in 0..3 {
            client.send(format!("say {number}"));
        }
        client.send("close for good");
        assert_eq!(client.received(), ["0", "1", "2"], "{client:?}");
        assert_eq!(client.closed(), closed(3001, "for good"));
    }
    room.advance(Millis::from_secs(100));
    assert_eq!(room.room().count(), 0);
}

#[test]
fn a_broadcast_goes_to_clients_of_all_transports() {
    let (room, _) = puppet();
    let clients = one_of_each(&room);
    clients[0].send("all everyone");
    for client in &clients {
        assert_eq!(client.received(), ["everyone"]);
    }
}

#[test]
fn clients_that_leave_or_vanish_close_as_their_transport_does() {
    for (transport, left, vanished) in [
        (
            Transport::WebSocket,
            r#"closed Client { code: 1005, reason: "" }"#,
            r#"closed Client { code: 1006, reason: "" }"#,
        ),
        (Transport::XhrStreaming, "closed Interrupted", "closed TimedOut"),
        (Transport::XhrPolling, "closed Interrupted", "closed TimedOut"),
    ] {
        let (room, calls) = puppet();
        let [leaving, vanishing] = [(); 2].map(|()| room.client().transport(transport).connect());
        calls.take();
        leaving.leave();
        assert_eq!(calls.take(), [left]);
        vanishing.vanish();
        room.advance(Millis::from_secs(5));
        assert_eq!(calls.take(), [vanished]);
    }
}

#[test]
fn a_connection_knows_what_its_client_came_with() {
    let room = TestRoom::new(Config::new("/chat/{room}"), Puppet::default).at("/chat/lobby");
    let alice = room.client().claims(serde_json::json!({ "user": "alice" })).query("a=b").header("User-Agent", "test");
    let alice = alice.remote_address("192.0.2.1").session_id("s1").transport(Transport::EventSource).connect();
    let conn = alice.connection();
    assert_eq!(
        (conn.prefix(), conn.parameter("room"), &*conn.room().name()),
        ("/chat/{room}", Some("lobby"), "/chat/lobby")
    );
    assert_eq!((conn.claims()["user"].as_str(), conn.query()), (Some("alice"), "a=b"));
    assert_eq!((conn.header("user-agent"), conn.remote_address()), (Some("test"), Some("192.0.2.1")));
    assert_eq!((conn.session_id(), conn.pathname()), (Some("s1"), "/chat/lobby/000/s1/eventsource"));
    assert!(conn.address().unwrap().ends_with("@/chat/lobby//room"));
}

#[test]
fn ready_waits_for_a_client_that_does_not_read() {
    let config = || Config::new("/puppet").queue_limit(64 << 10).message_limit(16 << 10);
    for transport in [Transport::WebSocket, Transport::XhrStreaming, Transport::XhrPolling] {
        let (room, calls) = room(config());
        let (alice, bob) = (room.client().transport(transport).connect(), room.connect());
        alice.stop_reading();
        alice.send("many 200");
        alice.send("say after all");
        assert_eq!(alice.received(), [""; 0]);
        assert!(!calls.borrow().contains(&"say after all".to_owned()));
        bob.send("say hi");
        assert_eq!(bob.received(), ["hi"], "others go on");
        alice.resume_reading();
        let received = alice.received();
        assert_eq!(received.len(), 201, "{transport:?}");
        assert!(received.iter().take(200).enumerate().all(|(at, message)| message.starts_with(&format!("{at} "))));
        assert_eq!(received.last().unwrap(), "after all");
    }
}

#[test]
fn a_queue_becomes_full() {
    let (room, _) = room(Config::new("/puppet").queue_limit(10_000).message_limit(5_000));
    for client in one_of_each(&room) {
        let conn = client.connection();
        client.stop_reading();
        let sent = (0..1_000).map(|_| {
            let sent = conn.send("x".repeat(1_000));
            room.advance(Millis(1)); // which brings it out
            sent
        });
        let is_full = sent.into_iter().any(|sent| sent == Err(SendError::QueueFull));
        assert!(is_full, "{client:?}");
        assert_eq!(conn.send("x".repeat(10_001)), Err(SendError::TooLarge));
        client.resume_reading();
        assert_eq!(conn.send("more"), Ok(()));
        assert_eq!(client.received().last().unwrap(), "more");
    }
}

#[test]
fn a_client_that_takes_nothing_stalls() {
    for (transport, silent) in [(Transport::WebSocket, 70), (Transport::XhrStreaming, 40)] {
        let (room, calls) = puppet();
        let client = room.client().transport(transport).connect();
        client.stop_reading();
        client.send("say something");
        room.advance(Millis::from_secs(29));
        assert!(client.is_open());
        room.advance(Millis::from_secs(silent - 29));
        assert!(!client.is_open());
        assert_eq!(calls.borrow().last().unwrap(), "closed Stalled");
    }
}

#[test]
fn a_member_that_does_not_read_holds_up_its_room_and_is_closed() {
    let (room, calls) = room(Config::new("/puppet").queue_limit(10_000).message_limit(5_000));
    let (alice, bob) = (room.connect(), room.connect());
    bob.stop_reading();
    let broadcast = format!("all {}", "x".repeat(1_000));
    for _ in 0..30 {
        alice.send(&broadcast);
    }
    let handled = alice.received().len();
    assert!((1..30).contains(&handled), "{handled}");
    assert!(bob.is_open());
    room.advance(Millis::from_secs(20));
    assert_eq!(alice.received().len(), 30 - handled, "the room goes on");
    assert!(!bob.is_open());
    assert_eq!(calls.borrow().iter().filter(|call| **call == "closed TooSlow").count(), 1);
    bob.resume_reading();
    assert_eq!(bob.closed(), closed(1013, "Too slow"));
}

#[test]
fn an_alarm_comes_at_its_time() {
    let (room, calls) = puppet();
    let alice = room.connect();
    let began = room.now();
    alice.send("alarm 60000");
    assert_eq!(room.alarm(), Some(Millis(60_000)));
    room.advance(Millis(59_999));
    assert_eq!((alice.received().len(), room.alarm()), (0, Some(Millis(1))));
    room.advance(Millis(1));
    assert_eq!((alice.received(), room.alarm()), (vec!["beep".to_owned()], None));
    assert_eq!(room.now(), began + Millis(60_000));
    alice.send("alarm 1000");
    room.restart();
    room.advance(Millis(1000));
    assert_eq!(calls.borrow().last().unwrap(), "alarm", "it outlives a restart");
    let bob = room.connect();
    bob.send("alarm 1000");
    bob.send("clear");
    room.advance(Millis(1000));
    assert_eq!(bob.received(), [""; 0]);
}

#[test]
fn after_a_restart_http_sessions_go_on_and_websockets_are_gone() {
    let (room, calls) = puppet();
    let websocket = room.connect();
    let others =
        [Transport::XhrStreaming, Transport::XhrPolling].map(|transport| room.client().transport(transport).connect());
    others.iter().for_each(|client| client.send("keep mine"));
    others[0].send("put shared");
    calls.take();
    room.restart();
    assert_eq!(calls.take(), ["start 2"], "nobody hears of the WebSocket");
    assert_eq!(websocket.closed(), closed(1006, ""));
    for client in &others {
        client.send("kept");
        client.send("got");
        assert_eq!(client.received(), ["mine", "shared"]);
    }
}

#[test]
fn what_a_client_has_not_read_outlives_a_restart() {
    for transport in [Transport::XhrStreaming, Transport::XhrPolling] {
        let (room, _) = puppet();
        let client = room.client().transport(transport).connect();
        client.stop_reading();
        for number in 0..100 {
            client.connection().send(format!("{number} {}", "x".repeat(2_000))).unwrap();
        }
        room.advance(Millis(1_000)); // until it is stored
        room.restart();
        room.advance(Millis(1_000)); // in which a response could come back that has read something
        client.resume_reading();
        let received = client.received();
        let numbers = received.iter().map(|message| message.split(' ').next().unwrap().parse::<usize>().unwrap());
        assert!(numbers.eq(0..100), "{transport:?}: {}", received.len());
    }
}

#[test]
fn after_hibernation_all_connections_go_on() {
    let (room, calls) = puppet();
    let clients = one_of_each(&room);
    clients.iter().for_each(|client| client.send("keep mine"));
    calls.take();
    room.hibernate();
    assert_eq!(calls.take(), ["start 4"]);
    for client in &clients {
        client.send("kept");
        assert_eq!(client.received(), ["mine"], "{client:?}");
        client.leave();
    }
    assert_eq!(room.room().count(), 0);
}

#[test]
fn an_error_closes_its_connection_alone() {
    let (room, _) = puppet();
    let (alice, bob) = (room.connect(), room.connect());
    alice.send("fail");
    assert_eq!(alice.closed(), closed(1011, "Handler failed"));
    assert!(bob.is_open());
    assert_eq!(room.errors(), ["on_message: as it was told"]);
    assert_eq!(room.errors(), [""; 0]);
}

#[test]
fn a_start_that_fails_is_tried_again() {
    let (room, calls) = puppet();
    room.run(async { room.room().storage().unwrap().put("fails", true).await.unwrap() });
    let alice = room.connect();
    assert_eq!(alice.closed(), closed(1011, "Handler failed"));
    room.run(async { assert!(room.room().storage().unwrap().delete("fails").await.unwrap()) });
    let bob = room.connect();
    bob.send("say hi");
    assert_eq!(bob.received(), ["hi"]);
    assert!(calls.borrow().len() > 2);
}

#[test]
fn the_limits_of_the_service_hold() {
    let (room, _) =
        room(Config::new("/puppet").message_limit(100).first_message_timeout(Millis::from_secs(10)).message_rate(2));
    let [large, silent, fast] = [(); 3].map(|()| room.connect());
    large.send("x".repeat(101));
    assert_eq!(large.closed(), closed(1009, "Message too large"));
    for _ in 0..30 {
        if fast.closed().is_none() {
            fast.send("say hi");
        }
    }
    assert_eq!(fast.closed(), closed(1008, "Too many messages"));
    room.advance(Millis::from_secs(10));
    assert_eq!(silent.closed(), closed(1008, "No message came in time"));
}

#[test]
fn a_handler_may_wait_for_another_event() {
    let (room, _) = puppet();
    let (alice, bob) = (room.connect(), room.connect());
    alice.send("wait");
    assert_eq!(alice.received(), [""; 0]);
    bob.send("go");
    assert_eq!(alice.received(), ["went on"]);
}

#[test]
#[should_panic = "waits for something that this kit cannot give"]
fn a_handler_that_waits_for_ever_fails_the_test() {
    let (room, _) = puppet();
    room.connect().send("stuck");
}

#[test]
fn a_handler_that_waits_for_its_client_does_not() {
    let (room, _) = room(Config::new("/puppet").queue_limit(10_000).message_limit(5_000));
    let alice = room.connect();
    alice.stop_reading();
    alice.send("many 100");
}

#[test]
#[should_panic = "called something that only the runtime has"]
fn a_handler_that_calls_the_runtime_fails_the_test() {
    let (room, _) = puppet();
    room.connect().send("date");
}

#[test]
#[should_panic = "waits for something that no event so far brings"]
fn a_test_that_waits_for_ever_fails() {
    puppet().0.run(std::future::pending::<()>());
}

#[test]
#[should_panic = "this client was closed with 3001"]
fn a_closed_client_sends_nothing() {
    let (room, _) = puppet();
    let alice = room.connect();
    alice.send("close enough");
    alice.send("say hi");
}

#[test]
fn old_handles_lead_nowhere() {
    let (room, _) = puppet();
    let alice = room.client().transport(Transport::XhrStreaming).connect();
    let (handle, old) = (room.room(), alice.connection());
    room.restart();
    assert_eq!((handle.count(), old.send("hi")), (0, Err(SendError::Closed)));
    assert_eq!(alice.connection().send("hi"), Ok(()));
}
