//! Calls of the application from outside its room.

use crate::application::handler::CallError;
use crate::js::response::{JsResponse, text};
use crate::object::Object;
use crate::object::handlers::Started;
use crate::observe::log;
use futures::channel::oneshot;
use futures::future::{Either, select};
use serde::de::IgnoredAny;
use sockjs_protocol::inner::envelope::PushOutcome;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Error, Result};

/// Longest question and longest answer, in bytes.
pub(super) const CALL_MAX: usize = 1 << 20;

/// Longest time for a call, in which the caller is answered: it waits for 10 s.
const LIMIT: Duration = Duration::from_secs(8);

/// Most calls of an object that run or wait.
const CALLS_MAX: usize = 256;

impl Object {
    /// Asks the application of `service`.
    pub(super) async fn call(self: Rc<Self>, service: String, call: String) -> Result<JsResponse> {
        if call.len() > CALL_MAX {
            return text("the call is too large", PushOutcome::TooLarge.status());
        }
        if self.calls.get() >= CALLS_MAX {
            return text("too many calls wait for the room: try again", PushOutcome::HeldUp.status());
        }
        self.calls.set(self.calls.get() + 1);
        let (told, answer) = oneshot::channel();
        let object = self.clone();
        // It has a life of its own: a handler is not broken off because its caller waited too long.
        let run = self.settling(Box::pin(async move {
            let answer = object.clone().answer_call(service, call).await;
            object.calls.set(object.calls.get().saturating_sub(1));
            // The caller may be gone.
            let _ = told.send(answer);
            Ok(())
        }));
        self.run(Box::pin(run), "call");
        let (outcome, answer) = match select(pin!(answer), Delay::from(LIMIT)).await {
            Either::Left((Ok(answer), _)) => answer,
            Either::Left((Err(oneshot::Canceled), _)) => (PushOutcome::HandlerFailed, "the handler ended".to_owned()),
            Either::Right(_) => (PushOutcome::TimedOut, "the application did not answer in time".to_owned()),
        };
        text(&answer, outcome.status())
    }

    async fn answer_call(self: Rc<Self>, service: String, call: String) -> (PushOutcome, String) {
        if self.pass_gate(&service).await.is_err() {
            return (PushOutcome::HeldUp, "too many tasks wait for the room: try again".into());
        }
        // Nobody may have been here before.
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
                Err(error) => failed(Error::RustError(format!("the answer to a call is not JSON: {error}"))),
            },
        }
    }
}
