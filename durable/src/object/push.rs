//! Pushes: another part of the Worker, or another object, sends to connections of the object, closes them, or queries them.

use crate::application::connection::Connection;
use crate::application::group::{Connections, Recipients};
use crate::application::host::{Host, Members};
use crate::info::errors::{SendError, ShardProblem};
use crate::js::clock::now;
use crate::js::response::{JsResponse, text};
use crate::object::Object;
use crate::object::broadcast::Reached;
use futures::future::{Either, select};
use sockjs_protocol::inner::envelope::{Push, PushNumber, PushOutcome, PushTarget};
use sockjs_protocol::service::options::Config;
use sockjs_protocol::time::Millis;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Request, Result};

/// Longest time for which a push waits for the members of a room. The Worker waits for a response for 10 s.
const WAIT: Millis = Millis::from_secs(8);

const HELD_UP: &str = "the room is held up by members that read slowly: try again";

impl Object {
    /// Executes `push`. Responds with the number of connections that it reached, or with the result of the query.
    pub(super) async fn push(
        self: Rc<Self>,
        request: Request,
        config: &Config,
        target: PushTarget,
        push: Push,
        number: Option<PushNumber>,
    ) -> Result<JsResponse> {
        self.wake_sessions()?;
        self.learn_alarm().await?;
        let service = config.prefix.clone();
        let to = match target {
            PushTarget::Room => Members { service, group: None },
            PushTarget::Group(group) => Members { service, group: Some(group) },
            PushTarget::Connection(id) => return self.push_to_connection(request, service, &id, push).await,
        };
        match push {
            Push::Message => self.push_message(request, config, &to, number).await,
            Push::Close { code, reason } => {
                if let Some(closed) = self.repeated(config, number) {
                    return self.done(closed);
                }
                match self.close_members(&to, code, &reason) {
                    Ok(closed) => {
                        self.pushed(config, number, Reached { members: closed, outlives: closed > 0 });
                        self.done(closed)
                    }
                    Err(error) => answer(error, PushOutcome::BadClose),
                }
            }
            Push::Count => self.done(Host::count(self.clone(), &to)),
            Push::List { after, limit } => answer(self.list(&to, after.as_deref(), limit)?, PushOutcome::Done),
            Push::Call => self.call(to.service, request).await,
        }
    }

    async fn push_message(
        self: Rc<Self>,
        mut request: Request,
        config: &Config,
        to: &Members,
        number: Option<PushNumber>,
    ) -> Result<JsResponse> {
        if let Some(reached) = self.repeated(config, number) {
            return self.done(reached);
        }
        let until = now() + WAIT;
        // The body stays unread during the wait.
        if !self.may_push(&to.service, until).await {
            return answer(HELD_UP, PushOutcome::HeldUp);
        }
        let message = request.text().await?;
        if message.len() > config.queue_limit {
            return answer(SendError::TooLarge, PushOutcome::TooLarge);
        }
        // Others may have passed the gate meanwhile.
        if !self.may_push(&to.service, until).await {
            return answer(HELD_UP, PushOutcome::HeldUp);
        }
        // An earlier attempt of this push may have waited here, too, after its sender gave up.
        if let Some(reached) = self.repeated(config, number) {
            return self.done(reached);
        }
        let reached = self.broadcast_to_members(to, &message, None);
        self.pushed(config, number, reached);
        self.done(reached.members)
    }

    async fn push_to_connection(
        self: Rc<Self>,
        mut request: Request,
        service: String,
        id: &str,
        push: Push,
    ) -> Result<JsResponse> {
        let room = self.room(service);
        let message = if push == Push::Message { request.text().await? } else { String::new() };
        let Some(connection) = room.connection(id) else { return self.done(0) };
        match push {
            Push::Message => match connection.send(message) {
                Ok(()) => self.done(1),
                Err(error @ SendError::TooLarge) => answer(error, PushOutcome::TooLarge),
                Err(error) => answer(error, PushOutcome::HeldUp),
            },
            Push::Close { code, reason } => match connection.close(code, &reason) {
                Ok(()) => self.done(1),
                Err(error) => answer(error, PushOutcome::BadClose),
            },
            Push::Count => self.done(1),
            Push::List { .. } | Push::Call => answer("a connection has no members", PushOutcome::Rejected),
        }
    }

    /// Executes, in the sending object itself, a push to all objects of a room.
    pub(super) async fn push_here(
        self: Rc<Self>,
        to: Members,
        push: Push,
        message: Rc<str>,
    ) -> Result<usize, ShardProblem> {
        match push {
            Push::Message => {
                if self.pass_gate(&to.service).await.is_err() {
                    return Err(ShardProblem::HeldUp(HELD_UP.into()));
                }
                Ok(self.broadcast_to_members(&to, &message, None).members)
            }
            Push::Close { code, reason } => {
                self.close_members(&to, code, &reason).map_err(|error| ShardProblem::Unavailable(error.to_string()))
            }
            Push::Count => Ok(Host::count(self, &to)),
            Push::List { .. } | Push::Call => Ok(0),
        }
    }

    /// Closes the members of a room or group. Returns their number.
    fn close_members(self: &Rc<Self>, to: &Members, code: u16, reason: &str) -> Result<usize, crate::CloseError> {
        crate::CloseError::check(code, reason)?;
        let recipients = Recipients { members: to.clone(), host: self.host() };
        let mut closed = 0;
        for connection in Connections::of(recipients) {
            Connection::close(&connection, code, reason)?;
            closed += 1;
        }
        Ok(closed)
    }

    /// Waits at the gate of a room. Returns false if it does not open in time, or if too many wait there.
    async fn may_push(self: &Rc<Self>, service: &str, until: Millis) -> bool {
        let wait = Duration::from_millis((until - now()).0);
        match select(pin!(self.pass_gate(service)), Delay::from(wait)).await {
            Either::Left((passed, _)) => passed.is_ok(),
            Either::Right(_) => false,
        }
    }

    fn done(self: &Rc<Self>, connections: usize) -> Result<JsResponse> {
        self.settle();
        answer(connections, PushOutcome::Done)
    }
}

fn answer(body: impl ToString, outcome: PushOutcome) -> Result<JsResponse> {
    text(&body.to_string(), outcome.status())
}
