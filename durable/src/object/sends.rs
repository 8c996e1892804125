//! Sends over HTTP: the requests with a client's messages, and their responses.

use crate::connection::budget::Reserved;
use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::js::response::{JsResponse, done, later_again, problem};
use crate::object::Object;
use futures::channel::oneshot;
use futures::future::select;
use sockjs_protocol::inner::envelope::Pass;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::close_code::{CloseCode, TOO_FAST};
use sockjs_protocol::sockjs::pacing::{Refusal, SendAnswer};
use sockjs_protocol::sockjs::payload::Messages;
use sockjs_protocol::sockjs::session::CloseReason;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Result};

/// Longest time for which the refusal of a send waits for the close frame to be written: a stock client that sees the refusal
/// first reports 1006 and drops the close frame.
const CLOSE_IS_READ: Duration = Duration::from_millis(500);

/// Time for a written close frame to reach the client. It and the refusal travel on two connections; in Chromium 100 ms were
/// enough on an idle machine and 20 ms were not.
const CLOSE_ARRIVES: Duration = Duration::from_millis(500);

/// Pause before the Worker repeats a send for which the isolate has no memory. It is shorter than the time for which the send
/// keeps its turn.
const NO_MEMORY: Duration = Duration::from_secs(1);

/// Outcome of the arrival of a send.
pub(super) enum Arrived {
    /// The messages may be delivered.
    Open(Rc<Entry>),
    /// The response is known already.
    Answered(JsResponse),
    /// The session was closed because of an earlier send.
    Over(Rc<Entry>),
}

impl Object {
    /// Reserves the place of a send in the order of its session, before its messages have arrived.
    pub(super) fn arrive(
        self: &Rc<Self>,
        config: &Config,
        session: &str,
        pass: Option<&Pass>,
        id: u64,
        count: usize,
    ) -> Result<Arrived> {
        let answered = |reply: Result<JsResponse>| reply.map(Arrived::Answered);
        let Some(entry) = self.session(&config.prefix, session)? else {
            return answered(problem("no such session", 404));
        };
        if !entry.info.has_ticket_of(config, pass) {
            return answered(problem("not this client's session", 403));
        }
        if !entry.session.borrow().is_open() {
            let is_violated = entry.pacing.borrow().is_violated();
            // The client learns of the application's close from the close frame; any other status would keep it from reading the
            // frame.
            return if is_violated { Ok(Arrived::Over(entry)) } else { answered(done()) };
        }
        if !entry.pacing.borrow().knows(id) && !entry.takes(config, count) {
            self.break_off(&entry, CloseCode::PolicyViolation.number(), TOO_FAST);
            return answered(done());
        }
        entry.pacing.borrow_mut().arrive(now(), id);
        Ok(Arrived::Open(entry))
    }

    /// Passes the messages of a send to the handler, and responds when they are accepted.
    pub(super) async fn bring(
        self: Rc<Self>,
        entry: Rc<Entry>,
        id: u64,
        messages: Messages,
        reserved: Reserved,
    ) -> Result<JsResponse> {
        let answer = self.take(&entry, id, messages, reserved).await;
        self.reply(&entry, answer).await
    }

    /// Passes the messages of a send to the handler. Returns when the response is due.
    pub(super) async fn take(
        self: &Rc<Self>,
        entry: &Rc<Entry>,
        id: u64,
        messages: Messages,
        reserved: Reserved,
    ) -> SendAnswer {
        if !messages.is_empty() {
            entry.session.borrow_mut().receive();
        }
        entry.pacing.borrow_mut().bring(now(), id, messages);
        drop(reserved);
        // Before settling: a send whose answer comes at once then leaves no deadline behind, whose timer would keep the object
        // awake.
        let (answer, wait) = oneshot::channel();
        entry.waiters.borrow_mut().sends.push((id, answer));
        self.touch_and_settle(entry);
        // The wait is only cancelled with the session.
        wait.await.unwrap_or(SendAnswer::Over)
    }

    /// Answers a send for whose messages the isolate has no memory: the Worker repeats it after a pause.
    pub(super) async fn put_off(self: Rc<Self>, entry: Rc<Entry>, id: u64) -> Result<JsResponse> {
        Delay::from(NO_MEMORY).await;
        let answer = entry.pacing.borrow_mut().answer(now(), id);
        self.reply(&entry, answer.unwrap_or(SendAnswer::Later)).await
    }

    /// Closes a session whose client sent something forbidden, and waits until the client was notified.
    pub(super) async fn refuse(self: &Rc<Self>, entry: &Rc<Entry>, code: u16, reason: &str) {
        self.break_off(entry, code, reason);
        close_is_read(entry).await;
    }

    fn break_off(self: &Rc<Self>, entry: &Rc<Entry>, code: u16, text: &str) {
        let reason = CloseReason::Violation { code, reason: text.to_owned() };
        entry.session.borrow_mut().close(now(), code, text, reason);
        self.touch_and_settle(entry);
    }

    pub(super) async fn reply(self: &Rc<Self>, entry: &Rc<Entry>, answer: SendAnswer) -> Result<JsResponse> {
        match answer {
            SendAnswer::Taken => done(),
            SendAnswer::Later => later_again(),
            SendAnswer::Over => {
                close_is_read(entry).await;
                problem("the session is over", 503)
            }
            SendAnswer::Refused(refusal) => {
                self.refuse(entry, Refusal::CODE, &refusal.to_string()).await;
                problem(refusal.to_string(), 503)
            }
        }
    }
}

/// Waits until the client of a closed session has the close frame, or until a second has passed.
async fn close_is_read(entry: &Entry) {
    if !entry.session.borrow().is_close_read() {
        let wait = entry.waiters.borrow_mut().close_read.join();
        select(wait, Delay::from(CLOSE_IS_READ)).await;
    }
    if !entry.session.borrow().is_closed() {
        Delay::from(CLOSE_ARRIVES).await;
    }
}
