//! The interface of a test: a room, its time, and its restarts.

use crate::application::handler::{ErasedHandler, Handler};
use crate::application::room::Room;
use crate::testing::client::{ClientBuilder, TestClient};
use crate::testing::tasks::block_on;
use crate::testing::world::World;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::service::prefix::match_prefix;
use sockjs_protocol::time::Millis;
use std::fmt;
use std::rc::Rc;

/// Deadlines at one moment after which time counts as stuck.
const STUCK: usize = 10_000;

/// All connections of a service in one object, in virtual time. See the [module](crate::testing).
///
/// # Panics
///
/// Dropping it panics if a handler still waits for something else than a client that does not read: that would go unseen.
pub struct TestRoom {
    world: Rc<World>,
}

impl TestRoom {
    /// Returns a room without connections. `make` makes its handler, as the function does that
    /// [`Services::add`](crate::Services::add) gets: once, and again after [`TestRoom::restart`] and [`TestRoom::hibernate`].
    ///
    /// # Panics
    ///
    /// If `config` cannot be served.
    pub fn new<H: Handler>(config: Config, make: impl Fn() -> H + 'static) -> Self {
        let make = Box::new(move || -> Rc<dyn ErasedHandler> { Rc::new(make()) });
        Self { world: World::new(config, make) }
    }

    /// Sets the path of the room: the prefix with the values of its parameters, such as `/chat/lobby` for `/chat/{room}`. Without
    /// it, each parameter has its own name as its value.
    ///
    /// # Panics
    ///
    /// If the prefix of the service does not match, or there are connections already.
    pub fn at(self, path: &str) -> Self {
        let prefix = &self.world.config.prefix;
        let is_matched = match_prefix(prefix, path).is_some_and(|matched| matched.rest.is_empty());
        assert!(is_matched, "TestRoom::at: {path:?} does not match the prefix {prefix:?}");
        assert!(self.world.clients.borrow().is_empty(), "TestRoom::at: call it before the first client connects");
        self.world.path.replace(path.to_owned());
        self
    }

    /// Opens a WebSocket: `on_start` runs if the handler is new, then `on_open`.
    pub fn connect(&self) -> TestClient {
        self.client().connect()
    }

    /// Returns a client that is about to connect, to set what is known of it.
    pub fn client(&self) -> ClientBuilder {
        ClientBuilder::new(self.world.clone())
    }

    /// The room, as a handler gets it. It leads nowhere after [`TestRoom::restart`] and [`TestRoom::hibernate`].
    pub fn room(&self) -> Room {
        self.world.event(|object| object.room())
    }

    /// Runs a future of the test to its end, such as one of [`Room::storage`](crate::Room::storage).
    ///
    /// # Panics
    ///
    /// If it waits for something that no event so far brings.
    #[track_caller]
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.world.event(|object| block_on(future, || object.settle()))
    }

    /// The virtual time.
    pub fn now(&self) -> Millis {
        self.world.now.get()
    }

    /// Lets time pass. What becomes due meanwhile happens at its moment and in its order: alarms, timeouts, heartbeats.
    ///
    /// # Panics
    ///
    /// If time does not move on, because `on_alarm` sets an alarm without a delay.
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

    /// Time until [`Handler::on_alarm`] is to run; `None` if no alarm is set.
    pub fn alarm(&self) -> Option<Millis> {
        self.world.event(|object| object.alarm.get()).map(|at| at - self.now())
    }

    /// Takes the errors that callbacks returned since the last call, such as `on_alarm: the connection is closed`. The server logs
    /// them.
    pub fn errors(&self) -> Vec<String> {
        self.world.event(|_| ());
        self.world.errors.take()
    }

    /// Restarts the object, as a deploy does: the handler is made anew, and `on_start` runs. WebSockets are lost, without
    /// `on_close`. HTTP sessions go on with their state, and so do storage and alarm.
    pub fn restart(&self) {
        self.world.event(|_| self.world.is_restart_due.set(true));
    }

    /// Lets the object hibernate and wake up: the handler is made anew, and `on_start` runs. All connections stay, with their
    /// state.
    ///
    /// # Panics
    ///
    /// If a handler waits for something: an object whose handlers run does not hibernate.
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
