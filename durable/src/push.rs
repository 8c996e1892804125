//! What comes from outside of the object's own connections: another part of the Worker sends to them, or closes them.

use crate::connection::{Connection, SendError};
use crate::object::Object;
use crate::room::Room;
use sockjs_protocol::envelope::{Push, PushTarget};
use std::rc::Rc;
use worker::{Request, Response, Result};

impl Object {
    /// Does what `push` says, and answers how many connections it was done to.
    pub(crate) async fn push(
        self: Rc<Self>,
        mut request: Request,
        service: String,
        queue_limit: usize,
        target: PushTarget,
        push: Push,
    ) -> Result<Response> {
        self.wake_sessions()?;
        self.learn_alarm().await?;
        let room = Room { service, object: Rc::downgrade(&self) };
        let done = match (target, push) {
            (PushTarget::Room, Push::Message) => {
                let message = request.text().await?;
                if message.len() > queue_limit {
                    return Response::error(SendError::TooLarge.to_string(), 413);
                }
                room.broadcast(message)
            }
            (PushTarget::Connection(id), Push::Message) => {
                let message = request.text().await?;
                match room.connection(&id) {
                    Some(connection) => match connection.send(message) {
                        Ok(()) => 1,
                        Err(error @ SendError::TooLarge) => return Response::error(error.to_string(), 413),
                        Err(error) => return Response::error(error.to_string(), 503),
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
                        return Response::error(error.to_string(), 400);
                    }
                }
                connections.len()
            }
        };
        self.settle();
        Response::ok(done.to_string())
    }
}
