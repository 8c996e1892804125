//! One session's connection to its upstream.

use crate::application::connection::{Connection, ReadyState};
use crate::info::errors::SendError;
use crate::js::clock::now;
use crate::upstream::sending::Sending;
use crate::upstream::socket::UpstreamSocket;
use js_sys::futures::spawn_local;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::close_code::{BINARY, CloseCode, MESSAGE_TOO_LARGE, TOO_MUCH};
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::breakers::Breakers;
use sockjs_protocol::upstream::close::{Close, UpstreamEnd};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Result};

/// Bytes that a waiting message counts besides its string.
const MESSAGE_COST: usize = 64;

/// Memory for what waits in all links of an object, in either direction.
const ALL_LIMIT: usize = 32 << 20;

/// Pause between two looks at what the upstream has not taken.
const LOOK: Duration = Duration::from_millis(20);

/// Something that happened to the WebSocket of a link.
#[derive(Debug)]
pub(super) enum LinkEvent {
    Message(String),
    /// A message that is no UTF-8.
    Binary,
    Closed {
        code: u16,
        reason: String,
    },
    Lost,
}

/// State that the links of one gateway share.
pub(super) struct Shared {
    pub config: Rc<Config>,
    pub breakers: RefCell<Breakers>,
    /// Bytes that wait in all links for clients.
    waiting: Cell<usize>,
    /// Bytes that wait in all links for upstreams.
    sending: Sending,
}

impl Shared {
    pub fn new(config: Rc<Config>) -> Self {
        let breakers = RefCell::new(Breakers::new(config.upstream_timeout));
        Self { config, breakers, waiting: Cell::new(0), sending: Sending::default() }
    }

    /// Returns true if `bytes` more may wait for an upstream.
    fn has_room(&self, bytes: usize) -> bool {
        let limit = ALL_LIMIT.saturating_sub(self.waiting.get()).saturating_sub(bytes);
        self.sending.bytes() <= limit || self.sending.look(now()) <= limit
    }
}

/// One session's connection to its upstream.
pub(super) struct Link {
    shared: Rc<Shared>,
    connection: Connection,
    socket: Rc<UpstreamSocket>,
    opened: Millis,
    /// Messages of the upstream that wait for room in the session's queue, oldest first.
    waiting: RefCell<VecDeque<String>>,
    bytes: Cell<usize>,
    /// The close for the client, once everything that waits is in the session's queue.
    end: RefCell<Option<Close>>,
    is_pumping: Cell<bool>,
    /// True once the link passes nothing on to either side.
    is_over: Cell<bool>,
}

impl Link {
    pub fn new(shared: Rc<Shared>, connection: Connection, socket: UpstreamSocket) -> Rc<Self> {
        Rc::new(Self {
            shared,
            connection,
            socket: Rc::new(socket),
            opened: now(),
            waiting: RefCell::default(),
            bytes: Cell::new(0),
            end: RefCell::default(),
            is_pumping: Cell::new(false),
            is_over: Cell::new(false),
        })
    }

    /// Begins to receive.
    pub fn listen(self: &Rc<Self>) -> Result<()> {
        let listening = self.socket.listen(self.clone());
        if listening.is_err() {
            self.leave(&UpstreamEnd::Lost.to_client());
        }
        listening
    }

    /// Sends a message of the client to the upstream, when that has taken enough of what was sent before.
    pub async fn send(&self, message: &str) {
        let (limit, timeout) = (self.shared.config.inbox_limit, self.shared.config.stall_timeout);
        let (mut least, mut progressed) = (usize::MAX, now());
        loop {
            if self.is_over.get() || self.end.borrow().is_some() {
                return;
            }
            let buffered = self.socket.buffered();
            let all = buffered.saturating_add(message.len());
            // One whose upstream keeps up waits for nobody else.
            if buffered == 0 || (all <= limit && self.shared.has_room(message.len())) {
                self.shared.sending.note(&self.socket, all, now());
                return self.socket.send(message);
            }
            if buffered < least {
                (least, progressed) = (buffered, now());
            }
            if progressed + timeout <= now() {
                return self.close_both(CloseCode::TryAgainLater, "Upstream stalled");
            }
            Delay::from(LOOK).await;
        }
    }

    /// Notes that something happened to the WebSocket.
    pub fn on_event(self: &Rc<Self>, event: LinkEvent) {
        let end = match event {
            LinkEvent::Message(message) => return self.receive(message),
            LinkEvent::Binary => {
                return self.close_both(CloseCode::Unsupported, BINARY);
            }
            LinkEvent::Closed { code, reason } => UpstreamEnd::Closed { code, reason: &reason }.to_client(),
            LinkEvent::Lost => {
                self.shared.breakers.borrow_mut().lose(now(), self.opened);
                UpstreamEnd::Lost.to_client()
            }
        };
        if self.is_over.get() {
            return;
        }
        self.end.replace(Some(end));
        self.end_if_empty();
    }

    /// Closes the upstream, since the client's side is over.
    pub fn leave(&self, close: &Close) {
        self.forget();
        if !self.is_over.replace(true) && self.end.take().is_none() {
            self.socket.close(close, self.shared.config.stall_timeout);
        }
    }

    fn receive(self: &Rc<Self>, message: String) {
        if self.is_over.get() {
            return;
        }
        if message.len() > self.shared.config.message_limit {
            return self.close_both(CloseCode::TooLarge, MESSAGE_TOO_LARGE);
        }
        let is_first = self.waiting.borrow().is_empty() && !self.is_pumping.get();
        if is_first && !self.connection.is_behind() {
            match self.connection.send(&message) {
                Ok(()) | Err(SendError::Closed) => return,
                Err(SendError::QueueFull) => {}
                Err(error) => return self.close_both(CloseCode::InternalError, &error.to_string()),
            }
        }
        let bytes = message.len().saturating_add(MESSAGE_COST);
        let (own, all) = (self.bytes.get().saturating_add(bytes), self.shared.waiting.get().saturating_add(bytes));
        if own > self.shared.config.inbox_limit || all > ALL_LIMIT {
            return self.close_both(CloseCode::TryAgainLater, TOO_MUCH);
        }
        self.bytes.set(own);
        self.shared.waiting.set(all);
        self.waiting.borrow_mut().push_back(message);
        if !self.is_pumping.replace(true) {
            let link = self.clone();
            spawn_local(async move { link.pump().await });
        }
    }

    /// Puts what waits into the session's queue, as fast as its client reads.
    async fn pump(&self) {
        while self.connection.ready().await.is_ok() {
            let Some(message) = self.take() else { break };
            match self.connection.send(&message) {
                Ok(()) => {}
                Err(SendError::Closed) => break,
                Err(error) => {
                    self.close_both(CloseCode::InternalError, &error.to_string());
                    break;
                }
            }
        }
        self.is_pumping.set(false);
        if self.connection.ready_state() != ReadyState::Open {
            self.forget();
        }
        self.end_if_empty();
    }

    fn take(&self) -> Option<String> {
        let message = self.waiting.borrow_mut().pop_front()?;
        let bytes = message.len().saturating_add(MESSAGE_COST);
        self.bytes.set(self.bytes.get().saturating_sub(bytes));
        self.shared.waiting.set(self.shared.waiting.get().saturating_sub(bytes));
        Some(message)
    }

    /// Drops what waits.
    fn forget(&self) {
        while self.take().is_some() {}
    }

    fn end_if_empty(&self) {
        if self.is_pumping.get() || !self.waiting.borrow().is_empty() {
            return;
        }
        let end = self.end.borrow().clone();
        if let Some(Close { code, reason }) = end {
            self.connection.end(code, &reason);
        }
    }

    /// Closes both sides by a decision of this server.
    fn close_both(&self, code: CloseCode, reason: &str) {
        if self.is_over.replace(true) {
            return;
        }
        self.forget();
        let close = Close { code: code.number(), reason: reason.to_owned() };
        self.connection.end(close.code, &close.reason);
        self.socket.close(&close.of_websocket(), self.shared.config.stall_timeout);
    }
}
