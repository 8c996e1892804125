//! Pushes: another part of the Worker sends to connections of the object, or closes them.

use crate::application::connection::Connection;
use crate::info::errors::SendError;
use crate::js::clock::now;
use crate::js::response::{JsResponse, problem, text};
use crate::object::Object;
use futures::future::{Either, select};
use sockjs_protocol::inner::envelope::{Push, PushTarget};
use sockjs_protocol::time::Millis;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Request, Result};

/// Longest time for which a push waits for the members of a room. The Worker waits for an answer for 10 s.
const WAIT: Millis = Millis::from_secs(8);

const HELD_UP: &str = "the room is held up by members that read slowly: try again";

impl Object {
    /// Does what `push` says, and answers how many connections it was done to.
    pub(super) async fn push(
        self: Rc<Self>,
        mut request: Request,
        service: String,
        queue_limit: usize,
        target: PushTarget,
        push: Push,
    ) -> Result<JsResponse> {
        self.wake_sessions()?;
        self.learn_alarm().await?;
        let room = self.room(service);
        let done = match (target, push) {
            (PushTarget::Room, Push::Message) => {
                let until = now() + WAIT;
                // The body stays unread while it waits.
                if !self.may_push(room.prefix(), until).await {
                    return problem(HELD_UP, 503);
                }
                let message = request.text().await?;
                if message.len() > queue_limit {
                    return problem(SendError::TooLarge, 413);
                }
                // Others may have gone on meanwhile.
                if !self.may_push(room.prefix(), until).await {
                    return problem(HELD_UP, 503);
                }
                room.broadcast(message)
            }
            (PushTarget::Connection(id), Push::Message) => {
                let message = request.text().await?;
                match room.connection(&id) {
                    Some(connection) => match connection.send(message) {
                        Ok(()) => 1,
                        Err(error @ SendError::TooLarge) => return problem(error, 413),
                        Err(error) => return problem(error, 503),
                    },
                    None => 0,
                }
            }
            (target, Push::Close { code, reason }) => {
                let connections: Vec<Connection> = match target {
                    PushTarget::Room => room.connections(),
                    PushTarget::Connection(id) => room.connection(&id).into_iter().collect(),
                };
                for connection in &connections {
                    if let Err(error) = connection.close(code, &reason) {
                        return problem(error, 400);
                    }
                }
                connections.len()
            }
        };
        self.settle();
        text(&done.to_string(), 200)
    }

    /// Waits at the gate of a room. False if it does not open in time, or too many wait there.
    async fn may_push(self: &Rc<Self>, service: &str, until: Millis) -> bool {
        let wait = Duration::from_millis((until - now()).0);
        match select(pin!(self.pass_gate(service)), Delay::from(wait)).await {
            Either::Left((passed, _)) => passed.is_ok(),
            Either::Right(_) => false,
        }
    }
}
