//! What a session says is to be done.

use super::{Change, ReceiverId, Seq};
use crate::sockjs::frame::Frame;

/// Why a session ended, and who ended it. No error: every session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed it.
    Application {
        /// The code it gave.
        code: u16,
        /// The reason it gave.
        reason: String,
    },
    /// The client closed its WebSocket, or lost it (1006).
    Client {
        /// The code it gave; 1005 for none, 1006 for a lost connection.
        code: u16,
        /// The reason it gave.
        reason: String,
    },
    /// The client left in the middle of a response: 1002.
    Interrupted,
    /// No receiver came within the disconnect delay.
    TimedOut,
    /// The handler returned an error: 1011.
    HandlerFailed,
    /// Its client reads too slowly: a member of a room that the others do not wait for any more, and whose queue is full; or
    /// the one for which most waits when the memory of the object is used up. 1013.
    TooSlow,
    /// The client took nothing for `stall_timeout` although something waited for it: 1013.
    Stalled,
    /// The client broke a rule of the protocol or a limit.
    Violation {
        /// The code it was closed with: 1003 for binary, 1008 for too many messages or none in time, 1009 for too
        /// large, 1013 for more messages than the inbox holds while the client does not read, 3000 for broken framing.
        code: u16,
        /// What was wrong.
        reason: String,
    },
}

impl CloseReason {
    /// Returns the reason without what it holds.
    pub fn kind(&self) -> CloseKind {
        match self {
            Self::Application { .. } => CloseKind::Application,
            Self::Client { .. } => CloseKind::Client,
            Self::Interrupted => CloseKind::Interrupted,
            Self::TimedOut => CloseKind::TimedOut,
            Self::HandlerFailed => CloseKind::HandlerFailed,
            Self::TooSlow => CloseKind::TooSlow,
            Self::Stalled => CloseKind::Stalled,
            Self::Violation { .. } => CloseKind::Violation,
        }
    }
}

/// Kind of a [`CloseReason`]. Stored by its name with a session's close frame, which does not tell one kind from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CloseKind {
    Application,
    Client,
    Interrupted,
    TimedOut,
    HandlerFailed,
    TooSlow,
    Stalled,
    Violation,
}

impl CloseKind {
    const ALL: [Self; 8] = [
        Self::Application,
        Self::Client,
        Self::Interrupted,
        Self::TimedOut,
        Self::HandlerFailed,
        Self::TooSlow,
        Self::Stalled,
        Self::Violation,
    ];

    /// Returns the name under which the kind is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Client => "client",
            Self::Interrupted => "interrupted",
            Self::TimedOut => "timed_out",
            Self::HandlerFailed => "handler_failed",
            Self::TooSlow => "too_slow",
            Self::Stalled => "stalled",
            Self::Violation => "violation",
        }
    }

    /// Returns the kind with this name, or `None` if this build has none.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What is to be done. See [`Session::poll_output`](super::Session::poll_output).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Give this frame to this receiver.
    Deliver {
        /// To whom.
        to: ReceiverId,
        /// Number of the last message in it; none for heartbeats and close frames.
        seq: Option<Seq>,
        /// What.
        frame: Frame,
        /// Whether its response ends with it.
        end: bool,
    },
    /// Find out whether this receiver's client is still there, and tell by
    /// [`Session::probed`](super::Session::probed) within a moment: nothing goes out until then.
    Probe(ReceiverId),
    /// Ask this receiver what it wrote and what it holds, and tell by
    /// [`Session::answered`](super::Session::answered): no message goes to it until then.
    Ask(ReceiverId),
    /// Read stored messages, from this number on about as many bytes as [`READ`](super::READ), and give them at once to
    /// [`Session::read`](super::Session::read).
    Read(Seq),
    /// Close this receiver's WebSocket, without a frame.
    Release {
        /// Whose.
        receiver: ReceiverId,
        /// Close code.
        code: u16,
        /// Close reason.
        reason: String,
    },
    /// Store this before anything else is answered.
    Persist(Change),
    /// Tell the application.
    Notify(Event),
}

/// What the application is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The session is open. Always the first.
    Opened,
    /// The session is over. Always the last.
    Closed(CloseReason),
}
