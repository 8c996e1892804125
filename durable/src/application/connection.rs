//! The handle of a connection, which handlers receive.

use crate::application::host::{Host, MemoryLevel};
use crate::application::room::Room;
use crate::connection::entry::Entry;
use crate::info::errors::{CloseError, GroupError, SendError};
use crate::info::request_info::parameter;
use crate::js::clock::now;
use crate::observe::log;
use crate::store::kept::KEPT_MAX;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sockjs_protocol::sockjs::close_code::{CloseCode, HANDLER_FAILED};
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::CloseReason;
use sockjs_protocol::sockjs::transport::Transport;
use std::fmt;
use std::rc::{Rc, Weak};
use worker::{Error, Result};

/// A handle of one client's connection. Clones refer to the same connection.
///
/// ```
/// # extern crate sockjs_durable as sockjs_edge;
/// use sockjs_edge::Connection;
///
/// async fn greet(connection: &Connection) -> worker::Result<()> {
///     connection.send(format!("You are connected by {}.", connection.transport().name()))?;
///     if connection.claims()["banned"] == true {
///         connection.close(3000, "banned")?;
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Connection {
    pub(crate) entry: Rc<Entry>,
    pub(crate) host: Weak<dyn Host>,
    /// True for the handle that this connection's own handler receives, and for its clones.
    pub(crate) is_own: bool,
}

/// The state of a connection, with the numbers of the browser's `readyState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ReadyState {
    /// Messages go both ways.
    Open = 1,
    /// The connection was closed. The client may not know yet.
    Closing = 2,
    /// The connection is over.
    Closed = 3,
}

impl Connection {
    /// Returns the unique id. It lasts as long as the connection.
    pub fn id(&self) -> &str {
        &self.entry.info.id
    }

    /// Returns the session id that the client chose, as it stood in the URL. `None` for a raw WebSocket. Several WebSockets may
    /// share one session id.
    pub fn session_id(&self) -> Option<&str> {
        self.entry.info.session.as_deref()
    }

    /// Returns the transport of the connection (`protocol` in sockjs-node).
    pub fn transport(&self) -> Transport {
        self.entry.info.transport
    }

    /// Returns the prefix of the service, with the names of its parameters.
    pub fn prefix(&self) -> &str {
        &self.entry.info.service
    }

    /// Returns the value of a parameter of the prefix: `room` for `/chat/{room}`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter(&self.entry.info.parameters, name)
    }

    /// Returns the parameters of the prefix, with their values.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.entry.info.parameters
    }

    /// Returns the claims that [`Handler::on_request`](crate::Handler::on_request) gave the client. Null if it gave none.
    pub fn claims(&self) -> &serde_json::Value {
        self.entry.info.claims.as_ref().unwrap_or(&serde_json::Value::Null)
    }

    /// Returns the address by which `Push` reaches the connection from elsewhere. Store it unchanged. It does not contain the
    /// session id, so it may be shown to anybody who may push. Returns `None` if the runtime does not give the object its name.
    pub fn address(&self) -> Option<String> {
        let object = self.host.upgrade()?.location()?;
        Some(format!("{}@{object}", self.id()))
    }

    /// Returns the path of the request that opened the connection.
    pub fn pathname(&self) -> &str {
        &self.entry.info.pathname
    }

    /// Returns the query of the request that opened the connection, without the question mark.
    pub fn query(&self) -> &str {
        &self.entry.info.query
    }

    /// Returns the client's IP address, as Cloudflare saw it.
    pub fn remote_address(&self) -> Option<&str> {
        self.entry.info.remote_address.as_deref()
    }

    /// Returns a header of the request that opened the connection, if it is on sockjs-node's list (never a cookie).
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = &self.entry.info.headers;
        headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns all headers that [`Connection::header`] knows.
    pub fn headers(&self) -> &[(String, String)] {
        &self.entry.info.headers
    }

    /// Returns the state of the connection.
    pub fn ready_state(&self) -> ReadyState {
        let session = self.entry.session.borrow();
        match (session.is_open(), session.is_closed()) {
            (true, _) => ReadyState::Open,
            (false, false) => ReadyState::Closing,
            (false, true) => ReadyState::Closed,
        }
    }

    /// Returns the number of bytes that wait for the client.
    pub fn buffered_amount(&self) -> usize {
        self.entry.buffered_amount()
    }

    /// Sends a message. Messages that are sent without an await in between are combined into one frame. So may be the answers to
    /// messages that arrived together.
    ///
    /// Between the moment at which the client left and the call of `on_close`, messages are dropped without an error.
    ///
    /// # Errors
    ///
    /// If the connection is closed, or the message does not fit: see [`SendError`].
    pub fn send(&self, message: impl AsRef<str>) -> std::result::Result<(), SendError> {
        let always = self.is_own && self.entry.may_exceed.get();
        let Some(host) = self.host.upgrade() else { return Err(SendError::Closed) };
        let message = host.message(message.as_ref());
        enqueue(&host, &self.entry, message, always)?;
        if always {
            self.entry.may_exceed.set(false);
        }
        Ok(())
    }

    /// Returns the room of this connection: all connections that share its object, including this one.
    pub fn room(&self) -> Room {
        Room::of(self.entry.info.service.clone(), self.host.clone())
    }

    /// Closes the connection, after the messages that were sent before. Does nothing if it is closed already.
    ///
    /// # Errors
    ///
    /// If `code` is not 1000 or 3000-4999, or `reason` has more than 123 bytes (RFC 6455, section 5.5).
    pub fn close(&self, code: u16, reason: &str) -> std::result::Result<(), CloseError> {
        CloseError::check(code, reason)?;
        let why = CloseReason::Application { code, reason: reason.to_owned() };
        if self.entry.session.borrow().is_open() {
            self.entry.session.borrow_mut().close(now(), code, reason, why);
            self.entry.pacing.borrow_mut().drop_messages();
            self.touch();
        }
        Ok(())
    }

    /// Waits until at most half of `queue_limit` waits for the client. Await it before each message of a loop:
    /// [`Connection::send`] then never fails with [`SendError::QueueFull`], however slowly the client reads. On a handle from
    /// [`Room::connections`](crate::Room::connections), only messages of up to half of `queue_limit` are sure to fit.
    ///
    /// ```
    /// # async fn send(connection: &sockjs_durable::Connection, report: &str) -> Result<(), sockjs_durable::SendError> {
    /// for line in report.lines() {
    ///     connection.ready().await?;
    ///     connection.send(line)?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] as soon as the connection is closing or closed, so that a loop ends when its client leaves.
    /// Returning this error from a handler is safe: messages that the client sent before it left are still handled.
    pub async fn ready(&self) -> std::result::Result<(), SendError> {
        loop {
            if !self.entry.session.borrow().is_open() {
                return Err(SendError::Closed);
            }
            let Some(host) = self.host.upgrade() else { return Err(SendError::Closed) };
            if !self.entry.is_behind(host.memory().is_short()) {
                self.entry.may_exceed.set(self.is_own || self.entry.may_exceed.get());
                return Ok(());
            }
            let wait = self.entry.waiters.borrow_mut().ready.join();
            host.touch(&self.entry);
            // The wait is only cancelled with the connection, which the code above detects.
            let _ = wait.await;
        }
    }

    /// Waits until the connection is closing or closed.
    pub async fn closed(&self) {
        while self.entry.session.borrow().is_open() {
            let wait = self.entry.waiters.borrow_mut().ended.join();
            // The wait is only cancelled with the connection.
            if wait.await.is_err() {
                return;
            }
        }
    }

    /// Returns true if more than half of `queue_limit` waits for the client, so that [`Connection::ready`] would wait.
    pub fn is_behind(&self) -> bool {
        self.host.upgrade().is_some_and(|host| self.entry.is_behind(host.memory().is_short()))
    }

    /// Returns the state that [`Connection::set_state`] stored, or `None`.
    ///
    /// # Errors
    ///
    /// If the stored state cannot be deserialized as `T`.
    pub fn state<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        match &*self.entry.state.borrow() {
            Some(json) => Ok(Some(serde_json::from_str(json)?)),
            None => Ok(None),
        }
    }

    /// Stores `state` for the lifetime of the connection. It survives hibernation. For a session over HTTP or a WebSocket that
    /// the Worker holds, it also survives restarts of the object. The limit is 4 KiB of JSON, together with the names of the
    /// connection's groups. Each call is a billed write for a session over HTTP, and for a held WebSocket that is in storage; for
    /// others it is not.
    ///
    /// # Errors
    ///
    /// If the state is too large, storage fails, or the connection is over. The previous state stays.
    pub fn set_state<T: Serialize>(&self, state: &T) -> Result<()> {
        let json = serde_json::to_string(state)?;
        let groups = self.entry.groups.borrow().json().map_or(0, |groups| groups.len());
        if json.len() + groups > KEPT_MAX {
            let problem = match groups {
                0 => format!("a connection's state has at most {KEPT_MAX} bytes of JSON"),
                _ => GroupError::TooMany.to_string(),
            };
            return Err(Error::RustError(problem));
        }
        if self.ready_state() == ReadyState::Closed {
            return Err(Error::RustError("the connection is over".into()));
        }
        if let Some(host) = self.host.upgrade() {
            host.store_state(&self.entry, &json)?;
        }
        self.entry.state.replace(Some(json));
        Ok(())
    }

    /// Adds the connection to a group of its room, for [`Room::to`](crate::Room::to). Does nothing if it is a member already. A
    /// group exists while it has members. The connection stays a member until it leaves or ends. Membership survives hibernation
    /// and, for a session over HTTP or a WebSocket that the Worker holds, restarts of the object. Groups are stored and billed
    /// like [`Connection::set_state`].
    ///
    /// # Errors
    ///
    /// If the connection is closed, or the name or the number of groups is invalid: see [`GroupError`].
    pub fn join(&self, group: &str) -> std::result::Result<(), GroupError> {
        if self.ready_state() != ReadyState::Open {
            return Err(GroupError::Closed);
        }
        self.host.upgrade().ok_or(GroupError::Closed)?.join(&self.entry, group)
    }

    /// Removes the connection from a group. Does nothing if it is no member. A connection that ends leaves all its groups.
    ///
    /// # Errors
    ///
    /// [`GroupError::Closed`], [`GroupError::StorageFailed`].
    pub fn leave(&self, group: &str) -> std::result::Result<(), GroupError> {
        if self.ready_state() != ReadyState::Open {
            return Err(GroupError::Closed);
        }
        self.host.upgrade().ok_or(GroupError::Closed)?.leave(&self.entry, group)
    }

    /// Returns the groups of the connection in the order in which it joined them. In `on_close`, the groups at its end.
    pub fn groups(&self) -> Vec<String> {
        self.entry.groups.borrow().names().map(str::to_owned).collect()
    }

    /// Returns true if the connection is in this group.
    pub fn is_in(&self, group: &str) -> bool {
        self.entry.groups.borrow().contains(group)
    }

    /// Ends the connection because its handler failed. If the connection is over already, the handler most likely failed to send:
    /// messages that the client sent before it left are still handled.
    #[doc(hidden)]
    pub fn fail(&self, error: Error) {
        let service = Some(self.prefix());
        if !self.entry.session.borrow().is_open() {
            return log::warn("handler", service, error);
        }
        log::error("handler", service, error);
        let (code, why) = (CloseCode::InternalError.number(), CloseReason::HandlerFailed);
        self.entry.session.borrow_mut().close(now(), code, HANDLER_FAILED, why);
        self.entry.pacing.borrow_mut().drop_messages();
        self.touch();
    }

    /// Closes the connection with one of the server's own codes, after the messages that were sent before.
    pub(crate) fn end(&self, code: u16, reason: &str) {
        if !self.entry.session.borrow().is_open() {
            return;
        }
        let why = CloseReason::Application { code, reason: reason.to_owned() };
        self.entry.session.borrow_mut().close(now(), code, reason, why);
        self.entry.pacing.borrow_mut().drop_messages();
        self.touch();
    }

    fn touch(&self) {
        if let Some(host) = self.host.upgrade() {
            host.touch(&self.entry);
        }
    }
}

/// Sends a message, which may be shared with other connections. `always` ignores a full queue.
pub(crate) fn enqueue(
    host: &Rc<dyn Host>,
    entry: &Rc<Entry>,
    message: Message,
    always: bool,
) -> std::result::Result<(), SendError> {
    let bytes = message.len();
    if entry.session.borrow().is_too_large(bytes) {
        return Err(SendError::TooLarge);
    }
    if entry.pacing.borrow().is_left() {
        return Ok(());
    }
    if !always && !entry.has_room_on_socket(bytes) {
        return Err(SendError::QueueFull);
    }
    if !always && host.memory() == MemoryLevel::UsedUp && entry.session.borrow().has_unread() {
        return Err(SendError::QueueFull);
    }
    entry.session.borrow_mut().send(now(), message, always)?;
    entry.count_memory();
    host.clone().touch(entry);
    let writes = entry.session.borrow_mut().take_writes();
    if !writes.into_iter().all(|change| host.persist(entry, change)) {
        entry.session.borrow_mut().unsend();
        return Err(SendError::StorageFailed);
    }
    if let Some(counters) = &entry.counters {
        counters.sent(bytes, entry.buffered_amount());
    }
    Ok(())
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id()).field("transport", &self.transport().name()).finish()
    }
}
