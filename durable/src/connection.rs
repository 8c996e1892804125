//! One connection: what the object keeps of it, and the handle that a handler gets.

use crate::admission::parameter;
use crate::budget::Share;
use crate::handler::ErasedHandler;
use crate::info::Info;
use crate::link::{Link, Links};
use crate::metrics::Counted;
use crate::object::Object;
use crate::outgoing::Outgoing;
use crate::pace::Waiters;
use crate::rate::Rate;
use crate::room::Room;
use crate::runtime::now;
use crate::stall::Stall;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::meter::Part;
use sockjs_protocol::sockjs::pacing::{Pacing, PacingRules};
use sockjs_protocol::sockjs::session::{self, CloseReason, Receiver, Session};
use sockjs_protocol::sockjs::transport::Transport;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};

/// What the object keeps of one connection.
pub(crate) struct Entry {
    pub info: Info,
    pub handler: Rc<dyn ErasedHandler>,
    pub session: RefCell<Session>,
    pub links: RefCell<Links>,
    /// The client's messages that the handler was not called with yet, and its sends that wait for an answer.
    pub pacing: RefCell<Pacing>,
    pub waiters: RefCell<Waiters>,
    /// Its part of the memory for messages of clients.
    pub share: Share,
    /// Its part of the memory for what waits for clients.
    pub memory: Part,
    /// True while its handler waits at the gate of the room.
    pub is_at_gate: Cell<bool>,
    /// True while it waits to be looked at again.
    pub is_looked_at: Cell<bool>,
    /// True until the handler that runs has sent its first message: that one always fits.
    pub may_exceed: Cell<bool>,
    /// Whether it waits to be settled.
    pub touched: Cell<bool>,
    /// True while the table counts it as open.
    pub is_listed_as_open: Cell<bool>,
    /// Keys of the sockets that lead to it.
    pub sockets: RefCell<Vec<u64>>,
    /// Bytes that wait for the end of a burst.
    pub in_burst: Cell<usize>,
    /// Bytes that may wait for the client.
    queue_limit: usize,
    /// What waits on the client's own WebSocket.
    pub outgoing: Outgoing,
    /// The time for which its client has taken nothing of that.
    pub stall: Cell<Stall>,
    /// True while the object looks whether it stalls.
    pub is_watched: Cell<bool>,
    /// How fast the client sends.
    pub rate: RefCell<Rate>,
    /// What the application keeps with it, as JSON.
    pub state: RefCell<Option<String>>,
    /// Where it is counted, if it is.
    pub counted: Option<Rc<Counted>>,
    /// Whether its end counts.
    pub counts: Cell<bool>,
}

impl Entry {
    /// True if the client may send as many messages now. Of none it takes as much as of one.
    pub fn takes(&self, config: &Config, messages: usize) -> bool {
        config.message_rate.is_none_or(|limit| self.rate.borrow_mut().take(now(), messages.max(1), limit))
    }

    pub fn new(
        info: Info,
        handler: Rc<dyn ErasedHandler>,
        session: Session,
        rules: PacingRules,
        counted: Option<Rc<Counted>>,
        memory: Part,
    ) -> Rc<Self> {
        let counts = Cell::new(session.is_open());
        Rc::new(Self {
            info,
            handler,
            session: RefCell::new(session),
            links: RefCell::default(),
            pacing: RefCell::new(Pacing::new(rules)),
            waiters: RefCell::default(),
            share: Share::default(),
            memory,
            is_at_gate: Cell::new(false),
            is_looked_at: Cell::new(false),
            may_exceed: Cell::new(false),
            touched: Cell::new(false),
            is_listed_as_open: Cell::new(false),
            sockets: RefCell::default(),
            in_burst: Cell::new(0),
            queue_limit: rules.queue_limit,
            outgoing: Outgoing::default(),
            stall: Cell::default(),
            is_watched: Cell::new(false),
            rate: RefCell::default(),
            state: RefCell::default(),
            counted,
            counts,
        })
    }

    /// Bytes that wait on the client's own WebSocket, as the runtime says.
    pub fn buffered_on_socket(&self) -> usize {
        match self.links.borrow().get(Receiver::WEBSOCKET.id) {
            Some(Link::Client(websocket)) => self.buffered_on(websocket),
            _ => {
                self.outgoing.correct(0);
                0
            }
        }
    }

    /// Whether `bytes` more may be sent, with what is sent already but goes to the socket only when this event is settled.
    fn has_room_on_socket(&self, bytes: usize) -> bool {
        let unsettled = self.session.borrow().buffered_amount().saturating_add(bytes);
        let fits = || !self.outgoing.is_unknown() && self.outgoing.cost().saturating_add(unsettled) <= self.queue_limit;
        if !self.info.transport.is_websocket() || fits() {
            return true;
        }
        self.buffered_on_socket();
        fits()
    }
}

/// One client's connection. Clones are the same connection.
#[derive(Clone)]
pub struct Connection {
    pub(crate) entry: Rc<Entry>,
    pub(crate) object: Weak<Object>,
    /// True for the handle that the handler of this very connection was called with, and its clones.
    pub(crate) is_own: bool,
}

/// Where a connection is in its life, with the numbers of the browser's `readyState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ReadyState {
    /// Messages go both ways.
    Open = 1,
    /// It was closed; the client may not know yet.
    Closing = 2,
    /// Nothing is left of it.
    Closed = 3,
}

/// Why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed: stop sending to it.
    Closed,
    /// The application did not wait: as much as `queue_limit` waits for this client. Await [`Connection::ready`] between the
    /// messages of a loop. The first message that a handler sends to its own connection always fits, when it is called and
    /// after each `ready`.
    QueueFull,
    /// It has more bytes than `queue_limit`: send it in parts.
    TooLarge,
    /// Storage did not take it, though [`Durability::Outbox`](sockjs_protocol::service::options::Durability::Outbox) promises that:
    /// try again later.
    StorageFailed,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection is closed",
            Self::QueueFull => "the connection's queue is full",
            Self::TooLarge => "the message is too large",
            Self::StorageFailed => "storage failed",
        })
    }
}

impl std::error::Error for SendError {}

impl From<session::SendError> for SendError {
    fn from(error: session::SendError) -> Self {
        match error {
            session::SendError::QueueFull => Self::QueueFull,
            session::SendError::TooLarge => Self::TooLarge,
            _ => Self::Closed,
        }
    }
}

impl From<SendError> for worker::Error {
    fn from(error: SendError) -> Self {
        Self::RustError(error.to_string())
    }
}

/// Why a connection could not be closed as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// Codes are 1000 or 3000 to 4999: the others mean something to the protocol.
    Code(u16),
    /// Reasons have at most 123 bytes: a WebSocket's close frame holds no more.
    ReasonTooLong,
}

impl CloseError {
    /// Whether a connection can be closed with these.
    pub fn check(code: u16, reason: &str) -> Result<(), Self> {
        match code {
            1000 | 3000..=4999 if reason.len() <= 123 => Ok(()),
            1000 | 3000..=4999 => Err(Self::ReasonTooLong),
            _ => Err(Self::Code(code)),
        }
    }
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "close code {code} is neither 1000 nor 3000-4999"),
            Self::ReasonTooLong => f.write_str("close reason is longer than 123 bytes"),
        }
    }
}

impl std::error::Error for CloseError {}

impl From<CloseError> for worker::Error {
    fn from(error: CloseError) -> Self {
        Self::RustError(error.to_string())
    }
}

impl Connection {
    /// An id that no other connection has; it lasts as long as the connection.
    pub fn id(&self) -> &str {
        &self.entry.info.id
    }

    /// The session id that the client chose, as it stood in the URL; none for a raw WebSocket. Several WebSockets may
    /// share one.
    pub fn session_id(&self) -> Option<&str> {
        self.entry.info.session.as_deref()
    }

    /// How the client is connected (`protocol` in sockjs-node).
    pub fn transport(&self) -> Transport {
        self.entry.info.transport
    }

    /// The prefix of the service, with the names of its parameters.
    pub fn prefix(&self) -> &str {
        &self.entry.info.service
    }

    /// The value of a parameter of the prefix: `room` for `/chat/{room}`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter(&self.entry.info.parameters, name)
    }

    /// What [`Handler::on_request`](crate::Handler::on_request) said of the client; null if it said nothing.
    pub fn claims(&self) -> &serde_json::Value {
        self.entry.info.claims.as_ref().unwrap_or(&serde_json::Value::Null)
    }

    /// The address by which `Push` reaches it from elsewhere: keep it as it is. It does not tell the session id, so that it may be
    /// shown to whoever may push. `None` where the runtime does not tell an object its name.
    pub fn address(&self) -> Option<String> {
        let object = self.object.upgrade()?.location()?;
        Some(format!("{}@{object}", self.id()))
    }

    /// Path of the request that opened the connection.
    pub fn pathname(&self) -> &str {
        &self.entry.info.pathname
    }

    /// Query of the request that opened the connection, without the question mark.
    pub fn query(&self) -> &str {
        &self.entry.info.query
    }

    /// The client's address, as Cloudflare saw it.
    pub fn remote_address(&self) -> Option<&str> {
        self.entry.info.remote_address.as_deref()
    }

    /// A header of the request that opened the connection, if it is on sockjs-node's list (never a cookie).
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = &self.entry.info.headers;
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Where it is in its life.
    pub fn ready_state(&self) -> ReadyState {
        let session = self.entry.session.borrow();
        match (session.is_open(), session.is_closed()) {
            (true, _) => ReadyState::Open,
            (false, false) => ReadyState::Closing,
            (false, true) => ReadyState::Closed,
        }
    }

    /// Bytes that wait for the client.
    pub fn buffered_amount(&self) -> usize {
        self.entry.session.borrow().buffered_amount().saturating_add(self.entry.buffered_on_socket())
    }

    /// Sends a message. Messages sent without waiting in between travel together, and so may those that answer messages which
    /// came together.
    ///
    /// Between the moment at which the client left and the call of `on_close`, messages are dropped without an error.
    ///
    /// # Errors
    ///
    /// If the connection is closed, or the message does not fit, or not now: see [`SendError`].
    pub fn send(&self, message: impl AsRef<str>) -> Result<(), SendError> {
        let always = self.is_own && self.entry.may_exceed.get();
        let message = match self.object.upgrade() {
            Some(object) => object.memory.message(message.as_ref()),
            None => Message::new(message.as_ref()),
        };
        self.push(message, always)?;
        if always {
            self.entry.may_exceed.set(false);
        }
        Ok(())
    }

    /// The connections that share an object with this one, this one among them.
    pub fn room(&self) -> Room {
        Room { service: self.entry.info.service.clone(), object: self.object.clone() }
    }

    /// Sends a message that may go to other connections, too. `always` takes it though the queue is full.
    pub(crate) fn push(&self, message: Message, always: bool) -> Result<(), SendError> {
        let bytes = message.len();
        if self.entry.session.borrow().is_too_large(bytes) {
            return Err(SendError::TooLarge);
        }
        if self.entry.pacing.borrow().is_left() {
            return Ok(());
        }
        if !always && !self.entry.has_room_on_socket(bytes) {
            return Err(SendError::QueueFull);
        }
        let is_used_up = self.object.upgrade().is_some_and(|object| object.memory.is_used_up());
        if !always && is_used_up && self.entry.session.borrow().has_unread() {
            return Err(SendError::QueueFull);
        }
        self.entry.session.borrow_mut().send(now(), message, always)?;
        self.entry.count_memory();
        self.touch();
        let writes = self.entry.session.borrow_mut().take_writes();
        if let Some(object) = self.object.upgrade()
            && !writes.into_iter().all(|change| object.persist(&self.entry, change))
        {
            self.entry.session.borrow_mut().unsend();
            return Err(SendError::StorageFailed);
        }
        if let Some(counted) = &self.entry.counted {
            counted.sent(bytes, self.buffered_amount());
        }
        Ok(())
    }

    /// Closes the connection, after what was sent before. Closing one that is closed does nothing.
    ///
    /// # Errors
    ///
    /// When `code` is not 1000 or 3000-4999, or `reason` has more than 123 bytes (RFC 6455, section 5.5).
    pub fn close(&self, code: u16, reason: &str) -> Result<(), CloseError> {
        CloseError::check(code, reason)?;
        let why = CloseReason::Application { code, reason: reason.to_owned() };
        if self.entry.session.borrow().is_open() {
            self.entry.session.borrow_mut().close(now(), code, reason, why);
            self.entry.pacing.borrow_mut().drop_messages();
            self.touch();
        }
        Ok(())
    }

    fn touch(&self) {
        if let Some(object) = self.object.upgrade() {
            object.touch(&self.entry);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id()).field("transport", &self.transport().name()).finish()
    }
}
