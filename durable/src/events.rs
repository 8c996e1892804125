//! What the runtime tells the object: messages and ends of its sockets, and its alarm.

use crate::alarm::Armed;
use crate::connection::Entry;
use crate::log;
use crate::object::Object;
use crate::runtime::now;
use crate::socket;
use crate::table::Role;
use crate::text::Text;
use futures::channel::oneshot;
use futures::future::select;
use sockjs_protocol::inner::envelope::{FINISHED, MISSING, ToObject, read_finished_reason};
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::pacing::InboxFull;
use sockjs_protocol::sockjs::payload::{Messages, PayloadError, PayloadLimits};
use sockjs_protocol::sockjs::session::{Departure, ReceiverId};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use worker::{Delay, Result, WebSocket};

/// What a client is told that sends more messages in a second than it may.
pub(crate) const TOO_FAST: &str = "Too many messages";

/// How long an alarm waits for settings that can be served.
const MISCONFIGURED_RETRY: Duration = Duration::from_secs(60);

/// For how long heartbeats wait for the application's alarm.
const ALARM_FIRST: Duration = Duration::from_millis(50);

/// When an object is looked at again in which nothing is due but a handler runs.
const LOOK_AGAIN: Millis = Millis::from_secs(60);

impl Object {
    /// A message on a socket.
    pub(crate) fn on_socket_message(self: &Rc<Self>, websocket: &WebSocket, data: &JsValue) {
        if self.services.problem().is_some() {
            // Whoever waits here is served when the settings are mended; what a client says now is not understood.
            return socket::close(websocket, CloseCode::ServiceRestart.number(), "misconfigured");
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
                        entry.session.borrow_mut().answered(receiver, written, &held);
                    }
                    Ok(ToObject::Gone) => end_response(&entry, receiver, websocket, Departure::ClientGone),
                    Ok(ToObject::Stalled) => end_response(&entry, receiver, websocket, Departure::Stalled),
                    Err(error) => {
                        log::error("inner_socket", Some(&entry.info.service), error);
                        socket::close(websocket, CloseCode::Interrupted.number(), "unknown message");
                        end_response(&entry, receiver, websocket, Departure::Broken);
                    }
                }
                self.touch_and_settle(&entry);
            }
            None => socket::close(websocket, socket::REPLACED, "session over"),
        }
    }

    fn read_client(&self, entry: &Entry, data: &JsValue) {
        let Some(service) = self.services.find(&entry.info.service) else { return };
        let violated = |code, reason: &str| entry.session.borrow_mut().violated(now(), code, reason);
        let Some(text) = Text::of(data) else {
            return violated(CloseCode::Unsupported.number(), "Binary messages are not supported");
        };
        // Before it is copied: the runtime takes 32 MiB, of which an array of empty messages would fill the isolate.
        if text.length() > service.config.body_limit {
            return violated(CloseCode::TooLarge.number(), "Message too large");
        }
        let limits = PayloadLimits::of(&service.config);
        let read = match entry.info.transport {
            Transport::WebSocketRaw => Messages::of_raw(text.utf8(), limits),
            _ => Messages::of_websocket(text.utf8(), limits),
        };
        let messages = match read {
            Ok(messages) => messages,
            Err(PayloadError::Expected | PayloadError::Broken) => {
                return violated(CloseCode::BrokenFraming.number(), "Broken framing.");
            }
            Err(PayloadError::TooLarge) => return violated(CloseCode::TooLarge.number(), "Message too large"),
            Err(PayloadError::TooMany) => return violated(CloseCode::TooLarge.number(), "Too many messages in one"),
        };
        if !entry.takes(&service.config, messages.len()) {
            return violated(CloseCode::PolicyViolation.number(), TOO_FAST);
        }
        if !messages.is_empty() {
            entry.session.borrow_mut().receive();
        }
        let received = entry.pacing.borrow_mut().receive(messages);
        if received == Err(InboxFull) {
            self.overrun(entry);
        }
    }

    /// A socket ended.
    pub(crate) fn on_socket_close(self: &Rc<Self>, websocket: &WebSocket, code: u16, reason: &str) {
        let role = self.role_of(websocket);
        if let Some(Role::Client(entry)) = &role
            && entry.in_burst.get() > 0
        {
            // What waits for the end of a burst was sent while the client was there, and goes before the answer to its close.
            entry.session.borrow_mut().disconnected(now(), code, reason);
            self.touch_and_settle(entry);
        }
        if let Some(Role::Receiver(entry, receiver)) = role {
            let is_missing = end_receiver(&entry, receiver, websocket, code, reason);
            self.table.borrow_mut().remove_socket(websocket);
            self.touch_and_settle(&entry);
            // After what was written is deleted: the runtime holds the answer back until that is on disk, and with the answer the
            // Worker forgets.
            return socket::close(websocket, if is_missing { MISSING } else { code }, reason);
        }
        // The answer to the other side's close, or nothing if it was the answer to ours. It has to come from here: given
        // anywhere else, the client's connection stays half open for seconds (workerd 1.20261117).
        socket::answer_close(websocket, code, reason);
        self.table.borrow_mut().remove_socket(websocket);
        if let Some(Role::Client(entry)) = role {
            entry.session.borrow_mut().disconnected(now(), code, reason);
            self.touch_and_settle(&entry);
        }
    }

    /// The alarm fired: everyone who is due, or nearly so, is served at once.
    pub(crate) async fn on_alarm(self: Rc<Self>) -> Result<()> {
        self.armed.set(Armed::Never);
        if self.services.problem().is_some() {
            // Whoever is due is served when the settings are mended.
            return self.state.storage().set_alarm(MISCONFIGURED_RETRY).await;
        }
        self.wake_sessions()?;
        if let Some(service) = self.take_room_alarm() {
            self.clone().tell_room_alarm(service).await;
        }
        self.tick(|session, now| {
            session.tick(now);
            session.beat_early(now);
        });
        if self.is_idle() {
            self.armed.set(Armed::Never);
            self.clear_storage().await
        } else if self.running.get() > 0 && self.armed.get() == Armed::Never {
            // A handler still runs: if it is killed it is told again, and what it leaves behind is cleared.
            self.armed.set(Armed::At(now() + LOOK_AGAIN));
            self.state.storage().set_alarm(Duration::from_millis(LOOK_AGAIN.0)).await
        } else {
            Ok(())
        }
    }

    /// Tells the application of its alarm. What it broadcasts within a moment goes before heartbeats, in whose place it may be:
    /// of a poll, either is the end. Longer they do not wait for the application, nor does the next alarm of the runtime.
    async fn tell_room_alarm(self: Rc<Self>, service: String) {
        let (done, told) = oneshot::channel();
        let object = self.clone();
        let tell = async move {
            let told = object.on_room_alarm(service).await;
            // Whoever waited may have gone on.
            let _ = done.send(());
            told
        };
        self.run(tell, "room_alarm");
        select(told, Delay::from(ALARM_FIRST)).await;
    }

    /// Whether nobody is connected, nothing is due, and no handler runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.table.borrow().is_empty() && self.room_alarm.borrow().is_none() && self.running.get() == 0
    }

    fn role_of(self: &Rc<Self>, websocket: &WebSocket) -> Option<Role> {
        if let Err(error) = self.wake_sockets() {
            log::error("wake", None, error);
        }
        let role = self.table.borrow().role(websocket);
        if role.is_none() {
            // The list of sockets may leave out the one that an event is about.
            self.wake_socket(websocket);
            return self.table.borrow().role(websocket);
        }
        role
    }
}

/// The response of a receiver ended, as was said on its inner socket.
fn end_response(entry: &Entry, receiver: ReceiverId, websocket: &WebSocket, how: Departure) {
    entry.links.borrow_mut().lost(receiver, websocket);
    entry.session.borrow_mut().detach(now(), receiver, how);
}

/// The inner socket of a receiver ended. True if the Worker held frames that the object does not have.
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
