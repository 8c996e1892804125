//! A client's own state: what it has read, what waits for it, and its receivers.

use crate::connection::entry::Entry;
use crate::info::connection_info::ConnectionInfo;
use crate::js::clock::now;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::payload::Messages;
use sockjs_protocol::sockjs::session::{Receiver, ReceiverId, ReceiverKind, Seq};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;

/// A frame for a client.
pub(super) struct Given {
    pub to: ReceiverId,
    pub seq: Option<Seq>,
    pub frame: Frame,
    /// True if the response ends with the frame.
    pub end: bool,
}

/// The state of a client outside the server.
#[derive(Debug)]
pub(super) struct Client {
    pub id: String,
    pub transport: Transport,
    pub received: RefCell<Vec<String>>,
    pub closed: RefCell<Option<(u16, String)>>,
    pub is_reading: Cell<bool>,
    pub has_left: Cell<bool>,
    pub unread: RefCell<VecDeque<Given>>,
    /// Time since which the client has read nothing although something waits.
    unread_since: Cell<Option<Millis>>,
    /// Number of receivers that the client has had so far.
    receivers: Cell<u64>,
    /// Number of the last message that was given to the client.
    last: Cell<Option<Seq>>,
    /// Sends over HTTP that have no answer yet, with their ids.
    pub sends: RefCell<VecDeque<(u64, Messages)>>,
    pub sent: Cell<u64>,
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.frame.encode())
    }
}

impl Client {
    pub fn new(info: &ConnectionInfo) -> Self {
        Self {
            id: info.id.clone(),
            transport: info.transport,
            received: RefCell::default(),
            closed: RefCell::default(),
            is_reading: Cell::new(true),
            has_left: Cell::new(false),
            unread: RefCell::default(),
            unread_since: Cell::new(None),
            receivers: Cell::new(0),
            last: Cell::new(None),
            sends: RefCell::default(),
            sent: Cell::new(0),
        }
    }

    /// Takes a frame. Returns true if the client reads it at once.
    pub fn take(&self, now: Millis, given: Given) -> bool {
        self.last.set(given.seq.or(self.last.get()));
        if self.has_left.get() {
            return false;
        }
        if self.is_reading.get() {
            self.read(given.frame);
            return true;
        }
        self.unread.borrow_mut().push_back(given);
        if self.unread_since.get().is_none() {
            self.unread_since.set(Some(now));
        }
        false
    }

    pub fn read(&self, frame: Frame) {
        self.unread_since.set(None);
        match frame {
            Frame::Messages(messages) => {
                let texts = messages.iter().map(|message| message.as_str().to_owned());
                self.received.borrow_mut().extend(texts);
            }
            Frame::Close { code, reason } => {
                self.closed.borrow_mut().get_or_insert((code, reason));
            }
            Frame::Open | Frame::Heartbeat => {}
        }
    }

    /// Acknowledges what the client has read, and requests more.
    pub fn go_on(&self, entry: &Entry) {
        if self.transport.is_websocket() {
            return entry.unread.set(self.unread_bytes());
        }
        let mut session = entry.session.borrow_mut();
        if !self.is_reading.get() || self.has_left.get() {
            return;
        }
        if let Some(seq) = self.last.get() {
            session.ack(self.receiver(), seq);
        }
        if !session.is_attached() && self.closed.borrow().is_none() && !session.is_closed() {
            session.attach(now(), self.next_receiver());
        }
    }

    /// Resumes the client's receiver at an object that was restarted.
    pub fn come_back(&self, entry: &Entry) {
        let is_away = self.has_left.get() || self.closed.borrow().is_some();
        if self.transport.is_websocket() || is_away || (self.is_poller() && !self.is_reading.get()) {
            return;
        }
        let receiver = Receiver { id: self.receiver(), kind: ReceiverKind::of(self.transport), beats: false };
        entry.session.borrow_mut().resume(now(), receiver, self.last.get());
    }

    /// Records that the connection is lost, with everything that the client had not read.
    pub fn lose(&self) {
        self.abort();
        if !self.has_left.get() {
            self.closed.borrow_mut().get_or_insert((CloseCode::Abnormal.number(), String::new()));
        }
    }

    /// Drops everything that the client has not read.
    pub fn abort(&self) {
        self.unread.borrow_mut().clear();
        self.unread_since.set(None);
    }

    /// True if a response ends with its first frame.
    pub fn is_poller(&self) -> bool {
        ReceiverKind::of(self.transport) == ReceiverKind::OneFrame
    }

    /// Returns the id of the client's current receiver.
    pub fn receiver(&self) -> ReceiverId {
        if self.transport.is_websocket() { Receiver::WEBSOCKET.id } else { ReceiverId(self.receivers.get()) }
    }

    pub fn next_receiver(&self) -> Receiver {
        self.receivers.set(self.receivers.get() + 1);
        Receiver { id: self.receiver(), kind: ReceiverKind::of(self.transport), beats: false }
    }

    /// Returns the number of bytes that the client has not read.
    pub fn unread_bytes(&self) -> usize {
        self.unread.borrow().iter().map(|given| given.frame.encoded_len()).sum()
    }

    /// Returns the time since which the client has read nothing of a stream or a WebSocket although something waits.
    /// Returns `None` for a polling client.
    pub fn unread_since(&self) -> Option<Millis> {
        self.unread_since.get().filter(|_| !self.is_poller())
    }
}
