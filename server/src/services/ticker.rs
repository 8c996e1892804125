//! `/ticker`: every connection hears `tick!` every second.

use sockjs_edge::{Connection, Handler, Millis, Room};
use worker::Result;

const SECOND: Millis = Millis::from_secs(1);

pub(crate) struct Ticker;

impl Handler for Ticker {
    async fn on_open(&self, connection: &Connection) -> Result<()> {
        let room = connection.room();
        // Whoever comes first starts the clock; it stops when nobody is left.
        if room.count() == 1 { room.set_alarm(SECOND) } else { Ok(()) }
    }

    async fn on_message(&self, _: &Connection, _: String) -> Result<()> {
        Ok(())
    }

    async fn on_alarm(&self, room: &Room) -> Result<()> {
        if room.broadcast("tick!") > 0 { room.set_alarm(SECOND) } else { Ok(()) }
    }
}
