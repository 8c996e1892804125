//! A poll whose attach request is not answered yet: it waits for a frame, within its grace.
//!
//! No task waits with it. Whoever has a frame for it answers the request at once, and one timer of the object ends the graces of all
//! polls. A task and a timer for each poll would be made and dropped without having done anything.

use crate::js::response;
use crate::js::response::{Deferred, JsResponse, problem};
use sockjs_protocol::inner::envelope::{ToEdge, Version};
use sockjs_protocol::sockjs::session::Receiver;
use sockjs_protocol::sockjs::transport::Transport;
use std::fmt;
use worker::Result;

/// The attach request of a poll. Dropped without an answer, it is answered that another receiver took its place.
pub(crate) struct HeldPoll {
    response: Deferred,
    pub transport: Transport,
    pub version: Version,
    pub receiver: Receiver,
    is_answered: bool,
}

impl HeldPoll {
    /// A poll that is answered through `response`.
    pub fn new(response: Deferred, transport: Transport, version: Version, receiver: Receiver) -> Self {
        Self { response, transport, version, receiver, is_answered: false }
    }

    /// Answers it with 200 and a frame.
    pub fn answer(mut self, frame: &ToEdge) -> Result<()> {
        let response = response::frame(frame, self.version)?;
        self.resolve(&response);
        Ok(())
    }

    /// Answers it.
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
