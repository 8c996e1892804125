//! Calls to the application from outside its room.

use crate::application::handler::CallError;
use crate::js::response::{JsResponse, text};
use crate::object::Object;
use crate::object::handlers::Started;
use crate::observe::log;
use futures::channel::oneshot;
use futures::future::{Either, select};
use serde::de::IgnoredAny;
use sockjs_protocol::inner::envelope::PushOutcome;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Error, Request, Result};

/// Longest call and longest answer, in bytes.
const CALL_MAX: usize = 1 << 20;

/// Time limit of a call, shorter than the caller's limit of 10 s.
const LIMIT: Duration = Duration::from_secs(8);

/// Most calls of an object that are being read, run or wait. A handler that never ends keeps its place.
const CALLS_MAX: usize = 256;

/// Bytes of all these calls. A single call is always permitted.
const BYTES_MAX: usize = 8 << 20;

/// The calls of an object that are being read, run or wait.
#[derive(Default)]
pub(super) struct Calls {
    count: Cell<usize>,
    bytes: Cell<usize>,
}

/// One call of an object. Dropping it ends the call.
struct Call {
    object: Rc<Object>,
    bytes: usize,
}

impl Call {
    /// Begins a call of this many bytes, unless the limits are reached.
    fn begin(object: &Rc<Object>, bytes: usize) -> Option<Self> {
        let Calls { count, bytes: all } = &object.calls;
        let fits = count.get() == 0 || all.get().saturating_add(bytes) <= BYTES_MAX;
        if count.get() >= CALLS_MAX || !fits {
            return None;
        }
        count.set(count.get() + 1);
        all.set(all.get().saturating_add(bytes));
        Some(Self { object: object.clone(), bytes })
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Calls { count, bytes } = &self.object.calls;
        count.set(count.get().saturating_sub(1));
        bytes.set(bytes.get().saturating_sub(self.bytes));
    }
}

impl Object {
    /// Calls the application of `service` with the body of `request`.
    pub(super) async fn call(self: Rc<Self>, service: String, mut request: Request) -> Result<JsResponse> {
        // The runtime sends the length of a body that is a string.
        let length =
            request.headers().get("Content-Length")?.and_then(|length| length.parse().ok()).unwrap_or(CALL_MAX);
        if length > CALL_MAX {
            return text("the call is too large", PushOutcome::TooLarge.status());
        }
        let Some(begun) = Call::begin(&self, length) else {
            return text("too many calls wait for the room: try again", PushOutcome::HeldUp.status());
        };
        let call = request.text().await?;
        let (told, answer) = oneshot::channel();
        let (object, called) = (self.clone(), service.clone());
        // It runs independently: a handler is not aborted because its caller stopped waiting.
        let run = self.settling(Box::pin(async move {
            let _begun = begun;
            let answer = object.answer_call(service, call).await;
            // The caller may be gone.
            let _ = told.send(answer);
            Ok(())
        }));
        self.run(Box::pin(run), "call");
        let (outcome, answer) = match select(pin!(answer), Delay::from(LIMIT)).await {
            Either::Left((Ok(answer), _)) => answer,
            Either::Left((Err(oneshot::Canceled), _)) => (PushOutcome::HandlerFailed, "the handler ended".to_owned()),
            Either::Right(_) => {
                log::warn(
                    "handler",
                    Some(&called),
                    "on_call did not answer within 8 s: the caller got a time-out, and on_call continues",
                );
                (PushOutcome::TimedOut, "the application did not answer in time".to_owned())
            }
        };
        text(&answer, outcome.status())
    }

    async fn answer_call(self: Rc<Self>, service: String, call: String) -> (PushOutcome, String) {
        if self.pass_gate(&service).await.is_err() {
            return (PushOutcome::HeldUp, "too many tasks wait for the room: try again".into());
        }
        // The call may be the first event of the object.
        self.handler(&service);
        self.start_handlers();
        let started = self.started_handler(&service).await;
        let Some(Started { handler, is_started: true }) = started else {
            return (PushOutcome::HandlerFailed, "on_start failed".into());
        };
        let answer = handler.on_call(self.room(service.clone()), call).await;
        let failed = |error: Error| {
            log::error("handler", Some(&service), error);
            (PushOutcome::HandlerFailed, "the application failed".to_owned())
        };
        match answer {
            Err(CallError::Rejected(reason)) => (PushOutcome::Rejected, reason),
            Err(CallError::Failed(error)) => failed(error),
            Ok(answer) if answer.len() > CALL_MAX => (PushOutcome::TooLarge, "the answer is too large".into()),
            Ok(answer) => match serde_json::from_str::<IgnoredAny>(&answer) {
                Ok(_) => (PushOutcome::Done, answer),
                Err(error) => failed(Error::RustError(format!("expected JSON as the answer of on_call: {error}"))),
            },
        }
    }
}
