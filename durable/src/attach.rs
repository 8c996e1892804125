//! A receiver of an HTTP session asks to be attached.
//!
//! *A poll* is answered 200 with a frame if there is one, or if one comes within the grace; otherwise 101, and it waits on
//! an inner socket. *A stream* is answered 101 at once, with what is ready as the first frames; 200 only ends it. With an
//! outbox messages go by an inner socket to a poll, too: nobody confirms that a 200 arrived.

use crate::connection::Entry;
use crate::info::Info;
use crate::link::{Answer, Delivery, Link};
use crate::object::Object;
use crate::runtime::now;
use crate::socket::Attachment;
use crate::table::Role;
use futures::channel::oneshot;
use futures::future::{Either, select};
use sockjs_protocol::frame::Frame;
use sockjs_protocol::options::Config;
use sockjs_protocol::session::{Departure, Receiver, ReceiverKind, Rules, Seq, Session};
use sockjs_protocol::transport::Transport;
use std::rc::Rc;
use std::time::Duration;
use worker::{Delay, Request, Response, Result, WebSocketPair};

/// One receiver's request to be attached.
pub(crate) struct Attach {
    pub session: String,
    pub transport: Transport,
    pub receiver: Receiver,
    /// When it attaches again: how far it got.
    pub again: Option<Option<Seq>>,
}

impl Object {
    /// Attaches a receiver, and opens the session if it is not known.
    pub(crate) async fn attach(self: Rc<Self>, request: &Request, config: &Config, attach: Attach) -> Result<Response> {
        self.wake_sessions()?;
        self.learn_alarm().await?;
        if attach.receiver.kind == ReceiverKind::Stream {
            return self.attach_stream(request, config, attach);
        }
        let (answer, mut answered) = oneshot::channel();
        let (transport, receiver) = (attach.transport, attach.receiver);
        let Some(entry) = self.enter(request, config, attach, Link::Pending(answer))? else { return lost() };
        let answer = match answered.try_recv() {
            Ok(Some(answer)) => Ok(answer),
            Err(oneshot::Canceled) => Err(oneshot::Canceled),
            Ok(None) if entry.session.borrow().is_closed() => return not_opened(),
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
            Ok(Answer::Frame(delivery)) => complete(&delivery),
            Ok(Answer::Upgrade) => {
                let ready = match entry.links.borrow_mut().take(receiver.id) {
                    Some(Link::Opening(ready)) => ready,
                    _ => Vec::new(),
                };
                self.upgrade(&entry, transport, receiver, &ready)
            }
            // Another request of the same receiver took its place, or the session ended for good.
            Err(oneshot::Canceled) => Response::error("receiver replaced", 503),
        }
    }

    fn attach_stream(self: Rc<Self>, request: &Request, config: &Config, attach: Attach) -> Result<Response> {
        let (transport, receiver) = (attach.transport, attach.receiver);
        let Some(entry) = self.enter(request, config, attach, Link::Opening(Vec::new()))? else { return lost() };
        let Some(Link::Opening(ready)) = entry.links.borrow_mut().take(receiver.id) else {
            return Response::error("receiver replaced", 503);
        };
        match ready.as_slice() {
            [] if entry.session.borrow().is_closed() => not_opened(),
            [only] if only.end => {
                entry.session.borrow_mut().detach(now(), receiver.id, Departure::Finished);
                self.touch_and_settle(&entry);
                complete(only)
            }
            ready => self.upgrade(&entry, transport, receiver, ready),
        }
    }

    /// Tells the session of its receiver, reached by `link`. None if the session is not known any more, though this
    /// receiver has a part of it.
    fn enter(
        self: &Rc<Self>,
        request: &Request,
        config: &Config,
        attach: Attach,
        link: Link,
    ) -> Result<Option<Rc<Entry>>> {
        let Attach { session, transport, receiver, again } = attach;
        let now = now();
        let known = self.table.borrow().session(&config.prefix, &session);
        let entry = match known {
            Some(entry) => {
                entry.links.borrow_mut().set(receiver.id, link);
                match again {
                    Some(after) => entry.session.borrow_mut().resume(now, receiver, after),
                    None => entry.session.borrow_mut().attach(now, receiver),
                }
                entry
            }
            None if matches!(again, Some(Some(_))) => return Ok(None),
            None => {
                let info = Info::read(request, &config.prefix, Some(session), transport)?;
                let opened = Session::open(now, Rules::new(config, transport), receiver);
                let Some(entry) = self.entry(info, opened) else { return Ok(None) };
                entry.links.borrow_mut().set(receiver.id, link);
                self.table.borrow_mut().add_session(entry.clone());
                entry
            }
        };
        self.touch_and_settle(&entry);
        Ok(Some(entry))
    }

    /// Puts a receiver on an inner socket, with what is `ready` as its first frames.
    fn upgrade(
        self: &Rc<Self>,
        entry: &Rc<Entry>,
        transport: Transport,
        receiver: Receiver,
        ready: &[Delivery],
    ) -> Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        Attachment::Receiver {
            service: entry.info.service.clone(),
            session: entry.info.session.clone().unwrap_or_default(),
            transport,
            receiver: receiver.id,
            since: now(),
            ending: ready.last().is_some_and(|last| last.end),
        }
        .write(&server, None)?;
        self.accept(&server)?;
        for delivery in ready {
            server.send_with_bytes(delivery.to_edge().encode())?;
        }
        self.table.borrow_mut().add_socket(&server, Role::Receiver(entry.clone(), receiver.id));
        entry.links.borrow_mut().set(receiver.id, Link::Inner(server));
        Response::from_websocket(client)
    }
}

/// This is all there is to write.
fn complete(delivery: &Delivery) -> Result<Response> {
    Response::from_bytes(delivery.to_edge().encode())
}

/// Storage did not take the session.
fn not_opened() -> Result<Response> {
    Response::error("the session could not be stored", 503)
}

/// The response of this receiver has begun, and its session is gone: an open frame in the middle would be the start of
/// another one.
fn lost() -> Result<Response> {
    let frame = Frame::Close { code: 1002, reason: "Connection interrupted".into() };
    complete(&Delivery { seq: None, frame, end: true })
}
