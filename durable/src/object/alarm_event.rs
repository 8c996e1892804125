//! The alarm event: serves every deadline that is due, or nearly so.

use crate::js::clock::now;
use crate::js::runtime::is_node;
use crate::object::Object;
use futures::channel::oneshot;
use futures::future::select;
use sockjs_protocol::time::Millis;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Result};

/// Pause before the next alarm while the settings are invalid.
const MISCONFIGURED_RETRY: Millis = Millis::from_secs(60);

/// Time that a write may take before the responses that wait for it count as held up.
const HELD_UP: Millis = Millis(100);

/// Time until the alarm that a node sets to test whether its bucket accepts a write.
const AFTER_WAIT: Millis = Millis::from_secs(5);

/// Time for which heartbeats wait for the application's alarm.
const ALARM_FIRST: Duration = Duration::from_millis(50);

/// Pause before the next check of an object in which nothing is due but a handler runs.
const LOOK_AGAIN: Millis = Millis::from_secs(60);

impl Object {
    /// Handles the alarm: serves every deadline that is due, or nearly so.
    pub(crate) async fn on_alarm(self: Rc<Self>) -> Result<()> {
        self.alarm.note_over();
        if self.services.problem().is_some() {
            // Due deadlines are served when the settings are fixed.
            return self.alarm.set_and_wait(&self.state, MISCONFIGURED_RETRY).await;
        }
        self.wake_sessions()?;
        self.forget_senders();
        if let Some(service) = self.room_alarm.take_due() {
            self.clone().tell_room_alarm(service).await;
        }
        self.wait_for_storage().await?;
        self.tick(|session, now| {
            session.tick(now);
            session.beat_early(now);
        });
        if self.is_idle() {
            self.alarm.note_over();
            self.clear_storage().await
        } else if self.running.get() > 0 && self.alarm.is_set_never() {
            // A handler still runs. If it is killed, it runs again at the next alarm, which also clears what it leaves behind.
            self.alarm.set_and_wait(&self.state, LOOK_AGAIN).await
        } else {
            Ok(())
        }
    }

    /// Waits for storage before clients count as gone. A response leaves the object only when its rows are stored, so clients
    /// whose response was held up get their time again.
    async fn wait_for_storage(&self) -> Result<()> {
        let asked = now();
        let is_anyone_leaving =
            self.table.borrow().entries().iter().any(|entry| entry.session.borrow().is_leaving(asked));
        if !is_anyone_leaving {
            return Ok(());
        }
        if is_node() {
            // Only a write shows whether the bucket is unavailable. An unavailable bucket also holds up the nodes that look there
            // for the object.
            self.alarm.set_and_wait(&self.state, AFTER_WAIT).await?;
        }
        self.state.storage().sync().await?;
        let stored = now();
        if stored - asked > HELD_UP {
            let entries = self.table.borrow().entries();
            for entry in entries {
                entry.session.borrow_mut().was_held_up(stored);
            }
        }
        Ok(())
    }

    /// Calls the application's `on_alarm`. Messages that it broadcasts within a moment are sent before heartbeats, and may
    /// replace them: either ends a poll. Heartbeats do not wait longer for the application, and neither does the next alarm of
    /// the runtime.
    async fn tell_room_alarm(self: Rc<Self>, service: String) {
        let (done, told) = oneshot::channel();
        let object = self.clone();
        let tell = async move {
            let told = object.on_room_alarm(service).await;
            // The waiter may have continued.
            let _ = done.send(());
            told
        };
        self.run(Box::pin(tell), "room_alarm");
        select(told, Delay::from(ALARM_FIRST)).await;
    }
}
