//! What the runtime tells the object: messages and ends of its sockets, and its alarm.

use crate::alarm::Armed;
use crate::object::Object;
use crate::runtime::now;
use crate::socket;
use crate::table::Role;
use sockjs_protocol::envelope::{FINISHED, ToObject, read_finished_reason};
use sockjs_protocol::payload::websocket_messages;
use sockjs_protocol::session::Departure;
use sockjs_protocol::transport::Transport;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::{Result, WebSocket, console_error};

impl Object {
    /// A message on a socket.
    pub(crate) fn on_socket_message(self: &Rc<Self>, websocket: &WebSocket, data: &JsValue) {
        match self.role_of(websocket) {
            Some(Role::Client(entry)) => {
                self.read_client(&entry, data);
                self.touch_and_settle(&entry);
            }
            Some(Role::Receiver(entry, receiver)) => {
                let bytes = js_sys::Uint8Array::new(data).to_vec();
                match ToObject::decode(&bytes) {
                    Ok(ToObject::Ack(seq)) => entry.session.borrow_mut().ack(receiver, seq),
                    Ok(ToObject::Gone) => {
                        entry.links.borrow_mut().lost(receiver, websocket);
                        entry.session.borrow_mut().detach(now(), receiver, Departure::ClientGone);
                    }
                    Err(error) => {
                        console_error!("sockjs: inner socket: {error}");
                        socket::close(websocket, 1002, "unknown message");
                        entry.links.borrow_mut().lost(receiver, websocket);
                        entry.session.borrow_mut().detach(now(), receiver, Departure::Broken);
                    }
                }
                self.touch_and_settle(&entry);
            }
            None => socket::close(websocket, socket::REPLACED, "session over"),
        }
    }

    fn read_client(&self, entry: &crate::connection::Entry, data: &JsValue) {
        let mut session = entry.session.borrow_mut();
        let Some(text) = data.as_string() else {
            return session.violated(1003, "Binary messages are not supported");
        };
        let Some(service) = self.services.find(&entry.info.service) else { return };
        let messages =
            if entry.info.transport == Transport::WebSocketRaw { Ok(vec![text]) } else { websocket_messages(&text) };
        let Ok(messages) = messages else { return session.violated(3000, "Broken framing.") };
        if messages.iter().any(|message| message.len() > service.config.message_limit) {
            return session.violated(1009, "Message too large");
        }
        let bytes = messages.iter().map(String::len).sum();
        if !entry.inbox.borrow().has_room(bytes, service.config.body_limit) {
            return session.violated(1008, "Messages come faster than they are handled");
        }
        session.receive(messages);
    }

    /// A socket ended.
    pub(crate) fn on_socket_close(self: &Rc<Self>, websocket: &WebSocket, code: u16, reason: &str) {
        let role = self.role_of(websocket);
        // The answer to the other side's close, or nothing if it was the answer to ours. It has to come from here: given
        // anywhere else, the client's connection stays half open for seconds (workerd 1.20261117).
        socket::close(websocket, code, reason);
        self.table.borrow_mut().remove_socket(websocket);
        let entry = match role {
            Some(Role::Client(entry)) => {
                entry.session.borrow_mut().disconnected(code, reason);
                entry
            }
            Some(Role::Receiver(entry, receiver)) => {
                if !entry.links.borrow_mut().lost(receiver, websocket) {
                    return;
                }
                let mut session = entry.session.borrow_mut();
                if code == FINISHED
                    && let Some(written) = read_finished_reason(reason)
                {
                    session.ack(receiver, written);
                }
                // What it did not write is for the next one, however it ended.
                session.detach(now(), receiver, Departure::Broken);
                drop(session);
                entry
            }
            None => return,
        };
        self.touch_and_settle(&entry);
    }

    /// The alarm fired: everyone who is due, or nearly so, is served at once.
    pub(crate) async fn on_alarm(self: Rc<Self>) -> Result<()> {
        self.armed.set(Armed::Never);
        self.wake_sessions()?;
        let due = self.take_room_alarm();
        self.tick(|session, now| {
            session.tick(now);
            session.beat_early(now);
        });
        if let Some(service) = due {
            self.on_room_alarm(service).await?;
        }
        let idle = self.table.borrow().is_empty() && self.room_alarm.borrow().is_none();
        if idle && self.store.is_used() {
            // An empty database still takes 12 KB of an object that nobody may ever ask for again.
            self.store.reset();
            self.armed.set(Armed::Never);
            self.state.storage().delete_all().await?;
        }
        Ok(())
    }

    fn role_of(self: &Rc<Self>, websocket: &WebSocket) -> Option<Role> {
        if let Err(error) = self.wake_sockets() {
            console_error!("sockjs: wake: {error}");
        }
        self.table.borrow().role(websocket)
    }
}
