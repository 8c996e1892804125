//! Pushes to all objects of a room. Every object does them in the order in which they were made.
//!
//! Each object has a line of its own: the next push goes to it when it has taken the one before. So a slow object holds up no other.
//! A push has a number. By that an object recognizes a push that comes again because its answer was lost.

use crate::info::errors::{ShardFailure, ShardProblem, ShardsError};
use crate::js::clock::now;
use crate::peers::object_address::ObjectAddress;
use crate::peers::turns::{Crowded, Place, Turns};
use futures::future::{LocalBoxFuture, join_all};
use sockjs_protocol::inner::envelope::{Action, Command, Push, PushNumber, PushOutcome, PushTarget};
use sockjs_protocol::inner::repeat::{Repetition, TryFailure};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use worker::Delay;

/// The sender of pushes to the objects of one room.
#[derive(Debug)]
pub struct Publisher {
    /// Prefix of the service.
    service: String,
    /// Random id, by which the objects know the sender.
    sender: u64,
    number: Cell<u64>,
    lanes: Vec<Lane>,
}

/// The way to one object.
#[derive(Debug)]
struct Lane {
    /// Name of the object, for errors.
    name: String,
    /// `None` for the object that is the sender.
    object: Option<ObjectAddress>,
    turns: Rc<Turns>,
}

/// A push within the object that is the sender. It begins when it is polled.
pub type OwnPush = LocalBoxFuture<'static, Result<usize, ShardProblem>>;

impl Publisher {
    /// A new sender, for the objects of a room of `service`, by their names. One of them without an address is the sender itself.
    pub fn new(service: &str, objects: Vec<(String, Option<ObjectAddress>)>) -> Self {
        let sender = (js_sys::Math::random() * (1u64 << 53) as f64) as u64;
        let lanes = objects.into_iter().map(|(name, object)| Lane { name, object, turns: Rc::default() }).collect();
        Self { service: service.to_owned(), sender, number: Cell::new(0), lanes }
    }

    /// Returns the prefix of the service.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the address of an object of the room. `None` beyond the last one, and for the sender itself.
    pub fn object(&self, index: usize) -> Option<&ObjectAddress> {
        self.lanes.get(index)?.object.as_ref()
    }

    /// Pushes something to all objects of the room, after everything that was begun before. `body` is the message, if it is one. In the
    /// object that is the sender, `own` does the same. Returns the number of connections.
    ///
    /// # Errors
    ///
    /// If an object did not take it. The others have.
    ///
    /// This is no async function: what those call is compiled again in the crate of whoever awaits them.
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
        own: Option<OwnPush>,
    ) -> Result<usize, ShardsError> {
        let number = (push == Push::Message).then(|| {
            self.number.set(self.number.get() + 1);
            PushNumber { sender: self.sender, number: self.number.get() }
        });
        let command = Command::new(&self.service, Action::Push { target, push, number });
        // Before anything is awaited, so that all objects have the same order.
        let places: Vec<_> = self.lanes.iter().map(|lane| lane.turns.take()).collect();
        let mut own = own;
        let tries = self.lanes.iter().zip(places).map(|(lane, place)| {
            let own = if lane.object.is_none() { own.take() } else { None };
            lane.push(&command, body, place, own, self.lanes.len() > 1)
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
}

impl Lane {
    async fn push(
        &self,
        command: &Command,
        body: &str,
        place: Result<Place, Crowded>,
        own: Option<OwnPush>,
        waits_for_members: bool,
    ) -> Result<usize, ShardProblem> {
        let Ok(mut place) = place else {
            return Err(ShardProblem::HeldUp("too many pushes wait for the object".into()));
        };
        place.turn().await;
        let object = match (&self.object, own) {
            (Some(object), _) => object,
            (None, Some(own)) => return own.await,
            (None, None) => return Ok(0),
        };
        let mut repetition = Repetition::new(now(), waits_for_members);
        loop {
            let (failure, problem) = match object.ask(command, body).await {
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
