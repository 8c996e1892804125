//! What an application implements.

use crate::application::connection::Connection;
use crate::application::room::Room;
use crate::info::admission::Admission;
use crate::info::request_info::RequestInfo;
use futures::future::LocalBoxFuture;
use sockjs_protocol::sockjs::session::CloseReason;
use std::future::Future;
use std::rc::Rc;
use worker::{Env, Result};

/// An application's answer to its connections.
///
/// One value is made for each service of each object. Its fields are a cache: the object may be rebuilt about ten
/// seconds into silence, and by each deploy.
///
/// For one connection the methods run one at a time, in the order in which things happened, `on_open` first; different
/// connections do not wait for one another. Do not keep a `RefCell` borrow over an await.
///
/// A client that sends faster than it reads waits: while more than half of `queue_limit` waits for it, its next message is not
/// handed to `on_message`. So a handler that answers each message needs no check of its own; one that sends in a loop awaits
/// [`Connection::ready`] before each message.
///
/// Messages that come while a handler waits are kept up to `inbox_limit` for each connection. Beyond that, sends over HTTP are held
/// for up to `send_timeout`, and a WebSocket is closed with 1013.
///
/// An error closes that connection with 1011, is logged, and leaves all others alone. A panic takes every connection of
/// the isolate with it.
pub trait Handler: 'static {
    /// Decides whether a request may reach a session. It runs in the Worker, before an object is touched: for each receive and
    /// each send of a session over HTTP, and for each WebSocket that opens. With the option `tickets` it runs for `/info` alone,
    /// and what it says is in the ticket that every other request needs. [`RequestInfo::kind`] tells them apart.
    ///
    /// Default: [`Admission::Undecided`], which leaves the decision to the service's options.
    fn on_request(request: &RequestInfo<'_>, env: &Env) -> impl Future<Output = Admission> {
        let _ = (request, env);
        async { Admission::Undecided }
    }

    /// The handler is new, and so is its object's memory: first of all calls, after each deploy, restart, and sleep of the
    /// object. Everything else waits for its end. One that is just being opened may be among the connections, before its
    /// `on_open`. `room.connections()` is who is present; WebSockets of an object that was
    /// restarted are not, and nothing else tells of them. In an idle room it runs at each heartbeat, which wakes the object:
    /// what it sends then, everybody gets each time, and what it reads and writes is billed. Default: nothing.
    ///
    /// If it fails, the connections that wait for it are closed with 1011, and it runs again before whatever comes next, but no
    /// sooner than a second later.
    fn on_start(&self, room: &Room) -> impl Future<Output = Result<()>> {
        let _ = room;
        async { Ok(()) }
    }

    /// A connection was opened. Default: nothing.
    fn on_open(&self, connection: &Connection) -> impl Future<Output = Result<()>> {
        let _ = connection;
        async { Ok(()) }
    }

    /// The client sent a message.
    fn on_message(&self, connection: &Connection, message: String) -> impl Future<Output = Result<()>>;

    /// The connection is over; nothing can be sent to it any more. Default: nothing.
    ///
    /// For a session over HTTP this comes at least once, and twice only if the object is killed inside it; not again if it
    /// took more than a minute. For a WebSocket it comes once, except after a restart of the object, when the runtime
    /// forgets the socket: see [`Handler::on_start`].
    fn on_close(&self, connection: &Connection, reason: CloseReason) -> impl Future<Output = Result<()>> {
        let _ = (connection, reason);
        async { Ok(()) }
    }

    /// The alarm that [`Room::set_alarm`](crate::Room::set_alarm) set is due. It comes at least once, and may come late; again
    /// only if the object is killed while it runs. It never overlaps itself: an alarm that is set meanwhile waits for its end.
    /// An error is logged, and does not call it again. Default: nothing.
    fn on_alarm(&self, room: &Room) -> impl Future<Output = Result<()>> {
        let _ = room;
        async { Ok(()) }
    }
}

/// A [`Handler`] behind a pointer, with futures that outlive the call, so that a pending one can be left to run.
pub(crate) trait ErasedHandler {
    fn on_start(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>>;
    fn on_open(self: Rc<Self>, connection: Connection) -> LocalBoxFuture<'static, Result<()>>;
    fn on_message(self: Rc<Self>, connection: Connection, message: String) -> LocalBoxFuture<'static, Result<()>>;
    fn on_close(self: Rc<Self>, connection: Connection, reason: CloseReason) -> LocalBoxFuture<'static, Result<()>>;
    fn on_alarm(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>>;
}

impl<H: Handler> ErasedHandler for H {
    fn on_start(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move { Handler::on_start(&*self, &room).await })
    }

    fn on_open(self: Rc<Self>, connection: Connection) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move { Handler::on_open(&*self, &connection).await })
    }

    fn on_message(self: Rc<Self>, connection: Connection, message: String) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move { Handler::on_message(&*self, &connection, message).await })
    }

    fn on_close(self: Rc<Self>, connection: Connection, reason: CloseReason) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move { Handler::on_close(&*self, &connection, reason).await })
    }

    fn on_alarm(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move { Handler::on_alarm(&*self, &room).await })
    }
}
