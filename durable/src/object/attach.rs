//! Attaches a receiver of an HTTP session.
//!
//! *A poll* gets a 200 with a frame, if there is one or one becomes available within the grace; otherwise a 101, and it waits on
//! an inner socket. *A stream* gets a 101 at once, with the available frames first; a 200 only ends it. With an outbox, messages
//! are sent to a poll on an inner socket, too: nobody confirms that a 200 arrived.

use crate::connection::entry::Entry;
use crate::connection::links::{Delivery, InnerSocket, Link};
use crate::connection::poll::HeldPoll;
use crate::connection::table::Role;
use crate::info::connection_info::{Client, ConnectionInfo};
use crate::js::clock::now;
use crate::js::response;
use crate::js::response::{JsResponse, deferred, problem};
use crate::object::Object;
use crate::store::attachment::Attachment;
use crate::store::kept::Kept;
use sockjs_protocol::inner::envelope::{FrameRefusal, ToEdge, Version};
use sockjs_protocol::service::options::{Config, Durability};
use sockjs_protocol::sockjs::close_code::{CloseCode, INTERRUPTED};
use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::session::{Departure, Receiver, ReceiverKind, Rules, Seq, Session};
use sockjs_protocol::sockjs::transport::{Receive, Transport};
use std::rc::Rc;
use worker::{Result, WebSocketPair};

/// A receiver's attach request.
pub(super) struct Attach {
    pub session: String,
    pub transport: Transport,
    /// Version of the response, and of the messages on an inner socket.
    pub version: Version,
    pub receiver: Receiver,
    /// The last message that the receiver got, if it attaches again.
    pub again: Option<Option<Seq>>,
}

/// Outcome of attaching a receiver.
enum Entered {
    Known(Rc<Entry>),
    /// The session is unknown, although this receiver has a part of it.
    Lost,
    /// The session belongs to another client, or the client may not open one.
    Refused,
    /// The object has the maximum number of connections.
    Full,
}

/// True if the receiver's transport is as protected as the one that opened the session. With tickets, a session that was opened
/// by a script with permission to read must not be readable for every page that names a function.
fn is_alike(config: &Config, info: &ConnectionInfo, transport: Transport) -> bool {
    let by_any_page = |transport: Transport| transport.receive().is_some_and(Receive::needs_callback);
    !config.tickets || by_any_page(info.transport) == by_any_page(transport)
}

impl Object {
    /// Attaches a receiver, and opens the session if it is unknown.
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

    /// Adds the receiver to its session, with its `link`.
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
                self.keep_upstream_headers(client, config, &entry);
                entry.links.borrow_mut().set(receiver.id, link());
                self.table.borrow_mut().add_session(entry.clone());
                entry
            }
        };
        self.touch_and_settle(&entry);
        Ok(Entered::Known(entry))
    }

    /// Moves a receiver to an inner socket, with the `ready` frames as its first.
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
            // The receiver is not reached this way, and attaches again.
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

/// Returns the response if storage did not take the session.
fn not_opened() -> Result<JsResponse> {
    problem("the session could not be stored", 503)
}

/// Tells the client to try again later.
fn full(version: Version) -> Result<JsResponse> {
    let frame = Frame::too_many_connections().encode();
    response::frame(&ToEdge::Refusal { reason: FrameRefusal::Full, frame }, version)
}

/// Ends a response that has begun, because its session is gone: an open frame in the middle would start another session.
fn lost(version: Version) -> Result<JsResponse> {
    let frame = Frame::Close { code: CloseCode::Interrupted.number(), reason: INTERRUPTED.into() };
    response::frame(&last(&frame), version)
}

/// Returns the last frame of a response, without a message number.
fn last(frame: &Frame) -> ToEdge {
    ToEdge::Frame { seq: None, end: true, frame: frame.encode() }
}
