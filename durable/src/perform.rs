//! Doing what a session says.

use crate::connection::Entry;
use crate::link::{Answer, Link};
use crate::object::Object;
use crate::runtime::now;
use crate::socket;
use sockjs_protocol::envelope::ToEdge;
use sockjs_protocol::frame::Frame;
use sockjs_protocol::session::{Departure, Output, ReceiverId, Seq};
use sockjs_protocol::transport::Transport;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, WebSocket, console_error};

/// How long the client of a first receiver has to show that it is gone, when a second one comes.
const PROBE_WAIT: Duration = Duration::from_millis(40);

/// How long a WebSocket that is closed while it is being opened stays open: a close in the same packet as the head of the
/// 101 is lost on some clients.
const CLOSE_AFTER_OPEN: Duration = Duration::from_millis(5);

impl Object {
    /// Drains the session of `entry`.
    pub(crate) fn drain(self: &Rc<Self>, entry: &Rc<Entry>) {
        let now = now();
        loop {
            let output = entry.session.borrow_mut().poll_output(now);
            match output {
                None => break,
                Some(Output::Deliver { to, seq, frame, end }) => self.deliver(entry, to, seq, &frame, end),
                Some(Output::Probe(receiver)) => self.probe(entry, receiver),
                Some(Output::Release { receiver, code, reason }) => {
                    if let Some(Link::Client(websocket)) = entry.links.borrow_mut().take(receiver) {
                        socket::close(&websocket, code, &reason);
                    }
                }
                Some(Output::Persist(change)) => {
                    if let Err(error) = self.store.apply(&entry.info, change) {
                        console_error!("sockjs: storage: {error}");
                    }
                }
                Some(Output::Notify(event)) => entry.inbox.borrow_mut().push(event),
            }
        }
        if entry.session.borrow().is_closed() {
            self.table.borrow_mut().remove(entry);
        }
    }

    fn deliver(self: &Rc<Self>, entry: &Rc<Entry>, to: ReceiverId, seq: Option<Seq>, frame: &Frame, end: bool) {
        let link = entry.links.borrow_mut().take(to);
        let ended = match link {
            Some(Link::Client(websocket)) => {
                let sent = self.deliver_to_client(entry, &websocket, frame);
                if !end {
                    entry.links.borrow_mut().set(to, Link::Client(websocket));
                }
                if !sent {
                    entry.session.borrow_mut().disconnected(1006, "");
                }
                return;
            }
            Some(Link::Inner(inner)) => {
                let sent = inner.send_with_bytes(ToEdge::Frame { seq, end, frame: frame.encode() }.encode());
                entry.links.borrow_mut().set(to, Link::Inner(inner));
                sent.err().map(|_| Departure::Broken)
            }
            Some(Link::Pending(answer)) => {
                let frame = ToEdge::Frame { seq, end, frame: frame.encode() };
                // In the body of a 200, this is the receiver's last word.
                Some(match answer.send(Answer::Frame(frame)) {
                    Ok(()) => Departure::Finished,
                    Err(_) => Departure::Broken,
                })
            }
            None => Some(Departure::Broken),
        };
        if let Some(how) = ended {
            entry.session.borrow_mut().detach(now(), to, how);
        }
    }

    /// Whether the frame could be sent.
    fn deliver_to_client(self: &Rc<Self>, entry: &Rc<Entry>, websocket: &WebSocket, frame: &Frame) -> bool {
        let raw = entry.info.transport == Transport::WebSocketRaw;
        let sent = match frame {
            Frame::Messages(messages) if raw => {
                messages.iter().try_for_each(|message| websocket.send_with_str(message.as_str()))
            }
            _ if raw => Ok(()),
            frame => websocket.send_with_str(frame.encode()),
        };
        if let Frame::Close { code, reason } = frame {
            // A SockJS client has the code from the frame; a raw one has nothing else.
            let (code, reason) = if raw { (*code, reason.clone()) } else { (1000, "Normal closure".into()) };
            if entry.opening.get() {
                let websocket = websocket.clone();
                let late = async move {
                    Delay::from(CLOSE_AFTER_OPEN).await;
                    socket::close(&websocket, code, &reason);
                    Ok(())
                };
                self.run(late, "close");
            } else {
                socket::close(websocket, code, &reason);
            }
        }
        sent.is_ok()
    }

    fn probe(self: &Rc<Self>, entry: &Rc<Entry>, receiver: ReceiverId) {
        let link = entry.links.borrow_mut().take(receiver);
        match link {
            // Still in its grace: its client can only be seen to leave once the response has a head.
            Some(Link::Pending(answer)) => {
                let _ = answer.send(Answer::Upgrade);
            }
            Some(Link::Inner(inner)) => {
                let _ = inner.send_with_bytes(ToEdge::Probe.encode());
                entry.links.borrow_mut().set(receiver, Link::Inner(inner));
            }
            Some(Link::Client(_)) | None => {}
        }
        let (object, entry) = (self.clone(), entry.clone());
        let wait = async move {
            Delay::from(PROBE_WAIT).await;
            entry.session.borrow_mut().probed(now(), receiver, true);
            object.touch(&entry);
            object.settle();
            Ok(())
        };
        self.run(wait, "probe");
    }
}
