//! Reports of an object: their times and their content.
//!
//! 1. An event that changes a counter is reported when it is settled, if the last report was ten seconds ago, or if the last
//!    session ended with it.
//! 2. Otherwise the object's alarm is set to the time of the next report. A timer would keep the object awake until then, which
//!    costs ten times as much as an alarm. Without further events the object hibernates ten seconds after the last one. Therefore
//!    the alarm fires half a second earlier than that, and a timer waits for the rest.
//! 3. Open connections are reported as openings and ends. A WebSocket that is lost with its object has no end. Therefore the
//!    number of open connections is stored with each report that changes it, and an object that wakes with another number reports
//!    the difference. The number is stored only where an alarm wakes the object: not for raw WebSockets, which have no heartbeat;
//!    and, in objects of a single session, not for HTTP, whose sessions are stored themselves.

use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::object::Object;
use crate::object::timers::Timer;
use crate::observe::counters::Counters;
use crate::observe::log;
use crate::observe::report::{REPORT_EVERY, Unsent};
use sockjs_protocol::observe::metrics::{Tally, code_of};
use sockjs_protocol::service::options::{Config, Placement};
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::session::Event;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use worker::Result;

/// Longest wait that uses a timer.
const SOON: Millis = Millis(500);

/// A WebSocket that was lost with its object counts as closed with the code that its client saw.
const LOST: u16 = CloseCode::Abnormal.number();

/// The counters of an object, and its reports.
#[derive(Default)]
pub(super) struct Reports {
    counters: RefCell<Vec<Rc<Counters>>>,
    /// Earliest time of the next report.
    due: Cell<Millis>,
    /// True if a session ended in this event.
    has_ended: Cell<bool>,
    /// Counts that are sent with the next report.
    unsent: Unsent,
}

impl Reports {
    fn has_changed(&self) -> bool {
        self.counters.borrow().iter().any(|counters| counters.has_changed())
    }
}

/// True if the number of connections is stored.
fn is_stored(config: &Config, transport: Transport) -> bool {
    config.metrics
        && transport != Transport::WebSocketRaw
        && (config.placement != Placement::Session || transport.is_websocket())
}

impl Object {
    /// Returns the counters of a service and transport; `None` if counting and logging are off.
    pub(super) fn counters(&self, service: &str, transport: Transport) -> Option<Rc<Counters>> {
        let config = &self.services.find(service)?.config;
        if !config.metrics && !self.services.has_analytics() {
            return None;
        }
        let mut all = self.reports.counters.borrow_mut();
        let known = all.iter().find(|counters| counters.service == service && counters.transport == transport);
        if let Some(known) = known {
            return Some(known.clone());
        }
        let counters = Rc::new(Counters::new(service, transport, is_stored(config, transport)));
        all.push(counters.clone());
        Some(counters)
    }

    /// Counts and logs an event of a session.
    pub(super) fn note(&self, entry: &Entry, event: &Event) {
        match event {
            Event::Opened => {
                if let Some(counters) = &entry.counters {
                    counters.opened(1);
                }
                log::opened(&entry.info);
            }
            Event::Closed(reason) => {
                // After a restart the application may be notified again.
                if entry.counts.replace(false)
                    && let Some(counters) = &entry.counters
                {
                    counters.closed(code_of(reason), 1);
                    self.reports.has_ended.set(true);
                }
                log::closed(&entry.info, reason);
            }
        }
    }

    /// Returns the time at which the alarm has to fire, for changes that are not reported otherwise.
    pub(super) fn report_alarm(&self, now: Millis) -> Option<Millis> {
        let is_left = self.timers.at(Timer::Report).is_none() && self.reports.has_changed();
        is_left.then(|| self.reports.due.get().min(now + (REPORT_EVERY - SOON)))
    }

    /// Reports changes, if a report is due.
    pub(super) fn report_if_due(self: &Rc<Self>) {
        let has_ended = self.reports.has_ended.take();
        if !self.reports.has_changed() {
            return;
        }
        let (now, due) = (now(), self.reports.due.get());
        let is_over = || has_ended && self.table.borrow().open_count() == 0;
        if due <= now || is_over() {
            self.report_now(now);
        } else if due - now <= SOON && self.timers.at(Timer::Report).is_none() {
            self.set_timer(Timer::Report, Some(due));
        }
    }

    fn report_now(self: &Rc<Self>, now: Millis) {
        self.reports.due.set(now + REPORT_EVERY);
        let all = self.reports.counters.borrow().clone();
        let changed: Vec<_> = all.into_iter().filter(|counters| counters.has_changed()).collect();
        let tallies: Vec<Tally> = changed.iter().map(|counters| counters.take()).collect();
        if let Err(error) = changed.iter().try_for_each(|counters| self.store_open(counters)) {
            log::error("storage", None, error);
        }
        let object = self.clone();
        let unsent = self.reports.unsent.clone();
        let report = async move { object.services.report(&object.env, tallies, &unsent).await };
        self.run(Box::pin(report), "metrics");
    }

    /// Stores the number of open connections, if the stored number differs.
    fn store_open(&self, counters: &Counters) -> Result<()> {
        if let Some(open) = counters.open(|counters| self.stored_open(counters))?
            && counters.replace_stored(open)
        {
            self.store.set_open(&counters.service, counters.transport, open)?;
        }
        Ok(())
    }

    fn stored_open(&self, counters: &Counters) -> Result<i64> {
        let rows = self.store.load_open()?;
        let is_its = |row: &&(String, Transport, i64)| row.0 == counters.service && row.1 == counters.transport;
        Ok(rows.iter().find(is_its).map_or(0, |(_, _, open)| *open))
    }

    /// Compares the number of open connections with the stored one after the object woke with all remaining connections. The
    /// difference was lost.
    pub(super) fn compare_open(&self) {
        if self.services.configs().any(|config| config.metrics)
            && let Err(error) = self.report_lost()
        {
            log::error("storage", None, error);
        }
    }

    fn report_lost(&self) -> Result<()> {
        for (service, transport, _) in self.store.load_open()? {
            self.counters(&service, transport);
        }
        let entries = self.table.borrow().entries();
        let all = self.reports.counters.borrow().clone();
        for counters in all {
            let Some(believed) = counters.open(|counters| self.stored_open(counters))? else { continue };
            let is_here = |entry: &&Rc<Entry>| {
                entry.counts.get() && entry.counters.as_ref().is_some_and(|its| Rc::ptr_eq(its, &counters))
            };
            let here = entries.iter().filter(is_here).count() as u64;
            let missing = believed.saturating_sub_unsigned(here);
            match missing {
                ..0 => counters.opened(missing.unsigned_abs()),
                0 => {}
                1.. => {
                    counters.closed(LOST, missing.unsigned_abs());
                    self.reports.has_ended.set(true);
                }
            }
        }
        Ok(())
    }
}
