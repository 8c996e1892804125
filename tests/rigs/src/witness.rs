//! `/witness`: each message comes back, and what the application is told of a connection's life is logged, one line of
//! JSON each, so that a test learns of it without asking: a request would change what it asks about.

use serde_json::json;
use sockjs_edge::{CloseReason, Connection, Handler};
use worker::{Result, console_log};

pub(crate) struct Witness;

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
        log_close(connection, &reason);
        Ok(())
    }
}

/// Logs that the application was told of the end of a connection. A raw WebSocket has its query in place of the session id.
pub(crate) fn log_close(connection: &Connection, reason: &CloseReason) {
    let session = connection.session_id().unwrap_or_else(|| connection.query());
    console_log!("{}", json!({ "witness": format!("close: {reason:?}"), "session": session }));
}
