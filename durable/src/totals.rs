//! The object that adds up what was reported. It has no connections, and no alarm.
//!
//! What it knows is one row, written at most once in [`SAVE_AFTER`], and only while reports come.

use crate::log;
use crate::object::Object;
use crate::runtime::now;
use sockjs_protocol::observe::metrics::{Totals, decode};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Request, Response, Result};

/// How long a report may be in memory alone.
const SAVE_AFTER: Duration = Duration::from_secs(1);

/// What the object adds up, if it is the one that does.
#[derive(Default)]
pub(crate) struct Known {
    totals: RefCell<Option<Totals>>,
    is_to_be_saved: Cell<bool>,
}

impl Object {
    /// Adds a report.
    pub(crate) async fn take_report(self: Rc<Self>, mut request: Request) -> Result<Response> {
        let Some(report) = decode(&request.text().await?) else {
            return Response::error("a report of another version", 400);
        };
        self.with_totals(|totals| totals.add(now(), &report))?;
        if !self.known.is_to_be_saved.replace(true) {
            let object = self.clone();
            let save = async move {
                Delay::from(SAVE_AFTER).await;
                object.known.is_to_be_saved.set(false);
                object.store.save_totals(&object.with_totals(|totals| totals.store())?)
            };
            self.run(save, "metrics");
        }
        Ok(Response::empty()?.with_status(204))
    }

    /// Everything that was reported.
    pub(crate) fn answer_totals(&self) -> Result<Response> {
        Response::ok(self.with_totals(|totals| totals.text(now()))?)
    }

    fn with_totals<T>(&self, what: impl FnOnce(&mut Totals) -> T) -> Result<T> {
        let mut known = self.known.totals.borrow_mut();
        if known.is_none() {
            let stored = self.store.load_totals()?;
            let read = stored.as_deref().and_then(|stored| Totals::restore(now(), stored));
            if stored.is_some() && read.is_none() {
                // Better to count from nothing than not at all.
                log::error("metrics", None, "the totals are of another version");
            }
            *known = Some(read.unwrap_or_default());
        }
        Ok(what(known.get_or_insert_default()))
    }
}
