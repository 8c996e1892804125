//! The application's alarm for its room.

use crate::js::clock::now;
use crate::object::Object;
use crate::object::handlers::Started;
use crate::observe::log;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use worker::Result;

/// Pause before the retry of an alarm whose handler failed to start.
const START_RETRY: Millis = Millis::from_secs(30);

/// The application's alarm for its room.
#[derive(Default)]
pub(super) struct RoomAlarm {
    /// The service whose application set the alarm, and the time at which it is due.
    due: RefCell<Option<(String, Millis)>>,
    /// True while the application's handler runs.
    is_running: Cell<bool>,
}

impl RoomAlarm {
    /// Replaces the alarm by the stored one.
    pub fn replace(&self, due: Option<(String, Millis)>) {
        self.due.replace(due);
    }

    /// True if an alarm is set.
    pub fn is_set(&self) -> bool {
        self.due.borrow().is_some()
    }

    /// Takes the alarm if it is due, and returns its service.
    pub fn take_due(&self) -> Option<String> {
        if self.is_running.get() {
            return None;
        }
        self.due.borrow_mut().take_if(|(_, at)| *at <= now()).map(|(service, _)| service)
    }

    /// Returns the time at which the object has to be awake for the alarm; `None` while its handler still runs.
    pub fn at(&self) -> Option<Millis> {
        self.due.borrow().as_ref().map(|(_, at)| *at).filter(|_| !self.is_running.get())
    }
}

impl Object {
    /// Sets or clears the application's alarm, in memory and in storage.
    pub(super) fn set_room_alarm(self: &Rc<Self>, service: &str, at: Option<Millis>) -> Result<()> {
        self.store.set_room_alarm(service, at)?;
        self.room_alarm.replace(at.map(|at| (service.to_owned(), at)));
        self.plan_settle();
        Ok(())
    }

    /// Calls `on_alarm` of `service`. The alarm's row is deleted last: if the object is killed in between, `on_alarm` is called
    /// again.
    pub(super) async fn on_room_alarm(self: &Rc<Self>, service: String) -> Result<()> {
        if self.handler(&service).is_none() {
            // A deploy removed the service. Its log level is unknown, so the line has no service.
            log::error(
                "room_alarm",
                None,
                format!("no service has the prefix {service} any more: its alarm was deleted"),
            );
            self.store.set_room_alarm(&service, None)?;
            return if self.is_idle() { self.clear_storage().await } else { Ok(()) };
        }
        self.room_alarm.is_running.set(true);
        self.start_handlers();
        let started = self.started_handler(&service).await.filter(|started| started.is_started);
        if let Some(Started { handler, .. }) = started {
            let room = self.room(service.clone());
            if let Err(error) = self.settling(handler.on_alarm(room)).await {
                log::error("handler", Some(&service), error);
            }
        } else if !self.room_alarm.is_set() {
            self.room_alarm.replace(Some((service.clone(), now() + START_RETRY)));
        }
        self.room_alarm.is_running.set(false);
        if !self.room_alarm.is_set() {
            self.store.set_room_alarm(&service, None)?;
        }
        self.settle();
        if self.is_idle() { self.clear_storage().await } else { Ok(()) }
    }
}
