//! The object that adds up all reports. It has no connections, and no alarm.
//!
//! The sum is one row, written at most once in [`SAVE_AFTER`], and only while reports arrive.

use crate::js::clock::now;
use crate::js::response::{JsResponse, done, problem, text};
use crate::object::Object;
use crate::object::timers::Timer;
use crate::observe::log;
use sockjs_protocol::observe::metrics::{Totals, decode};
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use std::rc::Rc;
use worker::{Request, Result};

/// Time for which a report may exist only in memory.
const SAVE_AFTER: Millis = Millis::from_secs(1);

/// The sum of all reports, if this is the object that adds them up.
#[derive(Default)]
pub(super) struct ReportTotals(RefCell<Option<Totals>>);

impl Object {
    /// Adds a report.
    pub(super) async fn take_report(self: Rc<Self>, mut request: Request) -> Result<JsResponse> {
        let Some(report) = decode(&request.text().await?) else {
            return problem("a report of another version", 400);
        };
        self.with_totals(|totals| totals.add(now(), &report))?;
        if self.timers.at(Timer::SaveTotals).is_none() {
            self.set_timer(Timer::SaveTotals, Some(now() + SAVE_AFTER));
        }
        done()
    }

    /// Stores the sum of all reports.
    pub(super) fn save_totals(&self) {
        let saved = self.with_totals(|totals| totals.store()).and_then(|totals| self.store.save_totals(&totals));
        if let Err(error) = saved {
            log::error("metrics", None, error);
        }
    }

    /// Returns the sum of all reports.
    pub(super) fn answer_totals(&self) -> Result<JsResponse> {
        text(&self.with_totals(|totals| totals.text(now()))?, 200)
    }

    fn with_totals<T>(&self, what: impl FnOnce(&mut Totals) -> T) -> Result<T> {
        let mut known = self.totals.0.borrow_mut();
        if known.is_none() {
            let stored = self.store.load_totals()?;
            let read = stored.as_deref().and_then(|stored| Totals::restore(now(), stored));
            if stored.is_some() && read.is_none() {
                // Counting from zero is better than not counting.
                log::error("metrics", None, "the stored totals are of another version: counting starts at zero");
            }
            *known = Some(read.unwrap_or_default());
        }
        Ok(what(known.get_or_insert_default()))
    }
}
