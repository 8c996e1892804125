//! `/witness`: each message comes back, and what the application is told of a connection's life is logged, one line of
//! JSON each, so that a test learns of it without asking: a request would change what it asks about.

use crate::{CloseReason, Connection, Handler};
use serde_json::json;
use worker::{Result, console_log};

pub(super) struct Witness;

impl Handler for Witness {
    async fn on_open(&self, connection: &Connection) -> Result<()> {
        // What a browser sends for a page that the application does not know should not be there.
        let headers = ["Referer", "Cookie", "Authorization"].map(|name| connection.header(name));
        console_log!("{}", json!({ "witness": "open", "session": connection.session_id(), "headers": headers }));
        Ok(())
    }

    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        Ok(connection.send(message)?)
    }

    async fn on_close(&self, connection: &Connection, reason: CloseReason) -> Result<()> {
        console_log!("{}", json!({ "witness": format!("close: {reason:?}"), "session": connection.session_id() }));
        Ok(())
    }
}
