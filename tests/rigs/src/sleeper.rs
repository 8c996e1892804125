//! `/sleeper`: a message such as `250 a` is answered with `begin a`, and 250 ms later with `end a`, so that a test sees whether
//! handlers overlap. `hold a` ends when any connection says `release a`.

use futures::channel::oneshot;
use sockjs_edge::{Connection, Handler};
use std::cell::RefCell;
use std::time::Duration;
use worker::{Delay, Error, Result};

#[derive(Default)]
pub(crate) struct Sleeper {
    held: RefCell<Vec<(String, oneshot::Sender<()>)>>,
}

impl Handler for Sleeper {
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let Some((order, name)) = message.split_once(' ') else {
            return Err(Error::RustError("no such order".into()));
        };
        if order == "release" {
            let mut held = self.held.borrow_mut();
            if let Some(at) = held.iter().position(|(held, _)| held == name) {
                let _ = held.swap_remove(at).1.send(());
            }
            return Ok(());
        }
        connection.send(format!("begin {name}"))?;
        if order == "hold" {
            let (release, released) = oneshot::channel();
            self.held.borrow_mut().push((name.to_owned(), release));
            let _ = released.await;
        } else {
            let millis = order.parse().map_err(|_| Error::RustError("no time to sleep".into()))?;
            Delay::from(Duration::from_millis(millis)).await;
        }
        Ok(connection.send(format!("end {name}"))?)
    }
}
