//! Sends of a Worker of version 2, the counterpart of `sockjs_protocol::inner::envelope::v2`.
//!
//! They differ in three ways: the object learns the number of messages only from the body, the body has a different format, and
//! no response tells the Worker to repeat the send.

use crate::connection::budget;
use crate::js::response::{JsResponse, problem, with_body};
use crate::object::Object;
use crate::object::sends::Arrived;
use sockjs_protocol::inner::envelope::Pass;
use sockjs_protocol::inner::envelope::v2::decode_batch;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::pacing::{Refusal, SendAnswer};
use sockjs_protocol::sockjs::payload::Messages;
use std::rc::Rc;
use worker::{Result, web_sys};

/// A send, without its messages.
pub(super) struct Send {
    pub config: Rc<Config>,
    pub session: String,
    pub pass: Option<Pass>,
    pub id: u64,
}

impl Object {
    /// Reads the messages of a send from the body of its request.
    pub(super) fn read_send_of_v2(self: Rc<Self>, request: &web_sys::Request, send: Send) -> JsResponse {
        with_body(request, None, async move |body| match decode_batch(&body) {
            Ok(messages) => self.send_of_v2(send, messages).await,
            Err(error) => problem(error, 400),
        })
    }

    /// Passes the messages of a send to the handler, and sends the final response.
    pub(super) async fn send_of_v2(self: Rc<Self>, send: Send, messages: Messages) -> Result<JsResponse> {
        let Send { config, session, pass, id } = send;
        let entry = match self.arrive(&config, &session, pass.as_ref(), id, messages.len())? {
            Arrived::Open(entry) => entry,
            Arrived::Answered(reply) => return Ok(reply),
            Arrived::Over(entry) => return self.reply(&entry, SendAnswer::Over).await,
        };
        let answer = match budget::reserve(messages.cost()) {
            Some(reserved) => self.take(&entry, id, messages, reserved).await,
            None => SendAnswer::Refused(Refusal::Full),
        };
        let answer = match answer {
            SendAnswer::Later => entry.pacing.borrow_mut().answer_for_good(id),
            answer => answer,
        };
        self.reply(&entry, answer).await
    }
}
