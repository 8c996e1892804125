//! `/close`: the server closes each connection as soon as it is open.

use sockjs_edge::{Connection, Handler};
use worker::Result;

pub(crate) struct Close;

impl Handler for Close {
    async fn on_open(&self, connection: &Connection) -> Result<()> {
        Ok(connection.close(3000, "Go away!")?)
    }

    async fn on_message(&self, _: &Connection, _: String) -> Result<()> {
        Ok(())
    }
}
