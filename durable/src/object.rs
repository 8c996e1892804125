//! The object: a table of connections, one storage, one alarm.
//!
//! Every event follows the same path. It tells a session something, marks the connection as touched, and calls
//! [`Object::settle`], which drains every touched session, runs the handlers, drains what they caused, and arms the alarm
//! for what is due next. So no `RefCell` borrow lives across an await, and everything that happens at once leaves as one
//! frame.

use crate::alarm::{self, Armed, Due};
use crate::burst::Bursts;
use crate::connection::Entry;
use crate::gates::{Gates, Opened};
use crate::handler::ErasedHandler;
use crate::info::Info;
use crate::log;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::pace::Looks;
use crate::pending::Graces;
use crate::runtime::{now, run};
use crate::services::Services;
use crate::shared_frames::SharedFrames;
use crate::stall::Stalls;
use crate::start::Handlers;
use crate::store::Store;
use crate::table::Table;
use crate::timer::Timer;
use crate::totals::Known;
use crate::wake::Asleep;
use futures::future::LocalBoxFuture;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::service::placement::locate;
use sockjs_protocol::sockjs::pacing::PacingRules;
use sockjs_protocol::sockjs::session::Session;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use worker::durable::State;
use worker::worker_sys::DurableObjectState;
use worker::{Env, Error, Result, WebSocket};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// Sets the alarm to a time in milliseconds; `failed` is told if it is not written.
    #[wasm_bindgen(catch, js_name = setAlarm)]
    fn set_alarm(state: &DurableObjectState, at: f64, failed: &JsValue) -> std::result::Result<(), JsValue>;
}

/// A Durable Object that holds SockJS connections. The export macro wraps it into the class.
pub struct Object {
    pub(crate) state: State,
    pub(crate) env: Env,
    pub(crate) services: Rc<Services>,
    pub(crate) handlers: Handlers,
    pub(crate) table: RefCell<Table>,
    pub(crate) store: Store,
    pub(crate) asleep: Asleep,
    pub(crate) graces: Graces,
    touched: RefCell<VecDeque<Rc<Entry>>>,
    pub(crate) bursts: Bursts,
    pub(crate) looks: Looks,
    pub(crate) stalls: Stalls,
    pub(crate) gates: Gates,
    pub(crate) memory: Memory,
    pub(crate) shared: SharedFrames,
    is_settling: Cell<bool>,
    settle_planned: Cell<bool>,
    pub(crate) armed: Cell<Armed>,
    /// The service whose application set an alarm, and when it is due.
    pub(crate) room_alarm: RefCell<Option<(String, Millis)>>,
    on_alarm_failed: OnceCell<Closure<dyn FnMut(JsValue)>>,
    pub(crate) timer: Timer,
    pub(crate) metrics: Metrics,
    pub(crate) known: Known,
    /// How many handlers run.
    pub(crate) running: Cell<usize>,
    /// Whether the application is being told of its alarm.
    pub(crate) room_alarm_runs: Cell<bool>,
}

impl Object {
    /// The object with `state`, serving what `services` says.
    pub fn new(state: State, env: Env, services: fn(&Env) -> Services) -> Rc<Self> {
        let services = Services::shared(services, &env);
        let store = Store::new(state.storage().sql());
        Rc::new(Self {
            state,
            env,
            services,
            handlers: Handlers::default(),
            table: RefCell::new(Table::new()),
            store,
            asleep: Asleep::default(),
            graces: Graces::default(),
            touched: RefCell::default(),
            bursts: Bursts::default(),
            looks: Looks::default(),
            stalls: Stalls::default(),
            gates: Gates::default(),
            memory: Memory::default(),
            shared: SharedFrames::default(),
            is_settling: Cell::new(false),
            settle_planned: Cell::new(false),
            armed: Cell::new(Armed::Unknown),
            room_alarm: RefCell::default(),
            on_alarm_failed: OnceCell::new(),
            timer: Timer::default(),
            metrics: Metrics::default(),
            known: Known::default(),
            running: Cell::new(0),
            room_alarm_runs: Cell::new(false),
        })
    }

    /// The object's own name: the runtime keeps it, also while the object sleeps.
    pub(crate) fn name(&self) -> Option<String> {
        self.state.id().name()
    }

    /// The place of the object, for the address of a connection.
    pub(crate) fn location(&self) -> Option<String> {
        let id = self.state.id();
        Some(locate(&id.name()?, &id.to_string()))
    }

    /// The HTTP session `session` of `service`, if it is known.
    pub(crate) fn session(self: &Rc<Self>, service: &str, session: &str) -> Result<Option<Rc<Entry>>> {
        self.wake_sessions()?;
        Ok(self.table.borrow().session(service, session))
    }

    /// A connection with its service's handler; none if the service is unknown.
    pub(crate) fn entry(&self, info: Info, session: Session) -> Option<Rc<Entry>> {
        let handler = self.handler(&info.service)?;
        let config = &self.services.find(&info.service)?.config;
        let counted = self.counted(&info.service, info.transport);
        let memory = self.memory.part(config.object_queue_limit);
        Some(Entry::new(info, handler, session, PacingRules::of(config), counted, memory))
    }

    /// Whether the object has as many connections as `config` lets it have.
    pub(crate) fn is_full(&self, config: &Config) -> bool {
        config.connections_per_object.is_some_and(|most| self.table.borrow().open_count() >= most as usize)
    }

    pub(crate) fn make_handler(&self, service: &str) -> Option<Rc<dyn ErasedHandler>> {
        Some((self.services.find(service)?.factory)(&self.env))
    }

    /// Marks a connection whose session was told something; [`Object::settle`] follows.
    pub(crate) fn touch_now(&self, entry: &Rc<Entry>) {
        self.table.borrow_mut().look(entry);
        if !entry.touched.replace(true) {
            self.touched.borrow_mut().push_back(entry.clone());
        }
    }

    pub(crate) fn touch_and_settle(self: &Rc<Self>, entry: &Rc<Entry>) {
        self.touch_now(entry);
        self.settle();
    }

    /// The same for code that may run outside an event: then it is settled when that code ends.
    pub(crate) fn touch(self: &Rc<Self>, entry: &Rc<Entry>) {
        self.touch_now(entry);
        self.plan_settle();
    }

    /// Settles when the code that runs now ends.
    pub(crate) fn plan_settle(self: &Rc<Self>) {
        if !self.is_settling.get() && !self.settle_planned.replace(true) {
            let object = self.clone();
            js_sys::futures::spawn_local(async move { object.settle() });
        }
    }

    /// Does everything that the touched sessions ask for, and what that causes.
    pub(crate) fn settle(self: &Rc<Self>) {
        if self.is_settling.replace(true) {
            return;
        }
        self.settle_planned.set(false);
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
        self.is_settling.set(false);
        self.shared.forget();
        self.report();
        self.arm(settled.iter());
        if opened == Opened::Task {
            self.plan_settle();
        }
    }

    /// `handlers`, settling what they do each time they had to wait.
    pub(crate) fn settling<T>(self: &Rc<Self>, handlers: LocalBoxFuture<'static, T>) -> Settling<T> {
        self.running.set(self.running.get() + 1);
        Settling { object: self.clone(), handlers }
    }

    /// Arms the alarm and the timer for what the sessions of `entries` wait for.
    pub(crate) fn arm<'a>(self: &Rc<Self>, entries: impl Iterator<Item = &'a Rc<Entry>>) {
        let now = now();
        let room_alarm = self.room_alarm_at();
        let lasting = room_alarm.into_iter().chain(self.metrics.alarm(now)).min();
        let mut due = Due { lasting, passing: None };
        let mut count = 0;
        for entry in entries {
            due.add(&entry.session.borrow(), now);
            due.add_passing(entry.pacing.borrow().deadline());
            count += 1;
        }
        due.add_passing(self.gates.deadline());
        due.add_passing(self.memory.deadline(self.gates.is_waited_at()));
        let Due { lasting, passing } = due;
        if passing.is_none() && count >= self.table.borrow().count() {
            // Of nobody else either: a timer for nothing would keep the object awake.
            self.timer.stop();
        }
        let plan = alarm::plan(self.armed.get(), self.timer.at(), lasting, passing);
        if let Some(at) = plan.alarm {
            self.set_alarm(at);
        }
        if let Some(at) = plan.timer {
            self.start_timer(at, now);
        }
        if plan.ask {
            let object = self.clone();
            let ask = async move {
                object.learn_alarm().await?;
                let entries = object.table.borrow().entries();
                object.arm(entries.iter());
                Ok(())
            };
            self.run(ask, "get_alarm");
        }
    }

    /// Sets the alarm. No task waits for it: until it is written, the runtime holds back whatever leaves the object.
    fn set_alarm(self: &Rc<Self>, at: Millis) {
        self.armed.set(Armed::At(at));
        let failed = self.on_alarm_failed.get_or_init(|| {
            let object = Rc::downgrade(self);
            Closure::new(move |error: JsValue| {
                log::error("set_alarm", None, Error::from(error));
                if let Some(object) = object.upgrade() {
                    object.armed.set(Armed::Unknown);
                }
            })
        });
        if let Err(error) = set_alarm(self.state.as_raw(), at.0 as f64, failed.as_ref()) {
            log::error("set_alarm", None, Error::from(error));
            self.armed.set(Armed::Unknown);
        }
    }

    /// Learns when the alarm is set, so that a connection that is opened next is stored together with its alarm.
    pub(crate) async fn learn_alarm(&self) -> Result<()> {
        if self.armed.get() != Armed::Unknown {
            return Ok(());
        }
        // Of an object without connections an alarm may be left, and may be overwritten.
        let alarm = if self.table.borrow().is_empty() { None } else { self.state.storage().get_alarm().await? };
        let at = alarm.and_then(|at| u64::try_from(at).ok());
        if self.armed.get() == Armed::Unknown {
            self.armed.set(at.map_or(Armed::Never, |at| Armed::At(Millis(at))));
        }
        Ok(())
    }

    /// Gives every session the time, by `tick` or a variant of it.
    pub(crate) fn tick(self: &Rc<Self>, tick: impl Fn(&mut Session, Millis)) {
        let now = now();
        let entries = self.table.borrow().entries();
        for entry in &entries {
            tick(&mut entry.session.borrow_mut(), now);
            self.touch_now(entry);
        }
        self.settle();
    }

    /// Accepts a socket as one that outlives the sleep of the object. An error says that it has as many as it may have;
    /// `worker`'s own wrapper (0.8.7) would panic.
    pub(crate) fn accept(&self, websocket: &WebSocket) -> Result<()> {
        Ok(self.state.as_raw().accept_websocket(websocket.as_ref())?)
    }

    /// Runs a piece of work that nobody waits for; what goes wrong is logged.
    pub(crate) fn run(&self, work: impl Future<Output = Result<()>> + 'static, what: &'static str) {
        let logged = async move {
            if let Err(error) = work.await {
                log::error(what, None, error);
            }
        };
        run(&self.state, Box::pin(logged));
    }
}

/// Handlers that had to wait: whatever they did when they ran on is settled at once.
pub(crate) struct Settling<T> {
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
        // While they run, what they touch waits for the end of the run.
        let nested = self.object.is_settling.replace(true);
        let polled = self.handlers.as_mut().poll(context);
        self.object.is_settling.set(nested);
        if !nested {
            self.object.settle();
        }
        polled
    }
}
