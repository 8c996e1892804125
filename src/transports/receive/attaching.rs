//! A receiver is attached to its object, and again when the inner socket breaks.

use super::{BACKOFF, HeldResponse, drained, sleep};
use crate::object::stub::{AttachResponse, ObjectError};
use futures::future::{Either, select};
use sockjs_protocol::inner::envelope::{Action, Command, OTHER_VERSION, ToEdge};
use std::pin::pin;

/// Outcome of an attempt to attach.
pub(super) enum AttachOutcome {
    /// This frame is the last to write.
    Complete(ToEdge),
    /// `inner` is there.
    Waiting,
    /// It makes no sense to try again.
    Over,
    /// The client may not.
    Forbidden,
    /// The request broke off. An object that was restarted is back in a moment.
    Broken,
    /// It may work another time.
    Failed,
    /// The node is about to stop.
    Drained,
}

impl HeldResponse {
    /// Attaches this receiver again, unless its node is drained before that works. In a cluster it may take as long as the lease of a
    /// node that was killed.
    pub(super) async fn attach_again(&mut self) -> AttachOutcome {
        let mut drain = self.drain.take();
        let outcome = match select(pin!(self.try_to_attach()), pin!(drained(drain.as_mut()))).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => AttachOutcome::Drained,
        };
        self.drain = drain;
        outcome
    }

    async fn try_to_attach(&mut self) -> AttachOutcome {
        if !self.asked {
            match self.attach().await {
                AttachOutcome::Broken => {}
                AttachOutcome::Failed if !self.row.one_frame => {}
                answer => return answer,
            }
        }
        while let Some(wait) = BACKOFF.get(self.attempts) {
            self.attempts += 1;
            sleep(*wait).await;
            if self.departure.is_gone() {
                return AttachOutcome::Over;
            }
            match self.attach().await {
                AttachOutcome::Broken => {}
                // The client of a poll tries again by itself.
                AttachOutcome::Failed if !self.row.one_frame => {}
                answer => return answer,
            }
        }
        AttachOutcome::Failed
    }

    /// Asks the object once to attach this receiver.
    async fn attach(&mut self) -> AttachOutcome {
        let asked = std::mem::replace(&mut self.asked, true);
        let command = |again: bool| {
            let again = asked || again;
            let action = Action::Attach {
                session: self.session.clone(),
                transport: self.row.transport,
                receiver: self.id,
                after: self.progress.seen(),
                again,
                beats: self.clock.is_some(),
            };
            Command::new(&self.service, action).with_parameters(&self.parameters).with_pass(self.pass.clone())
        };
        let attached = self.object.attach(&self.client, self.question.as_ref(), command).await;
        let line = match &attached {
            Ok(AttachResponse::Waiting(inner, _)) => Some(inner.line()),
            Ok(AttachResponse::Answered(_) | AttachResponse::Refused(_)) | Err(_) => None,
        };
        self.departure.answered(line);
        match attached {
            Ok(AttachResponse::Waiting(inner, response)) => {
                self.inner = Some(inner);
                self.attached = Some(response);
                self.note();
                AttachOutcome::Waiting
            }
            Ok(AttachResponse::Answered(message)) => match message {
                Ok(ToEdge::Frame { seq, frame, .. }) => {
                    AttachOutcome::Complete(ToEdge::Frame { seq, frame, end: true })
                }
                Ok(refusal @ ToEdge::Refusal { .. }) => AttachOutcome::Complete(refusal),
                Ok(ToEdge::Probe | ToEdge::Ask) => AttachOutcome::Failed,
                Err(error) => {
                    self.warn("envelope", &error);
                    AttachOutcome::Over
                }
            },
            // The object speaks no version of this Worker: it is newer or older, but not for long.
            Ok(AttachResponse::Refused(OTHER_VERSION)) => AttachOutcome::Over,
            // Another client's session, or a ticket that opens none any more.
            Ok(AttachResponse::Refused(403)) => AttachOutcome::Forbidden,
            Ok(AttachResponse::Refused(status)) => {
                self.warn("object", &format_args!("an attach was answered with {status}"));
                AttachOutcome::Failed
            }
            Err(failure) => {
                self.warn("object", &failure);
                if let ObjectError::Failed(_) = failure { AttachOutcome::Broken } else { AttachOutcome::Failed }
            }
        }
    }
}
