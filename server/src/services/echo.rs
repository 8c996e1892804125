//! `/echo`: each message comes back.

use sockjs_edge::{Connection, Handler};
use worker::Result;

/// The handler of `/echo`: each message comes back.
pub struct Echo;

impl Handler for Echo {
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        Ok(connection.send(message)?)
    }
}
