//! The handlers of an object: each is made when it is first needed, and hears of that before anything else.

use crate::handler::ErasedHandler;
use crate::log;
use crate::object::Object;
use crate::room::Room;
use futures::channel::oneshot;
use std::cell::RefCell;
use std::rc::Rc;

/// The handlers, by service: an object has few.
#[derive(Default)]
pub(crate) struct Handlers(RefCell<Vec<Known>>);

struct Known {
    service: String,
    handler: Rc<dyn ErasedHandler>,
    start: Start,
}

/// How far a handler's `on_start` is.
enum Start {
    Due,
    /// These wait for its end.
    Running(Vec<oneshot::Sender<bool>>),
    Done,
    /// It is to be tried again before whatever comes next.
    Failed,
}

impl Object {
    /// The handler of a service, made when it is first needed; none if the service is unknown.
    pub(crate) fn handler(&self, service: &str) -> Option<Rc<dyn ErasedHandler>> {
        let known =
            self.handlers.0.borrow().iter().find(|known| known.service == service).map(|known| known.handler.clone());
        if known.is_some() {
            return known;
        }
        let handler = self.make_handler(service)?;
        let known = Known { service: service.to_owned(), handler: handler.clone(), start: Start::Due };
        self.handlers.0.borrow_mut().push(known);
        Some(handler)
    }

    /// Runs `on_start` of the handlers that are new.
    pub(crate) fn start_handlers(self: &Rc<Self>) {
        let mut due = Vec::new();
        for known in self.handlers.0.borrow_mut().iter_mut() {
            if matches!(known.start, Start::Due | Start::Failed) {
                known.start = Start::Running(Vec::new());
                due.push((known.service.clone(), known.handler.clone()));
            }
        }
        for (service, handler) in due {
            let object = self.clone();
            let start = self.settling(Box::pin(async move {
                let room = Room { service: service.clone(), object: Rc::downgrade(&object) };
                let started = handler.on_start(room).await;
                let is_started = started.is_ok();
                if let Err(error) = started {
                    log::error("handler", Some(&service), error);
                }
                object.started(&service, is_started);
                Ok(())
            }));
            self.run(start, "start");
        }
    }

    fn started(&self, service: &str, is_started: bool) {
        let mut handlers = self.handlers.0.borrow_mut();
        let Some(known) = handlers.iter_mut().find(|known| known.service == service) else { return };
        let now = if is_started { Start::Done } else { Start::Failed };
        if let Start::Running(waiters) = std::mem::replace(&mut known.start, now) {
            for waiter in waiters {
                // Whoever waited may be gone.
                let _ = waiter.send(is_started);
            }
        }
    }

    /// Waits until the handler of `service` was started; whether it was, or failed and is to be started anew.
    pub(crate) async fn start_of(&self, service: &str) -> bool {
        let wait = match self.handlers.0.borrow_mut().iter_mut().find(|known| known.service == service) {
            Some(Known { start: Start::Running(waiters), .. }) => {
                let (started, wait) = oneshot::channel();
                waiters.push(started);
                wait
            }
            Some(Known { start: Start::Failed, .. }) => return false,
            Some(Known { start: Start::Due | Start::Done, .. }) | None => return true,
        };
        // It can only be cancelled with the object.
        wait.await.unwrap_or(false)
    }
}
