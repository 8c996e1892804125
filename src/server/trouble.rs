//! `/trouble`: a text comes back; an order, such as `{"speak":{"round":1,"count":100,"every_ms":5,"size":10}}`, has the
//! application speak on its own or get into trouble. What it does and is told is logged, one line of JSON each.

use crate::{CloseReason, Connection, Handler, Room};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use worker::{Delay, Error, Result, console_log};

pub(super) struct Trouble;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// Sends `count` messages on its own, while other messages are handled: `said ROUND.NUMBER`, filled up to `size`.
    Speak {
        round: u64,
        count: u64,
        every_ms: u64,
        size: usize,
    },
    /// Echoes `then` when it has waited inside the handler.
    Sleep {
        ms: u64,
        then: String,
    },
    /// Remembers `text` with the connection.
    Keep {
        text: String,
    },
    /// Tells what was kept.
    Recall {},
    /// Waits in `on_close`, and not again when it is told again.
    CloseSlowly {
        ms: u64,
    },
    /// Returns an error.
    Fail {},
    Panic {},
}

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    text: String,
    close_ms: u64,
}

impl Handler for Trouble {
    async fn on_start(&self, room: &Room) -> Result<()> {
        let sessions: Vec<_> =
            room.connections().iter().filter_map(|connection| connection.session_id().map(str::to_owned)).collect();
        console_log!("{}", json!({ "trouble": "start", "sessions": sessions }));
        Ok(())
    }

    async fn on_open(&self, connection: &Connection) -> Result<()> {
        log(connection, "open");
        Ok(())
    }

    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let kept = || Ok::<_, Error>(connection.state::<Kept>()?.unwrap_or_default());
        match serde_json::from_str(&message) {
            Err(_) => echo(connection, &message),
            Ok(Order::Speak { round, count, every_ms, size }) => {
                let speech = speak(connection.clone(), round, count, Duration::from_millis(every_ms), size);
                js_sys::futures::spawn_local(speech);
            }
            Ok(Order::Sleep { ms, then }) => {
                log(connection, &format!("sleeps: {then}"));
                Delay::from(Duration::from_millis(ms)).await;
                echo(connection, &then);
            }
            Ok(Order::Keep { text }) => {
                let kept = kept()?;
                match connection.set_state(&Kept { text, ..kept }) {
                    Ok(()) => echo(connection, "kept"),
                    Err(error) => echo(connection, &format!("not kept: {error}")),
                }
            }
            Ok(Order::Recall {}) => echo(connection, &format!("recalled {}", kept()?.text)),
            Ok(Order::CloseSlowly { ms }) => {
                connection.set_state(&Kept { close_ms: ms, ..kept()? })?;
                echo(connection, "will close slowly");
            }
            Ok(Order::Fail {}) => return Err(Error::RustError("as ordered".into())),
            Ok(Order::Panic {}) => {
                log(connection, "panics");
                panic_as_ordered();
            }
        }
        Ok(())
    }

    async fn on_close(&self, connection: &Connection, reason: CloseReason) -> Result<()> {
        log(connection, &format!("close: {reason:?}"));
        let Kept { text, close_ms } = connection.state()?.unwrap_or_default();
        if close_ms > 0 {
            connection.set_state(&Kept { text, close_ms: 0 })?;
            Delay::from(Duration::from_millis(close_ms)).await;
        }
        log(connection, "closed");
        Ok(())
    }
}

fn echo(connection: &Connection, message: &str) {
    log(connection, &format!("heard: {message}"));
    if let Err(error) = connection.send(message) {
        log(connection, &format!("refused: {error}"));
    }
}

async fn speak(connection: Connection, round: u64, count: u64, every: Duration, size: usize) {
    for number in 0..count {
        let mut message = format!("said {round}.{number}");
        let sent = connection.send(message.clone() + &"-".repeat(size.saturating_sub(message.len())));
        if let Err(error) = &sent {
            message = format!("refused: {error}: {message}");
        }
        // What a handler does leaves the object when it is on disk, but for the log: so that comes after a wait.
        Delay::from(every).await;
        log(&connection, &message);
    }
}

#[allow(clippy::panic, reason = "that is the trouble")]
fn panic_as_ordered() {
    panic!("as ordered");
}

fn log(connection: &Connection, event: &str) {
    console_log!("{}", json!({ "trouble": event, "session": connection.session_id() }));
}
