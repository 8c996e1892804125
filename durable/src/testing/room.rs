//! The interface for tests: a room, its time, and its restarts.

use crate::application::handler::{CallError, ErasedHandler, Handler};
use crate::application::room::Room;
use crate::testing::client::{ClientBuilder, TestClient};
use crate::testing::tasks::block_on;
use crate::testing::world::World;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::service::prefix::match_prefix;
use sockjs_protocol::time::Millis;
use std::fmt;
use std::rc::Rc;
use worker::Error;

/// Number of deadlines at one moment after which [`TestRoom::advance`] gives up.
const STUCK: usize = 10_000;

/// A room: all connections of a service in one object, in virtual time. See the [module](crate::testing).
///
/// # Panics
///
/// Dropping the room panics if a handler still waits for anything but a client that does not read. The test would not
/// notice such a handler otherwise.
pub struct TestRoom {
    world: Rc<World>,
}

impl TestRoom {
    /// Returns a room without connections. `make` creates its handler, like the function that
    /// [`Services::add`](crate::Services::add) takes. It is called once, and again after [`TestRoom::restart`] and
    /// [`TestRoom::hibernate`].
    ///
    /// # Panics
    ///
    /// Panics if `config` is invalid.
    pub fn new<H: Handler>(config: Config, make: impl Fn() -> H + 'static) -> Self {
        let make = Box::new(move || -> Rc<dyn ErasedHandler> { Rc::new(make()) });
        Self { world: World::new(config, make) }
    }

    /// Sets the path of the room: the prefix with values in place of its parameters, such as `/chat/lobby` for
    /// `/chat/{room}`. By default, the value of each parameter is its own name.
    ///
    /// # Panics
    ///
    /// Panics if the prefix of the service does not match `path`, or if a client has already connected.
    pub fn at(self, path: &str) -> Self {
        let prefix = &self.world.config.prefix;
        let is_matched = match_prefix(prefix, path).is_some_and(|matched| matched.rest.is_empty());
        assert!(is_matched, "TestRoom::at: {path:?} does not match the prefix {prefix:?}");
        assert!(self.world.clients.borrow().is_empty(), "TestRoom::at: call it before the first client connects");
        self.world.path.replace(path.to_owned());
        self
    }

    /// Opens a WebSocket. `on_start` runs if the handler is new, then `on_open`.
    pub fn connect(&self) -> TestClient {
        self.client().connect()
    }

    /// Returns a builder for a client, which sets the client's transport and request.
    pub fn client(&self) -> ClientBuilder {
        ClientBuilder::new(self.world.clone())
    }

    /// Returns the room, as a handler gets it. It stops working after [`TestRoom::restart`] and
    /// [`TestRoom::hibernate`].
    pub fn room(&self) -> Room {
        self.world.event(|object| object.room())
    }

    /// Calls the application from outside, and returns what [`Handler::on_call`] answers.
    ///
    /// # Errors
    ///
    /// The error of the handler; [`CallError::Failed`] if its `on_start` failed.
    ///
    /// # Panics
    ///
    /// Panics if the handler waits for something that no event so far brings.
    #[track_caller]
    pub fn call(&self, call: impl Into<String>) -> Result<String, CallError> {
        let call = call.into();
        self.world.event(|object| {
            object.settle();
            let answer = async {
                // The gate of a test takes everybody.
                let _ = object.pass_gate().await;
                let (handler, is_started) = object.started_handler().await;
                if !is_started {
                    return Err(CallError::Failed(Error::RustError("not called, because on_start failed".into())));
                }
                handler.on_call(object.room(), call).await
            };
            block_on(answer, || object.settle())
        })
    }

    /// Runs a future of the test to its end, such as one of [`Room::storage`](crate::Room::storage).
    ///
    /// # Panics
    ///
    /// Panics if the future waits for something that no event so far brings.
    #[track_caller]
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.world.event(|object| block_on(future, || object.settle()))
    }

    /// Returns the virtual time.
    pub fn now(&self) -> Millis {
        self.world.now.get()
    }

    /// Lets time pass. Alarms, timeouts and heartbeats that become due run at their moments and in their order.
    ///
    /// # Panics
    ///
    /// Panics if time does not move on because `on_alarm` sets an alarm without a delay.
    #[track_caller]
    pub fn advance(&self, time: impl Into<Millis>) {
        let end = self.now() + time.into();
        let mut at_once = 0;
        loop {
            self.world.event(|_| ());
            let object = self.world.object();
            let Some(at) = object.deadline().filter(|at| *at <= end) else { break };
            at_once = if at > self.now() { 0 } else { at_once + 1 };
            assert!(at_once < STUCK, "TestRoom::advance: something is due again at once, for ever; is it on_alarm?");
            self.world.set_time(at.max(self.now()));
            self.world.event(|object| object.fire());
        }
        self.world.set_time(end);
        self.world.event(|_| ());
    }

    /// Returns the time until [`Handler::on_alarm`] runs, or `None` if no alarm is set.
    pub fn alarm(&self) -> Option<Millis> {
        self.world.event(|object| object.alarm.get()).map(|at| at - self.now())
    }

    /// Takes the errors that callbacks returned since the last call, such as `on_alarm: the connection is closed`. The
    /// server would log them.
    pub fn errors(&self) -> Vec<String> {
        self.world.event(|_| ());
        self.world.errors.take()
    }

    /// Restarts the object, as a deploy does: a new handler is created, and `on_start` runs. WebSockets are lost
    /// without `on_close`. HTTP sessions go on with their state, and storage and the alarm are kept.
    pub fn restart(&self) {
        self.world.event(|_| self.world.is_restart_due.set(true));
    }

    /// Lets the object hibernate and wake up: a new handler is created, and `on_start` runs. All connections stay open
    /// and keep their state.
    ///
    /// # Panics
    ///
    /// Panics if a handler waits for anything: an object does not hibernate while handlers run.
    #[track_caller]
    pub fn hibernate(&self) {
        self.world.event(|object| {
            let waiting = object.tasks.waiting();
            assert!(waiting.is_empty(), "TestRoom::hibernate: an object does not hibernate while {waiting:?} runs");
            object.store_early();
        });
        self.world.replace_object().wake();
    }
}

impl Drop for TestRoom {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let stuck = self.world.object().stuck_callbacks();
        self.world.end_object();
        assert!(
            stuck.is_empty(),
            "the test ends while {stuck:?} waits for something that this kit cannot give. It gives Connection::ready, Room::ready, \
             RoomStorage, and what other events of the test bring"
        );
    }
}

impl fmt::Debug for TestRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestRoom").field("path", &self.world.path.borrow()).field("now", &self.now()).finish()
    }
}
