//! Errors of sending to a connection and of closing one.

use sockjs_protocol::sockjs::session;
use std::fmt;

/// Error: some objects of a room did not take a push. The other objects have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardsError {
    pub(crate) reached: usize,
    pub(crate) failures: Vec<ShardFailure>,
}

/// An object of a room that did not take a push, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFailure {
    /// Name of the object.
    pub object: String,
    /// The problem.
    pub problem: ShardProblem,
}

/// Reason why an object of a room did not take a push.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShardProblem {
    /// The message has more bytes than `queue_limit`.
    TooLarge(String),
    /// Members of the room read too slowly, or too much waits for the object. Nothing was done.
    HeldUp(String),
    /// The object did not answer, or not with a valid response. It may have taken the push.
    Unavailable(String),
}

/// Number of failures that the text of an error lists, since a room may have a thousand objects.
const FAILURES_SHOWN: usize = 8;

impl ShardsError {
    /// Returns the error for a sending object that is gone.
    pub(crate) fn gone() -> Self {
        let problem = ShardProblem::Unavailable("the object is gone".into());
        Self { reached: 0, failures: vec![ShardFailure { object: String::new(), problem }] }
    }

    /// Returns the number of connections that were reached in the other objects.
    pub fn reached(&self) -> usize {
        self.reached
    }

    /// Returns the objects that failed.
    pub fn failures(&self) -> &[ShardFailure] {
        &self.failures
    }
}

impl fmt::Display for ShardProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::TooLarge(problem) | Self::HeldUp(problem) | Self::Unavailable(problem)) = self;
        f.write_str(problem)
    }
}

impl fmt::Display for ShardsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ShardFailure { object, problem }) in self.failures.iter().take(FAILURES_SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{object}: {problem}")?;
        }
        match self.failures.len().saturating_sub(FAILURES_SHOWN) {
            0 => Ok(()),
            others => write!(f, "; and {others} more"),
        }
    }
}

impl std::error::Error for ShardsError {}

impl From<ShardsError> for worker::Error {
    fn from(error: ShardsError) -> Self {
        Self::RustError(error.to_string())
    }
}

/// Reason why a message was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection is closing or closed. Stop sending to it.
    Closed,
    /// The client's queue is at `queue_limit`. Await [`Connection::ready`](crate::Connection::ready) between the messages of a
    /// loop. After the start of a handler and after each `ready`, the first message to its own connection always fits.
    QueueFull,
    /// The message has more bytes than `queue_limit`. Send it in parts.
    TooLarge,
    /// Storage did not take the message, as [`Durability::Outbox`](sockjs_protocol::service::options::Durability::Outbox)
    /// requires. Try again later.
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

/// Reason why a connection did not join or leave a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupError {
    /// The name is empty, or longer than 128 bytes.
    Name,
    /// The connection is in 64 groups, or its state and groups would take more than 4 KiB of JSON together.
    TooMany,
    /// The connection is closing or closed.
    Closed,
    /// Storage did not take the change. The groups are unchanged.
    StorageFailed,
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "the name of a group has 1 to 128 bytes",
            Self::TooMany => {
                "a connection has at most 64 groups; state and groups take at most 4096 bytes of JSON together"
            }
            Self::Closed => "the connection is closed",
            Self::StorageFailed => "storage failed",
        })
    }
}

impl std::error::Error for GroupError {}

impl From<GroupError> for worker::Error {
    fn from(error: GroupError) -> Self {
        Self::RustError(error.to_string())
    }
}

/// Reason why a connection cannot be closed as requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// The code is neither 1000 nor 3000 to 4999. All other codes have a meaning in the protocol.
    Code(u16),
    /// The reason has more than 123 bytes, the most that a WebSocket's close frame can hold.
    ReasonTooLong,
}

impl CloseError {
    /// Checks that a connection can be closed with this code and reason.
    ///
    /// # Errors
    ///
    /// If the code or the reason is not allowed.
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
