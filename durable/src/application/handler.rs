//! The trait that an application implements.

use crate::application::connection::Connection;
use crate::application::room::Room;
use crate::info::admission::Admission;
use crate::info::request_info::RequestInfo;
use futures::future::LocalBoxFuture;
use sockjs_protocol::sockjs::session::CloseReason;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use worker::{Env, Error, Result};

/// The application of a service: callbacks for its connections.
///
/// ```
/// # extern crate sockjs_durable as sockjs_edge;
/// use sockjs_edge::{Connection, Handler};
///
/// struct Echo;
///
/// impl Handler for Echo {
///     async fn on_message(&self, connection: &Connection, message: String) -> worker::Result<()> {
///         connection.send(message)?;
///         Ok(())
///     }
/// }
/// ```
///
/// The server creates one value for each service of each object. Its fields are only a cache: the runtime may evict the object
/// after ten seconds of silence, and each deploy does.
///
/// # Order
///
/// For one connection the callbacks run one at a time, in the order of the events, beginning with `on_open`. Different
/// connections do not wait for each other. Do not hold a `RefCell` borrow across an await.
///
/// # Clients that read slowly
///
/// While more than half of `queue_limit` waits for a client, `on_message` is not called with its next message. A handler that
/// answers each message needs no check of its own. A handler that sends in a loop awaits [`Connection::ready`] before each
/// message.
///
/// Messages that arrive while a handler waits are kept, up to `inbox_limit` for each connection. Above that limit, sends over
/// HTTP are held for up to `send_timeout`, and a WebSocket is closed with 1013.
///
/// # Errors and panics
///
/// An error closes its connection with 1011 and is logged. Other connections continue. A panic ends every connection of the
/// isolate.
pub trait Handler: 'static {
    /// Decides whether a request may reach a session. It runs in the Worker, before any object is involved: for each receive and
    /// each send of a session over HTTP, and for each new WebSocket. With the option `tickets` it runs only for `/info`, and the
    /// ticket carries the decision to all other requests. [`RequestInfo::kind`] returns the kind of the request.
    ///
    /// Default: [`Admission::Undecided`], which leaves the decision to the service's options.
    fn on_request(request: &RequestInfo<'_>, env: &Env) -> impl Future<Output = Admission> {
        let _ = (request, env);
        async { Admission::Undecided }
    }

    /// Called once, before any other callback, whenever the handler is created: after a deploy, a restart or hibernation. The other
    /// callbacks wait until it returns. Default: nothing.
    ///
    /// `room.connections()` has everyone who is present, perhaps including a connection whose `on_open` has not run yet. After a
    /// restart the old WebSockets are missing, and no other callback reports their end.
    ///
    /// In an idle room it runs at each heartbeat, since each heartbeat wakes the object. Clients then get its messages each time,
    /// and its reads and writes of rows are billed each time.
    ///
    /// If it fails, the connections that wait for it are closed with 1011. It runs again before the next event, but not within
    /// one second.
    fn on_start(&self, room: &Room) -> impl Future<Output = Result<()>> {
        let _ = room;
        async { Ok(()) }
    }

    /// Called when a connection was opened. Default: nothing.
    fn on_open(&self, connection: &Connection) -> impl Future<Output = Result<()>> {
        let _ = connection;
        async { Ok(()) }
    }

    /// Called when the client sent a message.
    fn on_message(&self, connection: &Connection, message: String) -> impl Future<Output = Result<()>>;

    /// Called when a connection is over. Sending to it is no longer possible. Default: nothing.
    ///
    /// For a session over HTTP it is called at least once. It is called again only if the object was killed while it ran, and not
    /// if it ran for more than a minute. For a WebSocket it is called once, with one exception: the runtime loses WebSockets when
    /// the object restarts. See [`Handler::on_start`].
    fn on_close(&self, connection: &Connection, reason: CloseReason) -> impl Future<Output = Result<()>> {
        let _ = (connection, reason);
        async { Ok(()) }
    }

    /// Called for each WebSocket that came back after a restart of the object, before any other event of it. Only WebSockets that
    /// the Worker holds come back: see the option `websocket_holder`. Sessions over HTTP are never lost. The connection has its
    /// id, claims and state. Default: nothing.
    fn on_return(&self, connection: &Connection) -> impl Future<Output = Result<()>> {
        let _ = connection;
        async { Ok(()) }
    }

    /// Called once after a restart of the object to which connections came back, when `reattach_timeout` has passed. Connections
    /// that are missing then do not come back. `room.connections()` is complete. Default: nothing.
    fn on_returned(&self, room: &Room) -> impl Future<Output = Result<()>> {
        let _ = room;
        async { Ok(()) }
    }

    /// Called when the alarm of [`Room::set_alarm`](crate::Room::set_alarm) is due. It is called at least once, and may be late.
    /// It is called again only if the object was killed while it ran. An alarm that is set meanwhile waits for its end. An error
    /// is logged. Default: nothing.
    fn on_alarm(&self, room: &Room) -> impl Future<Output = Result<()>> {
        let _ = room;
        async { Ok(()) }
    }

    /// Answers a call from outside the room: from `Push::call` in a route, a cron trigger or a queue consumer, or over HTTP.
    /// `call` and the answer are JSON. Default: rejects every call.
    ///
    /// A call is like a message of a connection of its own. It runs after `on_start`, and like a message it waits while a member
    /// of the room reads too slowly. Calls do not wait for each other, or for pending callbacks. A call wakes a hibernating room.
    ///
    /// ```
    /// # extern crate sockjs_durable as sockjs_edge;
    /// # use serde::{Deserialize, Serialize};
    /// # use sockjs_edge::{Connection, Handler};
    /// use sockjs_edge::{CallError, Room};
    ///
    /// #[derive(Deserialize)]
    /// #[serde(rename_all = "snake_case")]
    /// enum Question {
    ///     Present,
    /// }
    ///
    /// #[derive(Serialize)]
    /// struct Answer {
    ///     present: usize,
    /// }
    ///
    /// # struct Chat;
    /// # impl Handler for Chat {
    /// #     async fn on_message(&self, _: &Connection, _: String) -> worker::Result<()> { Ok(()) }
    /// async fn on_call(&self, room: &Room, call: String) -> Result<String, CallError> {
    ///     let answer = match serde_json::from_str(&call)? {
    ///         Question::Present => Answer { present: room.count() },
    ///     };
    ///     Ok(serde_json::to_string(&answer)?)
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`CallError::Rejected`] for a mistake of the caller; `?` converts unreadable JSON into it. After 8 s the caller gets a
    /// time-out. The call then continues to run, and its answer is lost.
    fn on_call(&self, room: &Room, call: String) -> impl Future<Output = std::result::Result<String, CallError>> {
        let _ = (room, call);
        async { Err(CallError::rejected("this service answers no calls")) }
    }
}

/// A reason why [`Handler::on_call`] did not answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError {
    /// The application does not answer this call. The caller gets the text.
    Rejected(String),
    /// The application failed. The error is logged, and the caller only learns that the call failed.
    Failed(Error),
}

impl CallError {
    /// Rejects a call with a reason for the caller.
    pub fn rejected(reason: impl Into<String>) -> Self {
        Self::Rejected(reason.into())
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(reason) => f.write_str(reason),
            Self::Failed(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Rejects a call whose JSON is not as expected.
impl From<serde_json::Error> for CallError {
    fn from(error: serde_json::Error) -> Self {
        Self::Rejected(error.to_string())
    }
}

/// A [`Handler`] behind a pointer. Its futures outlive the call, so that a pending one can continue as a task.
pub(crate) trait ErasedHandler {
    fn on_start(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>>;
    fn on_open(self: Rc<Self>, connection: Connection) -> LocalBoxFuture<'static, Result<()>>;
    fn on_message(self: Rc<Self>, connection: Connection, message: String) -> LocalBoxFuture<'static, Result<()>>;
    fn on_close(self: Rc<Self>, connection: Connection, reason: CloseReason) -> LocalBoxFuture<'static, Result<()>>;
    fn on_return(self: Rc<Self>, connection: Connection) -> LocalBoxFuture<'static, Result<()>>;
    fn on_returned(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>>;
    fn on_alarm(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>>;
    fn on_call(
        self: Rc<Self>,
        room: Room,
        call: String,
    ) -> LocalBoxFuture<'static, std::result::Result<String, CallError>>;
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

    fn on_return(self: Rc<Self>, connection: Connection) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move { Handler::on_return(&*self, &connection).await })
    }

    fn on_returned(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move { Handler::on_returned(&*self, &room).await })
    }

    fn on_alarm(self: Rc<Self>, room: Room) -> LocalBoxFuture<'static, Result<()>> {
        Box::pin(async move { Handler::on_alarm(&*self, &room).await })
    }

    fn on_call(
        self: Rc<Self>,
        room: Room,
        call: String,
    ) -> LocalBoxFuture<'static, std::result::Result<String, CallError>> {
        Box::pin(async move { Handler::on_call(&*self, &room, call).await })
    }
}
