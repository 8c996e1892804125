//! Pushes to all objects of a room. Every object executes them in the order in which they were made.
//!
//! Each object has a lane of its own: the next push is sent to it when it has taken the previous one. A slow object therefore
//! does not hold up the others. A push has a number, by which an object recognizes a push that is repeated because its response
//! was lost.

use crate::info::errors::{SendError, ShardFailure, ShardProblem, ShardsError};
use crate::js::clock::now;
use crate::peers::object_address::{AskError, ObjectAddress};
use crate::peers::turns::{Crowded, Place, Turns};
use futures::future::{Either, LocalBoxFuture, join_all, select};
use sockjs_protocol::inner::envelope::{Action, Command, Push, PushNumber, PushOutcome, PushTarget};
use sockjs_protocol::inner::repeat::{Repetition, TryFailure};
use sockjs_protocol::service::options::Config;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsValue;
use worker::Delay;

/// Bytes of messages that may wait for objects or be in flight, each counted once for all objects. A single message is always
/// permitted.
const WAITING_MAX: usize = 8 << 20;

/// Bytes of messages in flight at once: a request copies its message.
const COPIES_MAX: usize = 16 << 20;

/// Size of a message below which even a room with the maximum number of objects needs no place among the large requests.
const SMALL: usize = COPIES_MAX / 1024;

/// Time after which a request makes way for others although its object has not responded: an object that waits for its members
/// must not hold up others.
const MAKES_WAY: Duration = Duration::from_secs(1);

/// The sender of pushes to the objects of one room.
#[derive(Debug)]
pub struct Publisher {
    /// Prefix of the service.
    service: String,
    /// Longest message, in bytes.
    queue_limit: usize,
    /// Random id by which the objects know the sender.
    sender: u64,
    number: Cell<u64>,
    /// Bytes of the messages that wait or are in flight.
    waiting: Cell<usize>,
    lanes: Vec<Lane>,
    /// The large requests of all lanes.
    requests: Rc<Turns>,
}

/// The queue to one object.
#[derive(Debug)]
struct Lane {
    /// Name of the object, for errors.
    name: String,
    /// `None` for the sending object itself.
    object: Option<ObjectAddress>,
    turns: Rc<Turns>,
}

/// A push, as every object gets it.
struct Pushed<'a> {
    command: Command,
    /// The message, if any, as a JavaScript string: all requests share it until they are sent.
    body: JsValue,
    bytes: usize,
    /// The large requests of all lanes.
    requests: &'a Rc<Turns>,
    /// True if a push is repeated while the object is held up, since others may have the message.
    waits_for_members: bool,
}

/// Bytes of a waiting message. Dropping it ends the count.
struct Waiting<'a> {
    all: &'a Cell<usize>,
    bytes: usize,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.set(self.all.get().saturating_sub(self.bytes));
    }
}

/// The push within the sending object itself. It begins when it is polled.
pub type OwnPush = LocalBoxFuture<'static, Result<usize, ShardProblem>>;

impl Publisher {
    /// Creates a publisher for the objects of a room of the service, by name. The one without an address is the sending object
    /// itself.
    pub fn new(config: &Config, objects: Vec<(String, Option<ObjectAddress>)>) -> Self {
        let sender = (js_sys::Math::random() * (1u64 << 53) as f64) as u64;
        let lanes = objects.into_iter().map(|(name, object)| Lane { name, object, turns: Turns::new(1) }).collect();
        let (service, queue_limit) = (config.prefix.clone(), config.queue_limit);
        let requests = Turns::new(COPIES_MAX);
        Self { service, queue_limit, sender, number: Cell::new(0), waiting: Cell::new(0), lanes, requests }
    }

    /// Checks a message as [`push`](Self::push) does.
    ///
    /// # Errors
    ///
    /// [`ShardProblem::TooLarge`] for each object, if no connection takes a message of this size.
    pub fn check_size(&self, message: &str) -> Result<(), ShardsError> {
        if message.len() > self.queue_limit {
            return Err(self.refused(ShardProblem::TooLarge(SendError::TooLarge.to_string())));
        }
        Ok(())
    }

    /// Returns the prefix of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the address of an object of the room. `None` beyond the last one, and for the sending object itself.
    pub fn object(&self, index: usize) -> Option<&ObjectAddress> {
        self.lanes.get(index)?.object.as_ref()
    }

    /// Pushes to all objects of the room, after all pushes that began earlier. `body` is the message, if any. `own` does the same
    /// in the sending object itself. Returns the number of connections.
    ///
    /// # Errors
    ///
    /// If an object did not take the push. The others have it.
    ///
    /// This is not an async function: the crate that awaits an async function compiles it and its callees again.
    pub fn push<'a>(
        &'a self,
        target: PushTarget,
        push: Push,
        body: &'a str,
        own: Option<OwnPush>,
    ) -> LocalBoxFuture<'a, Result<usize, ShardsError>> {
        Box::pin(self.push_to_all(target, push, body, own))
    }

    async fn push_to_all(
        &self,
        target: PushTarget,
        push: Push,
        body: &str,
        mut own: Option<OwnPush>,
    ) -> Result<usize, ShardsError> {
        if !target.is_possible() {
            return Ok(0);
        }
        self.check_size(body)?;
        let Some(_waiting) = self.wait_with(body.len()) else {
            return Err(self.refused(ShardProblem::HeldUp("too much waits for the objects".into())));
        };
        let number = matches!(push, Push::Message | Push::Close { .. }).then(|| {
            self.number.set(self.number.get() + 1);
            PushNumber { sender: self.sender, number: self.number.get() }
        });
        let pushed = Pushed {
            command: Command::new(&self.service, Action::Push { target, push, number }),
            body: JsValue::from_str(body),
            bytes: body.len(),
            requests: &self.requests,
            waits_for_members: self.lanes.len() > 1,
        };
        // Before the first await, so that all objects have the same order.
        let places: Vec<_> = self.lanes.iter().map(|lane| lane.turns.take(1)).collect();
        let tries = self.lanes.iter().zip(places).map(|(lane, place)| {
            let own = if lane.object.is_none() { own.take() } else { None };
            lane.push(&pushed, place, own)
        });
        let (mut reached, mut failures) = (0_usize, Vec::new());
        for (lane, done) in self.lanes.iter().zip(join_all(tries).await) {
            match done {
                Ok(count) => reached = reached.saturating_add(count),
                Err(problem) => failures.push(ShardFailure { object: lane.name.clone(), problem }),
            }
        }
        if failures.is_empty() { Ok(reached) } else { Err(ShardsError { reached, failures }) }
    }

    /// Counts a waiting message. Returns `None` if too many bytes wait.
    fn wait_with(&self, bytes: usize) -> Option<Waiting<'_>> {
        let before = self.waiting.get();
        if before > 0 && before.saturating_add(bytes) > WAITING_MAX {
            return None;
        }
        self.waiting.set(before.saturating_add(bytes));
        Some(Waiting { all: &self.waiting, bytes })
    }

    /// Returns the error for a push that is sent to no object.
    fn refused(&self, problem: ShardProblem) -> ShardsError {
        let failures = self
            .lanes
            .iter()
            .map(|lane| ShardFailure { object: lane.name.clone(), problem: problem.clone() })
            .collect();
        ShardsError { reached: 0, failures }
    }
}

impl Lane {
    async fn push(
        &self,
        pushed: &Pushed<'_>,
        place: Result<Place, Crowded>,
        own: Option<OwnPush>,
    ) -> Result<usize, ShardProblem> {
        let mut repetition = Repetition::new(now(), pushed.waits_for_members);
        let Some(object) = &self.object else {
            let mut place = place.map_err(|Crowded| crowded())?;
            // The object is this one, and its room is patient for a limited time.
            place.turn().await;
            return match own {
                Some(own) => own.await,
                None => Ok(0),
            };
        };
        let _place = has_turn(place, &repetition).await?;
        loop {
            let answer = pushed.ask(object, &repetition).await?;
            let (failure, problem) = match answer {
                Ok((status, text)) => match (PushOutcome::of(status), text.parse()) {
                    (Some(PushOutcome::Done), Ok(count)) => return Ok(count),
                    (Some(PushOutcome::TooLarge), _) => return Err(ShardProblem::TooLarge(text)),
                    (Some(PushOutcome::HeldUp), _) => (TryFailure::HeldUp, ShardProblem::HeldUp(text)),
                    _ => return Err(ShardProblem::Unavailable(text)),
                },
                Err(error) => {
                    let problem = ShardProblem::Unavailable(error.to_string());
                    if !error.may_be_asked_again() {
                        return Err(problem);
                    }
                    (TryFailure::Unanswered, problem)
                }
            };
            match repetition.after(now(), failure) {
                Some(pause) => Delay::from(Duration::from_millis(pause.0)).await,
                None => return Err(problem),
            }
        }
    }
}

impl Pushed<'_> {
    /// Calls an object once. A large message waits until there is room for another copy of it.
    async fn ask(
        &self,
        object: &ObjectAddress,
        repetition: &Repetition,
    ) -> Result<Result<(u16, String), AskError>, ShardProblem> {
        let mut asked = object.ask(&self.command, &self.body);
        if self.bytes > SMALL {
            // Nothing is sent before it is polled.
            let place = has_turn(self.requests.take(self.bytes), repetition).await?;
            if let Either::Left((answer, _)) = select(&mut asked, Delay::from(MAKES_WAY)).await {
                return Ok(answer);
            }
            drop(place);
        }
        Ok(asked.await)
    }
}

fn crowded() -> ShardProblem {
    ShardProblem::HeldUp("too many pushes wait for the object".into())
}

/// Waits for a turn, as long as the push may be repeated. Earlier pushes may never end, if the Worker's request that made them is
/// over.
///
/// Boxed, so that it is compiled once.
fn has_turn(place: Result<Place, Crowded>, repetition: &Repetition) -> LocalBoxFuture<'_, Result<Place, ShardProblem>> {
    Box::pin(async move {
        let mut place = place.map_err(|Crowded| crowded())?;
        let has_it = place.has_turn() || {
            let left = Duration::from_millis(repetition.left(now()).0);
            matches!(select(pin!(place.turn()), Delay::from(left)).await, Either::Left(_))
                && repetition.left(now()).0 > 0
        };
        match has_it {
            true => Ok(place),
            false => Err(ShardProblem::HeldUp("the object did not take what was sent before in time".into())),
        }
    })
}
