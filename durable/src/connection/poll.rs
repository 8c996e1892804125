//! A poll whose attach request has no response yet: it waits for a frame, within its grace.
//!
//! No task waits with the poll. The code that has a frame for it resolves the response at once, and one timer of the object ends
//! the graces of all polls. A task and a timer for each poll would mostly be created and dropped unused.

use crate::js::response;
use crate::js::response::{Deferred, JsResponse, problem};
use sockjs_protocol::inner::envelope::{ToEdge, Version};
use sockjs_protocol::sockjs::session::Receiver;
use sockjs_protocol::sockjs::transport::Transport;
use std::fmt;
use worker::Result;

/// The attach request of a poll. If it is dropped without a response, the response says that another receiver replaced it.
pub(crate) struct HeldPoll {
    response: Deferred,
    pub transport: Transport,
    pub version: Version,
    pub receiver: Receiver,
    is_answered: bool,
}

impl HeldPoll {
    /// Creates a poll that is answered through `response`.
    pub fn new(response: Deferred, transport: Transport, version: Version, receiver: Receiver) -> Self {
        Self { response, transport, version, receiver, is_answered: false }
    }

    /// Answers the poll with 200 and a frame.
    pub fn answer(mut self, frame: &ToEdge) -> Result<()> {
        let response = response::frame(frame, self.version)?;
        self.resolve(&response);
        Ok(())
    }

    /// Resolves the response.
    pub fn resolve(&mut self, response: &JsResponse) {
        self.is_answered = true;
        self.response.resolve(response);
    }
}

impl Drop for HeldPoll {
    fn drop(&mut self) {
        if !self.is_answered
            && let Ok(response) = problem("receiver replaced", 503)
        {
            self.response.resolve(&response);
        }
    }
}

impl fmt::Debug for HeldPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldPoll")
    }
}
