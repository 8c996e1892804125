//! The alarm of the application, and all other deadlines.

use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::testing::instance::Instance;
use sockjs_protocol::sockjs::close_code::{CloseCode, STALLED};
use sockjs_protocol::sockjs::session::{CloseReason, Departure};
use sockjs_protocol::time::Millis;
use std::rc::Rc;

/// Time between two checks of WebSockets whose clients do not read.
const LOOK: Millis = Millis::from_secs(1);

impl Instance {
    /// Returns the next moment at which [`Instance::fire`] has something to do.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let alarm = self.alarm.get().filter(|_| !self.is_alarm_running.get());
        let entries = self.entries.borrow();
        let sessions = entries.iter().filter_map(|entry| entry.session.borrow().deadline());
        let sends = entries.iter().filter_map(|entry| entry.pacing.borrow().deadline());
        let stalls = entries.iter().filter_map(|entry| self.next_look(entry));
        sessions.chain(sends).chain(stalls).chain(alarm).chain(self.gate.deadline()).min()
    }

    /// Does everything that is due: first the alarm of the application, then the rest.
    pub(super) fn fire(self: &Rc<Self>) {
        self.is_asked.set(true);
        if !self.is_alarm_running.get() && self.alarm.get().is_some_and(|at| at <= now()) {
            self.alarm.set(None);
            self.is_alarm_running.set(true);
            self.settle();
            self.tasks.spawn("on_alarm", Box::pin(run_alarm(self.clone())));
            self.settle();
        }
        let entries = self.entries.borrow().clone();
        for entry in &entries {
            entry.session.borrow_mut().tick(now());
            self.end_if_stalled(entry);
            self.touch_now(entry);
        }
        self.settle();
    }

    /// Returns the next moment at which a client that does not read may have stalled.
    fn next_look(&self, entry: &Entry) -> Option<Millis> {
        if entry.info.transport.is_websocket() {
            return (entry.unread.get() > 0).then(|| now() + LOOK);
        }
        let since = self.world.client(&entry.info.id)?.unread_since()?;
        Some(since + self.world.config.stall_timeout)
    }

    fn end_if_stalled(&self, entry: &Entry) {
        let timeout = self.world.config.stall_timeout;
        if entry.info.transport.is_websocket() {
            let is_open = entry.session.borrow().is_open();
            if is_open && entry.buffered_on_socket() > 0 && entry.stall.get().is_over(now(), timeout) {
                let code = CloseCode::TryAgainLater.number();
                entry.session.borrow_mut().end(now(), code, STALLED, CloseReason::Stalled);
            }
            return;
        }
        let Some(client) = self.world.client(&entry.info.id) else { return };
        if client.unread_since().is_some_and(|since| since + timeout <= now()) {
            client.abort();
            entry.session.borrow_mut().detach(now(), client.receiver(), Departure::Stalled);
        }
    }
}

async fn run_alarm(instance: Rc<Instance>) {
    let (handler, is_started) = instance.started_handler().await;
    if is_started {
        let ended = handler.on_alarm(instance.room()).await;
        instance.note_error("on_alarm", ended);
    }
    instance.is_alarm_running.set(false);
    if instance.alarm.get().is_none() {
        instance.world.disk.alarm.set(None);
    }
}
