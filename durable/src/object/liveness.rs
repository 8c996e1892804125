//! Signs of life of the clients whose WebSockets the object holds.
//!
//! On framed sockets the runtime answers the liveness message itself, also while the object hibernates, and reports the time when
//! it is asked. Everything else is an event: other spellings of the message, messages on raw sockets, and all other messages of a
//! client. Signs of life of a client that is judged are stored with its socket, since an object that hibernated has no other
//! record of them.

use crate::connection::entry::Entry;
use crate::connection::links::{Delivery, Link};
use crate::js::clock::now;
use crate::js::runtime::{auto_response_time, is_node, set_auto_response};
use crate::object::Object;
use crate::observe::log;
use sockjs_protocol::service::options::{Config, Liveness};
use sockjs_protocol::sockjs::frame::{Frame, Message};
use sockjs_protocol::sockjs::liveness::AutomaticAnswer;
use sockjs_protocol::sockjs::payload::Messages;
use sockjs_protocol::sockjs::session::Receiver;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::rc::Rc;
use worker::Error;

impl Object {
    /// Makes the runtime answer the liveness message of a service's framed sockets; on a node of a cluster, also the Worker's
    /// question on inner sockets. It is set up once in each life of an object.
    pub(super) fn answer_automatically(&self, config: &Config, transport: Transport) {
        let is_of_use = transport == Transport::WebSocket || is_node();
        if !is_of_use || self.has_auto_response.replace(true) {
            return;
        }
        let automatic = AutomaticAnswer::of(config, is_node());
        let (request, answer) = automatic.map(|AutomaticAnswer { request, answer }| (request, answer)).unzip();
        // Without the automatic response, all such messages are events.
        if let Err(error) = set_auto_response(self.state.as_raw(), request.as_deref(), answer.as_deref()) {
            log::error("auto_response", Some(&config.prefix), Error::from(error));
        }
    }

    /// Removes the liveness messages from a client's messages, answers them, and notes the sign of life.
    pub(super) fn listen(self: &Rc<Self>, entry: &Rc<Entry>, config: &Config, messages: Messages) -> Messages {
        let Some(liveness) = &config.liveness else { return messages };
        let (messages, is_beat) = liveness.take_from(messages);
        let now = now();
        entry.session.borrow_mut().heard(now, is_beat);
        self.remember(entry, now);
        if is_beat {
            self.answer(now, entry, liveness);
        }
        messages
    }

    fn answer(self: &Rc<Self>, now: Millis, entry: &Rc<Entry>, liveness: &Liveness) {
        let messages = match entry.info.transport == Transport::WebSocketRaw {
            true => vec![Message::new(liveness.message())],
            false => liveness.answer(),
        };
        let delivery = Delivery { seq: None, frame: Frame::Messages(messages), end: false };
        if let Some(holder) = entry.links.borrow().holder() {
            // A lost socket is replaced.
            let _ = entry.deliver_to_holder(holder, &delivery);
            return;
        }
        let link = entry.links.borrow_mut().take(Receiver::WEBSOCKET.id);
        match link {
            Some(Link::Client(websocket)) => {
                self.deliver_to_client(now, entry, websocket, &delivery);
            }
            Some(link) => entry.links.borrow_mut().set(Receiver::WEBSOCKET.id, link),
            None => {}
        }
    }

    /// Stores the time of a client's sign of life with its socket, unless it was stored a moment ago.
    fn remember(&self, entry: &Entry, now: Millis) {
        let granularity = entry.session.borrow().remembers_each();
        let is_new = |granularity| entry.word.get().is_none_or(|kept| kept + granularity < now);
        if granularity.is_some_and(is_new) {
            entry.word.set(Some(now));
            self.keep_word(entry);
        }
    }

    /// Reports to the session of a WebSocket the client's signs of life that are no events. Must be called before the session's
    /// time advances.
    pub(super) fn look_for_life(&self, entry: &Entry) {
        if !entry.session.borrow().listens() {
            return;
        }
        if let Some(at) = entry.read_at.take() {
            entry.session.borrow_mut().progressed(at);
        }
        if let (Transport::WebSocket, Some(Link::Client(websocket))) =
            (entry.info.transport, entry.links.borrow().get(Receiver::WEBSOCKET.id))
            // An error means that the socket is lost.
            && let Ok(Some(at)) = auto_response_time(self.state.as_raw(), websocket.as_ref())
        {
            // A positive whole number of milliseconds.
            entry.session.borrow_mut().heard(Millis(at as u64), true);
        }
    }
}
