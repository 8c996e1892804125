//! `/demo/visitors`: one room for all open pages. It sends each of them the number of pages that are connected.

use sockjs_edge::{CloseReason, Connection, Handler, Room};
use worker::Result;

pub(crate) struct Visitors;

impl Handler for Visitors {
    async fn on_open(&self, connection: &Connection) -> Result<()> {
        broadcast_count(&connection.room());
        Ok(())
    }

    /// Ignores messages: the page only answers heartbeats.
    async fn on_message(&self, _: &Connection, _: String) -> Result<()> {
        Ok(())
    }

    async fn on_close(&self, connection: &Connection, _: CloseReason) -> Result<()> {
        broadcast_count(&connection.room());
        Ok(())
    }

    async fn on_returned(&self, room: &Room) -> Result<()> {
        broadcast_count(room);
        Ok(())
    }
}

fn broadcast_count(room: &Room) {
    room.broadcast(room.count().to_string());
}
