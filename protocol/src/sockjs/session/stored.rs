//! The stored state of a session: the fold of its changes.

use super::{CloseKind, CloseReason, ReceiverId, Seq};
use crate::sockjs::close_code::{CloseCode, TIMED_OUT};
use crate::sockjs::frame::{Frame, Message};
use crate::time::Millis;

/// One write to storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The session was opened.
    Open {
        /// The receiver that opened the session.
        opener: ReceiverId,
    },
    /// Waiting messages, as one row, whether they were delivered before or not. Messages that were lost in transit are written
    /// again, even if their old row still exists for its other messages. Of two rows with the same first number, the longer one
    /// stays.
    Append(Row),
    /// Everything up to this number was delivered. Rows that hold nothing beyond it can be deleted; of other rows only the rest
    /// counts.
    Discard {
        /// The last number delivered.
        through: Seq,
    },
    /// The session is closed. Its close frame is kept for later receivers.
    Close {
        /// The close frame of the session.
        tombstone: Tombstone,
        /// True if the application was notified. Otherwise it has to be notified after a restart.
        told: bool,
    },
    /// The application was notified that the session is closed.
    Told,
    /// The client sent its first message. Emitted only for a session with `first_message_timeout`; also for a WebSocket session,
    /// of which nothing else is stored.
    Heard,
    /// Time since which no receiver is attached; `None` once a receiver attached. Emitted only if the disconnect delay may
    /// outlast the object's memory.
    Absent(Option<Millis>),
    /// Nothing of the session is needed any more.
    Forget,
}

/// Messages with consecutive numbers, in one row. The numbers count up from the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Number of the first message.
    pub first: Seq,
    /// The messages, at least one.
    pub messages: Vec<Message>,
}

impl Row {
    /// Returns the number of the last message.
    pub fn last(&self) -> Seq {
        Seq(self.first.0.saturating_add((self.messages.len() as u64).saturating_sub(1)))
    }

    /// Returns the numbers and bytes of the row.
    pub fn extent(&self) -> Extent {
        let bytes = self.messages.iter().map(Message::len).sum();
        Extent { first: self.first, last: self.last(), bytes }
    }

    /// Returns the messages with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (Seq, &Message)> {
        (0..).map(|offset| Seq(self.first.0.saturating_add(offset))).zip(&self.messages)
    }
}

/// Stored messages with consecutive numbers, without their content, which is read when it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Number of the first message.
    pub first: Seq,
    /// Number of the last message.
    pub last: Seq,
    /// Approximate bytes of the messages.
    pub bytes: usize,
}

/// Close codes for a client that broke a rule or a limit.
const VIOLATIONS: [u16; 4] = [
    CloseCode::Unsupported.number(),
    CloseCode::PolicyViolation.number(),
    CloseCode::TooLarge.number(),
    CloseCode::TryAgainLater.number(),
];

/// The close frame of a session that is over, and the moment at which it was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Close code.
    pub code: u16,
    /// Close reason.
    pub reason: String,
    /// Kind of the reason that the application receives.
    pub kind: CloseKind,
    /// Moment at which the session was closed.
    pub at: Millis,
}

impl Tombstone {
    /// Returns the close frame.
    pub fn frame(&self) -> Frame {
        Frame::Close { code: self.code, reason: self.reason.clone() }
    }

    /// Returns the reason that the application receives.
    pub(super) fn close_reason(&self) -> CloseReason {
        let (code, reason) = (self.code, self.reason.clone());
        match self.kind {
            CloseKind::Application => CloseReason::Application { code, reason },
            CloseKind::Client => CloseReason::Client { code, reason },
            CloseKind::Interrupted => CloseReason::Interrupted,
            CloseKind::TimedOut => CloseReason::TimedOut,
            CloseKind::Lost => CloseReason::Lost,
            CloseKind::HandlerFailed => CloseReason::HandlerFailed,
            CloseKind::TooSlow => CloseReason::TooSlow,
            CloseKind::Stalled => CloseReason::Stalled,
            CloseKind::Silent => CloseReason::Silent,
            CloseKind::Violation => CloseReason::Violation { code, reason },
        }
    }

    /// Returns the kind of a close frame that the previous release stored, without its kind.
    pub fn kind_of(code: u16, reason: &str) -> CloseKind {
        match code {
            code if code == CloseCode::InternalError.number() => CloseKind::HandlerFailed,
            code if code == CloseCode::Interrupted.number() && reason == TIMED_OUT => CloseKind::TimedOut,
            code if code == CloseCode::Interrupted.number() => CloseKind::Interrupted,
            code if VIOLATIONS.contains(&code) => CloseKind::Violation,
            _ => CloseKind::Application,
        }
    }
}

/// Everything that is stored of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The receiver that opened the session.
    pub opener: ReceiverId,
    /// The close frame, once the session is over.
    pub closed: Option<Tombstone>,
    /// True if the application was notified that the session is over.
    pub told: bool,
    /// True if the client is known to have sent something.
    pub heard: bool,
    /// Moment since which no receiver is attached, if it is known.
    pub absent: Option<Millis>,
    /// Messages that wait, lowest number first. Two rows can hold the same message, which counts once.
    pub rows: Vec<Extent>,
    /// Number up to which everything was delivered, even if a row holds more. It is stored on its own, since the
    /// remaining rows do not show it.
    pub delivered: Option<Seq>,
}

impl Stored {
    /// Applies one change to the stored state; `None` is a session that storage does not know.
    ///
    /// The object does the same in SQL. This function defines the meaning of each change, and the tests restore
    /// sessions from its result. The tests keep the messages themselves.
    pub fn apply(stored: &mut Option<Self>, change: Change) {
        match change {
            Change::Open { opener } => {
                *stored = Some(Self {
                    opener,
                    closed: None,
                    told: false,
                    heard: false,
                    absent: None,
                    rows: Vec::new(),
                    delivered: None,
                });
            }
            Change::Forget => *stored = None,
            Change::Append(row) => {
                if let Some(stored) = stored {
                    if stored.delivered >= Some(row.first) {
                        stored.delivered = row.first.0.checked_sub(1).map(Seq);
                    }
                    match stored.rows.iter_mut().find(|other| other.first == row.first) {
                        // The other row includes this one.
                        Some(other) if other.last >= row.last() => {}
                        Some(other) => *other = row.extent(),
                        None => {
                            stored.rows.push(row.extent());
                            stored.rows.sort_by_key(|row| row.first);
                        }
                    }
                }
            }
            Change::Discard { through } => {
                if let Some(stored) = stored {
                    stored.rows.retain(|row| row.last > through);
                    stored.delivered = stored.delivered.max(Some(through));
                }
            }
            Change::Close { tombstone, told } => {
                if let Some(stored) = stored {
                    stored.closed = Some(tombstone);
                    stored.told = told;
                }
            }
            Change::Heard => {
                if let Some(stored) = stored {
                    stored.heard = true;
                }
            }
            Change::Absent(since) => {
                if let Some(stored) = stored {
                    stored.absent = since;
                }
            }
            Change::Told => {
                if let Some(stored) = stored {
                    stored.told = true;
                }
            }
        }
    }
}
