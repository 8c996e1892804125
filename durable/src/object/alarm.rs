//! The object's one alarm, at the earliest deadline of its whole table.
//!
//! Setting the alarm is a billed write. Therefore it is only moved to an earlier time, and set again when it fires. Messages that
//! wait to be stored use a timer instead (`timers`): it fires within a second of a request, and a restart loses those messages
//! anyway.

use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::js::runtime::store_alarm;
use crate::object::Object;
use crate::object::timers::Timer;
use crate::observe::log;
use sockjs_protocol::sockjs::session::Session;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::Closure;
use worker::durable::State;
use worker::{Error, Result};

/// Time at which the alarm fires, as far as this object knows.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Armed {
    /// The object hibernated: storage has to be asked.
    #[default]
    Unknown,
    Never,
    At(Millis),
}

/// The alarm. No other code sets it or knows when it fires.
#[derive(Default)]
pub(super) struct Alarm {
    armed: Rc<Cell<Armed>>,
    on_failed: OnceCell<Closure<dyn FnMut(JsValue)>>,
}

impl Alarm {
    /// Sets the alarm. No task waits for the write: the runtime holds back all output of the object until it is done.
    fn set(&self, state: &State, at: Millis) {
        self.armed.set(Armed::At(at));
        let failed = self.on_failed.get_or_init(|| {
            let armed = self.armed.clone();
            Closure::new(move |error: JsValue| {
                log::error("set_alarm", None, Error::from(error));
                armed.set(Armed::Unknown);
            })
        });
        if let Err(error) = store_alarm(state.as_raw(), at.0 as f64, failed.as_ref()) {
            log::error("set_alarm", None, Error::from(error));
            self.armed.set(Armed::Unknown);
        }
    }

    /// Sets the alarm, and waits until it is written.
    pub async fn set_and_wait(&self, state: &State, delay: Millis) -> Result<()> {
        self.armed.set(Armed::At(now() + delay));
        state.storage().set_alarm(Duration::from_millis(delay.0)).await
    }

    /// Notes that no alarm is set: it fired, or was deleted with everything that was stored.
    pub fn note_over(&self) {
        self.armed.set(Armed::Never);
    }

    /// True if no alarm is set, as far as this object knows.
    pub fn is_set_never(&self) -> bool {
        self.armed.get() == Armed::Never
    }

    /// Asks storage for the alarm, unless its time is known. `has_some` is true if the object has connections or an alarm of the
    /// application. Without them an old alarm may be left, and may be overwritten.
    async fn learn(&self, state: &State, has_some: bool) -> Result<()> {
        if self.armed.get() != Armed::Unknown {
            return Ok(());
        }
        let alarm = if has_some { state.storage().get_alarm().await? } else { None };
        let at = alarm.and_then(|at| u64::try_from(at).ok());
        if self.armed.get() == Armed::Unknown {
            self.armed.set(at.map_or(Armed::Never, |at| Armed::At(Millis(at))));
        }
        Ok(())
    }
}

/// Earliest deadlines of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Due {
    /// The earliest deadline that has to survive a restart of the object.
    pub lasting: Option<Millis>,
    /// The earliest deadline that need not survive it.
    pub passing: Option<Millis>,
}

impl Due {
    /// Adds the deadlines of one session. A polling client is expected back within a moment. Until then, an alarm that fires late
    /// is enough: it only serves the session if the object dies in that moment.
    pub fn add(&mut self, session: &Session, now: Millis) {
        let expected = session.expects_receiver_until().filter(|until| now < *until);
        let lasting = expected.map_or_else(|| session.lasting_deadline(), |_| Some(session.absence_alarm()));
        self.lasting = earliest(self.lasting, lasting);
        self.add_passing(earliest(session.passing_deadline(), expected));
    }

    /// Adds a deadline that need not survive a restart of the object.
    pub fn add_passing(&mut self, at: Option<Millis>) {
        self.passing = earliest(self.passing, at);
    }
}

fn earliest(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    one.into_iter().chain(other).min()
}

/// Next step for the alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Leave,
    Set(Millis),
    /// Ask storage for the time of the alarm, and decide again.
    Ask,
}

/// Decides the next step for the alarm, from the earliest deadline that has to survive a restart of the object.
fn step(armed: Armed, lasting: Option<Millis>) -> Step {
    match (armed, lasting) {
        (_, None) => Step::Leave,
        (Armed::Unknown, Some(_)) => Step::Ask,
        (Armed::Never, Some(at)) => Step::Set(at),
        (Armed::At(alarm), Some(at)) if at < alarm => Step::Set(at),
        (Armed::At(_), Some(_)) => Step::Leave,
    }
}

impl Object {
    /// Arms the alarm and the timer for the deadlines of `entries`, and of the object itself.
    pub(super) fn arm<'a>(self: &Rc<Self>, entries: impl Iterator<Item = &'a Rc<Entry>>) {
        let now = now();
        let lasting = self.room_alarm.at().into_iter().chain(self.report_alarm(now)).chain(self.senders.alarm()).min();
        let mut due = Due { lasting, passing: None };
        let mut count = 0;
        for entry in entries {
            due.add(&entry.session.borrow(), now);
            due.add_passing(entry.pacing.borrow().deadline());
            count += 1;
        }
        due.add_passing(self.gates.deadline());
        due.add_passing(self.memory.deadline(self.gates.is_waited_at()));
        let Due { lasting, passing } = due;
        match passing {
            Some(at) => self.set_timer_to_earlier(Timer::Sessions, at),
            // No other connection has one either: a timer without a purpose would keep the object awake.
            None if count >= self.table.borrow().count() => self.set_timer(Timer::Sessions, None),
            None => {}
        }
        match step(self.alarm.armed.get(), lasting) {
            Step::Leave => {}
            Step::Set(at) => self.alarm.set(&self.state, at),
            Step::Ask => {
                let object = self.clone();
                let ask = async move {
                    object.learn_alarm().await?;
                    let entries = object.table.borrow().entries();
                    object.arm(entries.iter());
                    Ok(())
                };
                self.run(Box::pin(ask), "get_alarm");
            }
        }
    }

    /// Learns the time of the alarm, so that the next connection can be stored together with its alarm.
    pub(super) async fn learn_alarm(&self) -> Result<()> {
        let has_some = !self.table.borrow().is_empty() || self.room_alarm.is_set();
        self.alarm.learn(&self.state, has_some).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_moves_only_to_an_earlier_moment() {
        let at = |at| Some(Millis(at));
        assert_eq!(step(Armed::Never, None), Step::Leave);
        assert_eq!(step(Armed::Never, at(5)), Step::Set(Millis(5)));
        assert_eq!(step(Armed::At(Millis(5)), at(25)), Step::Leave);
        assert_eq!(step(Armed::At(Millis(5)), at(5)), Step::Leave);
        assert_eq!(step(Armed::At(Millis(25)), at(5)), Step::Set(Millis(5)));
        assert_eq!(step(Armed::Unknown, at(5)), Step::Ask);
        assert_eq!(step(Armed::Unknown, None), Step::Leave);
    }
}
