//! `/instance`: each message is answered with an id that was made with the handler, so that a test sees whether the
//! object was rebuilt in between.

use sockjs_edge::{Connection, Handler};
use worker::Result;
use worker::js_sys::Math;

pub(crate) struct Instance {
    id: String,
}

impl Instance {
    pub fn new() -> Self {
        Self { id: ((Math::random() * 1e15) as u64).to_string() }
    }
}

impl Handler for Instance {
    async fn on_message(&self, connection: &Connection, _: String) -> Result<()> {
        Ok(connection.send(&self.id)?)
    }
}
