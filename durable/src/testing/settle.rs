//! Settling: after an event, the outputs of the sessions are carried out and the handlers run, until nothing is left to
//! do.

use crate::application::connection::Connection;
use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::testing::client_state::Given;
use crate::testing::instance::Instance;
use sockjs_protocol::sockjs::close_code::{CloseCode, HANDLER_FAILED};
use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::pacing::{Ahead, Job, Refusal, SendAnswer};
use sockjs_protocol::sockjs::session::{CloseReason, Departure, Event, Output};
use std::rc::Rc;
use worker::Error;

/// Number of steps after which the kit assumes that an event never ends.
const STEPS: usize = 1_000_000;

impl Instance {
    /// Does everything that an event causes, directly and indirectly.
    pub(super) fn settle(self: &Rc<Self>) {
        if self.is_settling.replace(true) {
            return;
        }
        self.start_handler();
        let is_done = (0..STEPS).any(|_| !self.step());
        self.is_settling.set(false);
        assert!(is_done, "the room does not come to rest: a handler wakes itself for ever");
    }

    /// Does one step. Returns false if there is nothing to do.
    fn step(self: &Rc<Self>) -> bool {
        if self.tasks.run_woken() {
            return true;
        }
        let touched = self.touched.borrow_mut().pop_front();
        let Some(entry) = touched else { return self.open_gate() };
        entry.touched.set(false);
        self.drain(&entry);
        self.pace(&entry);
        self.answer_sends(&entry);
        if entry.session.borrow_mut().still_telling() {
            self.drain(&entry);
        }
        true
    }

    /// Carries out the outputs of the session of `entry`.
    fn drain(self: &Rc<Self>, entry: &Rc<Entry>) {
        let now = now();
        loop {
            let output = entry.session.borrow_mut().poll_output(now);
            match output {
                None => break,
                Some(Output::Deliver { to, seq, frame, end }) => self.give(entry, Given { to, seq, frame, end }),
                Some(Output::Release { receiver, code, reason }) => {
                    let frame = Frame::Close { code, reason };
                    self.give(entry, Given { to: receiver, seq: None, frame, end: true });
                }
                Some(Output::Persist(change)) => self.world.disk.write(entry, change),
                Some(Output::Read(first)) => {
                    let rows = self.world.disk.read(&entry.info.id, first);
                    entry.session.borrow_mut().read(now, first, &rows);
                }
                Some(Output::Notify(Event::Opened)) => entry.pacing.borrow_mut().opened(),
                Some(Output::Notify(Event::Closed(reason))) => entry.pacing.borrow_mut().closed(reason),
                // A test client has one receiver at a time, and acknowledges each frame when it takes it.
                Some(Output::Probe(receiver)) => entry.session.borrow_mut().probed(now, receiver, true),
                Some(Output::Ask(receiver)) => entry.session.borrow_mut().answered(now, receiver, None, &[]),
            }
        }
        if entry.session.borrow().is_closed() {
            self.entries.borrow_mut().retain(|other| !Rc::ptr_eq(other, entry));
            self.world.disk.forget(&entry.info.id);
        }
    }

    /// Gives a frame to the client.
    fn give(&self, entry: &Rc<Entry>, given: Given) {
        let to = given.to;
        let ends_poll = given.end && !entry.info.transport.is_websocket();
        if entry.info.transport.is_websocket() {
            entry.give(&given.frame);
        }
        let Some(client) = self.world.client(&entry.info.id) else { return };
        let is_read = client.take(now(), given);
        if ends_poll && (is_read || client.is_poller()) {
            // The response to a poll ends when it is sent, even if the client does not read it.
            entry.session.borrow_mut().detach(now(), to, Departure::Finished);
        }
        client.go_on(entry);
    }

    /// Runs the handler of `entry` as long as its client keeps up.
    fn pace(self: &Rc<Self>, entry: &Rc<Entry>) {
        self.gate.look(entry);
        loop {
            if !entry.info.transport.is_websocket() {
                entry.look();
            }
            let ahead = self.ahead_of(entry);
            if !entry.pacing.borrow_mut().begin(ahead) {
                if entry.pacing.borrow().waits_for_room(ahead) {
                    self.wait_at_gate(entry);
                }
                break;
            }
            self.tasks.spawn("a handler", Box::pin(run_handler(self.clone(), entry.clone())));
        }
        entry.tell_waiters(false);
    }

    /// Returns the reasons for which the handler of `entry` has to wait.
    fn ahead_of(&self, entry: &Entry) -> Ahead {
        Ahead { is_room_shut: self.gate.is_shut(), ..entry.ahead(false) }
    }

    /// Answers the sends over HTTP that have an answer.
    fn answer_sends(&self, entry: &Rc<Entry>) {
        let Some(client) = self.world.client(&entry.info.id) else { return };
        client.sends.borrow_mut().retain(|(id, messages)| {
            let answer = entry.pacing.borrow_mut().answer(now(), *id);
            match answer {
                None => true,
                Some(SendAnswer::Taken | SendAnswer::Over) => false,
                Some(SendAnswer::Later) => {
                    let mut pacing = entry.pacing.borrow_mut();
                    pacing.arrive(now(), *id);
                    pacing.bring(now(), *id, messages.clone());
                    self.touch_now(entry);
                    true
                }
                Some(SendAnswer::Refused(refusal)) => {
                    self.violate(entry, Refusal::CODE, &refusal.to_string());
                    false
                }
            }
        });
    }

    /// Writes to storage at once what would be written after `persist_after`.
    pub(super) fn store_early(&self) {
        for entry in self.open_entries() {
            entry.session.borrow_mut().store_early();
            self.touch_now(&entry);
        }
    }

    /// Closes a connection whose client broke a rule.
    pub(super) fn violate(&self, entry: &Rc<Entry>, code: u16, text: &str) {
        let mut session = entry.session.borrow_mut();
        match entry.info.transport.is_websocket() {
            true => session.violated(now(), code, text),
            false => session.close(now(), code, text, CloseReason::Violation { code, reason: text.to_owned() }),
        }
        drop(session);
        self.touch_now(entry);
    }
}

/// Calls the handler with one job after another, as long as the client keeps up.
async fn run_handler(object: Rc<Instance>, entry: Rc<Entry>) {
    let connection = Connection { entry: entry.clone(), host: object.host(), is_own: true };
    let (handler, is_started) = object.started_handler().await;
    loop {
        if entry.session.borrow().has_full_frame() {
            object.drain(&entry);
        }
        let ahead = object.ahead_of(&entry);
        let job = entry.pacing.borrow_mut().next(ahead);
        let Some(job) = job else { break };
        let (handler, connection) = (handler.clone(), connection.clone());
        let is_end = matches!(job, Job::Close(_));
        entry.may_exceed.set(true);
        let (callback, ended) = match job {
            Job::Close(reason) => ("on_close", handler.on_close(connection, reason).await),
            Job::Open | Job::Return | Job::Message(_) if !is_started => {
                ("on_open", Err(Error::RustError("not called, because on_start failed".into())))
            }
            Job::Open => ("on_open", handler.on_open(connection).await),
            Job::Return => ("on_return", handler.on_return(connection).await),
            Job::Message(message) => ("on_message", handler.on_message(connection, message).await),
        };
        entry.may_exceed.set(false);
        let is_open = entry.session.borrow().is_open();
        if !object.note_error(callback, ended) && is_open {
            let code = CloseCode::InternalError.number();
            entry.session.borrow_mut().close(now(), code, HANDLER_FAILED, CloseReason::HandlerFailed);
            entry.pacing.borrow_mut().drop_messages();
        }
        if is_end {
            entry.session.borrow_mut().told();
        }
        object.touch_now(&entry);
        entry.pacing.borrow_mut().finish();
    }
    if entry.pacing.borrow().is_waiting() {
        object.touch_now(&entry);
    }
}
