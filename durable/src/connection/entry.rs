//! One connection, as the object keeps it.

use crate::connection::budget::Share;
use crate::connection::groups::Groups;
use crate::connection::links::{Link, Links};
use crate::connection::rate::Rate;
use crate::connection::socket_buffer::SocketBuffer;
use crate::connection::stall::Stall;
use crate::connection::told::Told;
use crate::connection::waiters::Waiters;
use crate::info::connection_info::ConnectionInfo;
use crate::js::clock::now;
use crate::observe::counters::Counters;
use crate::store::kept::Kept;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::frame::{Frame, Message};
use sockjs_protocol::sockjs::meter::Part;
use sockjs_protocol::sockjs::pacing::{Ahead, Pacing, PacingRules};
use sockjs_protocol::sockjs::session::{Receiver, Session};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use worker::WebSocket;

/// One connection, as the object keeps it, with its bookkeeping.
pub(crate) struct Entry {
    pub info: ConnectionInfo,
    pub session: RefCell<Session>,
    pub links: RefCell<Links>,
    /// Messages of the client that wait for the handler, and its sends that wait for a response.
    pub pacing: RefCell<Pacing>,
    pub waiters: RefCell<Waiters>,
    /// The connection's part of the isolate's memory for messages of clients.
    pub share: Share,
    /// The connection's part of the object's memory for messages to clients.
    pub memory: Part,
    /// True while the handler waits at the gate of the room.
    pub is_at_gate: Cell<bool>,
    /// True while the object checks by timer whether the client has read.
    pub is_looked_at: Cell<bool>,
    /// True until the running handler has sent its first message, which always fits.
    pub may_exceed: Cell<bool>,
    /// True while the connection waits to be settled.
    pub touched: Cell<bool>,
    /// True from the restoration after a restart until the WebSocket, which the Worker holds, is back.
    pub returns: Cell<bool>,
    /// The number up to which the Worker that holds the WebSocket knows the client's messages to be handled.
    pub told: Told,
    /// Place among the open connections of the service. `None` unless the connection is open.
    pub place: Cell<Option<usize>>,
    /// Keys of the sockets that belong to the connection.
    pub sockets: RefCell<Vec<u64>>,
    /// Bytes that wait for the end of a burst.
    pub in_burst: Cell<usize>,
    /// Bytes that may wait for the client.
    queue_limit: usize,
    /// Messages that wait on the client's own WebSocket, in the runtime.
    pub socket_buffer: SocketBuffer,
    /// The time for which the client has read none of these.
    pub stall: Cell<Stall>,
    /// True while the object checks by timer whether the client stalls.
    pub is_watched: Cell<bool>,
    /// Time of the client's last sign of life that is stored with its WebSocket.
    pub word: Cell<Option<Millis>>,
    /// Time at which the client was last seen to read a message that had waited on its WebSocket.
    pub read_at: Cell<Option<Millis>>,
    /// The speed at which the client sends.
    pub rate: RefCell<Rate>,
    /// The application's state of the connection, as JSON.
    pub state: RefCell<Option<String>>,
    /// The groups of its room that the connection joined.
    pub groups: RefCell<Groups>,
    /// Headers for the upstream, from the opening until the upstream is asked. They are secrets of the client, and stored only
    /// for an upstream over HTTP, which gets them with each request.
    pub upstream_headers: RefCell<Option<Vec<(&'static str, String)>>>,
    /// The service's counters, if anything is counted.
    pub counters: Option<Rc<Counters>>,
    /// True if the connection's end is to be counted.
    pub counts: Cell<bool>,
    /// Bytes on its WebSocket that the client of a test has not read.
    #[cfg(feature = "testing")]
    pub unread: Cell<usize>,
}

impl Entry {
    /// True if the client may send this many messages now. An empty send costs as much as one message.
    pub fn takes(&self, config: &Config, messages: usize) -> bool {
        config.message_rate.is_none_or(|limit| self.rate.borrow_mut().take(now(), messages.max(1), limit))
    }

    pub fn new(
        info: ConnectionInfo,
        session: Session,
        rules: PacingRules,
        counters: Option<Rc<Counters>>,
        memory: Part,
    ) -> Rc<Self> {
        let counts = Cell::new(session.is_open());
        Rc::new(Self {
            info,
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
            returns: Cell::new(false),
            told: Told::default(),
            place: Cell::default(),
            sockets: RefCell::default(),
            in_burst: Cell::new(0),
            queue_limit: rules.queue_limit,
            socket_buffer: SocketBuffer::default(),
            stall: Cell::default(),
            is_watched: Cell::new(false),
            word: Cell::default(),
            read_at: Cell::default(),
            rate: RefCell::default(),
            state: RefCell::default(),
            groups: RefCell::default(),
            upstream_headers: RefCell::default(),
            counters,
            counts,
            #[cfg(feature = "testing")]
            unread: Cell::new(0),
        })
    }

    /// Returns the state and groups that the application keeps with the connection.
    pub fn kept(&self) -> Kept {
        Kept { state: self.state.borrow().clone(), groups: self.groups.borrow().json() }
    }

    /// Restores state and groups that were stored. Groups take effect when the connection enters the table.
    pub fn restore_kept(&self, kept: Kept) {
        self.groups.replace(Groups::kept(kept.groups.as_deref()));
        self.state.replace(kept.state);
    }

    /// Returns the number of bytes that wait for the client.
    pub fn buffered_amount(&self) -> usize {
        self.session.borrow().buffered_amount().saturating_add(self.buffered_on_socket())
    }

    /// Returns the number of bytes that wait on the client's own WebSocket, according to the runtime.
    pub fn buffered_on_socket(&self) -> usize {
        match self.links.borrow().get(Receiver::WEBSOCKET.id) {
            Some(Link::Client(websocket)) => self.buffered_on(websocket),
            Some(Link::Poll(_) | Link::Inner(_) | Link::Holder(_) | Link::Opening(_)) | None => {
                self.buffered_without_socket()
            }
        }
    }

    #[cfg(not(feature = "testing"))]
    fn buffered_without_socket(&self) -> usize {
        self.socket_buffer.correct(0);
        0
    }

    /// The connections of a test have no socket.
    #[cfg(feature = "testing")]
    fn buffered_without_socket(&self) -> usize {
        let unread = self.unread.get();
        let given = self.socket_buffer.correct(unread);
        self.change_stall(|stall| stall.look(now(), given, unread));
        unread
    }

    /// True if `bytes` more may be sent. Includes bytes of this event that are only sent when the connection is settled.
    pub fn has_room_on_socket(&self, bytes: usize) -> bool {
        let unsettled = self.session.borrow().buffered_amount().saturating_add(bytes);
        let fits = || {
            !self.socket_buffer.is_unknown() && self.socket_buffer.cost().saturating_add(unsettled) <= self.queue_limit
        };
        if !self.info.has_own_socket() || fits() {
            return true;
        }
        self.buffered_on_socket();
        fits()
    }

    /// Notes that `frame` was handed to the client's own WebSocket.
    pub fn give(&self, frame: &Frame) {
        let is_raw = self.info.transport == Transport::WebSocketRaw;
        let (messages, bytes, largest) = match frame {
            // Raw messages are separate messages of the runtime; others share one.
            Frame::Messages(messages) if is_raw => {
                let lengths = || messages.iter().map(Message::len);
                (messages.len(), lengths().sum(), lengths().max().unwrap_or_default())
            }
            _ if is_raw => return,
            frame => {
                let bytes = frame.encoded_len();
                (1, bytes, bytes)
            }
        };
        self.socket_buffer.add(messages, bytes);
        self.change_stall(|stall| stall.give(largest));
    }

    /// Returns the number of bytes that wait on `websocket`, the client's own, according to the runtime.
    pub fn buffered_on(&self, websocket: &WebSocket) -> usize {
        let buffered = websocket.as_ref().buffered_amount() as usize;
        let given = self.socket_buffer.correct(buffered);
        if self.change_stall(|stall| stall.look(now(), given, buffered)) {
            self.read_at.set(Some(now()));
        }
        buffered
    }

    pub fn change_stall<T>(&self, change: impl FnOnce(&mut Stall) -> T) -> T {
        let mut stall = self.stall.get();
        let changed = change(&mut stall);
        self.stall.set(stall);
        changed
    }

    /// Updates the memory of messages that wait for the client, without their texts. Each frame that is sent is a copy for one
    /// client, and everything in the queue will become such a copy.
    pub fn count_memory(&self) {
        let session = self.session.borrow();
        let copies = match self.info.has_own_socket() {
            true => session.buffered_amount().saturating_add(self.socket_buffer.cost()),
            false => session.in_flight(),
        };
        self.memory.set(session.overhead().saturating_add(copies));
    }

    /// Returns the memory that closing this connection would free, if its messages are not shared.
    pub fn memory_held(&self) -> usize {
        self.memory.bytes().saturating_add(self.session.borrow().bytes_in_memory())
    }

    /// Returns the number of bytes that wait for the client: in the session, and on its own WebSocket.
    pub fn waiting(&self) -> usize {
        let in_session = self.session.borrow().waiting_cost();
        let waiting = || in_session.saturating_add(self.socket_buffer.cost());
        let is_to_be_asked = || self.socket_buffer.is_unknown() || self.pacing.borrow().is_behind(waiting());
        if self.info.has_own_socket() && is_to_be_asked() {
            self.buffered_on_socket();
        }
        waiting()
    }

    /// Returns the client's own reasons for the application to wait.
    pub fn ahead(&self, is_memory_short: bool) -> Ahead {
        if is_memory_short {
            // With short memory each byte counts, and the estimate alone never shrinks.
            self.buffered_on_socket();
        }
        Ahead { bytes: self.waiting(), is_memory_short, ..Ahead::default() }
    }

    /// True if the application has to wait for the client.
    pub fn is_behind(&self, is_memory_short: bool) -> bool {
        let ahead = self.ahead(is_memory_short);
        self.pacing.borrow().is_behind(ahead)
    }

    /// Updates `pacing` with the client's progress.
    pub fn look(&self) {
        let (has_unread, read) = {
            let session = self.session.borrow();
            (session.has_unread(), session.read_count())
        };
        self.pacing.borrow_mut().look(now(), has_unread, read);
    }

    /// True if all messages of the client are handled, and nobody waits for the connection.
    pub fn is_at_rest(&self) -> bool {
        self.share.is_empty() && self.pacing.borrow().is_at_rest() && self.waiters.borrow().is_empty()
    }

    pub fn has_waiters(&self) -> bool {
        !self.waiters.borrow().sends.is_empty() || self.share.is_lost()
    }

    pub fn tell_waiters(&self, is_memory_short: bool) {
        let mut waiters = self.waiters.borrow_mut();
        if !waiters.ended.is_empty() && !self.session.borrow().is_open() {
            waiters.ended.wake();
        }
        if waiters.is_empty() {
            return;
        }
        let now = now();
        waiters.tell_sends(|id| self.pacing.borrow_mut().answer(now, id));
        if !waiters.ready.is_empty() && (!self.session.borrow().is_open() || !self.is_behind(is_memory_short)) {
            waiters.ready.wake();
        }
        if self.session.borrow().is_close_read() {
            waiters.close_read.wake();
        }
    }
}
