//! `/instance`: each message is answered with an id that was made with the handler, so that a test sees whether the
//! object was rebuilt in between.

use crate::{Connection, Handler, random};
use worker::Result;

pub(super) struct Instance {
    id: String,
}

impl Instance {
    pub fn new() -> Self {
        Self { id: random::name() }
    }
}

impl Handler for Instance {
    async fn on_message(&self, connection: &Connection, _: String) -> Result<()> {
        Ok(connection.send(&self.id)?)
    }
}
