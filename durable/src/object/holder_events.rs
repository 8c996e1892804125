//! Messages of the Worker that holds a client's WebSocket, and acknowledgements of the client's messages.

use crate::connection::entry::Entry;
use crate::connection::links::{Delivery, HolderSocket};
use crate::js::clock::now;
use crate::js::sockets;
use crate::js::strings::JsString;
use crate::object::Object;
use crate::object::socket_events::answer_question;
use crate::object::timers::Timer;
use crate::observe::log;
use crate::store::attachment;
use sockjs_protocol::inner::envelope::{Batch, EnvelopeError, FromHolder, ToHolder};
use sockjs_protocol::service::options::Durability;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::session::{Departure, ReceiverId};
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::{Result, WebSocket};

/// Longest time until the Worker learns that messages without an answering frame are handled. Until then it keeps them.
const TELL_AFTER: Millis = Millis::from_secs(1);

/// The same with an outbox, where handling a message twice costs more.
const TELL_AFTER_WITH_OUTBOX: Millis = Millis(100);

/// Connections whose Workers have to be notified, and services to which connections came back.
#[derive(Default)]
pub(super) struct Holders {
    untold: RefCell<Vec<Rc<Entry>>>,
    returned: RefCell<Vec<String>>,
}

impl Entry {
    /// Sends a frame to the Worker that holds the client's WebSocket, with the number of handled messages.
    pub(super) fn deliver_to_holder(&self, socket: &HolderSocket, delivery: &Delivery) -> Result<()> {
        let handled = self.told.tell(self.pacing.borrow_mut().handled());
        let frame = delivery.frame.encode();
        socket.send(&ToHolder::Frame { seq: delivery.seq, handled, end: delivery.end, frame: &frame })
    }

    /// True if the Worker that holds the client's WebSocket does not know everything that is handled.
    pub(super) fn is_untold(&self) -> bool {
        self.info.held && self.told.is_behind(self.pacing.borrow_mut().handled())
    }

    fn tell_handled(&self) {
        let handled = self.told.tell(self.pacing.borrow_mut().handled());
        if let (Some(handled), Some(holder)) = (handled, self.links.borrow().holder()) {
            // A lost socket is replaced, and the number is sent on the new one.
            let _ = holder.send(&ToHolder::Handled(handled));
        }
    }
}

impl Object {
    /// Handles a message of the Worker that holds the WebSocket of `entry`.
    pub(super) fn on_holder_message(
        self: &Rc<Self>,
        entry: &Rc<Entry>,
        receiver: ReceiverId,
        websocket: &WebSocket,
        data: &JsValue,
    ) {
        let text = JsString::of(data).map(|text| text.utf8()).unwrap_or_default();
        match FromHolder::decode(&text) {
            Ok(FromHolder::Batch(batch)) => {
                if let Some(seq) = batch.ack {
                    entry.session.borrow_mut().ack(receiver, seq);
                }
                if !self.take_batch(entry, &batch) {
                    // A previous instance received messages that were not handled: the Worker sends them again.
                    return self.break_holder(entry, receiver, websocket);
                }
            }
            Ok(FromHolder::Ack(seq)) => entry.session.borrow_mut().ack(receiver, seq),
            Ok(FromHolder::Progress { written, held }) => {
                entry.session.borrow_mut().answered(now(), receiver, written, &held);
                attachment::seen(websocket);
            }
            Ok(FromHolder::Closed { code, reason }) => entry.session.borrow_mut().disconnected(now(), code, reason),
            Ok(FromHolder::Violated { code, reason }) => entry.session.borrow_mut().violated(now(), code, reason),
            Ok(FromHolder::Stalled) => entry.session.borrow_mut().detach(now(), receiver, Departure::Stalled),
            Ok(FromHolder::Silent) => entry.session.borrow_mut().fell_silent(now()),
            Err(_) if answer_question(websocket, data) => {}
            Err(error @ (EnvelopeError::Malformed | EnvelopeError::Version(_))) => {
                log::error("inner_socket", Some(&entry.info.service), error);
                return self.break_holder(entry, receiver, websocket);
            }
        }
        self.touch_and_settle(entry);
    }

    fn break_holder(self: &Rc<Self>, entry: &Rc<Entry>, receiver: ReceiverId, websocket: &WebSocket) {
        entry.links.borrow_mut().lost(receiver, websocket);
        self.table.borrow_mut().remove_socket(websocket);
        sockets::close(websocket, sockets::REPLACED, "attach again");
        entry.session.borrow_mut().detach(now(), receiver, Departure::Broken);
        self.touch_and_settle(entry);
    }

    /// Takes the client's messages. Returns false if some before them are missing.
    fn take_batch(self: &Rc<Self>, entry: &Rc<Entry>, batch: &Batch<'_>) -> bool {
        entry.pacing.borrow_mut().start_numbers(batch.handled);
        entry.told.knows(batch.handled);
        if batch.first > entry.pacing.borrow().received() + 1 {
            return false;
        }
        for (number, text) in (batch.first..).zip(&batch.texts) {
            let received = entry.pacing.borrow().received();
            if number <= received {
                continue;
            }
            entry.told.arrived(text.len());
            let received = self.read_text(
                entry,
                text.len(),
                || (*text).to_owned(),
                |messages| entry.pacing.borrow_mut().receive_numbered(number, messages),
            );
            if !received {
                break;
            }
        }
        true
    }

    /// Schedules a notification of the Worker that holds the WebSocket of `entry` about handled messages.
    pub(super) fn plan_to_tell(self: &Rc<Self>, entry: &Rc<Entry>) {
        if !entry.is_untold() {
            return;
        }
        if entry.told.is_much() {
            return entry.tell_handled();
        }
        if entry.told.is_planned.replace(true) {
            return;
        }
        self.holders.untold.borrow_mut().push(entry.clone());
        let durability = self.services.find(&entry.info.service).map(|service| service.config.durability);
        let after = if durability == Some(Durability::Outbox) { TELL_AFTER_WITH_OUTBOX } else { TELL_AFTER };
        self.set_timer_to_earlier(Timer::TellHandled, now() + after);
    }

    /// Notifies Workers of handled messages.
    pub(super) fn tell_handled(&self) {
        for entry in self.holders.untold.take() {
            entry.told.is_planned.set(false);
            entry.tell_handled();
        }
    }

    /// Notes that a connection came back after a restart.
    pub(super) fn has_returned(self: &Rc<Self>, service: &str) {
        let mut returned = self.holders.returned.borrow_mut();
        if returned.iter().any(|known| known == service) {
            return;
        }
        returned.push(service.to_owned());
        let timeout = self.services.find(service).map(|service| service.config.reattach_timeout);
        if let (Some(timeout), true) = (timeout, self.timers.at(Timer::Returned).is_none()) {
            self.set_timer(Timer::Returned, Some(now() + timeout));
        }
    }

    /// Notifies the applications that no more connections come back.
    pub(super) fn all_returned(self: &Rc<Self>) {
        // Bound first: a borrow in the head of the loop would last while handlers run.
        let services = self.holders.returned.borrow().clone();
        for service in services {
            let object = self.clone();
            let told = async move {
                let Some(started) = object.started_handler(&service).await else { return Ok(()) };
                started.handler.on_returned(object.room(service.clone())).await
            };
            let told = self.settling(Box::pin(told));
            self.run(Box::pin(told), "returned");
        }
    }

    /// Handles the end of a holder's inner WebSocket.
    pub(super) fn on_holder_close(
        self: &Rc<Self>,
        entry: &Rc<Entry>,
        receiver: ReceiverId,
        websocket: &WebSocket,
        code: u16,
    ) {
        let how = if code == CloseCode::Normal.number() { Departure::Ended } else { Departure::Broken };
        self.table.borrow_mut().remove_socket(websocket);
        if entry.links.borrow_mut().lost(receiver, websocket) {
            entry.session.borrow_mut().detach(now(), receiver, how);
            self.touch_and_settle(entry);
        }
        sockets::close(websocket, code, "");
    }
}
