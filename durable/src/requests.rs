//! What the Worker asks of the object.

use crate::connection::Entry;
use crate::info::Info;
use crate::link::{Answer, Link};
use crate::object::{Object, receiver_kind};
use crate::perform::{close_after, send};
use crate::runtime::now;
use crate::socket::Attachment;
use crate::table::Role;
use futures::channel::oneshot;
use futures::future::{Either, select};
use sockjs_protocol::envelope::{Action, COMMAND_HEADER, Command, EnvelopeError, ToEdge, decode_batch};
use sockjs_protocol::frame::Frame;
use sockjs_protocol::options::Config;
use sockjs_protocol::session::{Receiver, ReceiverId, Rules, Seq, Session};
use sockjs_protocol::time::Millis;
use sockjs_protocol::transport::Transport;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Request, Response, Result, WebSocket, WebSocketPair};

/// A send whose handlers take longer is answered with them still running.
const SEND_ANSWER: Duration = Duration::from_secs(1);
/// A send that finds the inbox full waits for room this long.
const SEND_WAIT: Millis = Millis::from_secs(5);
/// How often it looks again.
const SEND_LOOK: Duration = Duration::from_millis(50);

/// How long a WebSocket that `on_open` closed stays open: a close in the same packet as the head of the 101 is lost on
/// some clients.
const CLOSE_AFTER_OPEN: Duration = Duration::from_millis(5);

/// One receiver's request to be attached.
struct Attach {
    session: String,
    transport: Transport,
    receiver: Receiver,
    /// When it attaches again: how far it got.
    again: Option<Option<Seq>>,
}

impl Object {
    /// Answers a request of the Worker half.
    pub(crate) async fn handle(self: Rc<Self>, mut request: Request) -> Result<Response> {
        let command = match request.headers().get(COMMAND_HEADER)?.as_deref().map(Command::decode) {
            Some(Ok(command)) => command,
            Some(Err(error @ EnvelopeError::Version(_))) => return Response::error(error.to_string(), 426),
            Some(Err(error)) => return Response::error(error.to_string(), 400),
            None => return Response::error("this object is reached through its Worker", 400),
        };
        let service = command.service;
        let config = match self.services.find(&service) {
            _ if self.services.check().is_err() => return Response::error("bad settings", 500),
            None => return Response::error("no such service", 404),
            Some(service) => service.config.clone(),
        };
        match command.action {
            Action::Attach { session, transport, receiver, after, again } => {
                let receiver = Receiver { id: receiver, kind: receiver_kind(transport) };
                let attach = Attach { session, transport, receiver, again: again.then_some(after) };
                self.attach(&request, &config, attach).await
            }
            Action::Send { session, id } => {
                let batch = request.bytes().await?;
                self.send(&config, &session, id, &batch).await
            }
            Action::Connect { session, transport } => {
                self.wake_sessions()?;
                self.learn_alarm().await?;
                self.connect(&request, &config, session, transport)
            }
        }
    }

    /// Answers with a frame if there is one within the grace, otherwise with an inner socket to wait on.
    async fn attach(self: Rc<Self>, request: &Request, config: &Config, attach: Attach) -> Result<Response> {
        let Attach { session, transport, receiver, again } = attach;
        self.wake_sessions()?;
        self.learn_alarm().await?;
        let now = now();
        let (answer, mut answered) = oneshot::channel();
        let link = Link::Pending(answer);
        let known = self.session(&config.prefix, &session)?;
        let entry = match known {
            Some(entry) => {
                entry.links.borrow_mut().set(receiver.id, link);
                match again {
                    Some(after) => entry.session.borrow_mut().resume(now, receiver, after),
                    None => entry.session.borrow_mut().attach(now, receiver),
                }
                entry
            }
            // Its response has begun; an open frame in the middle of it would be the start of another session.
            None if matches!(again, Some(Some(_))) => {
                let lost = Frame::Close { code: 1002, reason: "Connection interrupted".into() };
                return Response::from_bytes(ToEdge::Frame { seq: None, end: true, frame: lost.encode() }.encode());
            }
            None => {
                let info = Info::read(request, &config.prefix, Some(session), transport)?;
                let opened = Session::open(now, Rules::new(config, transport), receiver);
                let Some(entry) = self.entry(info, opened) else { return Response::error("no such service", 404) };
                entry.links.borrow_mut().set(receiver.id, link);
                self.table.borrow_mut().add_session(entry.clone());
                entry
            }
        };
        self.touch_and_settle(&entry);
        let answer = match answered.try_recv() {
            Ok(Some(answer)) => Ok(answer),
            Err(oneshot::Canceled) => Err(oneshot::Canceled),
            Ok(None) => {
                let grace = Delay::from(Duration::from_millis(config.grace.0));
                match select(&mut answered, grace).await {
                    Either::Left((answer, _)) => answer,
                    // Both may have happened at once.
                    Either::Right(_) => answered.try_recv().map(|answer| answer.unwrap_or(Answer::Upgrade)),
                }
            }
        };
        match answer {
            Ok(Answer::Frame(frame)) => Response::from_bytes(frame.encode()),
            Ok(Answer::Upgrade) => self.upgrade(&entry, receiver.id),
            // Another request of the same receiver took its place, or the session ended for good.
            Err(oneshot::Canceled) => Response::error("receiver replaced", 503),
        }
    }

    /// Puts a receiver on an inner socket.
    fn upgrade(self: &Rc<Self>, entry: &Rc<Entry>, receiver: ReceiverId) -> Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        Attachment::Receiver {
            service: entry.info.service.clone(),
            session: entry.info.session.clone().unwrap_or_default(),
            transport: entry.info.transport,
            receiver,
            since: now(),
        }
        .write(&server)?;
        self.state.accept_web_socket(&server);
        self.table.borrow_mut().add_socket(&server, Role::Receiver(entry.clone(), receiver));
        entry.links.borrow_mut().set(receiver, Link::Inner(server));
        Response::from_websocket(client)
    }

    /// Gives messages to the handler, and answers when it is done with them.
    async fn send(self: Rc<Self>, config: &Config, session: &str, id: u64, batch: &[u8]) -> Result<Response> {
        let Some(entry) = self.session(&config.prefix, session)? else {
            return Response::error("no such session", 404);
        };
        let messages = match decode_batch(batch) {
            Ok(messages) => messages,
            Err(error @ EnvelopeError::Version(_)) => return Response::error(error.to_string(), 426),
            Err(error) => return Response::error(error.to_string(), 400),
        };
        // A retry of what was already taken: only its answer was lost.
        if !entry.sends.borrow_mut().is_new(id) {
            return Ok(Response::empty()?.with_status(204));
        }
        let give_up = now() + SEND_WAIT;
        let bytes = messages.iter().map(String::len).sum();
        while !entry.inbox.borrow().has_room(bytes, config.body_limit) {
            if now() >= give_up {
                entry.sends.borrow_mut().forget(id);
                return Response::error("the application is busy", 503);
            }
            Delay::from(SEND_LOOK).await;
        }
        entry.session.borrow_mut().receive(messages);
        self.touch_and_settle(&entry);
        let wait = entry.inbox.borrow_mut().all_done();
        if let Some(wait) = wait {
            select(wait, std::pin::pin!(Delay::from(SEND_ANSWER))).await;
        }
        Ok(Response::empty()?.with_status(204))
    }

    /// Accepts a client's WebSocket: as one that outlives the sleep of the object, unless `on_open` closed it. Of such
    /// sockets, one that is closed in here would keep its TCP connection until the object sleeps (workerd 1.20261117).
    fn connect(
        self: Rc<Self>,
        request: &Request,
        config: &Config,
        session: Option<String>,
        transport: Transport,
    ) -> Result<Response> {
        let info = Info::read(request, &config.prefix, session, transport)?;
        let opened = Session::open(now(), Rules::new(config, transport), Receiver::WEBSOCKET);
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        if let Err(error) = Attachment::Client(info.clone()).write(&server) {
            return Response::error(error.to_string(), 431);
        }
        let Some(entry) = self.entry(info, opened) else { return Response::error("no such service", 404) };
        let id = Receiver::WEBSOCKET.id;
        entry.links.borrow_mut().set(id, Link::Opening(Vec::new()));
        self.touch_and_settle(&entry);
        let Some(Link::Opening(frames)) = entry.links.borrow_mut().take(id) else {
            return Response::error("closed while it was opened", 503);
        };
        let raw = transport == Transport::WebSocketRaw;
        if entry.session.borrow().is_closed() {
            server.accept()?;
        } else {
            self.state.accept_web_socket(&server);
            self.table.borrow_mut().add_socket(&server, Role::Client(entry.clone()));
            entry.links.borrow_mut().set(id, Link::Client(server.clone()));
        }
        for frame in &frames {
            send(&server, raw, frame);
        }
        if entry.session.borrow().is_closed() {
            self.run(close_later(server, raw, frames), "close");
        }
        Response::from_websocket(client)
    }

    pub(crate) fn touch_and_settle(self: &Rc<Self>, entry: &Rc<Entry>) {
        self.touch_now(entry);
        self.settle();
    }
}

async fn close_later(websocket: WebSocket, raw: bool, frames: Vec<Frame>) -> Result<()> {
    Delay::from(CLOSE_AFTER_OPEN).await;
    if let Some(last) = frames.last() {
        close_after(&websocket, raw, last);
    }
    Ok(())
}
