//! The event of the alarm: everyone who is due, or nearly so, is served at once.

use crate::js::clock::now;
use crate::js::runtime::is_node;
use crate::object::Object;
use futures::channel::oneshot;
use futures::future::select;
use sockjs_protocol::time::Millis;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Result};

/// Pause before an alarm that found settings that cannot be served.
const MISCONFIGURED_RETRY: Millis = Millis::from_secs(60);

/// Time that rows may take before the answers that wait for them count as held up.
const HELD_UP: Millis = Millis(100);

/// Time until the alarm that a node sets to learn whether its bucket takes a write.
const AFTER_WAIT: Millis = Millis::from_secs(5);

/// Time for which heartbeats wait for the application's alarm.
const ALARM_FIRST: Duration = Duration::from_millis(50);

/// Pause before another look at an object in which nothing is due but a handler runs.
const LOOK_AGAIN: Millis = Millis::from_secs(60);

impl Object {
    /// The alarm fired: everyone who is due, or nearly so, is served at once.
    pub(crate) async fn on_alarm(self: Rc<Self>) -> Result<()> {
        self.alarm.note_over();
        if self.services.problem().is_some() {
            // Whoever is due is served when the settings are mended.
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
            // A handler still runs: if it is killed it is told again, and what it leaves behind is cleared.
            self.alarm.set_and_wait(&self.state, LOOK_AGAIN).await
        } else {
            Ok(())
        }
    }

    /// Waits for storage if clients are about to count as gone. What an object answers leaves it when its rows are stored: a client whose
    /// answer was held up gets its time anew.
    async fn wait_for_storage(&self) -> Result<()> {
        let asked = now();
        let is_anyone_leaving =
            self.table.borrow().entries().iter().any(|entry| entry.session.borrow().is_leaving(asked));
        if !is_anyone_leaving {
            return Ok(());
        }
        if is_node() {
            // Without a write nothing shows that the bucket is away, which holds up also those who look there for the object.
            self.alarm.set_and_wait(&self.state, AFTER_WAIT).await?;
        }
        self.state.storage().sync().await?;
        let stored = now();
        if stored - asked > HELD_UP {
            for entry in self.table.borrow().entries() {
                entry.session.borrow_mut().was_held_up(stored);
            }
        }
        Ok(())
    }

    /// Tells the application of its alarm. What it broadcasts within a moment goes before heartbeats, in whose place it may be:
    /// of a poll, either is the end. Longer they do not wait for the application, nor does the next alarm of the runtime.
    async fn tell_room_alarm(self: Rc<Self>, service: String) {
        let (done, told) = oneshot::channel();
        let object = self.clone();
        let tell = async move {
            let told = object.on_room_alarm(service).await;
            // Whoever waited may have gone on.
            let _ = done.send(());
            told
        };
        self.run(Box::pin(tell), "room_alarm");
        select(told, Delay::from(ALARM_FIRST)).await;
    }
}
