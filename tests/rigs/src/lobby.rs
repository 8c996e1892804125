//! `/lobby/{room}`, in two shards: what rooms and connections can tell and do. `about` is answered with what is known of the
//! sender, `others ...` goes to everybody else, `alarm` starts alarms that set themselves again while they run, `clear` ends
//! them, and `alarms` says how many are stored. In rooms with `late` in their names the first `on_start` fails; with `never`
//! each does, after a moment, and with `mistyped` each reads a text as a number. Those are logged.

use serde_json::json;
use sockjs_edge::{Connection, Handler, Room};
use std::cell::Cell;
use std::time::Duration;
use worker::{Delay, Error, Result, console_log};

/// An alarm takes longer than it takes the next to be due.
const ALARM: Duration = Duration::from_millis(50);
const TAKES: Duration = Duration::from_millis(300);

#[derive(Default)]
pub(crate) struct Lobby {
    was_started: Cell<bool>,
}

impl Handler for Lobby {
    async fn on_start(&self, room: &Room) -> Result<()> {
        let is_again = self.was_started.replace(true);
        if room.name().contains("never") {
            console_log!("a start that fails");
            Delay::from(Duration::from_millis(10)).await;
            return Err(Error::RustError("each try fails".into()));
        }
        if room.name().contains("mistyped") {
            console_log!("a start that fails");
            let storage = room.storage()?;
            storage.put("k", "text").await?;
            storage.get::<u32>("k").await?;
        }
        if room.name().contains("late") && !is_again {
            return Err(Error::RustError("the first try fails".into()));
        }
        Ok(())
    }

    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let room = connection.room();
        match message.split_once(' ').unwrap_or((&message, "")) {
            ("others", text) => {
                room.broadcast_except(text, connection);
            }
            ("alarm", _) => room.set_alarm(ALARM)?,
            ("clear", _) => room.clear_alarm()?,
            ("about", _) => connection.send(about(connection))?,
            ("alarms", _) => connection.send(alarms(&room)?.to_string())?,
            _ => return Err(Error::RustError("no such order".into())),
        }
        Ok(())
    }

    async fn on_alarm(&self, room: &Room) -> Result<()> {
        room.broadcast("begin");
        room.set_alarm(ALARM)?;
        Delay::from(TAKES).await;
        room.broadcast("end");
        Ok(())
    }
}

/// Number of alarms that are stored, once there was one.
fn alarms(room: &Room) -> Result<usize> {
    let stored = room.storage()?.sql().exec("SELECT 1 FROM sockjs_rooms_1", None)?.raw();
    stored.collect::<Result<Vec<_>>>().map(|rows| rows.len())
}

fn about(connection: &Connection) -> String {
    let room = connection.room();
    json!({
        "parameter": connection.parameter("room"),
        "name": room.name(),
        "present": room.count(),
        "found": room.connection(connection.id()).is_some(),
        "ready_state": connection.ready_state() as u8,
        "buffered_amount": connection.buffered_amount(),
        "remote_address": connection.remote_address(),
    })
    .to_string()
}
