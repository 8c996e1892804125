//! The state machine of one session. The caller passes in each input with the current time, and drains the outputs. The
//! machine reads no clock and never calls back.
//!
//! # How to drive it
//!
//! The caller runs this loop for every input, before the next one:
//!
//! 1. **Input.** Call one of [`Session::attach`], [`Session::resume`], [`Session::ack`], [`Session::answered`],
//!    [`Session::finished`], [`Session::wrote`], [`Session::detach`], [`Session::probed`], [`Session::receive`], [`Session::heard`],
//!    [`Session::progressed`], [`Session::send`], [`Session::close`], [`Session::disconnected`], [`Session::violated`],
//!    [`Session::end`], [`Session::cut_off`], [`Session::fell_silent`], [`Session::tick`] or [`Session::beat_early`]. A new session
//!    counts as one.
//! 2. **Drain.** Call [`Session::poll_output`] until it returns `None`, and carry out each [`Output`], in that order.
//!    Some outputs have an answer: rows go to [`Session::read`], a write that failed to [`Session::not_persisted`]. Once
//!    the application has handled [`Event::Closed`], call [`Session::told`]; if that has to wait,
//!    [`Session::still_telling`].
//! 3. **Arm.** Schedule the next [`Session::tick`] for the moment that [`Session::deadline`] returns.
//! 4. **Drop.** Drop the session once [`Session::is_closed`] is true: it is over, and storage holds nothing of it any
//!    more.
//!
//! ```
//! use sockjs_protocol::sockjs::session::{Departure, Output, Receiver, ReceiverId, ReceiverKind, Rules, Session};
//! use sockjs_protocol::time::Millis;
//!
//! let poll = Receiver { id: ReceiverId(1), kind: ReceiverKind::OneFrame, beats: false };
//! let mut session = Session::open(Millis(0), Rules::default(), poll); // 1
//! while let Some(output) = session.poll_output(Millis(0)) {           // 2
//!     if let Output::Deliver { frame, .. } = output {
//!         assert_eq!(frame.encode(), "o");
//!     }
//! }
//! session.detach(Millis(0), poll.id, Departure::Finished);             // 1
//! assert_eq!(session.poll_output(Millis(0)), None);                    // 2
//! assert_eq!(session.deadline(), Some(Millis(5_000)));                 // 3
//! ```
//!
//! The invariant: between two drains a session has no unfinished work. Everything that it promised is with a receiver, in storage
//! (the fold of its [`Change`]s), or waits for a deadline that [`Session::deadline`] returns. The object uses the two parts of
//! that deadline: an alarm serves [`Session::lasting_deadline`], a timer serves [`Session::passing_deadline`].
//!
//! While more messages are about to be sent to a client's WebSocket, step 2 may use [`Session::poll_output_in_burst`]. The
//! following drain with [`Session::poll_output`] delivers the outputs that it leaves.

mod closing;
mod delivery;
mod output;
mod queue;
mod receiver;
mod restore;
mod rules;
mod stored;
mod timers;
mod writes;

pub use delivery::{READ, WINDOW};
pub use output::{CloseKind, CloseReason, Event, Output};
pub use receiver::{Departure, Held, LOOK_EVERY, Receiver, ReceiverId, ReceiverKind};
pub use rules::Rules;
pub use stored::{Change, Extent, Row, Stored, Tombstone};

use crate::sockjs::close_code::{CloseCode, STORAGE_FAILED};
use crate::sockjs::frame::Message;
use crate::sockjs::liveness::Silence;
use crate::time::Millis;
use closing::{Closing, Word};
use queue::Queue;
use receiver::{AwaitedReport, InFlight};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;

/// Number of a message within its session. Numbers only grow, also across restarts of the object. The open frame has number 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// Number above every message number: the limit up to which the runtime's JavaScript and SQL count exactly.
const MAX_SEQ: u64 = (1 << 53) - 1;

/// Reason for refusing a message of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The session is closing or closed: stop sending to it.
    Closed,
    /// The client's queue holds as much as `queue_limit` allows: send less, or later.
    QueueFull,
    /// The message is larger than `queue_limit`, so it never fits.
    TooLarge,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the connection is closed",
            Self::QueueFull => "the connection's queue is full",
            Self::TooLarge => "the message is too large",
        })
    }
}

impl std::error::Error for SendError {}

/// One SockJS session.
///
/// ```text
///            attach                       close, ClientGone          tombstone expired
///   new ───────────────▶ open ─────────────────────────────▶ closing ─────────────────▶ closed
///                         │                                                               ▲
///                         └── disconnect delay over; a WebSocket ended ───────────────────┘
///
///   within open and closing:
///
///                 attach, resume                    attach
///     detached ──────────────────▶ attached ──────────────────▶ contended
///        ▲  ▲                       │   ▲  ▲    first alive        │  │
///        │  └───── end, Finished, ──┘   │  └──  (newcomer: 2010) ──┘  │
///        │         Broken               └────── first Finished or ────┤
///        │                                      Broken: newcomer in   │
///        └───── closing ◀──── first gone: newcomer gets 1002 ─────────┘
/// ```
///
/// *New* is the moment inside [`Session::open`]. In *closing* the application has been notified of the end, and every further
/// receiver gets the close frame. For a WebSocket that state lasts until the frame is delivered.
#[derive(Debug)]
pub struct Session {
    rules: Rules,
    kind: SessionKind,
    /// True if storage knows the session.
    is_stored: bool,
    phase: Phase,
    /// The attached receiver.
    receiver: Option<Attached>,
    /// Receiver that waits for the result of a probe: of the attached receiver, or of the one in `ending`.
    contender: Option<Receiver>,
    /// Receiver that got its last frame and has not yet reported that it wrote the frame.
    ending: Option<Receiver>,
    /// Knowledge of the frames that the attached or ending receiver holds.
    in_flight: InFlight,
    /// Receiver that gets the open frame again if it attaches again. It is stored, and survives restarts.
    opener: ReceiverId,
    /// Time at which the last receive request ended, while no receiver is attached.
    idle_since: Millis,
    /// True if the session belonged to an earlier object, and nothing is known of its receivers.
    is_restored: bool,
    /// True if the receiver that attached last writes its own heartbeats.
    beats: bool,
    /// True if storage has the time since which no receiver is attached.
    absence_stored: bool,
    /// Time at which the session was opened, as long as its client has sent nothing and `first_message_timeout` is set.
    silent_since: Option<Millis>,
    /// Signs of life of a WebSocket's client, if it must not be silent.
    silence: Option<Silence>,
    queue: Queue,
    /// Report of a lost receiver that may still come.
    awaited: Option<AwaitedReport>,
    /// Outputs to emit before deliveries (`before`), and outputs that can wait for deliveries (`after`).
    before: VecDeque<Output>,
    after: VecDeque<Output>,
}

/// Kind of a session, by the receivers that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionKind {
    /// One receive request after the other.
    Http,
    /// The client's own WebSocket, which the object holds. Nothing is stored.
    WebSocket,
    /// A client's WebSocket that the Worker holds: one receiver, which attaches again when its inner WebSocket breaks. Unless
    /// messages have to be stored before their delivery, the session is stored with the first message that has to wait for long.
    Held,
}

impl SessionKind {
    fn of(receiver: ReceiverKind) -> Self {
        match receiver {
            ReceiverKind::WebSocket => Self::WebSocket,
            ReceiverKind::Held => Self::Held,
            ReceiverKind::OneFrame | ReceiverKind::Stream => Self::Http,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Open,
    Closing(Closing),
    Closed,
}

#[derive(Debug)]
struct Attached {
    receiver: Receiver,
    since: Millis,
    /// Time at which the last frame was sent to the receiver; `None` if unknown after hibernation.
    last_out: Option<Millis>,
    /// Time at which this state machine learned of the receiver. Replaces an unknown `last_out` until the alarm, which is already
    /// set.
    woken: Millis,
    /// Action that a timer made due. The next drain carries it out.
    due: Option<Due>,
    /// Time at which the receiver attached, or last answered.
    seen: Millis,
    /// Time at which the receiver was asked whether it is still there, until it answers.
    asked: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Heartbeat,
    /// The end of a stream that reached its maximum age.
    End,
}

impl Session {
    /// Opens a new session with its first receiver.
    pub fn open(now: Millis, rules: Rules, receiver: Receiver) -> Self {
        let mut session = Self::new(now, rules, receiver.id, Queue::new());
        session.kind = SessionKind::of(receiver.kind);
        session.queue.push_open();
        session.silent_since = session.rules.first_message_timeout.map(|_| now);
        session.silence = session
            .rules
            .silence
            .filter(|_| session.kind == SessionKind::WebSocket)
            .map(|rules| Silence::new(now, rules));
        if session.kind == SessionKind::Http || session.writes_first() {
            // Before the open frame: without its row in storage, the session does not exist.
            session.before.push_back(Output::Persist(Change::Open { opener: receiver.id }));
            session.is_stored = true;
        }
        session.after.push_back(Output::Notify(Event::Opened));
        session.adopt(now, receiver);
        session
    }

    fn new(now: Millis, rules: Rules, opener: ReceiverId, queue: Queue) -> Self {
        Self {
            rules,
            kind: SessionKind::Http,
            is_stored: false,
            phase: Phase::Open,
            receiver: None,
            contender: None,
            ending: None,
            in_flight: InFlight::Known,
            opener,
            idle_since: now,
            is_restored: false,
            beats: false,
            absence_stored: false,
            silent_since: None,
            silence: None,
            queue,
            awaited: None,
            before: VecDeque::new(),
            after: VecDeque::new(),
        }
    }

    /// True if the client is required to send a message, and has not yet.
    pub fn waits_for_first_message(&self) -> bool {
        self.silent_since.is_some()
    }

    /// True if storage knows the session.
    pub fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// True if the application may send.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// True if the session is over and nothing is left of it.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// True if a receiver is attached.
    pub fn is_attached(&self) -> bool {
        self.receiver.is_some()
    }

    /// Returns the bytes that wait for a receiver.
    pub fn buffered_amount(&self) -> usize {
        self.queue.waiting_bytes()
    }

    /// True if data waits for a receiver, or is in flight to one.
    pub fn has_unread(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Returns the number of messages that receivers have read since the object came into memory. The number grows
    /// while a client reads.
    pub fn read_count(&self) -> u64 {
        self.queue.acknowledged()
    }

    /// Notes that the client sent messages. Returns false if the session is closing or closed: the messages then have
    /// no effect.
    pub fn receive(&mut self) -> bool {
        if self.is_open() && self.silent_since.take().is_some() {
            self.persist(Change::Heard);
        }
        self.is_open()
    }

    /// Notes that the client of a WebSocket sent a message at that time; `is_beat` is true for the liveness message.
    pub fn heard(&mut self, at: Millis, is_beat: bool) {
        match &mut self.silence {
            Some(silence) if is_beat => silence.beat(at),
            Some(silence) => silence.word(at),
            None => {}
        }
    }

    /// Notes that the client of a WebSocket read data at that time, after it had been seen to be blocked.
    pub fn progressed(&mut self, at: Millis) {
        if let Some(silence) = &mut self.silence {
            silence.progress(at);
        }
    }

    /// True if the client's signs of life are noted.
    pub fn listens(&self) -> bool {
        self.silence.is_some()
    }

    /// Returns the time within which a further message of the client need not be stored; `None` if none need be, since the client
    /// may be silent.
    pub fn remembers_each(&self) -> Option<Millis> {
        self.silence.filter(Silence::is_judged)?;
        self.rules.silence.map(|rules| rules.granularity())
    }

    /// True if a message of `bytes` bytes can never be sent.
    pub fn is_too_large(&self, bytes: usize) -> bool {
        bytes > self.rules.queue_limit
    }

    /// Returns the bytes that wait for a receiver, with the memory that each message takes besides its own bytes. Messages in
    /// flight wait again if their response breaks. Therefore bytes in flight that exceed the queue's limit count too; otherwise
    /// the queue would grow with each break.
    pub fn waiting_cost(&self) -> usize {
        let most = self.rules.queue_limit.max(delivery::WINDOW);
        self.queue.waiting_cost().saturating_add(self.queue.sent_bytes().saturating_sub(most))
    }

    /// Queues a message of the application. With `always`, a full queue accepts the message too.
    pub fn send(&mut self, now: Millis, message: Message, always: bool) -> Result<(), SendError> {
        if !self.is_open() {
            return Err(SendError::Closed);
        }
        if self.is_too_large(message.len()) {
            return Err(SendError::TooLarge);
        }
        if !always && self.waiting_cost().saturating_add(message.len()) > self.rules.queue_limit {
            return Err(SendError::QueueFull);
        }
        self.queue.push(now, message);
        if self.writes_first() {
            self.store_waiting();
        }
        Ok(())
    }

    /// Takes the rows that [`Output::Read`] asked for, in the order of their numbers. Closes the session if the first
    /// requested message is missing, since its client would see a gap.
    pub fn read(&mut self, now: Millis, first: Seq, rows: &[Row]) {
        if self.queue.read(first, rows) {
            return;
        }
        self.drop_waiting();
        self.close(now, CloseCode::InternalError.number(), STORAGE_FAILED, CloseReason::HandlerFailed);
    }

    /// Returns the approximate bytes of memory that waiting and in-flight messages take, without their strings, which
    /// other sessions may share.
    pub fn overhead(&self) -> usize {
        self.queue.overhead()
    }

    /// Returns the bytes that are in flight to a receiver and not acknowledged. The runtime may have a copy of them.
    pub fn in_flight(&self) -> usize {
        self.queue.sent_bytes()
    }

    /// Returns the bytes of the messages' strings that are in memory.
    pub fn bytes_in_memory(&self) -> usize {
        self.queue.bytes_in_memory()
    }
}
