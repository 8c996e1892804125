//! What a session leaves in storage: the fold of its changes.

use super::{CloseKind, CloseReason, ReceiverId, Seq};
use crate::sockjs::close_code::{CloseCode, TIMED_OUT};
use crate::sockjs::frame::{Frame, Message};
use crate::time::Millis;

/// One write to storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The session exists.
    Open {
        /// The receiver that opened it.
        opener: ReceiverId,
    },
    /// Messages that wait, as one row, whether they were delivered before or not. What was lost on its way is written
    /// again, also when the row that it was delivered from is still there for the rest of it: of two rows with the same
    /// first number, the longer stays.
    Append(Row),
    /// Everything up to this number was delivered: rows that hold nothing beyond can go, of others only the rest counts.
    Discard {
        /// The last number delivered.
        through: Seq,
    },
    /// The session is closed; its close frame is kept for those who still ask.
    Close {
        /// Its close frame.
        tombstone: Tombstone,
        /// Whether the application was told; if not, it has to be told after a restart.
        told: bool,
    },
    /// The application was told that the session is closed.
    Told,
    /// The client sent its first message. Told only where it has to; of a WebSocket too, which is not stored otherwise.
    Heard,
    /// Since when no receiver is attached; none when one came. Told only where the disconnect delay may outlast the object's
    /// memory.
    Absent(Option<Millis>),
    /// Nothing of the session is needed any more.
    Forget,
}

/// Neighbouring messages in one row; the numbers count up from the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Number of the first message.
    pub first: Seq,
    /// The messages, at least one.
    pub messages: Vec<Message>,
}

impl Row {
    /// Number of the last message.
    pub fn last(&self) -> Seq {
        Seq(self.first.0.saturating_add((self.messages.len() as u64).saturating_sub(1)))
    }

    /// Its numbers and bytes.
    pub fn extent(&self) -> Extent {
        let bytes = self.messages.iter().map(Message::len).sum();
        Extent { first: self.first, last: self.last(), bytes }
    }

    /// The messages with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (Seq, &Message)> {
        (0..).map(|offset| Seq(self.first.0.saturating_add(offset))).zip(&self.messages)
    }
}

/// Stored messages with neighbouring numbers, without the messages: they are read when they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Number of the first message.
    pub first: Seq,
    /// Number of the last message.
    pub last: Seq,
    /// Bytes of the messages, about.
    pub bytes: usize,
}

/// Codes of a client that broke a rule or a limit.
const VIOLATIONS: [u16; 4] = [
    CloseCode::Unsupported.number(),
    CloseCode::PolicyViolation.number(),
    CloseCode::TooLarge.number(),
    CloseCode::TryAgainLater.number(),
];

/// The close frame of a session that is over, and since when it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Close code.
    pub code: u16,
    /// Close reason.
    pub reason: String,
    /// Kind of the reason that the application is given.
    pub kind: CloseKind,
    /// When it was closed.
    pub at: Millis,
}

impl Tombstone {
    /// The close frame.
    pub fn frame(&self) -> Frame {
        Frame::Close { code: self.code, reason: self.reason.clone() }
    }

    /// Returns the reason that the application is given.
    pub(super) fn close_reason(&self) -> CloseReason {
        let (code, reason) = (self.code, self.reason.clone());
        match self.kind {
            CloseKind::Application => CloseReason::Application { code, reason },
            CloseKind::Client => CloseReason::Client { code, reason },
            CloseKind::Interrupted => CloseReason::Interrupted,
            CloseKind::TimedOut => CloseReason::TimedOut,
            CloseKind::HandlerFailed => CloseReason::HandlerFailed,
            CloseKind::TooSlow => CloseReason::TooSlow,
            CloseKind::Stalled => CloseReason::Stalled,
            CloseKind::Violation => CloseReason::Violation { code, reason },
        }
    }

    /// Returns the kind of a close frame that the release before stored, which stored no kind.
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
    /// The receiver that opened it.
    pub opener: ReceiverId,
    /// Its close frame, once it is over.
    pub closed: Option<Tombstone>,
    /// Whether the application was told that it is over.
    pub told: bool,
    /// Whether the client is known to have sent something.
    pub heard: bool,
    /// Since when no receiver is attached, where that is known.
    pub absent: Option<Millis>,
    /// Messages that wait, lowest number first. Two rows can hold the same one: it counts once.
    pub rows: Vec<Extent>,
    /// Everything up to this number was delivered, also where its row holds more. Kept on its own, since the rows that
    /// remain do not tell.
    pub delivered: Option<Seq>,
}

impl Stored {
    /// Applies one change to what is stored; none is a session that storage does not know.
    ///
    /// The object does the same in SQL. This is its meaning, and what the tests restore from; they keep the messages themselves.
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
                        // It has this one's messages and more.
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
