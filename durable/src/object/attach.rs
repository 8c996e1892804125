//! A receiver of an HTTP session asks to be attached.
//!
//! *A poll* is answered 200 with a frame if there is one, or if one comes within the grace; otherwise 101, and it waits on
//! an inner socket. *A stream* is answered 101 at once, with what is ready as the first frames; 200 only ends it. With an
//! outbox messages go by an inner socket to a poll, too: nobody confirms that a 200 arrived.

use crate::connection::entry::Entry;
use crate::connection::links::{Delivery, InnerSocket, Link};
use crate::connection::poll::HeldPoll;
use crate::connection::table::Role;
use crate::info::connection_info::{Client, ConnectionInfo, upstream_headers};
use crate::js::clock::now;
use crate::js::response;
use crate::js::response::{JsResponse, deferred, problem};
use crate::object::Object;
use crate::store::attachment::Attachment;
use crate::store::kept::Kept;
use sockjs_protocol::inner::envelope::{FrameRefusal, ToEdge, Version};
use sockjs_protocol::service::options::{Config, Durability};
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::session::{Departure, Receiver, ReceiverKind, Rules, Seq, Session};
use sockjs_protocol::sockjs::transport::{Receive, Transport};
use std::rc::Rc;
use worker::{Result, WebSocketPair};

/// One receiver's request to be attached.
pub(super) struct Attach {
    pub session: String,
    pub transport: Transport,
    /// Version of the answer, and of what goes over an inner socket.
    pub version: Version,
    pub receiver: Receiver,
    /// The last message that it got, if it attaches again.
    pub again: Option<Option<Seq>>,
}

/// Outcome for a receiver that wants to be attached.
enum Entered {
    Known(Rc<Entry>),
    /// The session is not known any more, though this receiver has a part of it.
    Lost,
    /// The session is another client's, or the client may open none.
    Refused,
    /// The object has as many connections as it may have.
    Full,
}

/// True if the receiver is of the kind that opened the session: with tickets, what was opened by a script that needs
/// permission to read is not for any page that names a function.
fn is_alike(config: &Config, info: &ConnectionInfo, transport: Transport) -> bool {
    let by_any_page = |transport: Transport| transport.receive().is_some_and(Receive::needs_callback);
    !config.tickets || by_any_page(info.transport) == by_any_page(transport)
}

impl Object {
    /// Attaches a receiver, and opens the session if it is not known.
    pub(super) async fn attach(
        self: Rc<Self>,
        client: Client<'_>,
        config: &Config,
        attach: Attach,
    ) -> Result<JsResponse> {
        self.wake_sessions()?;
        self.learn_alarm().await?;
        self.answer_automatically(config, attach.transport);
        if attach.receiver.kind == ReceiverKind::Stream || config.durability == Durability::Outbox {
            return self.attach_at_once(client, config, attach);
        }
        let (transport, version, receiver) = (attach.transport, attach.version, attach.receiver);
        let response = deferred();
        let promise = response.promise();
        let link = || Link::Poll(HeldPoll::new(response, transport, version, receiver));
        let entry = match self.enter(client, config, attach, link)? {
            Entered::Known(entry) => entry,
            Entered::Lost => return lost(version),
            Entered::Refused => return problem("not this client's session", 403),
            Entered::Full => return full(version),
        };
        if matches!(entry.links.borrow().get(receiver.id), Some(Link::Poll(_))) {
            if entry.session.borrow().is_closed() {
                return not_opened();
            }
            self.begin_grace(&entry, receiver.id, config.grace);
        }
        Ok(promise)
    }

    fn attach_at_once(self: Rc<Self>, client: Client<'_>, config: &Config, attach: Attach) -> Result<JsResponse> {
        let (transport, version, receiver) = (attach.transport, attach.version, attach.receiver);
        let entry = match self.enter(client, config, attach, || Link::Opening(Vec::new()))? {
            Entered::Known(entry) => entry,
            Entered::Lost => return lost(version),
            Entered::Refused => return problem("not this client's session", 403),
            Entered::Full => return full(version),
        };
        let Some(Link::Opening(ready)) = entry.links.borrow_mut().take(receiver.id) else {
            return problem("receiver replaced", 503);
        };
        match ready.as_slice() {
            [] if entry.session.borrow().is_closed() => not_opened(),
            [only] if only.end && !matches!(only.frame, Frame::Messages(_)) => {
                entry.session.borrow_mut().detach(now(), receiver.id, Departure::Finished);
                self.touch_and_settle(&entry);
                response::frame(&only.to_edge(), version)
            }
            ready => self.upgrade(&entry, transport, version, receiver, ready),
        }
    }

    /// Tells the session of its receiver, reached by `link`.
    fn enter(
        self: &Rc<Self>,
        client: Client<'_>,
        config: &Config,
        attach: Attach,
        link: impl FnOnce() -> Link,
    ) -> Result<Entered> {
        let Attach { session, transport, receiver, again, .. } = attach;
        let now = now();
        let known = self.table.borrow().session(&config.prefix, &session);
        let entry = match known {
            Some(entry)
                if !entry.info.has_ticket_of(config, client.pass) || !is_alike(config, &entry.info, transport) =>
            {
                return Ok(Entered::Refused);
            }
            Some(entry) => {
                entry.links.borrow_mut().set(receiver.id, link());
                match again {
                    Some(after) => entry.session.borrow_mut().resume(now, receiver, after),
                    None => entry.session.borrow_mut().attach(now, receiver),
                }
                entry
            }
            None if matches!(again, Some(Some(_))) => return Ok(Entered::Lost),
            None if !client.may_open() => return Ok(Entered::Refused),
            None if self.is_full(config) => return Ok(Entered::Full),
            None => {
                let info = ConnectionInfo::read(client, &config.prefix, Some(session), transport);
                let opened = Session::open(now, Rules::new(config, transport), receiver);
                let Some(entry) = self.entry(info, opened) else { return Ok(Entered::Lost) };
                if config.upstream.is_some() {
                    let headers =
                        upstream_headers(client.request, &entry.info, config, self.services.upstream_secret());
                    entry.upstream_headers.replace(Some(headers));
                }
                entry.links.borrow_mut().set(receiver.id, link());
                self.table.borrow_mut().add_session(entry.clone());
                entry
            }
        };
        self.touch_and_settle(&entry);
        Ok(Entered::Known(entry))
    }

    /// Puts a receiver on an inner socket, with what is `ready` as its first frames.
    pub(super) fn upgrade(
        self: &Rc<Self>,
        entry: &Rc<Entry>,
        transport: Transport,
        version: Version,
        receiver: Receiver,
        ready: &[Delivery],
    ) -> Result<JsResponse> {
        if entry.session.borrow().is_closed() {
            return not_opened();
        }
        let upgraded = self.try_upgrade(entry, transport, version, receiver, ready);
        if upgraded.is_err() {
            // It is not reached this way, and comes again.
            entry.session.borrow_mut().detach(now(), receiver.id, Departure::Ended);
            self.touch_and_settle(entry);
        }
        upgraded
    }

    fn try_upgrade(
        self: &Rc<Self>,
        entry: &Rc<Entry>,
        transport: Transport,
        version: Version,
        receiver: Receiver,
        ready: &[Delivery],
    ) -> Result<JsResponse> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        Attachment::Receiver {
            service: entry.info.service.clone(),
            session: entry.info.session.clone().unwrap_or_default(),
            transport,
            version,
            receiver: receiver.id,
            since: now(),
            ending: ready.last().is_some_and(|last| last.end),
            beats: receiver.beats,
        }
        .write(&server, &Kept::default())?;
        self.accept(&server)?;
        let inner = InnerSocket { socket: server, version };
        for delivery in ready {
            inner.send(&delivery.to_edge())?;
        }
        self.table.borrow_mut().add_socket(&inner.socket, Role::Receiver(entry.clone(), receiver.id));
        entry.links.borrow_mut().set(receiver.id, Link::Inner(inner));
        response::upgrade_receiver(&client, &entry.info.id)
    }
}

/// Storage did not take the session.
fn not_opened() -> Result<JsResponse> {
    problem("the session could not be stored", 503)
}

/// The client is to try again later.
fn full(version: Version) -> Result<JsResponse> {
    let frame = Frame::too_many_connections().encode();
    response::frame(&ToEdge::Refusal { reason: FrameRefusal::Full, frame }, version)
}

/// The response of this receiver has begun, and its session is gone: an open frame in the middle would be the start of
/// another one.
fn lost(version: Version) -> Result<JsResponse> {
    let frame = Frame::Close { code: CloseCode::Interrupted.number(), reason: "Connection interrupted".into() };
    response::frame(&last(&frame), version)
}

/// The last frame of a response, which belongs to no message.
fn last(frame: &Frame) -> ToEdge {
    ToEdge::Frame { seq: None, end: true, frame: frame.encode() }
}
