//! `/flood`: a message such as `{"bytes":104857600,"size":1024}` is answered with that many bytes, in messages of that
//! size, however slowly the client reads: a message that is refused counts as offered. With `"waits":true` it awaits
//! `ready` before each message, as an application does.
//!
//! Accepted messages are numbered without gaps, so that a test sees what was lost or doubled. When all is offered, one line of
//! the log tells what became of it, and another one, as of `/witness`, of the end of the connection.

use super::witness::log_close;
use serde_json::Value;
use sockjs_edge::{CloseReason, Config, Connection, Handler, SendError};
use std::time::Duration;
use worker::{Delay, Error, Result, console_log};

/// Messages offered without waiting in between: 64 KiB of the usual ones. A flood that never waits would fill the queue
/// before the first of it can leave.
const AT_ONCE: u64 = 64;

pub(crate) struct Flood;

/// `config` with responses as long as a flood, so that one that nobody reads stays the only one.
pub(crate) fn endless(config: Config) -> Config {
    config.response_limit(1 << 30)
}

impl Handler for Flood {
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let order: Value = serde_json::from_str(&message)?;
        let number = |name| order.get(name).and_then(Value::as_u64).ok_or_else(|| Error::RustError("no order".into()));
        let (bytes, size) = (number("bytes")?, number("size")?);
        let (mut accepted, mut refused) = (0_u64, 0_u64);
        let waits = order.get("waits").is_some();
        for offered in 0..bytes.div_ceil(size.max(1)) {
            if waits {
                connection.ready().await?;
            }
            match connection.send(numbered(accepted, size as usize)) {
                Ok(()) => accepted += 1,
                Err(SendError::QueueFull) => refused += 1,
                Err(error) => return Err(error.into()),
            }
            if !waits && offered % AT_ONCE == AT_ONCE - 1 {
                Delay::from(Duration::ZERO).await;
            }
        }
        let connection = connection.id();
        console_log!(r#"{{"flood":{{"connection":"{connection}","accepted":{accepted},"refused":{refused}}}}}"#);
        Ok(())
    }

    async fn on_close(&self, connection: &Connection, reason: CloseReason) -> Result<()> {
        log_close(connection, &reason);
        Ok(())
    }
}

/// `number` and a filling. Not by a width in `format!`, which panics beyond 65,535.
fn numbered(number: u64, size: usize) -> String {
    let mut message = number.to_string();
    message.push_str(&"-".repeat(size.saturating_sub(message.len())));
    message
}
