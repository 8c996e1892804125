//! `/demo/echo`: each message comes back, but `/restart` restarts the object and `/close` has the server close. What the
//! server says by itself starts with `* `.

use sockjs_edge::{CloseReason, Connection, Handler};
use std::cell::RefCell;
use worker::Result;
use worker::js_sys::Math;

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
            "/restart" => {
                connection.send("* restarting")?;
                connection.room().restart()
            }
            text => Ok(connection.send(text)?),
        }
    }

    async fn on_close(&self, connection: &Connection, _: CloseReason) -> Result<()> {
        self.told.borrow_mut().retain(|told| told != connection.id());
        Ok(())
    }
}
