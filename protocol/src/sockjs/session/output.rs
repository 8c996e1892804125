//! The outputs of a session: the actions that its caller carries out.

use super::{Change, ReceiverId, Seq};
use crate::sockjs::frame::Frame;

/// Reason for the end of a session, including who ended it. Not an error: every session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed the session.
    Application {
        /// The application's close code.
        code: u16,
        /// The application's close reason.
        reason: String,
    },
    /// The client closed its WebSocket, or lost it (1006).
    Client {
        /// The client's close code; 1005 if the client gave no code, 1006 for a lost connection.
        code: u16,
        /// The client's close reason.
        reason: String,
    },
    /// The client left in the middle of a response. Close code 1002.
    Interrupted,
    /// No receiver attached within the disconnect delay.
    TimedOut,
    /// The Worker that held the client's WebSocket did not come back within `reattach_timeout`. Most likely it was lost
    /// together with the client. Close code 1006.
    Lost,
    /// The handler returned an error. Close code 1011.
    HandlerFailed,
    /// The client reads too slowly. Close code 1013. Either the client is a member of a room that no longer waits for
    /// it, and its queue is full; or the memory of the object is used up, and more waits for this client than for any
    /// other.
    TooSlow,
    /// The client read nothing for `stall_timeout` although data waited for it. Close code 1013.
    Stalled,
    /// The client gave no sign of life for `silence_timeout`. Close code 3000.
    Silent,
    /// The client broke a rule of the protocol or a limit.
    Violation {
        /// The close code: 1003 for binary, 1008 for too many messages or none in time, 1009 for too large, 1013 for
        /// more messages than the inbox holds while the client does not read, 3000 for broken framing.
        code: u16,
        /// Description of the violation.
        reason: String,
    },
}

impl CloseReason {
    /// Returns the kind of the reason, without its code and text.
    pub fn kind(&self) -> CloseKind {
        match self {
            Self::Application { .. } => CloseKind::Application,
            Self::Client { .. } => CloseKind::Client,
            Self::Interrupted => CloseKind::Interrupted,
            Self::TimedOut => CloseKind::TimedOut,
            Self::Lost => CloseKind::Lost,
            Self::HandlerFailed => CloseKind::HandlerFailed,
            Self::TooSlow => CloseKind::TooSlow,
            Self::Stalled => CloseKind::Stalled,
            Self::Silent => CloseKind::Silent,
            Self::Violation { .. } => CloseKind::Violation,
        }
    }
}

/// Kind of a [`CloseReason`]. A session's close frame is stored with the name of its kind, since the frame alone does
/// not determine the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum CloseKind {
    Application,
    Client,
    Interrupted,
    TimedOut,
    Lost,
    HandlerFailed,
    TooSlow,
    Stalled,
    Silent,
    Violation,
}

impl CloseKind {
    const ALL: [Self; 10] = [
        Self::Application,
        Self::Client,
        Self::Interrupted,
        Self::TimedOut,
        Self::Lost,
        Self::HandlerFailed,
        Self::TooSlow,
        Self::Stalled,
        Self::Silent,
        Self::Violation,
    ];

    /// Returns the name under which the kind is stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Client => "client",
            Self::Interrupted => "interrupted",
            Self::TimedOut => "timed_out",
            Self::Lost => "lost",
            Self::HandlerFailed => "handler_failed",
            Self::TooSlow => "too_slow",
            Self::Stalled => "stalled",
            Self::Silent => "silent",
            Self::Violation => "violation",
        }
    }

    /// Returns the kind with this name, or `None` if this build has none.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Action that the caller has to carry out. See [`Session::poll_output`](super::Session::poll_output).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Deliver this frame to this receiver.
    Deliver {
        /// Receiver of the frame.
        to: ReceiverId,
        /// Number of the last message in the frame; `None` for heartbeats and close frames.
        seq: Option<Seq>,
        /// The frame.
        frame: Frame,
        /// True if the receiver's response ends with this frame.
        end: bool,
    },
    /// Check whether this receiver's client is still connected, and report the result to
    /// [`Session::probed`](super::Session::probed) within a moment. No frame is sent until then.
    Probe(ReceiverId),
    /// Ask this receiver what it wrote and what it holds, and pass its reply to [`Session::answered`](super::Session::answered).
    /// No message is sent to this receiver until then.
    Ask(ReceiverId),
    /// Read stored messages from this number on, about as many bytes as [`READ`](super::READ). Pass them at once to
    /// [`Session::read`](super::Session::read).
    Read(Seq),
    /// Close this receiver's WebSocket without a SockJS frame: the client's own, or an inner one.
    Release {
        /// The receiver.
        receiver: ReceiverId,
        /// Close code.
        code: u16,
        /// Close reason.
        reason: String,
    },
    /// Store this change before anything else is answered.
    Persist(Change),
    /// Notify the application of this event.
    Notify(Event),
}

/// Event for the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The session is open. Always the first event.
    Opened,
    /// The session is over. Always the last event.
    Closed(CloseReason),
}
