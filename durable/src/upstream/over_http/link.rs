//! One connection to an upstream over HTTP.

use crate::application::connection::{Connection, ReadyState};
use crate::info::errors::SendError;
use crate::js::clock::now;
use crate::js::executor::run;
use crate::observe::log;
use crate::upstream::gateway::random;
use crate::upstream::over_http::attempt::Failure;
use crate::upstream::over_http::request::Received;
use crate::upstream::over_http::shared::{Shared, Waiting};
use futures::channel::oneshot;
use js_sys::Promise;
use js_sys::futures::JsFuture;
use sockjs_protocol::service::options::Durability;
use sockjs_protocol::sockjs::close_code::{CloseCode, MESSAGE_TOO_LARGE, TOO_MUCH};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::upstream::close::{Close, Refusal, UpstreamEnd};
use sockjs_protocol::upstream::events::EventLimits;
use sockjs_protocol::upstream::over_http::queue::{ClientEvent, EventBody, EventQueue};
use sockjs_protocol::upstream::over_http::response::{Effect, Effects, EventResponse, ResponseError, read_response};
use sockjs_protocol::upstream::over_http::retry::Attempts;
use sockjs_protocol::upstream::over_http::state::LinkState;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use worker::Delay;

/// Bytes that wait for the upstream, after which a connection's next message stays in its inbox.
const QUEUE_BYTES: usize = 128 << 10;

/// Bytes that wait for the upstream in all connections of an object. Above it, each message waits for the answer to the one before.
const ALL_BYTES: usize = 8 << 20;

/// Bytes of responses whose messages wait for clients of an object.
const ALL_RESPONSES: usize = 16 << 20;

/// The end of a connection that the client did not choose.
enum Ended {
    /// The upstream refused it, or cannot be asked: it gets nothing more.
    ByUpstream(Close),
    /// A response ended it, or this server did: an upstream that did not close it learns of that.
    Here(Close),
}

/// One connection to an upstream over HTTP.
pub(super) struct Link {
    pub(super) shared: Rc<Shared>,
    pub(super) connection: Connection,
    pub(super) state: RefCell<LinkState>,
    queue: RefCell<EventQueue>,
    /// Bytes of the queue that [`Shared::waiting`] counts.
    counted: Cell<usize>,
    /// True while requests are sent.
    pub(super) is_pumping: Cell<bool>,
    /// True if the next request goes even without events.
    pub(super) is_polling: Cell<bool>,
    /// True once the upstream accepted the connection.
    pub(super) is_accepted: Cell<bool>,
    /// True once the upstream closed the connection.
    is_closed: Cell<bool>,
    /// True once the upstream gets no more events: it closed or refused the connection, cannot be asked, or knows that the client is gone.
    pub(super) is_over: Cell<bool>,
    /// Callers that wait for a request to end.
    waiters: RefCell<Vec<oneshot::Sender<()>>>,
}

impl Link {
    /// Returns the link of a connection. `is_accepted` is false if the upstream has yet to accept it.
    pub fn new(shared: Rc<Shared>, connection: Connection, state: LinkState, is_accepted: bool) -> Rc<Self> {
        Rc::new(Self {
            shared,
            connection,
            state: RefCell::new(state),
            // Larger than every number of an earlier instance, which sent less than a thousand events in a millisecond.
            queue: RefCell::new(EventQueue::starting_at(now().0.saturating_mul(1_000))),
            counted: Cell::new(0),
            is_pumping: Cell::new(false),
            is_polling: Cell::new(false),
            is_accepted: Cell::new(is_accepted),
            is_closed: Cell::new(false),
            is_over: Cell::new(false),
            waiters: RefCell::default(),
        })
    }

    /// True if the upstream gets an event when the client leaves.
    pub fn is_known_to_upstream(&self) -> bool {
        let is_open = self.is_accepted.get() && !self.is_closed.get() && !self.is_over.get();
        is_open && !self.state.borrow().is_detached
    }

    /// Asks the upstream to accept the client. The client's messages wait in its inbox until then.
    pub async fn open(self: &Rc<Self>) {
        self.push(ClientEvent::Open);
        self.start();
        self.drain_to(0).await;
    }

    /// Passes a message on, when enough of those before it has left.
    pub async fn send(self: &Rc<Self>, message: String) {
        if self.is_over.get() || self.state.borrow().is_detached {
            return;
        }
        self.push(ClientEvent::Text(message));
        self.start();
        let limit = match self.shared.config.durability {
            // The client learns that its message was handled when the upstream has answered it.
            Durability::Outbox => 0,
            _ if self.shared.waiting.get() > ALL_BYTES => 0,
            _ => QUEUE_BYTES,
        };
        self.drain_to(limit).await;
    }

    /// Sends the client's end to the upstream.
    pub async fn leave(self: &Rc<Self>, end: ClientEvent) {
        self.push(end);
        self.start();
        self.drain_to(0).await;
        self.finish();
    }

    fn push(&self, event: ClientEvent) {
        self.queue.borrow_mut().push(event);
        self.count();
    }

    /// Counts the queue's bytes for the object.
    fn count(&self) {
        let bytes = self.queue.borrow().bytes();
        let others = self.shared.waiting.get().saturating_sub(self.counted.replace(bytes));
        self.shared.waiting.set(others.saturating_add(bytes));
    }

    /// Waits until at most `limit` bytes wait. For 0, also until no request is in flight.
    async fn drain_to(&self, limit: usize) {
        let waits = || self.is_pumping.get() && (limit == 0 || self.queue.borrow().bytes() > limit);
        while waits() && !self.is_over.get() {
            let (done, wait) = oneshot::channel();
            self.waiters.borrow_mut().push(done);
            // It can only be cancelled with the link.
            let _ = wait.await;
        }
    }

    fn wake_waiters(&self) {
        for waiter in self.waiters.take() {
            // The caller may be gone.
            let _ = waiter.send(());
        }
    }

    /// Begins to send what waits. The object stays awake until the end.
    pub(super) fn start(self: &Rc<Self>) {
        if self.is_over.get() || self.is_pumping.replace(true) {
            return;
        }
        let link = self.clone();
        run(&self.shared.state, Box::pin(async move { link.pump().await }));
    }

    async fn pump(self: Rc<Self>) {
        // What arrives at the same moment travels together.
        let _ = JsFuture::from(Promise::resolve(&JsValue::UNDEFINED)).await;
        while !self.is_over.get() && (self.is_polling.take() || !self.queue.borrow().is_empty()) {
            let body = self.queue.borrow_mut().take_body();
            self.count();
            if let Err(ended) = self.exchange(&body).await {
                self.end(ended);
            }
            self.wake_waiters();
        }
        self.is_pumping.set(false);
        self.wake_waiters();
    }

    /// Closes the client. An upstream that accepted it, and did not close it, gets the close after the client's messages: see
    /// [`leave`](Self::leave).
    fn end(&self, ended: Ended) {
        let (close, is_over) = match ended {
            Ended::ByUpstream(close) => (close, true),
            Ended::Here(close) => (close, !self.is_known_to_upstream()),
        };
        let close = match self.connection.transport() {
            Transport::WebSocketRaw => close.of_websocket(),
            _ => close,
        };
        self.connection.end(close.code, &close.reason);
        if is_over {
            self.finish();
        }
    }

    fn finish(&self) {
        self.is_over.set(true);
        self.queue.borrow_mut().clear();
        self.count();
        self.wake_waiters();
    }

    /// Sends one request, again if that may be, and applies the response.
    async fn exchange(&self, body: &EventBody) -> Result<(), Ended> {
        let mut attempts = Attempts::new(now());
        let (response, effects) = loop {
            let (error, pause) = match self.attempt(body).await {
                Ok(response) => match self.read(&response) {
                    Ok(effects) => break (response, effects),
                    Err(error) => (error, None),
                },
                Err(Failure::Refused(refusal, pause)) => (ResponseError::Refused(refusal), pause),
                Err(Failure::TooLarge) => {
                    return Err(self.warn("response too large", CloseCode::TryAgainLater, TOO_MUCH));
                }
            };
            let pause = match error {
                // A client that is not open yet comes back by itself.
                ResponseError::Refused(refusal) if self.is_accepted.get() => {
                    let delivery = self.shared.config.upstream_delivery;
                    attempts.pause_after(now(), refusal, pause, delivery, random())
                }
                ResponseError::Refused(_) | ResponseError::Malformed(_) => None,
            };
            let Some(pause) = pause else {
                log::warn("upstream", Some(&self.shared.config.prefix), error);
                return Err(self.ended_by(error));
            };
            Delay::from(Duration::from_millis(pause.0)).await;
        };
        self.is_accepted.set(true);
        self.is_closed.set(effects.is_closed);
        self.state.borrow_mut().note_answer(now());
        let _waiting = Waiting::new(&self.shared.answered, response.body.len());
        drop(response);
        if self.shared.answered.get() > ALL_RESPONSES {
            return Err(self.warn("too many responses wait for clients", CloseCode::TryAgainLater, TOO_MUCH));
        }
        self.apply(effects).await
    }

    /// Returns the end of a connection whose upstream failed. The client of an open connection may come back.
    fn ended_by(&self, error: ResponseError) -> Ended {
        match error {
            ResponseError::Refused(Refusal::Unreachable) if self.is_accepted.get() => {
                Ended::ByUpstream(UpstreamEnd::Lost.to_client())
            }
            ResponseError::Refused(_) => Ended::ByUpstream(error.close()),
            // If it accepted the connection, it still has it.
            ResponseError::Malformed(_) => Ended::Here(error.close()),
        }
    }

    fn read(&self, response: &Received) -> Result<Effects, ResponseError> {
        let Received { status, headers, body } = response;
        let response = EventResponse { status: *status, headers, body };
        let limits = EventLimits { bytes: usize::MAX, ..EventLimits::default() };
        read_response(response, &mut self.state.borrow_mut(), !self.is_accepted.get(), limits, now())
    }

    async fn apply(&self, effects: Effects) -> Result<(), Ended> {
        let prefix = self.connection.prefix();
        for error in effects.ignored {
            log::warn("upstream", Some(prefix), format!("control message: {error}"));
        }
        if effects.has_changed && self.connection.ready_state() != ReadyState::Closed {
            let state = self.state.borrow().clone();
            if let Err(error) = self.connection.set_state(&state) {
                let reason = "Headers, meta values and channels are too large";
                return Err(self.warn(&error.to_string(), CloseCode::InternalError, reason));
            }
            self.plan();
        }
        for effect in effects.list {
            match effect {
                Effect::Send(message) => self.send_to_client(&message).await?,
                Effect::Join(channel) => {
                    let joined = self.connection.join(&channel);
                    if let (Err(error), ReadyState::Open) = (joined, self.connection.ready_state()) {
                        return Err(self.warn(&error.to_string(), CloseCode::InternalError, "Too many channels"));
                    }
                }
                Effect::Leave(channel) => {
                    if let (Err(error), ReadyState::Open) =
                        (self.connection.leave(&channel), self.connection.ready_state())
                    {
                        log::warn("upstream", Some(prefix), error);
                    }
                }
                Effect::Pong(bytes) => self.queue.borrow_mut().set_pong(bytes),
                Effect::Close(close) => return Err(Ended::Here(close)),
            }
        }
        if self.state.borrow().is_detached {
            self.queue.borrow_mut().clear();
            self.count();
        }
        Ok(())
    }

    /// Sends a message to the client, when it has read enough. Messages for a client that left are dropped.
    async fn send_to_client(&self, message: &str) -> Result<(), Ended> {
        if message.len() > self.shared.config.message_limit {
            return Err(self.warn("message too large", CloseCode::TooLarge, MESSAGE_TOO_LARGE));
        }
        if self.connection.ready().await.is_err() {
            return Ok(());
        }
        match self.connection.send(message) {
            Ok(()) => {
                self.state.borrow_mut().note_message(now());
                Ok(())
            }
            Err(SendError::Closed) => Ok(()),
            Err(error) => Err(self.warn(&error.to_string(), CloseCode::InternalError, &error.to_string())),
        }
    }

    /// Logs why this server ends the connection.
    fn warn(&self, what: &str, code: CloseCode, reason: &str) -> Ended {
        log::warn("upstream", Some(&self.shared.config.prefix), what);
        Ended::Here(Close { code: code.number(), reason: reason.to_owned() })
    }
}
