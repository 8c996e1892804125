//! The handlers of an object. Each is created when it is first needed, and its `on_start` runs before anything else.

use crate::application::handler::ErasedHandler;
use crate::js::clock::now;
use crate::object::Object;
use crate::observe::log;
use futures::channel::oneshot;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use worker::Delay;

/// Pause before a failed `on_start` is retried, so that one that always fails costs little.
const RETRY: Millis = Millis::from_secs(1);

/// The handlers, by service: an object has few.
#[derive(Default)]
pub(super) struct Handlers {
    slots: RefCell<Vec<HandlerSlot>>,
    /// True if an event came from outside since the handlers were last started. Otherwise nothing is retried: the consequences of
    /// a failed start would start the handler again, for ever.
    is_asked: Cell<bool>,
}

struct HandlerSlot {
    service: String,
    handler: Rc<dyn ErasedHandler>,
    start: Start,
}

/// The state of a handler's `on_start`.
enum Start {
    Due,
    /// `on_start` runs; these callbacks wait for its end.
    Running(Vec<oneshot::Sender<bool>>),
    Done,
    /// `on_start` failed at this time, and is retried before the next event.
    Failed(Millis),
}

impl Start {
    /// Returns the time until the next run may begin. `None` if there is nothing to run.
    fn wait(&self, now: Millis, is_asked: bool) -> Option<Millis> {
        match self {
            Self::Due => Some(Millis(0)),
            Self::Failed(at) if is_asked => Some(*at + RETRY - now),
            Self::Running(_) | Self::Done | Self::Failed(_) => None,
        }
    }
}

impl Handlers {
    /// Notes an event from outside: a request, a message, an alarm.
    pub fn event(&self) {
        self.is_asked.set(true);
    }
}

impl Object {
    /// Returns the handler of a service, and creates it if necessary. `None` if the service is unknown.
    pub(super) fn handler(&self, service: &str) -> Option<Rc<dyn ErasedHandler>> {
        let known = self
            .handlers
            .slots
            .borrow()
            .iter()
            .find(|known| known.service == service)
            .map(|known| known.handler.clone());
        if known.is_some() {
            return known;
        }
        let handler = self.make_handler(service)?;
        let known = HandlerSlot { service: service.to_owned(), handler: handler.clone(), start: Start::Due };
        self.handlers.slots.borrow_mut().push(known);
        Some(handler)
    }

    /// Runs `on_start` of the handlers that are new or failed to start.
    pub(super) fn start_handlers(self: &Rc<Self>) {
        let is_asked = self.handlers.is_asked.take();
        let mut due = Vec::new();
        for known in self.handlers.slots.borrow_mut().iter_mut() {
            if let Some(wait) = known.start.wait(now(), is_asked) {
                known.start = Start::Running(Vec::new());
                due.push((known.service.clone(), known.handler.clone(), wait));
            }
        }
        for (service, handler, wait) in due {
            let object = self.clone();
            let start = self.settling(Box::pin(async move {
                if wait > Millis(0) {
                    Delay::from(Duration::from_millis(wait.0)).await;
                }
                let room = object.room(service.clone());
                let started = handler.on_start(room).await;
                let is_started = started.is_ok();
                if let Err(error) = started {
                    log::error("handler", Some(&service), error);
                }
                object.started(&service, is_started);
                Ok(())
            }));
            self.run(Box::pin(start), "start");
        }
    }

    fn started(&self, service: &str, is_started: bool) {
        let mut handlers = self.handlers.slots.borrow_mut();
        let Some(known) = handlers.iter_mut().find(|known| known.service == service) else { return };
        let now = if is_started { Start::Done } else { Start::Failed(now()) };
        if let Start::Running(waiters) = std::mem::replace(&mut known.start, now) {
            for waiter in waiters {
                // The waiter may be gone.
                let _ = waiter.send(is_started);
            }
        }
    }

    /// Returns the handler of `service` after its `on_start` has ended.
    pub(super) async fn started_handler(&self, service: &str) -> Option<Started> {
        let (handler, wait) = match self.handlers.slots.borrow_mut().iter_mut().find(|slot| slot.service == service) {
            None => return None,
            Some(HandlerSlot { handler, start, .. }) => match start {
                Start::Running(waiters) => {
                    let (started, wait) = oneshot::channel();
                    waiters.push(started);
                    (handler.clone(), wait)
                }
                Start::Failed(_) => return Some(Started { handler: handler.clone(), is_started: false }),
                Start::Due | Start::Done => return Some(Started { handler: handler.clone(), is_started: true }),
            },
        };
        // The wait is only cancelled with the object.
        let is_started = wait.await.unwrap_or(false);
        Some(Started { handler, is_started })
    }
}

/// A handler whose `on_start` has ended.
pub(super) struct Started {
    pub handler: Rc<dyn ErasedHandler>,
    /// False if `on_start` failed, and will run again.
    pub is_started: bool,
}
