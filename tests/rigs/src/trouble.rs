//! `/trouble`: a text comes back; an order, such as `{"speak":{"round":1,"count":100,"every_ms":5,"size":10}}`, has the
//! application speak on its own or get into trouble. What it does and is told is logged, one line of JSON each.

use serde_json::{Value, json};
use sockjs_edge::{CloseReason, Connection, Handler, Room};
use std::time::Duration;
use worker::{Delay, Error, Result, console_log};

pub(crate) struct Trouble;

impl Handler for Trouble {
    async fn on_start(&self, room: &Room) -> Result<()> {
        let sessions: Vec<_> =
            room.connections().filter_map(|connection| connection.session_id().map(str::to_owned)).collect();
        console_log!("{}", json!({ "trouble": "start", "sessions": sessions }));
        Ok(())
    }

    async fn on_open(&self, connection: &Connection) -> Result<()> {
        log(connection, "open");
        if let Some(kept) = query(connection, "keep") {
            connection.set_state(&json!({ "text": kept }))?;
        }
        Ok(())
    }

    async fn on_return(&self, connection: &Connection) -> Result<()> {
        log(connection, "return");
        Ok(())
    }

    async fn on_returned(&self, _: &Room) -> Result<()> {
        console_log!("{}", json!({ "trouble": "returned" }));
        Ok(())
    }

    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let order: Value = serde_json::from_str(&message).unwrap_or_default();
        let Some((order, with)) = order.as_object().and_then(|orders| orders.iter().next()) else {
            echo(connection, &message);
            return Ok(());
        };
        let (number, text) = (|name| number(with, name), |name| text(with, name));
        match &**order {
            // Sends `count` messages on its own, while other messages are handled: `said ROUND.NUMBER`, filled up to `size`.
            "speak" => {
                let every = Duration::from_millis(number("every_ms"));
                let speech =
                    speak(connection.clone(), number("round"), number("count"), every, number("size") as usize);
                worker::js_sys::futures::spawn_local(speech);
            }
            // Echoes `then` when it has waited inside the handler.
            "sleep" => {
                log(connection, &format!("sleeps: {}", text("then")));
                Delay::from(Duration::from_millis(number("ms"))).await;
                echo(connection, text("then"));
            }
            // Remembers `text` with the connection.
            "keep" => {
                let kept = json!({ "text": text("text"), "close_ms": kept_close_ms(connection)? });
                match connection.set_state(&kept) {
                    Ok(()) => echo(connection, "kept"),
                    Err(error) => echo(connection, &format!("not kept: {error}")),
                }
            }
            // Tells what was kept.
            "recall" => echo(connection, &format!("recalled {}", kept_text(connection)?)),
            // Waits in `on_close`, and not again when it is told again.
            "close_slowly" => {
                connection.set_state(&json!({ "text": kept_text(connection)?, "close_ms": number("ms") }))?;
                echo(connection, "will close slowly");
            }
            // Closes the connection.
            "close" => connection.close(number("code") as u16, text("reason"))?,
            // Returns an error.
            "fail" => return Err(Error::RustError("as ordered".into())),
            "panic" => {
                log(connection, "panics");
                panic_as_ordered();
            }
            _ => echo(connection, &message),
        }
        Ok(())
    }

    async fn on_close(&self, connection: &Connection, reason: CloseReason) -> Result<()> {
        log(connection, &format!("close: {reason:?}"));
        let close_ms = kept_close_ms(connection)?;
        if close_ms > 0 {
            connection.set_state(&json!({ "text": kept_text(connection)?, "close_ms": 0 }))?;
            Delay::from(Duration::from_millis(close_ms)).await;
        }
        log(connection, "closed");
        Ok(())
    }
}

fn number(of: &Value, name: &str) -> u64 {
    of.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn kept(connection: &Connection) -> Result<Value> {
    Ok(connection.state()?.unwrap_or_default())
}

fn kept_text(connection: &Connection) -> Result<String> {
    Ok(text(&kept(connection)?, "text").to_owned())
}

fn kept_close_ms(connection: &Connection) -> Result<u64> {
    Ok(number(&kept(connection)?, "close_ms"))
}

/// Sends a message back, and logs it without the dashes that fill it up: of a busy server, lines of more than 4 KiB come garbled.
fn echo(connection: &Connection, message: &str) {
    log(connection, &format!("heard: {}", message.trim_end_matches('-')));
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

/// A value of the connection's query.
fn query<'a>(connection: &'a Connection, name: &str) -> Option<&'a str> {
    connection.query().split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn log(connection: &Connection, event: &str) {
    let session = connection.session_id().or_else(|| query(connection, "id"));
    console_log!("{}", json!({ "trouble": event, "session": session }));
}
