//! `/sleeper`: a message such as `250 a` is answered with `begin a`, and 250 ms later with `end a`, so that a test sees whether
//! handlers overlap.

use crate::{Connection, Handler};
use std::time::Duration;
use worker::{Delay, Error, Result};

pub(super) struct Sleeper;

impl Handler for Sleeper {
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let order = message.split_once(' ').and_then(|(millis, name)| Some((millis.parse().ok()?, name)));
        let Some((millis, name)) = order else { return Err(Error::RustError("no time to sleep".into())) };
        connection.send(format!("begin {name}"))?;
        Delay::from(Duration::from_millis(millis)).await;
        Ok(connection.send(format!("end {name}"))?)
    }
}
