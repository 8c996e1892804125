//! Requests of the Worker, each with one command.

use crate::connection::budget;
use crate::info::connection_info::Client;
use crate::js::clock::now;
use crate::js::response::{JsResponse, command_of, done, other_version, problem, with_body};
use crate::object::Object;
use crate::object::attach::Attach;
use crate::object::hold::Hold;
use crate::object::sends::Arrived;
use crate::object::v2;
use sockjs_protocol::inner::envelope::{Action, Command, EnvelopeError, Version, read_unwritten};
use sockjs_protocol::sockjs::pacing::SendAnswer;
use sockjs_protocol::sockjs::payload::Messages;
use sockjs_protocol::sockjs::session::{Receiver, ReceiverKind};
use std::rc::Rc;
use worker::{Result, web_sys};

impl Object {
    /// Answers a request of the Worker half.
    pub(crate) async fn handle(self: Rc<Self>, request: web_sys::Request) -> Result<JsResponse> {
        let command = match command_of(&request).as_deref().map(Command::decode) {
            Some(Ok(command)) => command,
            Some(Err(EnvelopeError::Version(_))) => return other_version(),
            Some(Err(error)) => return problem(error, 400),
            None => return problem("this object is reached through its Worker", 400),
        };
        if self.services.problem().is_none() {
            if matches!(command.action, Action::Report) {
                return self.take_report(request.into()).await;
            }
            if matches!(command.action, Action::Metrics) {
                return self.answer_totals();
            }
        }
        let service = command.service;
        let config = match self.services.find(&service) {
            _ if self.services.problem().is_some() => return problem("bad settings", 500),
            None => return problem("no such service", 404),
            Some(service) => service.config.clone(),
        };
        match command.action {
            Action::Attach { session, transport, receiver, after, again, beats } => {
                let receiver = Receiver { id: receiver, kind: ReceiverKind::of(transport), beats };
                let (version, again) = (command.answer, again.then_some(after));
                let attach = Attach { session, transport, version, receiver, again };
                let client = Client { request: &request, parameters: &command.parameters, pass: command.pass.as_ref() };
                self.attach(client, &config, attach).await
            }
            Action::Send { session, id, count, messages, .. } if command.version == Version::V2 => {
                let send = v2::Send { config, session, pass: command.pass, id };
                match messages {
                    Some(messages) => self.send_of_v2(send, Messages::trusted(messages, count)).await,
                    None => Ok(self.read_send_of_v2(&request, send)),
                }
            }
            Action::Send { session, id, count, bytes, messages } => {
                let entry = match self.arrive(&config, &session, command.pass.as_ref(), id, count)? {
                    Arrived::Open(entry) => entry,
                    Arrived::Answered(reply) => return Ok(reply),
                    Arrived::Over(entry) => return self.reply(&entry, SendAnswer::Over).await,
                };
                // Before the body is read: without memory for it, it stays with the Worker.
                let Some(reserved) = budget::reserve(bytes) else { return self.put_off(entry, id).await };
                if let Some(messages) = messages {
                    return self.bring(entry, id, Messages::trusted(messages, count), reserved).await;
                }
                Ok(with_body(&request, Some(bytes), async move |body| match String::from_utf8(body) {
                    Ok(messages) => self.bring(entry, id, Messages::trusted(messages, count), reserved).await,
                    Err(_) => problem(EnvelopeError::Malformed, 400),
                }))
            }
            Action::Refuse { session, code, reason } => {
                let Some(entry) = self.session(&service, &session)? else { return problem("no such session", 404) };
                if !entry.info.has_ticket_of(&config, command.pass.as_ref()) {
                    return problem("not this client's session", 403);
                }
                self.refuse(&entry, code, &reason).await;
                done()
            }
            Action::Wrote { session, receiver, seq, bytes } => {
                let Some(entry) = self.session(&service, &session)? else { return done() };
                let wrote = move |unwritten| {
                    entry.session.borrow_mut().wrote(now(), receiver, seq, unwritten);
                    self.touch_and_settle(&entry);
                    done()
                };
                if bytes == 0 {
                    return wrote(Vec::new());
                }
                Ok(with_body(&request, Some(bytes), async move |body| match read_unwritten(&body) {
                    Ok(unwritten) => wrote(unwritten),
                    Err(error) => problem(error, 400),
                }))
            }
            // Handled above, by the one object that belongs to no service.
            Action::Report | Action::Metrics => problem("no such service", 404),
            Action::Push { target, push, number } => self.push(request.into(), &config, target, push, number).await,
            Action::Hold { session, transport, receiver, beats, returned } => {
                let client = Client { request: &request, parameters: &command.parameters, pass: command.pass.as_ref() };
                let receiver = Receiver { id: receiver, kind: ReceiverKind::Held, beats };
                let hold = Hold { session, transport, version: command.answer, receiver, returned };
                self.hold(client, &config, hold).await
            }
            Action::Connect { session, transport } => {
                let client = Client { request: &request, parameters: &command.parameters, pass: command.pass.as_ref() };
                self.connect(client, &config, session, transport).await
            }
        }
    }
}
