//! What the Worker asks of the object.

use crate::attach::Attach;
use crate::info::Client;
use crate::object::Object;
use crate::runtime::now;
use sockjs_protocol::envelope::{Action, COMMAND_HEADER, Command, EnvelopeError};
use sockjs_protocol::session::{Receiver, ReceiverKind};
use std::rc::Rc;
use worker::{Request, Response, Result};

impl Object {
    /// Answers a request of the Worker half.
    pub(crate) async fn handle(self: Rc<Self>, mut request: Request) -> Result<Response> {
        let command = match request.headers().get(COMMAND_HEADER)?.as_deref().map(Command::decode) {
            Some(Ok(command)) => command,
            Some(Err(error @ EnvelopeError::Version(_))) => return Response::error(error.to_string(), 426),
            Some(Err(error)) => return Response::error(error.to_string(), 400),
            None => return Response::error("this object is reached through its Worker", 400),
        };
        if self.services.problem().is_none() {
            match command.action {
                Action::Report => return self.take_report(request).await,
                Action::Metrics => return self.answer_totals(),
                _ => {}
            }
        }
        let service = command.service;
        let config = match self.services.find(&service) {
            _ if self.services.problem().is_some() => return Response::error("bad settings", 500),
            None => return Response::error("no such service", 404),
            Some(service) => service.config.clone(),
        };
        match command.action {
            Action::Attach { session, transport, receiver, after, again } => {
                let receiver = Receiver { id: receiver, kind: ReceiverKind::of(transport) };
                let attach = Attach { session, transport, receiver, again: again.then_some(after) };
                let client = Client { request: &request, parameters: &command.parameters, pass: command.pass.as_ref() };
                self.attach(client, &config, attach).await
            }
            Action::Send { session, id } => {
                let batch = request.bytes().await?;
                self.send(&config, &session, command.pass.as_ref(), id, &batch).await
            }
            Action::Wrote { session, receiver, seq } => {
                if let Some(entry) = self.session(&service, &session)? {
                    entry.session.borrow_mut().wrote(now(), receiver, seq);
                    self.touch_and_settle(&entry);
                }
                Ok(Response::empty()?.with_status(204))
            }
            // Answered above, by the one object that is no service's.
            Action::Report | Action::Metrics => Response::error("no such service", 404),
            Action::Push { target, push } => self.push(request, service, target, push).await,
            Action::Connect { session, transport } => {
                let client = Client { request: &request, parameters: &command.parameters, pass: command.pass.as_ref() };
                self.connect(client, &config, session, transport).await
            }
        }
    }
}
