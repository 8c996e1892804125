//! `/broadcast`: each message goes to every connection, its sender included.

use sockjs_edge::{Connection, Handler};
use worker::Result;

pub(crate) struct Broadcast;

impl Handler for Broadcast {
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        connection.room().broadcast(message);
        Ok(())
    }
}
