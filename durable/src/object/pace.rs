//! Pacing: handlers run while their client keeps up, and continue when it has read.
//!
//! [`Pacing`](sockjs_protocol::sockjs::pacing::Pacing) makes the decisions. Where no event reports that a client has read,
//! `looks` checks by timer.

use crate::application::connection::Connection;
use crate::connection::budget;
use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::js::executor::run;
use crate::object::Object;
use crate::object::handlers::Started;
use sockjs_protocol::sockjs::pacing::{Ahead, Job, Refusal};
use sockjs_protocol::sockjs::session::CloseReason;
use std::rc::Rc;

impl Object {
    /// Runs the handler while the client keeps up, and answers the sends that wait for it.
    pub(super) fn pace(self: &Rc<Self>, entry: &Rc<Entry>) {
        let holds_up = self.gates.look(entry) || self.waits_for_memory_of(entry);
        if entry.is_at_rest() {
            if holds_up {
                self.look_again(entry);
            }
            return;
        }
        loop {
            if !entry.info.has_own_socket() {
                entry.look();
            }
            let ahead = self.ahead_of(entry);
            if !entry.pacing.borrow_mut().begin(ahead) {
                if entry.pacing.borrow().waits_for_room(ahead) {
                    self.wait_at_gate(entry);
                }
                break;
            }
            let handlers = Box::pin(run_handlers(self.clone(), entry.clone()));
            run(&self.state, Box::pin(self.settling(handlers)));
        }
        budget::count(entry);
        if entry.share.is_lost() && entry.session.borrow().is_open() {
            self.overrun(entry);
            self.drain(entry);
        }
        entry.tell_waiters(self.memory.is_short());
        let waits = entry.pacing.borrow().is_waiting() && !entry.is_at_gate.get();
        if waits || holds_up || !entry.waiters.borrow().ready.is_empty() {
            self.look_again(entry);
        }
    }

    /// Returns the reasons for the handler of `entry` to wait.
    fn ahead_of(&self, entry: &Entry) -> Ahead {
        let is_room_shut = self.is_room_shut(&entry.info.service);
        Ahead { is_room_shut, ..entry.ahead(self.memory.is_short()) }
    }

    /// Closes a connection whose client sent more than memory permits.
    pub(super) fn overrun(&self, entry: &Entry) {
        let (code, text) = (Refusal::CODE, Refusal::Full.to_string());
        entry.session.borrow_mut().end(now(), code, &text, CloseReason::Violation { code, reason: text.clone() });
    }
}

/// Calls the handler with one job after another, as long as the client keeps up.
async fn run_handlers(object: Rc<Object>, entry: Rc<Entry>) {
    let connection = Connection { entry: entry.clone(), host: object.host(), is_own: true };
    let Some(Started { handler, is_started }) = object.started_handler(&entry.info.service).await else { return };
    loop {
        if entry.session.borrow().has_full_frame() {
            object.drain_with(&entry, true);
        }
        let ahead = object.ahead_of(&entry);
        let job = entry.pacing.borrow_mut().next(ahead);
        let Some(job) = job else { break };
        let handler = handler.clone();
        let of = connection.clone();
        let is_end = matches!(job, Job::Close(_));
        entry.may_exceed.set(true);
        let told = match job {
            Job::Close(reason) => handler.on_close(of, reason).await,
            _ if !is_started => Err(worker::Error::RustError("not called, because on_start failed".into())),
            Job::Open => handler.on_open(of).await,
            Job::Return => handler.on_return(of).await,
            Job::Message(message) => {
                if let Some(counters) = &entry.counters {
                    counters.received(message.len());
                }
                handler.on_message(of, message).await
            }
        };
        entry.may_exceed.set(false);
        if let Err(error) = told {
            connection.fail(error);
        }
        if is_end {
            entry.session.borrow_mut().told();
            object.touch_later(&entry);
        }
        entry.pacing.borrow_mut().finish();
        if entry.has_waiters() {
            object.touch_later(&entry);
        }
    }
    if entry.pacing.borrow().is_waiting() || entry.is_untold() {
        object.touch_later(&entry);
    }
}
