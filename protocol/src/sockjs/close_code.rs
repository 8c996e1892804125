//! Close codes: those that this server sends, and two that it only reports.

/// Reason for the end of a connection, as a number that the client sees.
///
/// A client reads the code from the close frame `c[code,"reason"]`, or from the close of the WebSocket itself.
/// Applications close with 1000 or with a code of their own (3000 to 4999). The client of an upstream that refused it gets
/// 4400 to 4599, which [`Refusal::close`](crate::upstream::close::Refusal::close) computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The connection has served its purpose. RFC 6455, section 7.4.1.
    Normal = 1000,
    /// The object no longer serves this connection: its service or its stored form is unknown. RFC 6455, section 7.4.1.
    GoingAway = 1001,
    /// A session whose client left in the middle of a response, or was absent for longer than `disconnect_delay`; or the answer
    /// to a close whose own code may not be sent. RFC 6455, section 7.4.1; SockJS 0.3.3, "Connection interrupted".
    Interrupted = 1002,
    /// A binary message, which SockJS does not have. RFC 6455, section 7.4.1.
    Unsupported = 1003,
    /// A close without a code. Never sent. RFC 6455, section 7.4.1.
    NoStatus = 1005,
    /// A connection lost without a close. Never sent. RFC 6455, section 7.4.1.
    Abnormal = 1006,
    /// A broken rule: too many messages in a second, no message in time, or a ticket that belongs to another session.
    /// RFC 6455, section 7.4.1.
    PolicyViolation = 1008,
    /// A message or body above its limit. RFC 6455, section 7.4.1.
    TooLarge = 1009,
    /// The handler or the storage failed. RFC 6455, section 7.4.1.
    InternalError = 1011,
    /// The client has to open a new connection: its upstream or its object was lost, its node stops, or the service's settings are
    /// invalid. IANA WebSocket close code registry.
    ServiceRestart = 1012,
    /// No capacity at present: the client is too slow, or sent too much; the object has too many connections; or the upstream
    /// is failing. IANA WebSocket close code registry.
    TryAgainLater = 1013,
    /// A second receiver of a session that already has a receiver. SockJS 0.3.3, "Another connection still open".
    AnotherConnection = 2010,
    /// A message that is not a JSON array of strings; or a client that gave no sign of life. SockJS-node 0.3.24, "Broken
    /// framing." and "No response from heartbeat".
    BrokenFraming = 3000,
    /// Only on an inner WebSocket: the session of its receiver is over, or another receiver replaced it.
    Replaced = 4000,
    /// Only on an inner WebSocket: the Worker held frames that the object does not have, and has to return them.
    Missing = 4001,
}

/// Reason of [`CloseCode::Interrupted`] for a session whose client left in the middle of a response.
pub const INTERRUPTED: &str = "Connection interrupted";

/// Reason of [`CloseCode::Unsupported`].
pub const BINARY: &str = "Binary messages are not supported";

/// Reason of [`CloseCode::TooLarge`] for a single message.
pub const MESSAGE_TOO_LARGE: &str = "Message too large";

/// Reason of [`CloseCode::InternalError`] for a handler that returned an error.
pub const HANDLER_FAILED: &str = "Handler failed";

/// Reason of [`CloseCode::InternalError`] for an object that could not store data.
pub const STORAGE_FAILED: &str = "Storage failed";

/// Reason of [`CloseCode::Interrupted`] for a session without a receiver for longer than `disconnect_delay`.
pub const TIMED_OUT: &str = "Timed out";

/// Reason of [`CloseCode::TryAgainLater`] for a client that reads too slowly for its room or for the object's memory.
pub const TOO_SLOW: &str = "Too slow";

/// Reason of [`CloseCode::TryAgainLater`] for a client that reads none of the messages that wait for it.
pub const STALLED: &str = "Stalled";

/// Reason of [`CloseCode::TryAgainLater`] for a side that sent too much while the other side did not take it.
pub const TOO_MUCH: &str = "Messages come faster than they are handled";

/// Reason of [`CloseCode::PolicyViolation`] for a client that exceeds the message rate.
pub const TOO_FAST: &str = "Too many messages";

impl CloseCode {
    /// Returns the code as it is sent over the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.number()
    }
}
