//! What the server does with a client's frames.

use crate::frame::Frame;
use serde::{Deserialize, Serialize};
use sockjs_edge::{Connection, Handler, Millis, Room};
use std::cell::Cell;
use std::collections::BTreeMap;
use worker::{Date, Env, Result};

/// How often the server beats, unless the variable `HEART_BEAT` says otherwise, in milliseconds.
const HEART_BEAT: Millis = Millis::from_secs(20);

/// Headers that the server writes itself; all others of a SEND come along with its MESSAGE.
const OWN_HEADERS: [&str; 5] = ["content-length", "message-id", "receipt", "subscription", "transaction"];

pub struct Broker {
    heart_beat: Millis,
    started: u64,
    messages: Cell<u64>,
}

/// What is remembered of a client while the object sleeps.
#[derive(Default, Serialize, Deserialize)]
struct Client {
    /// By their ids.
    subscriptions: BTreeMap<String, String>,
    wants_heart_beats: bool,
}

/// What an ERROR frame says; the connection is closed after it.
type Refusal = String;

impl Handler for Broker {
    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        let frames = Frame::parse_all(&message).map_err(|error| (error.to_owned(), None));
        let done = frames.and_then(|frames| frames.iter().try_for_each(|frame| self.take(conn, frame)));
        if let Err((refusal, receipt)) = done {
            let error = Frame::new("ERROR").with("version", "1.2").with("content-type", "text/plain");
            let error = receipt.into_iter().fold(error, |error, id| error.with("receipt-id", id));
            conn.send(error.with("message", &refusal).with_body(refusal).to_string())?;
            conn.close(4000, "STOMP error")?;
        }
        Ok(())
    }

    async fn on_alarm(&self, room: &Room) -> Result<()> {
        let clients = beaten(room);
        for client in &clients {
            let _ = client.send("\n"); // one whose queue is full has something to read
        }
        if clients.is_empty() { Ok(()) } else { room.set_alarm(self.heart_beat) }
    }
}

impl Broker {
    pub fn new(env: &Env) -> Self {
        let heart_beat = env.var("HEART_BEAT").ok().and_then(|value| value.to_string().parse().ok());
        Self {
            heart_beat: heart_beat.map_or(HEART_BEAT, Millis),
            started: Date::now().as_millis(),
            messages: Cell::default(),
        }
    }

    /// Does what the frame asks, and answers its receipt.
    fn take(&self, conn: &Connection, frame: &Frame) -> std::result::Result<(), (Refusal, Option<String>)> {
        let receipt = frame.header("receipt").filter(|_| !matches!(frame.command.as_str(), "CONNECT" | "STOMP"));
        let done = self.carry_out(conn, frame).and_then(|()| match receipt {
            Some(id) => send(conn, &Frame::new("RECEIPT").with("receipt-id", id)),
            None => Ok(()),
        });
        done.map_err(|refusal| (refusal, receipt.map(str::to_owned)))?;
        if frame.command == "DISCONNECT" {
            let _ = conn.close(1000, "");
        }
        Ok(())
    }

    fn carry_out(&self, conn: &Connection, frame: &Frame) -> std::result::Result<(), Refusal> {
        let client: Option<Client> = conn.state().map_err(|error| error.to_string())?;
        match (frame.command.as_str(), client) {
            ("CONNECT" | "STOMP", None) => self.connect(conn, frame),
            ("CONNECT" | "STOMP", Some(_)) => Err("already connected".into()),
            (_, None) => Err("CONNECT comes first".into()),
            ("SUBSCRIBE", Some(client)) => subscribe(conn, frame, client),
            ("UNSUBSCRIBE", Some(mut client)) => {
                client.subscriptions.remove(needed(frame, "id")?);
                keep(conn, &client)
            }
            ("SEND", Some(_)) => self.send(&conn.room(), frame),
            ("DISCONNECT", Some(_)) => Ok(()),
            ("ACK" | "NACK" | "BEGIN" | "COMMIT" | "ABORT", _) => Err(format!("{} is not supported", frame.command)),
            _ => Err("an unknown command".into()),
        }
    }

    fn connect(&self, conn: &Connection, frame: &Frame) -> std::result::Result<(), Refusal> {
        if !needed(frame, "accept-version")?.split(',').any(|version| version == "1.2") {
            return Err("this server speaks STOMP 1.2".into());
        }
        let (_, wanted) = frame.header("heart-beat").unwrap_or("0,0").split_once(',').ok_or("a bad heart-beat")?;
        let wanted: u64 = wanted.parse().map_err(|_| "a bad heart-beat")?;
        // One beat for all, and it runs already if somebody wanted it before.
        if wanted > 0 && beaten(&conn.room()).is_empty() {
            conn.room().set_alarm(self.heart_beat).map_err(|error| error.to_string())?;
        }
        keep(conn, &Client { wants_heart_beats: wanted > 0, ..Client::default() })?;
        // The server wants no beats: a client that left is known without them, and each would wake the object.
        let beats = format!("{},0", self.heart_beat.0);
        send(conn, &Frame::new("CONNECTED").with("version", "1.2").with("heart-beat", beats))
    }

    fn send(&self, room: &Room, sent: &Frame) -> std::result::Result<(), Refusal> {
        let destination = needed(sent, "destination")?;
        if sent.header("transaction").is_some() {
            return Err("transactions are not supported".into());
        }
        let number = self.messages.replace(self.messages.get() + 1);
        let mut message = Frame::new("MESSAGE").with("message-id", format!("{}-{number}", self.started));
        let headers = sent.headers.iter().filter(|(name, _)| !OWN_HEADERS.contains(&name.as_str()));
        message.headers.extend(headers.cloned());
        let message = message.with_body(&*sent.body);
        for (conn, client) in room.connections().into_iter().filter_map(client_of) {
            for (id, _) in client.subscriptions.iter().filter(|(_, to)| *to == destination) {
                let _ = conn.send(message.clone().with("subscription", id).to_string()); // a slow one misses it
            }
        }
        Ok(())
    }
}

fn subscribe(conn: &Connection, frame: &Frame, mut client: Client) -> std::result::Result<(), Refusal> {
    let (id, destination) = (needed(frame, "id")?, needed(frame, "destination")?);
    if frame.header("ack").is_some_and(|ack| ack != "auto") {
        return Err("only ack:auto is supported".into());
    }
    if client.subscriptions.insert(id.into(), destination.into()).is_some() {
        return Err(format!("subscription {id} is there already"));
    }
    keep(conn, &client)
}

/// Those that want heart-beats.
fn beaten(room: &Room) -> Vec<Connection> {
    let clients = room.connections().into_iter().filter_map(client_of);
    clients.filter(|(_, client)| client.wants_heart_beats).map(|(conn, _)| conn).collect()
}

fn client_of(conn: Connection) -> Option<(Connection, Client)> {
    let client = conn.state().ok()??;
    Some((conn, client))
}

fn keep(conn: &Connection, client: &Client) -> std::result::Result<(), Refusal> {
    conn.set_state(client).map_err(|error| error.to_string())
}

fn send(conn: &Connection, frame: &Frame) -> std::result::Result<(), Refusal> {
    conn.send(frame.to_string()).map_err(|error| error.to_string())
}

fn needed<'f>(frame: &'f Frame, name: &str) -> std::result::Result<&'f str, Refusal> {
    frame.header(name).ok_or_else(|| format!("{} needs the header {name}", frame.command))
}
