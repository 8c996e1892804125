//! Carries out the outputs of a session.

use crate::connection::entry::Entry;
use crate::connection::links::{Delivery, HolderSocket, Link};
use crate::js::clock::now;
use crate::js::sockets;
use crate::object::Object;
use crate::object::looks::MUCH;
use crate::observe::log;
use crate::store::attachment;
use sockjs_protocol::inner::envelope::{ToEdge, ToHolder};
use sockjs_protocol::service::options::Durability;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::frame::{Frame, Message};
use sockjs_protocol::sockjs::session::{Change, Departure, Event, Output, Receiver, ReceiverId, Seq, WINDOW};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::rc::Rc;
use worker::WebSocket;

impl Object {
    /// Carries out the outputs of the session of `entry`.
    pub(super) fn drain(self: &Rc<Self>, entry: &Rc<Entry>) {
        let in_burst = self.is_in_burst(entry);
        self.drain_with(entry, in_burst);
        if in_burst && entry.session.borrow().may_wait_for_more() {
            self.await_burst(entry);
        }
    }

    /// Does the same while more messages are about to be sent: messages that do not fill a frame stay in the queue, to share a
    /// frame with later ones. The caller has to call [`Object::drain`] afterwards.
    pub(super) fn drain_with(self: &Rc<Self>, entry: &Rc<Entry>, more_follows: bool) {
        let now = now();
        loop {
            let output = match more_follows {
                true => entry.session.borrow_mut().poll_output_in_burst(now),
                false => entry.session.borrow_mut().poll_output(now),
            };
            match output {
                None => break,
                Some(Output::Deliver { to, seq, frame, end }) => {
                    self.deliver(now, entry, to, Delivery { seq, frame, end })
                }
                Some(Output::Probe(receiver)) => self.probe(entry, receiver),
                Some(Output::Ask(receiver)) => self.ask(entry, receiver),
                Some(Output::Read(first)) => self.read_rows(entry, first),
                Some(Output::Release { receiver, code, reason }) => self.release(entry, receiver, code, &reason),
                Some(Output::Persist(change)) => {
                    self.write(entry, change);
                }
                Some(Output::Notify(event)) => {
                    self.note(entry, &event);
                    let mut pacing = entry.pacing.borrow_mut();
                    match event {
                        Event::Opened => pacing.opened(),
                        Event::Closed(reason) => pacing.closed(reason),
                    }
                }
            }
        }
        if entry.session.borrow().is_closed() {
            self.table.borrow_mut().remove(entry);
        }
    }

    /// Closes the WebSocket of a receiver: the client's own, or an inner one.
    fn release(&self, entry: &Entry, receiver: ReceiverId, code: u16, reason: &str) {
        let link = entry.links.borrow_mut().take(receiver);
        match link {
            Some(Link::Client(websocket)) => {
                attachment::over(&websocket);
                if entry.info.transport == Transport::WebSocket && is_new_code(code) {
                    // A lost socket needs no frame.
                    send(&websocket, false, &Frame::Close { code, reason: reason.to_owned() });
                }
                sockets::close(&websocket, code, reason);
            }
            Some(Link::Inner(inner)) => {
                self.table.borrow_mut().remove_socket(&inner.socket);
                sockets::close(&inner.socket, code, reason);
            }
            // The other end did not answer. If it is still there, it attaches again, and its client notices nothing.
            Some(Link::Holder(HolderSocket(inner))) if code == sockets::REPLACED => {
                self.table.borrow_mut().remove_socket(&inner);
                sockets::close(&inner, code, reason);
            }
            Some(Link::Holder(holder)) => {
                // A lost socket is replaced, and its session then sends the close again.
                let _ = holder.send(&ToHolder::Close { code, reason });
                entry.links.borrow_mut().set(receiver, Link::Holder(holder));
            }
            Some(Link::Poll(_) | Link::Opening(_)) | None => {}
        }
    }

    /// Writes to storage. Returns false if that failed; the session knows then.
    pub(super) fn write(&self, entry: &Entry, change: Change) -> bool {
        if change == Change::Heard && entry.info.transport.is_websocket() {
            self.keep_heard(entry);
            if !entry.session.borrow().is_stored() {
                return true;
            }
        }
        let mut applied = self.store.apply(&entry.info, &change);
        if let Change::Open { .. } = &change {
            // A held WebSocket enters storage late.
            applied = applied.and_then(|()| self.store.set_kept(&entry.info, &entry.kept()));
        }
        let Err(error) = applied else { return true };
        log::error("storage", Some(&entry.info.service), error);
        entry.session.borrow_mut().not_persisted(now(), &change);
        false
    }

    /// Reads stored messages for the session.
    fn read_rows(&self, entry: &Entry, first: Seq) {
        let rows = self.store.read(&entry.info, first, self.memory.meter());
        let rows =
            rows.inspect_err(|error| log::error("storage", Some(&entry.info.service), error)).unwrap_or_default();
        entry.session.borrow_mut().read(now(), first, &rows);
    }

    fn deliver(self: &Rc<Self>, now: Millis, entry: &Rc<Entry>, to: ReceiverId, delivery: Delivery) {
        let link = entry.links.borrow_mut().take(to);
        let ended = match link {
            Some(Link::Opening(mut deliveries)) => {
                deliveries.push(delivery);
                return entry.links.borrow_mut().set(to, Link::Opening(deliveries));
            }
            Some(Link::Client(websocket)) => return self.deliver_to_client(now, entry, websocket, &delivery),
            Some(Link::Inner(inner)) => {
                let sent = inner.send(&delivery.to_edge());
                if delivery.end {
                    attachment::ending(&inner.socket);
                }
                entry.links.borrow_mut().set(to, Link::Inner(inner));
                sent.err().map(|_| Departure::Broken)
            }
            Some(Link::Holder(holder)) => {
                let sent = entry.deliver_to_holder(&holder, &delivery);
                entry.links.borrow_mut().set(to, Link::Holder(holder));
                sent.err().map(|_| Departure::Broken)
            }
            Some(Link::Poll(poll)) if self.is_to_be_confirmed(entry, &delivery) => {
                entry.links.borrow_mut().set(to, Link::Opening(vec![delivery]));
                self.upgrade_poll(entry, poll);
                None
            }
            Some(Link::Poll(poll)) => {
                // A 200 with this body is the end of the receiver.
                Some(match poll.answer(&delivery.to_edge()) {
                    Ok(()) => Departure::Finished,
                    // The frame was never sent.
                    Err(_) => Departure::Ended,
                })
            }
            None => Some(Departure::Broken),
        };
        if let Some(how) = ended {
            entry.session.borrow_mut().detach(now, to, how);
        }
    }

    /// True if the Worker has to confirm that it wrote this, before it counts as delivered: a 200 is lost with its object, and
    /// nobody would see how long its client takes to read a large one.
    fn is_to_be_confirmed(&self, entry: &Entry, delivery: &Delivery) -> bool {
        let durability = self.services.find(&entry.info.service).map(|service| service.config.durability);
        let is_outbox = durability == Some(Durability::Outbox);
        matches!(delivery.frame, Frame::Messages(_)) && (is_outbox || delivery.frame.encoded_len() > WINDOW)
    }

    pub(super) fn deliver_to_client(
        self: &Rc<Self>,
        now: Millis,
        entry: &Rc<Entry>,
        websocket: WebSocket,
        delivery: &Delivery,
    ) {
        let raw = entry.info.transport == Transport::WebSocketRaw;
        self.look_for_stall(now, entry, &websocket);
        entry.give(&delivery.frame);
        let sent = match &delivery.frame {
            Frame::Messages(messages) if !raw && messages.iter().all(Message::is_shared) => {
                self.shared.send(&websocket, messages)
            }
            frame => send(&websocket, raw, frame),
        };
        if !sent {
            entry.session.borrow_mut().disconnected(now, CloseCode::Abnormal.number(), "");
        } else if delivery.end {
            attachment::over(&websocket);
            close_after(&websocket, raw, &delivery.frame);
        } else {
            entry.links.borrow_mut().set(Receiver::WEBSOCKET.id, Link::Client(websocket));
            if entry.socket_buffer.cost() > MUCH {
                self.watch(entry);
            }
        }
    }

    pub(super) fn lose(self: &Rc<Self>, entry: &Rc<Entry>, receiver: ReceiverId) {
        entry.session.borrow_mut().detach(now(), receiver, Departure::Broken);
        self.touch_later(entry);
    }

    /// Asks a receiver that stayed attached during hibernation how far it got.
    fn ask(self: &Rc<Self>, entry: &Rc<Entry>, receiver: ReceiverId) {
        match entry.links.borrow().get(receiver) {
            // An error means that the socket is lost, which its close event reports.
            Some(Link::Inner(inner)) => drop(inner.send(&ToEdge::Ask)),
            Some(Link::Holder(holder)) => drop(holder.send(&ToHolder::Ask)),
            Some(Link::Poll(_) | Link::Opening(_) | Link::Client(_)) | None => self.lose(entry, receiver),
        }
    }
}

/// True for a close code that some WebSocket libraries do not know, and report as 1002: those that RFC 6455 does not list
/// (websocket-driver 0.7.5, which sockjs-client uses in Node). The page learns the code from SockJS's close frame all the same.
fn is_new_code(code: u16) -> bool {
    (1012..=1014).contains(&code)
}

/// Sends a frame on a client's WebSocket; a raw one has no frames. Returns false if the socket is lost.
pub(super) fn send(websocket: &WebSocket, raw: bool, frame: &Frame) -> bool {
    let sent = match frame {
        Frame::Messages(messages) if raw => {
            messages.iter().try_for_each(|message| websocket.send_with_str(message.as_str()))
        }
        _ if raw => Ok(()),
        frame => websocket.send_with_str(frame.encode()),
    };
    sent.is_ok()
}

/// Closes a client's WebSocket after its last frame.
pub(super) fn close_after(websocket: &WebSocket, raw: bool, last: &Frame) {
    match last {
        // A raw client learns code and reason only from this close.
        Frame::Close { code, reason } if raw => sockets::close(websocket, *code, reason),
        _ => sockets::close(websocket, CloseCode::Normal.number(), "Normal closure"),
    }
}
