//! Errors of sending to a connection and of closing one.

use sockjs_protocol::sockjs::session;
use std::fmt;

/// A reason why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed. Stop sending to it.
    Closed,
    /// As much as `queue_limit` waits for this client. Await [`Connection::ready`](crate::Connection::ready) between the messages of
    /// a loop. The first message that a handler sends to its own connection always fits, when it is called and after each `ready`.
    QueueFull,
    /// The message has more bytes than `queue_limit`. Send it in parts.
    TooLarge,
    /// Storage did not take the message, which [`Durability::Outbox`](sockjs_protocol::service::options::Durability::Outbox)
    /// promises. Try again later.
    StorageFailed,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection is closed",
            Self::QueueFull => "the connection's queue is full",
            Self::TooLarge => "the message is too large",
            Self::StorageFailed => "storage failed",
        })
    }
}

impl std::error::Error for SendError {}

impl From<session::SendError> for SendError {
    fn from(error: session::SendError) -> Self {
        match error {
            session::SendError::QueueFull => Self::QueueFull,
            session::SendError::TooLarge => Self::TooLarge,
            _ => Self::Closed,
        }
    }
}

impl From<SendError> for worker::Error {
    fn from(error: SendError) -> Self {
        Self::RustError(error.to_string())
    }
}

/// A reason why a connection could not be closed as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// The code is neither 1000 nor 3000 to 4999. The others mean something to the protocol.
    Code(u16),
    /// The reason has more than 123 bytes, and a WebSocket's close frame holds no more.
    ReasonTooLong,
}

impl CloseError {
    /// Checks that a connection can be closed with this code and reason.
    ///
    /// # Errors
    ///
    /// If it cannot.
    pub fn check(code: u16, reason: &str) -> Result<(), Self> {
        match code {
            1000 | 3000..=4999 if reason.len() <= 123 => Ok(()),
            1000 | 3000..=4999 => Err(Self::ReasonTooLong),
            _ => Err(Self::Code(code)),
        }
    }
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "close code {code} is neither 1000 nor 3000-4999"),
            Self::ReasonTooLong => f.write_str("close reason is longer than 123 bytes"),
        }
    }
}

impl std::error::Error for CloseError {}

impl From<CloseError> for worker::Error {
    fn from(error: CloseError) -> Self {
        Self::RustError(error.to_string())
    }
}
