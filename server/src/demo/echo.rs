//! `/demo/echo`: each message comes back, but `/restart` restarts the object and `/close` has the server close. What the
//! server says by itself starts with `* `.
//!
//! Each session has an object of its own, so a visitor restarts nobody else's session.

use sockjs_edge::{CloseReason, Connection, Handler};
use std::cell::RefCell;
use worker::js_sys::Math;
use worker::{Date, Result};

/// Shortest time between two restarts that one session asks for.
const RESTART_PAUSE_MS: u64 = 2_000;

/// Its fields are new whenever the object is: after a restart, and after its sleep.
pub(crate) struct Echo {
    object: String,
    /// The connections that know the object by its name.
    told: RefCell<Vec<String>>,
}

impl Echo {
    pub fn new() -> Self {
        Self { object: format!("{:08x}", (Math::random() * f64::from(u32::MAX)) as u32), told: RefCell::default() }
    }

    fn introduce(&self, connection: &Connection) -> Result<()> {
        let id = connection.id();
        if !self.told.borrow().iter().any(|told| told == id) {
            self.told.borrow_mut().push(id.to_owned());
            connection.send(format!("* object {}", self.object))?;
        }
        Ok(())
    }
}

impl Handler for Echo {
    async fn on_open(&self, connection: &Connection) -> Result<()> {
        self.introduce(connection)
    }

    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        self.introduce(connection)?;
        match &*message {
            "/close" => Ok(connection.close(3000, "You asked the server to close")?),
            "/restart" => restart(connection),
            text => Ok(connection.send(text)?),
        }
    }

    async fn on_close(&self, connection: &Connection, _: CloseReason) -> Result<()> {
        self.told.borrow_mut().retain(|told| told != connection.id());
        Ok(())
    }
}

/// Restarts the object, unless the session asked for that less than [`RESTART_PAUSE_MS`] ago. The connection's state has the time
/// of the last restart: memory does not survive one.
fn restart(connection: &Connection) -> Result<()> {
    let now = Date::now().as_millis();
    if connection.state::<u64>()?.is_some_and(|last| now.saturating_sub(last) < RESTART_PAUSE_MS) {
        return Ok(connection.send("* not restarted")?);
    }
    connection.set_state(&now)?;
    connection.send("* restarting")?;
    connection.room().restart()
}
