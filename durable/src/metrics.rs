//! What an object counts, and when it reports that.
//!
//! 1. An event that changes something is reported when it is settled, if the last report was ten seconds ago, or if with it
//!    the last session ended.
//! 2. Otherwise the object's alarm is set to that moment: a timer would keep the object awake until then, which is billed at
//!    ten times the price of an alarm. Should nothing more happen, the object sleeps ten seconds after its last event, so the
//!    alarm comes half a second earlier than that, and a timer waits for the rest.
//! 3. What is open is reported as openings and ends. A WebSocket that is lost with its object has no end, so the number that
//!    is open is stored with each report that changes it, and an object that wakes up with another number reports the rest.
//!    It is stored only where an alarm wakes the object: not for raw WebSockets, which have no heartbeat; and of objects
//!    with a session of their own not for HTTP, whose sessions are stored themselves.

use crate::connection::Entry;
use crate::log;
use crate::object::Object;
use crate::report::{REPORT_EVERY, Unsent, report};
use crate::runtime::now;
use sockjs_protocol::observe::log::Line;
use sockjs_protocol::observe::metrics::{Counts, Tally, closed_by, code_of};
use sockjs_protocol::service::options::{Config, LogLevel, Placement};
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::session::{CloseReason, Event};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Result};

/// What a timer may wait for.
const SOON: Millis = Millis(500);

/// A WebSocket that was lost with its object counts as closed with what its client saw.
const LOST: u16 = CloseCode::Abnormal.number();

/// What is counted of one service and transport.
pub(crate) struct Counted {
    service: String,
    transport: Transport,
    /// Since the last report.
    counts: RefCell<Counts>,
    /// How many more were opened than ended since the object came into memory.
    change: Cell<i64>,
    /// What storage says of how many are open, if it is asked.
    stored: Option<Stored>,
}

/// How many are open, in storage.
#[derive(Default)]
struct Stored {
    /// When the object came into memory; none as long as nobody looked.
    before: Cell<Option<i64>>,
    now: Cell<i64>,
}

impl Counted {
    fn has_changed(&self) -> bool {
        *self.counts.borrow() != Counts::default()
    }

    fn opened(&self, count: u64) {
        self.counts.borrow_mut().opened += count;
        self.change.set(self.change.get().saturating_add_unsigned(count));
    }

    fn closed(&self, code: u16, count: u64) {
        self.counts.borrow_mut().close(code, count);
        self.change.set(self.change.get().saturating_sub_unsigned(count));
    }

    /// The application sent a message, and this much waits for the client now.
    pub fn sent(&self, bytes: usize, waiting: usize) {
        let mut counts = self.counts.borrow_mut();
        counts.sent.add(bytes);
        counts.queue_high_water = counts.queue_high_water.max(waiting as u64);
    }

    /// The handler got a message of so many bytes.
    pub fn received(&self, bytes: usize) {
        self.counts.borrow_mut().received.add(bytes);
    }
}

/// What an object counts.
#[derive(Default)]
pub(crate) struct Metrics {
    counted: RefCell<Vec<Rc<Counted>>>,
    /// When the next report may go.
    due: Cell<Millis>,
    /// Whether a session ended in this event.
    ended: Cell<bool>,
    /// What goes with the next report.
    unsent: Unsent,
    /// Whether a timer waits for a report's moment.
    is_waiting: Cell<bool>,
}

impl Metrics {
    fn has_changed(&self) -> bool {
        self.counted.borrow().iter().any(|counted| counted.has_changed())
    }

    /// When the alarm has to fire, for what is not reported otherwise.
    pub fn alarm(&self, now: Millis) -> Option<Millis> {
        let is_left = !self.is_waiting.get() && self.has_changed();
        is_left.then(|| self.due.get().min(now + (REPORT_EVERY - SOON)))
    }
}

/// Whether the number of connections is stored.
fn is_stored(config: &Config, transport: Transport) -> bool {
    config.metrics
        && transport != Transport::WebSocketRaw
        && (config.placement != Placement::Session || transport.is_websocket())
}

impl Object {
    /// Where a connection is counted; nowhere if nobody wants to know.
    pub(crate) fn counted(&self, service: &str, transport: Transport) -> Option<Rc<Counted>> {
        let config = &self.services.find(service)?.config;
        if !config.metrics && !self.services.has_analytics() {
            return None;
        }
        let mut all = self.metrics.counted.borrow_mut();
        let known = all.iter().find(|counted| counted.service == service && counted.transport == transport);
        if let Some(known) = known {
            return Some(known.clone());
        }
        let counted = Rc::new(Counted {
            service: service.to_owned(),
            transport,
            counts: RefCell::default(),
            change: Cell::new(0),
            stored: is_stored(config, transport).then(Stored::default),
        });
        all.push(counted.clone());
        Some(counted)
    }

    /// Counts and logs what the application is told.
    pub(crate) fn note(&self, entry: &Entry, event: &Event) {
        match event {
            Event::Opened => {
                if let Some(counted) = &entry.counted {
                    counted.opened(1);
                }
                log_of(entry, "opened", None);
            }
            Event::Closed(reason) => {
                // After a restart the application may be told again.
                if entry.counts.replace(false)
                    && let Some(counted) = &entry.counted
                {
                    counted.closed(code_of(reason), 1);
                    self.metrics.ended.set(true);
                }
                log_of(entry, "closed", Some(reason));
            }
        }
    }

    /// Reports what changed, if it is time.
    pub(crate) fn report(self: &Rc<Self>) {
        let ended = self.metrics.ended.take();
        if !self.metrics.has_changed() {
            return;
        }
        let (now, due) = (now(), self.metrics.due.get());
        let is_over = || ended && self.table.borrow().open_count() == 0;
        if due <= now || is_over() {
            self.report_now(now);
        } else if due - now <= SOON && !self.metrics.is_waiting.replace(true) {
            let object = self.clone();
            let wait = async move {
                Delay::from(Duration::from_millis((due - now).0)).await;
                object.metrics.is_waiting.set(false);
                object.settle();
                Ok(())
            };
            self.run(wait, "metrics");
        }
    }

    fn report_now(self: &Rc<Self>, now: Millis) {
        self.metrics.due.set(now + REPORT_EVERY);
        let all = self.metrics.counted.borrow().clone();
        let changed: Vec<_> = all.into_iter().filter(|counted| counted.has_changed()).collect();
        let tallies: Vec<Tally> = changed.iter().map(|counted| tally(counted)).collect();
        if let Err(error) = changed.iter().try_for_each(|counted| self.store_open(counted)) {
            log::error("storage", None, error);
        }
        let object = self.clone();
        let unsent = self.metrics.unsent.clone();
        let report = async move { report(&object.env, &object.services, tallies, &unsent).await };
        self.run(report, "metrics");
    }

    /// Writes how many are open, if that is another number than the one that is stored.
    fn store_open(&self, counted: &Counted) -> Result<()> {
        let Some(stored) = &counted.stored else { return Ok(()) };
        let open = self.open_before(counted, stored)?.saturating_add(counted.change.get());
        if stored.now.replace(open) != open {
            self.store.set_open(&counted.service, counted.transport, open)?;
        }
        Ok(())
    }

    fn open_before(&self, counted: &Counted, stored: &Stored) -> Result<i64> {
        if let Some(before) = stored.before.get() {
            return Ok(before);
        }
        let rows = self.store.load_open()?;
        let row = rows
            .iter()
            .find(|(service, transport, _)| *service == counted.service && transport == counted.transport.name());
        let before = row.map_or(0, |(_, _, open)| *open);
        stored.before.set(Some(before));
        stored.now.set(before);
        Ok(before)
    }

    /// The object came into memory with everything that is left: what storage believes to be open and is not, was lost.
    pub(crate) fn compare_open(&self) {
        if self.services.configs().any(|config| config.metrics)
            && let Err(error) = self.report_lost()
        {
            log::error("storage", None, error);
        }
    }

    fn report_lost(&self) -> Result<()> {
        for (service, transport, _) in self.store.load_open()? {
            if let Some(transport) = Transport::ALL.into_iter().find(|known| known.name() == transport) {
                self.counted(&service, transport);
            }
        }
        let entries = self.table.borrow().entries();
        let all = self.metrics.counted.borrow().clone();
        for counted in all {
            let Some(stored) = &counted.stored else { continue };
            let believed = self.open_before(&counted, stored)?.saturating_add(counted.change.get());
            let is_here = |entry: &&Rc<Entry>| {
                entry.counts.get() && entry.counted.as_ref().is_some_and(|its| Rc::ptr_eq(its, &counted))
            };
            let here = entries.iter().filter(is_here).count() as u64;
            let missing = believed.saturating_sub_unsigned(here);
            match missing {
                ..0 => counted.opened(missing.unsigned_abs()),
                0 => {}
                1.. => {
                    counted.closed(LOST, missing.unsigned_abs());
                    self.metrics.ended.set(true);
                }
            }
        }
        Ok(())
    }
}

/// Takes what was counted since the last report.
fn tally(counted: &Counted) -> Tally {
    let counts = counted.counts.take();
    Tally { service: counted.service.clone(), transport: Some(counted.transport), counts }
}

fn log_of(entry: &Entry, event: &str, closed: Option<&CloseReason>) {
    let info = &entry.info;
    if !log::is_wanted(LogLevel::Info, Some(&info.service)) {
        return;
    }
    let line = Line::new(LogLevel::Info, event)
        .text("service", &info.service)
        .text("transport", info.transport.name())
        .text("connection", &info.id);
    let line = match closed {
        Some(reason) => line
            .text("by", closed_by(reason))
            .number("code", code_of(reason).into())
            .number("open_ms", (now() - info.opened).0),
        None => line,
    };
    log::write(LogLevel::Info, line);
}
