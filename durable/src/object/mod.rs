//! The object: a table of connections, one storage, one alarm.
//!
//! Every event follows the same path. It changes a session, marks the connection as touched, and calls [`Object::settle`], which
//! drains every touched session, runs the handlers, drains their outputs, and arms the alarm for the next deadline. So no
//! `RefCell` borrow lives across an await, and everything that happens at once leaves in one frame.
//!
//! Requests:
//!
//! * [`requests`][]: the Worker's requests, each with one command. [`v2`][]: sends of a Worker of version 2.
//! * [`attach`][]: a receiver of an HTTP session. [`grace`][]: the wait of a poll for its frame.
//! * [`connect`][]: a WebSocket that the Worker forwards. [`hold`][]: a WebSocket that the Worker holds.
//! * [`sends`][]: a client's messages over HTTP.
//! * [`push`][]: pushes from elsewhere. [`senders`][]: their senders. [`calls`][]: calls to the application. [`listing`][]: lists of
//!   connections.
//!
//! Events:
//!
//! * [`socket_events`][]: messages and closes of sockets. [`bursts`][]: messages that arrive together.
//! * [`holder_events`][]: messages of a Worker that holds a WebSocket.
//! * [`alarm_event`][]: the alarm.
//!
//! Settling:
//!
//! * [`outputs`][]: the outputs of a session. [`attachments`][]: data that is stored with a WebSocket.
//! * [`handlers`][]: the application's handlers. [`pace`][]: their pacing. [`gates`][]: the wait for the members of a room.
//! * [`host`][]: the object as connections and rooms see it. [`broadcast`][]: messages to a room, with [`shared_frames`][].
//!   [`shards`][]: messages to all objects of a room.
//! * [`memory`][]: the memory of messages for clients.
//!
//! Time:
//!
//! * [`alarm`][]: the one alarm. [`room_alarm`][]: the application's. [`timers`][]: the one timer.
//! * [`looks`][]: checks by timer of clients that read. [`probes`][]: writes that reveal a lost client. [`liveness`][]: signs
//!   of life. [`node_links`][]: silent nodes of a cluster.
//! * [`wake`][]: sessions and sockets after hibernation. [`idle`][]: the end of the object.
//!
//! Metrics:
//!
//! * [`reports`][]: reports of this object. [`totals`][]: the object that adds up all reports.

mod alarm;
mod alarm_event;
mod attach;
mod attachments;
mod broadcast;
mod bursts;
mod calls;
mod connect;
mod gates;
mod grace;
mod handlers;
mod hold;
mod holder_events;
mod host;
mod idle;
mod listing;
mod liveness;
mod looks;
mod memory;
mod node_links;
mod outputs;
mod pace;
mod probes;
mod push;
mod reports;
mod requests;
mod room_alarm;
mod senders;
mod sends;
mod shards;
mod shared_frames;
mod socket_events;
mod timers;
mod totals;
mod v2;
mod wake;

use crate::application::handler::ErasedHandler;
use crate::application::services::{Backend, Services};
use crate::connection::entry::Entry;
use crate::connection::table::ConnectionTable;
use crate::info::connection_info::{Client, ConnectionInfo, upstream_headers};
use crate::js::clock::now;
use crate::js::executor::run;
use crate::object::alarm::Alarm;
use crate::object::bursts::Bursts;
use crate::object::calls::Calls;
use crate::object::gates::{Gates, Opened};
use crate::object::grace::Graces;
use crate::object::handlers::Handlers;
use crate::object::holder_events::Holders;
use crate::object::looks::Looks;
use crate::object::memory::Memory;
use crate::object::probes::Probes;
use crate::object::reports::Reports;
use crate::object::room_alarm::RoomAlarm;
use crate::object::senders::Senders;
use crate::object::shards::Shards;
use crate::object::shared_frames::SharedFrames;
use crate::object::timers::Timers;
use crate::object::totals::ReportTotals;
use crate::object::wake::Asleep;
use crate::observe::log;
use crate::store::queries::Store;
use crate::upstream::gateway::Gateway;
use crate::upstream::over_http::gateway::HttpGateway;
use futures::future::LocalBoxFuture;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::pacing::PacingRules;
use sockjs_protocol::sockjs::session::Session;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::address::{Upstream, UpstreamProtocol};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use wasm_bindgen::{JsCast, JsValue};
use worker::durable::State;
use worker::worker_sys::DurableObjectState;
use worker::{Env, Result, WebSocket};

/// A Durable Object that holds SockJS connections. The export macro wraps it into the class.
pub struct Object {
    state: State,
    env: Env,
    services: Rc<Services>,
    handlers: Handlers,
    table: RefCell<ConnectionTable>,
    store: Store,
    asleep: Asleep,
    /// True once the runtime's automatic response is set up.
    has_auto_response: Cell<bool>,
    /// Time of the last check of the links from other nodes of a cluster.
    links_seen: Cell<Millis>,
    graces: Graces,
    touched: RefCell<VecDeque<Rc<Entry>>>,
    bursts: Bursts,
    looks: Looks,
    gates: Gates,
    memory: Memory,
    shared: SharedFrames,
    is_settling: Cell<bool>,
    settle_planned: Cell<bool>,
    alarm: Alarm,
    room_alarm: RoomAlarm,
    timers: Timers,
    probes: Probes,
    holders: Holders,
    reports: Reports,
    totals: ReportTotals,
    senders: Senders,
    shards: Shards,
    calls: Calls,
    /// Number of running handlers.
    running: Cell<usize>,
}

impl Object {
    /// Creates the object with `state`, which serves the services that `services` returns.
    pub fn new(state: State, env: Env, services: fn(&Env) -> Services) -> Rc<Self> {
        let services = Services::shared(services, &env);
        let store = Store::new(state.storage().sql());
        Rc::new(Self {
            state,
            env,
            services,
            handlers: Handlers::default(),
            table: RefCell::new(ConnectionTable::new()),
            store,
            asleep: Asleep::default(),
            has_auto_response: Cell::new(false),
            links_seen: Cell::new(Millis(0)),
            graces: Graces::default(),
            touched: RefCell::default(),
            bursts: Bursts::default(),
            looks: Looks::default(),
            gates: Gates::default(),
            memory: Memory::default(),
            shared: SharedFrames::default(),
            is_settling: Cell::new(false),
            settle_planned: Cell::new(false),
            alarm: Alarm::default(),
            room_alarm: RoomAlarm::default(),
            timers: Timers::default(),
            probes: Probes::default(),
            holders: Holders::default(),
            reports: Reports::default(),
            totals: ReportTotals::default(),
            senders: Senders::default(),
            shards: Shards::default(),
            calls: Calls::default(),
            running: Cell::new(0),
        })
    }

    /// Returns the HTTP session `session` of `service`, if it is known.
    fn session(self: &Rc<Self>, service: &str, session: &str) -> Result<Option<Rc<Entry>>> {
        self.wake_sessions()?;
        Ok(self.table.borrow().session(service, session))
    }

    /// Creates a connection, and the handler of its service. `None` if the service is unknown.
    fn entry(&self, info: ConnectionInfo, session: Session) -> Option<Rc<Entry>> {
        self.handler(&info.service)?;
        let config = &self.services.find(&info.service)?.config;
        let counters = self.counters(&info.service, info.transport);
        let memory = self.memory.part(config.object_queue_limit);
        Some(Entry::new(info, session, PacingRules::of(config), counters, memory))
    }

    /// Keeps the headers of the request that opens `entry` for the upstream of its service, if it has one.
    fn keep_upstream_headers(&self, client: Client<'_>, config: &Config, entry: &Entry) {
        if config.upstream.is_some() {
            let headers = upstream_headers(client.request, &entry.info, config, self.services.upstream_secret());
            entry.upstream_headers.replace(Some(headers));
        }
    }

    /// True if the object has the maximum number of connections of `config`.
    fn is_full(&self, config: &Config) -> bool {
        config.connections_per_object.is_some_and(|most| self.table.borrow().open_count() >= most as usize)
    }

    /// Notes an event from outside: a request, a message, an alarm.
    pub(crate) fn event(&self) {
        self.handlers.event();
    }

    fn make_handler(&self, service: &str) -> Option<Rc<dyn ErasedHandler>> {
        let service = self.services.find(service)?;
        Some(match &service.backend {
            Backend::Handler(factory) => factory(&self.env),
            Backend::Upstream if !cfg!(feature = "gateway") => return None,
            Backend::Upstream => {
                let (config, env) = (service.config.clone(), self.env.clone());
                match config.upstream.as_ref().map(Upstream::protocol) {
                    Some(UpstreamProtocol::Http) => {
                        let state: JsValue = self.state.as_raw().into();
                        let state = State::from(state.unchecked_into::<DurableObjectState>());
                        let key = self.services.grip_keys().first().cloned().unwrap_or_default();
                        let claims_secret = self.services.upstream_secret().to_owned();
                        Rc::new(HttpGateway::new(config, env, state, key, claims_secret))
                    }
                    Some(UpstreamProtocol::WebSocket) | None => Rc::new(Gateway::new(config, env)),
                }
            }
        })
    }

    /// Marks a connection whose session has changed; [`Object::settle`] follows.
    fn touch_now(&self, entry: &Rc<Entry>) {
        self.table.borrow_mut().look(entry);
        if !entry.touched.replace(true) {
            self.touched.borrow_mut().push_back(entry.clone());
        }
    }

    fn touch_and_settle(self: &Rc<Self>, entry: &Rc<Entry>) {
        self.touch_now(entry);
        self.settle();
    }

    /// The same for code that may run outside an event: the connection is settled when that code ends.
    fn touch_later(self: &Rc<Self>, entry: &Rc<Entry>) {
        self.touch_now(entry);
        self.plan_settle();
    }

    /// Settles when the current code ends.
    fn plan_settle(self: &Rc<Self>) {
        if !self.is_settling.get() && !self.settle_planned.replace(true) {
            let object = self.clone();
            js_sys::futures::spawn_local(async move { object.settle() });
        }
    }

    /// Carries out the outputs of the touched sessions, and everything that follows from them.
    fn settle(self: &Rc<Self>) {
        if self.is_settling.replace(true) {
            return;
        }
        self.settle_planned.set(false);
        self.give_up_silent_links();
        self.start_handlers();
        let mut settled = Vec::new();
        let opened = loop {
            let next = self.touched.borrow_mut().pop_front();
            let Some(entry) = next else {
                if self.free_memory() {
                    continue;
                }
                match self.open_gates() {
                    Opened::Handlers => continue,
                    opened @ (Opened::Nothing | Opened::Task) => break opened,
                }
            };
            entry.touched.set(false);
            self.drain(&entry);
            self.pace(&entry);
            if entry.session.borrow_mut().still_telling() {
                self.drain(&entry);
            }
            self.spare_memory(&entry);
            settled.push(entry);
        };
        for entry in settled.iter().filter(|entry| entry.info.held) {
            self.plan_to_tell(entry);
        }
        self.is_settling.set(false);
        self.shared.forget();
        self.report_if_due();
        self.arm(settled.iter());
        if opened == Opened::Task {
            self.plan_settle();
        }
    }

    /// Wraps `handlers` so that their effects are settled each time they had to wait.
    fn settling<T>(self: &Rc<Self>, handlers: LocalBoxFuture<'static, T>) -> Settling<T> {
        self.running.set(self.running.get() + 1);
        Settling { object: self.clone(), handlers }
    }

    /// Advances the time of every session, with `tick` or a variant of it.
    fn tick(self: &Rc<Self>, tick: impl Fn(&mut Session, Millis)) {
        let now = now();
        let entries = self.table.borrow().entries();
        for entry in &entries {
            self.look_for_life(entry);
            tick(&mut entry.session.borrow_mut(), now);
            self.touch_now(entry);
        }
        self.settle();
    }

    /// Accepts a socket as a hibernating one. An error means that the object has the maximum number of sockets; `worker`'s own
    /// wrapper (0.8.7) would panic.
    fn accept(&self, websocket: &WebSocket) -> Result<()> {
        Ok(self.state.as_raw().accept_websocket(websocket.as_ref())?)
    }

    /// Runs work that nobody waits for, and logs its errors.
    fn run(&self, work: LocalBoxFuture<'static, Result<()>>, what: &'static str) {
        let logged = async move {
            if let Err(error) = work.await {
                log::error(what, None, error);
            }
        };
        run(&self.state, Box::pin(logged));
    }
}

/// Handlers that had to wait: each time they continue, their effects are settled at once.
struct Settling<T> {
    object: Rc<Object>,
    handlers: LocalBoxFuture<'static, T>,
}

impl<T> Drop for Settling<T> {
    fn drop(&mut self) {
        self.object.running.set(self.object.running.get().saturating_sub(1));
    }
}

impl<T> Future for Settling<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // While the handlers run, touched connections wait for the end of the run.
        let nested = self.object.is_settling.replace(true);
        let polled = self.handlers.as_mut().poll(context);
        self.object.is_settling.set(nested);
        if !nested {
            self.object.settle();
        }
        polled
    }
}
