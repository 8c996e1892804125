//! Handles a client's frames.

use crate::frame::Frame;
use serde::{Deserialize, Serialize};
use sockjs_edge::{Connection, Handler, Millis, Room, SendError};
use std::cell::Cell;
use std::collections::BTreeMap;
use worker::{Date, Env};

/// Time between two beats of a client, in milliseconds, unless the variable `HEART_BEAT` sets another.
const HEART_BEAT: u64 = 20_000;

/// Headers that the server writes itself; all other headers of a SEND are copied to its MESSAGE.
const OWN_HEADERS: [&str; 5] = ["content-length", "message-id", "receipt", "subscription", "transaction"];

/// Close code for a subscriber that reads more slowly than others send.
const TOO_SLOW: u16 = 4013;

pub struct Broker {
    heart_beat: Millis,
    started: u64,
    messages: Cell<u64>,
}

/// Data that is stored with a client's connection after its CONNECT.
#[derive(Default, Serialize, Deserialize)]
struct Client {
    /// Destinations by the ids of the subscriptions.
    subscriptions: BTreeMap<String, String>,
}

impl Handler for Broker {
    async fn on_message(&self, conn: &Connection, message: String) -> worker::Result<()> {
        let frames = match Frame::parse_all(&message) {
            Ok(frames) => frames,
            Err(error) => return refuse(conn, error, None),
        };
        for frame in &frames {
            conn.ready().await?;
            if let Err(error) = self.take(conn, frame) {
                return refuse(conn, &error, receipt(frame));
            }
        }
        Ok(())
    }
}

impl Broker {
    pub fn new(env: &Env) -> Self {
        Self::started(Date::now().as_millis(), heart_beat(env))
    }

    /// Returns a broker that reads nothing from the runtime, for tests.
    pub fn started(at: u64, heart_beat: Millis) -> Self {
        Self { heart_beat, started: at, messages: Cell::default() }
    }

    /// Executes the frame, and confirms it. An error becomes the text of the ERROR frame.
    fn take(&self, conn: &Connection, frame: &Frame) -> Result<(), String> {
        let client: Option<Client> = conn.state().map_err(|error| error.to_string())?;
        match (frame.command.as_str(), client) {
            ("CONNECT" | "STOMP", None) => self.connect(conn, frame)?,
            ("CONNECT" | "STOMP", Some(_)) => return Err("already connected".into()),
            (_, None) => return Err("CONNECT comes first".into()),
            ("SUBSCRIBE", Some(client)) => subscribe(conn, frame, client)?,
            ("UNSUBSCRIBE", Some(mut client)) => {
                client.subscriptions.remove(needed(frame, "id")?);
                keep(conn, &client)?;
            }
            ("SEND", Some(_)) => self.send(&conn.room(), frame)?,
            ("DISCONNECT", Some(_)) => {}
            ("ACK" | "NACK" | "BEGIN" | "COMMIT" | "ABORT", _) => {
                return Err(format!("{} is not supported", frame.command));
            }
            _ => return Err("an unknown command".into()),
        }
        if let Some(id) = receipt(frame) {
            answer(conn, &Frame::new("RECEIPT").with("receipt-id", id))?;
        }
        if frame.command == "DISCONNECT" { conn.close(1000, "").map_err(|error| error.to_string()) } else { Ok(()) }
    }

    fn connect(&self, conn: &Connection, frame: &Frame) -> Result<(), String> {
        if !needed(frame, "accept-version")?.split(',').any(|version| version == "1.2") {
            return Err("this server speaks STOMP 1.2".into());
        }
        let (beats, _) = frame.header("heart-beat").unwrap_or("0,0").split_once(',').ok_or("a bad heart-beat")?;
        let beats: u64 = beats.parse().map_err(|_| "a bad heart-beat")?;
        keep(conn, &Client::default())?;
        // `liveness` answers each beat on a WebSocket without waking the object. So the server beats as often as its client does.
        // Over HTTP there is no answer.
        let answers = beats > 0 && conn.transport().is_websocket();
        let own = if answers { beats.max(self.heart_beat.0) } else { 0 };
        let heart_beat = format!("{own},{}", self.heart_beat.0);
        answer(conn, &Frame::new("CONNECTED").with("version", "1.2").with("heart-beat", heart_beat))
    }

    fn send(&self, room: &Room, sent: &Frame) -> Result<(), String> {
        let destination = needed(sent, "destination")?;
        if sent.header("transaction").is_some() {
            return Err("transactions are not supported".into());
        }
        let number = self.messages.replace(self.messages.get() + 1);
        let mut message = Frame::new("MESSAGE").with("message-id", format!("{}-{number}", self.started));
        let headers = sent.headers.iter().filter(|(name, _)| !OWN_HEADERS.contains(&name.as_str()));
        message.headers.extend(headers.cloned());
        let message = message.with_body(&*sent.body);
        for (conn, client) in room.connections().filter_map(with_client) {
            for (id, _) in client.subscriptions.iter().filter(|(_, to)| *to == destination) {
                let message = message.clone().with("subscription", id).to_string();
                if conn.send(message) == Err(SendError::QueueFull) {
                    // The subscriber would miss a message without noticing.
                    conn.close(TOO_SLOW, "Too slow").map_err(|error| error.to_string())?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the time between two beats of a client.
pub fn heart_beat(env: &Env) -> Millis {
    let set = env.var("HEART_BEAT").ok().and_then(|value| value.to_string().parse().ok());
    Millis(set.filter(|beat| *beat > 0).unwrap_or(HEART_BEAT))
}

fn subscribe(conn: &Connection, frame: &Frame, mut client: Client) -> Result<(), String> {
    let (id, destination) = (needed(frame, "id")?, needed(frame, "destination")?);
    if frame.header("ack").is_some_and(|ack| ack != "auto") {
        return Err("only ack:auto is supported".into());
    }
    if client.subscriptions.insert(id.into(), destination.into()).is_some() {
        return Err(format!("subscription {id} is there already"));
    }
    keep(conn, &client)
}

fn refuse(conn: &Connection, error: &str, receipt: Option<&str>) -> worker::Result<()> {
    let frame = Frame::new("ERROR").with("version", "1.2").with("content-type", "text/plain").with("message", error);
    let frame = receipt.into_iter().fold(frame, |frame, id| frame.with("receipt-id", id));
    conn.send(frame.with_body(error).to_string())?;
    Ok(conn.close(4000, "STOMP error")?)
}

/// Returns a frame's receipt. For a CONNECT, the CONNECTED frame is the receipt.
fn receipt(frame: &Frame) -> Option<&str> {
    frame.header("receipt").filter(|_| !matches!(frame.command.as_str(), "CONNECT" | "STOMP"))
}

/// Returns `None` before the client's CONNECT.
fn with_client(conn: Connection) -> Option<(Connection, Client)> {
    let client = conn.state().ok()??;
    Some((conn, client))
}

fn keep(conn: &Connection, client: &Client) -> Result<(), String> {
    conn.set_state(client).map_err(|error| error.to_string())
}

fn answer(conn: &Connection, frame: &Frame) -> Result<(), String> {
    conn.send(frame.to_string()).map_err(|error| error.to_string())
}

fn needed<'f>(frame: &'f Frame, name: &str) -> Result<&'f str, String> {
    frame.header(name).ok_or_else(|| format!("{} needs the header {name}", frame.command))
}
