//! Events of sockets: messages and closes.

use crate::connection::entry::Entry;
use crate::connection::table::Role;
use crate::js::clock::now;
use crate::js::runtime::is_node;
use crate::js::sockets;
use crate::js::strings::JsString;
use crate::object::Object;
use crate::observe::log;
use crate::store::attachment;
use sockjs_protocol::inner::envelope::{FINISHED, MISSING, ToObject, read_finished_reason};
use sockjs_protocol::sockjs::close_code::{BINARY, CloseCode, MESSAGE_TOO_LARGE, TOO_FAST};
use sockjs_protocol::sockjs::liveness::AutomaticAnswer;
use sockjs_protocol::sockjs::pacing::InboxFull;
use sockjs_protocol::sockjs::payload::{Messages, PayloadError, PayloadLimits};
use sockjs_protocol::sockjs::session::{Departure, ReceiverId};
use sockjs_protocol::sockjs::transport::Transport;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::WebSocket;

impl Object {
    /// Handles a message on a socket.
    pub(crate) fn on_socket_message(self: &Rc<Self>, websocket: &WebSocket, data: &JsValue) {
        if self.services.problem().is_some() {
            // Waiting clients are served when the settings are fixed; until then no message can be handled.
            return sockets::close(websocket, CloseCode::ServiceRestart.number(), "misconfigured");
        }
        match self.role_of(websocket) {
            Some(Role::Client(entry)) => {
                self.burst_goes_on();
                self.read_client(&entry, data);
                self.touch_and_settle(&entry);
            }
            Some(Role::Receiver(entry, receiver)) => {
                let bytes = js_sys::Uint8Array::new(data).to_vec();
                match ToObject::decode(&bytes) {
                    Ok(ToObject::Ack(seq)) => entry.session.borrow_mut().ack(receiver, seq),
                    Ok(ToObject::Progress { written, held }) => {
                        entry.session.borrow_mut().answered(now(), receiver, written, &held);
                        attachment::seen(websocket);
                    }
                    Ok(ToObject::Gone) => end_response(&entry, receiver, websocket, Departure::ClientGone),
                    Ok(ToObject::Stalled) => end_response(&entry, receiver, websocket, Departure::Stalled),
                    Err(_) if answer_question(websocket, data) => {}
                    Err(error) => {
                        log::error("inner_socket", Some(&entry.info.service), error);
                        sockets::close(websocket, CloseCode::Interrupted.number(), "unknown message");
                        end_response(&entry, receiver, websocket, Departure::Broken);
                    }
                }
                self.touch_and_settle(&entry);
            }
            Some(Role::Holder(entry, receiver)) => self.on_holder_message(&entry, receiver, websocket, data),
            None => sockets::close(websocket, sockets::REPLACED, "session over"),
        }
    }

    fn read_client(self: &Rc<Self>, entry: &Rc<Entry>, data: &JsValue) {
        let Some(text) = JsString::of(data) else {
            let (code, reason) = (CloseCode::Unsupported.number(), BINARY);
            return entry.session.borrow_mut().violated(now(), code, reason);
        };
        self.read_text(entry, text.length(), || text.utf8(), |messages| entry.pacing.borrow_mut().receive(messages));
    }

    /// Reads a client's WebSocket message of `length` bytes or UTF-16 units, and passes it to `receive`. Returns false if the
    /// client broke a rule, or sends too much.
    pub(super) fn read_text(
        self: &Rc<Self>,
        entry: &Rc<Entry>,
        length: usize,
        text: impl FnOnce() -> String,
        receive: impl FnOnce(Messages) -> std::result::Result<(), InboxFull>,
    ) -> bool {
        let Some(service) = self.services.find(&entry.info.service) else { return false };
        let violated = |code: CloseCode, reason: &str| {
            entry.session.borrow_mut().violated(now(), code.number(), reason);
            false
        };
        // Before the copy: the runtime accepts 32 MiB, and an array of that many empty messages would fill the isolate.
        if length > service.config.body_limit {
            return violated(CloseCode::TooLarge, MESSAGE_TOO_LARGE);
        }
        let limits = PayloadLimits::of(&service.config);
        let read = if entry.info.transport == Transport::WebSocketRaw {
            Messages::of_raw(text(), limits)
        } else {
            Messages::of_websocket(text(), limits)
        };
        let messages = match read {
            Ok(messages) => messages,
            Err(PayloadError::Expected | PayloadError::Broken) => {
                return violated(CloseCode::BrokenFraming, "Broken framing.");
            }
            Err(PayloadError::TooLarge) => return violated(CloseCode::TooLarge, MESSAGE_TOO_LARGE),
            Err(PayloadError::TooMany) => return violated(CloseCode::TooLarge, "Too many messages in one"),
        };
        if !entry.takes(&service.config, messages.len()) {
            return violated(CloseCode::PolicyViolation, TOO_FAST);
        }
        let count = messages.len();
        let messages = self.listen(entry, &service.config, messages);
        let is_only_beat = messages.is_empty() && count > 0;
        if !messages.is_empty() {
            entry.session.borrow_mut().receive();
        }
        if is_only_beat && !entry.info.held {
            return true;
        }
        let received = receive(messages).is_ok();
        if !received {
            self.overrun(entry);
        }
        received
    }

    /// Handles the end of a socket.
    pub(crate) fn on_socket_close(self: &Rc<Self>, websocket: &WebSocket, code: u16, reason: &str) {
        let role = self.role_of(websocket);
        if let Some(Role::Client(entry)) = &role
            && entry.in_burst.get() > 0
        {
            // Messages that wait for the end of a burst were sent while the client was there, and go before the answer to its
            // close.
            entry.session.borrow_mut().disconnected(now(), code, reason);
            self.touch_and_settle(entry);
        }
        if let Some(Role::Receiver(entry, receiver)) = role {
            let is_missing = end_receiver(&entry, receiver, websocket, code, reason);
            self.table.borrow_mut().remove_socket(websocket);
            self.touch_and_settle(&entry);
            // After the deletion of what was written: the runtime holds the answer back until that is on disk, and the Worker
            // forgets its frames when it gets the answer.
            return sockets::close(websocket, if is_missing { MISSING } else { code }, reason);
        }
        if let Some(Role::Holder(entry, receiver)) = role {
            return self.on_holder_close(&entry, receiver, websocket, code);
        }
        // The answer to the other side's close, or nothing if this was the answer to ours. It has to be sent from here: sent
        // anywhere else, it leaves the client's connection half open for seconds (workerd 1.20261117).
        sockets::answer_close(websocket, code, reason);
        self.table.borrow_mut().remove_socket(websocket);
        if let Some(Role::Client(entry)) = role {
            entry.session.borrow_mut().disconnected(now(), code, reason);
            self.touch_and_settle(&entry);
        }
    }

    fn role_of(self: &Rc<Self>, websocket: &WebSocket) -> Option<Role> {
        if let Err(error) = self.wake_sockets() {
            log::error("wake", None, error);
        }
        let role = self.table.borrow().role(websocket);
        if role.is_none() {
            // The list of sockets may lack the one that an event is about.
            self.wake_socket(websocket);
            return self.table.borrow().role(websocket);
        }
        role
    }
}

/// Answers the question of a Worker on another node with other settings; the runtime answers the rest. False if it is no
/// question.
pub(super) fn answer_question(websocket: &WebSocket, data: &JsValue) -> bool {
    if !is_node() {
        return false;
    }
    let Some(text) = JsString::of(data) else { return false };
    let answer = AutomaticAnswer::of_other_config(&text.utf8());
    // An error means that the socket is lost, which its close event reports.
    answer.map(|answer| drop(websocket.send_with_str(answer))).is_some()
}

/// Handles the end of a receiver's response, as reported on its inner socket.
fn end_response(entry: &Entry, receiver: ReceiverId, websocket: &WebSocket, how: Departure) {
    entry.links.borrow_mut().lost(receiver, websocket);
    entry.session.borrow_mut().detach(now(), receiver, how);
}

/// Handles the end of a receiver's inner socket. Returns true if the Worker held frames that the object does not have.
fn end_receiver(entry: &Entry, receiver: ReceiverId, websocket: &WebSocket, code: u16, reason: &str) -> bool {
    if !entry.links.borrow_mut().lost(receiver, websocket) {
        return false;
    }
    let mut session = entry.session.borrow_mut();
    if code == FINISHED {
        let (written, held) = read_finished_reason(reason);
        return session.finished(now(), receiver, written, held);
    }
    session.detach(now(), receiver, Departure::Broken);
    false
}
