//! `/echo`: each message comes back.

use crate::{Connection, Handler};
use worker::Result;

pub(super) struct Echo;

impl Handler for Echo {
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        Ok(connection.send(message)?)
    }
}
