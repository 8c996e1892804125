//! One connection to an upstream over HTTP.

use crate::application::connection::{Connection, ReadyState};
use crate::info::errors::SendError;
use crate::js::clock::now;
use crate::js::executor::run;
use crate::observe::log;
use crate::upstream::gateway::count;
use crate::upstream::over_http::request::{EventRequest, Received, Unanswered};
use futures::channel::oneshot;
use js_sys::futures::JsFuture;
use js_sys::{Math, Promise, Reflect};
use sockjs_protocol::observe::metrics::UpstreamCounts;
use sockjs_protocol::service::options::{Config, Durability};
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::breaker::{Breaker, Outcome, Permit};
use sockjs_protocol::upstream::claims::{self, CLAIMS_HEADER};
use sockjs_protocol::upstream::close::{Close, Refusal};
use sockjs_protocol::upstream::events::{EVENTS, EventLimits};
use sockjs_protocol::upstream::grip::token::{SIGNATURE_HEADER, sign};
use sockjs_protocol::upstream::opening::TOO_MUCH;
use sockjs_protocol::upstream::over_http::queue::{ClientEvent, EventBody, EventQueue};
use sockjs_protocol::upstream::over_http::response::{Effect, Effects, EventResponse, ResponseError, read_response};
use sockjs_protocol::upstream::over_http::retry::{Attempts, EVENT_HEADER, UpstreamDelivery};
use sockjs_protocol::upstream::over_http::state::LinkState;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use worker::durable::State;
use worker::{Delay, Env};

/// Bytes that wait for the upstream, after which a connection's next message stays in its inbox.
const QUEUE_BYTES: usize = 128 << 10;

/// Bytes that wait for the upstream in all connections of an object. Above it, each connection has only one request's events here.
const ALL_BYTES: usize = 8 << 20;

/// Most requests in flight of an object: each may have a response of more than a megabyte.
const IN_FLIGHT: usize = 32;

/// Bytes of responses whose messages wait for clients of an object.
const ALL_RESPONSES: usize = 16 << 20;

/// Longest time for a probe of the circuit breaker.
const PROBE_TIMEOUT: Millis = Millis::from_secs(10);

/// State that the connections of one gateway share.
pub(super) struct Shared {
    pub config: Rc<Config>,
    pub env: Env,
    pub state: State,
    /// Key of signatures. Empty without one.
    pub key: String,
    /// Secret that signs claims. Empty without one.
    pub claims_secret: String,
    pub breaker: RefCell<Breaker>,
    /// Bytes that wait in all queues.
    pub waiting: Cell<usize>,
    /// Bytes of responses whose messages wait for their clients.
    pub answered: Cell<usize>,
    pub slots: Slots,
}

/// A response whose messages wait for their client.
struct Waiting<'a> {
    all: &'a Cell<usize>,
    bytes: usize,
}

impl<'a> Waiting<'a> {
    fn new(all: &'a Cell<usize>, bytes: usize) -> Self {
        all.set(all.get().saturating_add(bytes));
        Self { all, bytes }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.set(self.all.get().saturating_sub(self.bytes));
    }
}

/// Requests in flight, and those that wait for another to end.
#[derive(Default)]
pub(super) struct Slots {
    taken: Cell<usize>,
    waiters: RefCell<VecDeque<oneshot::Sender<()>>>,
}

impl Slots {
    async fn take(&self) -> Slot<'_> {
        while self.taken.get() >= IN_FLIGHT {
            let (free, wait) = oneshot::channel();
            self.waiters.borrow_mut().push_back(free);
            // It can only be cancelled with the object.
            let _ = wait.await;
        }
        self.taken.set(self.taken.get() + 1);
        Slot(self)
    }
}

/// One request in flight.
struct Slot<'a>(&'a Slots);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.taken.set(self.0.taken.get().saturating_sub(1));
        loop {
            let next = self.0.waiters.borrow_mut().pop_front();
            match next.map(|next| next.send(())) {
                // Whoever waited is gone.
                Some(Err(())) => {}
                Some(Ok(())) | None => return,
            }
        }
    }
}

/// One connection to an upstream over HTTP.
pub(super) struct Link {
    shared: Rc<Shared>,
    connection: Connection,
    state: RefCell<LinkState>,
    queue: RefCell<EventQueue>,
    /// Bytes of the queue that [`Shared::waiting`] counts.
    counted: Cell<usize>,
    is_pumping: Cell<bool>,
    /// True once the upstream accepted the connection.
    is_accepted: Cell<bool>,
    /// True once the upstream gets no more events.
    is_over: Cell<bool>,
    /// Those that wait for a request to end.
    waiters: RefCell<Vec<oneshot::Sender<()>>>,
}

impl Link {
    /// Returns the link of a connection that the upstream accepted already, or is to be asked about.
    pub fn new(shared: Rc<Shared>, connection: Connection, state: LinkState, is_accepted: bool) -> Rc<Self> {
        Rc::new(Self {
            shared,
            connection,
            state: RefCell::new(state),
            // Larger than every number of an earlier instance, which sent less than a thousand events in a millisecond.
            queue: RefCell::new(EventQueue::starting_at(now().0.saturating_mul(1_000))),
            counted: Cell::new(0),
            is_pumping: Cell::new(false),
            is_accepted: Cell::new(is_accepted),
            is_over: Cell::new(false),
            waiters: RefCell::default(),
        })
    }

    /// True if the upstream is to be told of the client's end.
    pub fn is_known_to_upstream(&self) -> bool {
        self.is_accepted.get() && !self.is_over.get() && !self.state.borrow().is_detached
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

    /// Tells the upstream of the client's end.
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
        let waits = || {
            let bytes = self.queue.borrow().bytes();
            bytes > limit || (limit == 0 && self.is_pumping.get())
        };
        while waits() && !self.is_over.get() {
            let (done, wait) = oneshot::channel();
            self.waiters.borrow_mut().push(done);
            // It can only be cancelled with the link.
            let _ = wait.await;
        }
    }

    fn tell_waiters(&self) {
        for waiter in self.waiters.take() {
            // Whoever waited may be gone.
            let _ = waiter.send(());
        }
    }

    /// Begins to send what waits. The object stays awake until the end.
    fn start(self: &Rc<Self>) {
        if self.is_over.get() || self.is_pumping.replace(true) {
            return;
        }
        let link = self.clone();
        run(&self.shared.state, Box::pin(async move { link.pump().await }));
    }

    async fn pump(self: Rc<Self>) {
        // What arrives at the same moment travels together.
        let _ = JsFuture::from(Promise::resolve(&JsValue::UNDEFINED)).await;
        while !self.is_over.get() && self.queue.borrow().has_cause() {
            let body = self.queue.borrow_mut().take_body();
            self.count();
            let Some(body) = body else { break };
            if let Err(close) = self.exchange(&body).await {
                self.end(&close);
            }
            self.tell_waiters();
        }
        self.is_pumping.set(false);
        self.tell_waiters();
    }

    /// Closes the client, and sends nothing more to the upstream.
    fn end(&self, close: &Close) {
        let close = match self.connection.transport() {
            Transport::WebSocketRaw => close.clone().of_websocket(),
            _ => close.clone(),
        };
        self.connection.end(close.code, &close.reason);
        self.finish();
    }

    fn finish(&self) {
        self.is_over.set(true);
        self.queue.borrow_mut().clear();
        self.count();
        self.tell_waiters();
    }

    /// Sends one request, again if that may be, and applies the response. Returns the close for the client if that fails.
    async fn exchange(&self, body: &EventBody) -> Result<(), Close> {
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
                return Err(self.close_of(error));
            };
            Delay::from(Duration::from_millis(pause.0)).await;
        };
        self.is_accepted.set(true);
        let _waiting = Waiting::new(&self.shared.answered, response.body.len());
        drop(response);
        if self.shared.answered.get() > ALL_RESPONSES {
            return Err(self.warn("too many responses wait for clients", CloseCode::TryAgainLater, TOO_MUCH));
        }
        self.apply(effects).await
    }

    /// Returns the close for a client whose upstream failed. The client of an open connection may come back.
    fn close_of(&self, error: ResponseError) -> Close {
        match error {
            ResponseError::Refused(Refusal::Unreachable) if self.is_accepted.get() => {
                Close { code: CloseCode::ServiceRestart.number(), reason: "Upstream lost".into() }
            }
            error => error.close(),
        }
    }

    fn read(&self, response: &Received) -> Result<Effects, ResponseError> {
        let Received { status, headers, body } = response;
        let response = EventResponse { status: *status, headers, body };
        let limits = EventLimits { bytes: usize::MAX, ..EventLimits::default() };
        read_response(response, &mut self.state.borrow_mut(), !self.is_accepted.get(), limits)
    }

    async fn apply(&self, effects: Effects) -> Result<(), Close> {
        let prefix = self.connection.prefix();
        for error in effects.ignored {
            log::warn("upstream", Some(prefix), format!("control message: {error}"));
        }
        if effects.has_changed && self.connection.ready_state() != ReadyState::Closed {
            let state = self.state.borrow().clone();
            if let Err(error) = self.connection.set_state(&state) {
                log::warn("upstream", Some(prefix), error);
                let reason = "Headers, meta values and channels are too large";
                return Err(Close { code: CloseCode::InternalError.number(), reason: reason.into() });
            }
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
                Effect::Pong(bytes) => self.push(ClientEvent::Pong(bytes)),
                Effect::Close(close) => return Err(close),
            }
        }
        if self.state.borrow().is_detached {
            self.queue.borrow_mut().clear();
            self.count();
        }
        Ok(())
    }

    /// Sends a message to the client, when it has read enough. Messages for a client that left are dropped.
    async fn send_to_client(&self, message: &str) -> Result<(), Close> {
        if message.len() > self.shared.config.message_limit {
            return Err(self.warn("message too large", CloseCode::TooLarge, "Message too large"));
        }
        if self.connection.ready().await.is_err() {
            return Ok(());
        }
        match self.connection.send(message) {
            Ok(()) | Err(SendError::Closed) => Ok(()),
            Err(error) => Err(self.warn(&error.to_string(), CloseCode::InternalError, &error.to_string())),
        }
    }

    fn warn(&self, what: &str, code: CloseCode, reason: &str) -> Close {
        log::warn("upstream", Some(&self.shared.config.prefix), what);
        Close { code: code.number(), reason: reason.to_owned() }
    }

    /// Sends one request.
    async fn attempt(&self, body: &EventBody) -> Result<Received, Failure> {
        let config = &self.shared.config;
        let refused = |refusal| Failure::Refused(refusal, None);
        let Some(upstream) = &config.upstream else { return Err(refused(Refusal::Unreachable)) };
        let Some(url) = upstream.url(self.connection.parameters()) else { return Err(refused(Refusal::Status(404))) };
        let service = match upstream.service() {
            Some(name) => Reflect::get(&self.shared.env, &JsValue::from_str(name)).unwrap_or_default(),
            None => JsValue::UNDEFINED,
        };
        if let Some(name) = upstream.service().filter(|_| service.is_undefined()) {
            let advice = format!("no service binding {name}: add one to [[services]] of wrangler.toml");
            log::error("upstream", Some(&config.prefix), advice);
            return Err(refused(Refusal::Unreachable));
        }
        let _slot = self.shared.slots.take().await;
        let permit = match self.is_accepted.get() {
            true => self.shared.breaker.borrow_mut().ask_again(now(), random()),
            false => self.shared.breaker.borrow_mut().ask(now(), random()),
        };
        let is_allowed = !matches!(permit, Permit::Refuse { .. });
        let counts = UpstreamCounts::asked(self.shared.breaker.borrow().state(), is_allowed);
        count(&self.connection, &counts);
        let (attempt, timeout) = match permit {
            Permit::Ask(attempt) => (attempt, config.upstream_timeout),
            Permit::Probe(attempt) => (attempt, config.upstream_timeout.min(PROBE_TIMEOUT)),
            Permit::Refuse { after } => return Err(Failure::Refused(Refusal::Paused, Some(after))),
        };
        let headers = self.headers(body);
        let request = EventRequest {
            service: &service,
            url: &url,
            headers: &headers,
            body: &body.bytes,
            // At most a minute.
            timeout_ms: timeout.0 as f64,
            limit: config.inbox_limit,
        };
        let answer = request.send().await;
        let outcome = match &answer {
            Ok(Received { status, .. }) => Some(Outcome::of_status(*status)),
            Err(Unanswered::Failed(refusal, _)) => Outcome::of_refusal(*refusal),
            Err(Unanswered::TooLarge) => Some(Outcome::Success),
        };
        if let Some(outcome) = outcome {
            self.shared.breaker.borrow_mut().report(now(), attempt, outcome, random());
            let counts = UpstreamCounts::ended(self.shared.breaker.borrow().state(), outcome);
            count(&self.connection, &counts);
        }
        answer.map_err(|unanswered| match unanswered {
            Unanswered::TooLarge => Failure::TooLarge,
            Unanswered::Failed(refusal, detail) => {
                if !detail.is_empty() {
                    log::warn("upstream", Some(&config.prefix), format!("{}: {detail}", refusal.reason()));
                }
                refused(refusal)
            }
        })
    }

    /// Returns the headers of a request.
    fn headers(&self, body: &EventBody) -> Vec<(String, String)> {
        let state = self.state.borrow();
        let mut headers = state.headers.clone();
        headers.extend(state.meta.iter().map(|(name, value)| (format!("Meta-{name}"), value.clone())));
        let mut add = |name: &str, value: String| headers.push((name.into(), value));
        add("Content-Type", EVENTS.into());
        add("Accept", EVENTS.into());
        add("Connection-Id", self.connection.id().to_owned());
        add("Sec-WebSocket-Extensions", "grip".into());
        if self.shared.config.upstream_delivery == UpstreamDelivery::AtLeastOnce {
            add(EVENT_HEADER, body.first.to_string());
        }
        let (id, now) = (self.connection.id(), now());
        if let Some(token) = sign(&self.shared.key, id, &body.bytes, now) {
            add(SIGNATURE_HEADER, token);
        }
        let claims = self.connection.entry.info.claims.as_ref();
        if let Some(token) = claims::sign(&self.shared.claims_secret, id, claims, now) {
            add(CLAIMS_HEADER, token);
        }
        headers
    }
}

/// Reason why an attempt has no response.
enum Failure {
    /// With the time after which the circuit breaker allows another one, if it refused this one.
    Refused(Refusal, Option<Millis>),
    TooLarge,
}

/// A random number, for pauses.
fn random() -> u32 {
    // Below 2^32.
    (Math::random() * f64::from(u32::MAX)) as u32
}
