//! The session state machine: inputs in, outputs drained, time an argument.
//!
//! # How to drive it
//!
//! After every input, and before the next, the caller runs this loop; it is all there is to driving a session:
//!
//! 1. **Input.** Call one of [`Session::attach`], [`Session::resume`], [`Session::ack`], [`Session::answered`],
//!    [`Session::finished`], [`Session::wrote`], [`Session::detach`], [`Session::probed`], [`Session::receive`],
//!    [`Session::send`], [`Session::close`], [`Session::disconnected`], [`Session::violated`], [`Session::end`],
//!    [`Session::tick`] or [`Session::beat_early`]. A new session counts as one.
//! 2. **Drain.** Call [`Session::poll_output`] until it gives `None`, and do what each [`Output`] says, in that order.
//! 3. **Arm.** Ask [`Session::deadline`] for the moment of the next [`Session::tick`].
//! 4. **Drop.** When [`Session::is_closed`], the session is over: nothing of it is stored any more.
//!
//! ```
//! use sockjs_protocol::sockjs::session::{Departure, Output, Receiver, ReceiverId, ReceiverKind, Rules, Session};
//! use sockjs_protocol::time::Millis;
//!
//! let poll = Receiver { id: ReceiverId(1), kind: ReceiverKind::OneFrame };
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
//! The invariant behind it: between two drains a session owes nobody anything. What it promised is with a receiver,
//! in storage (the fold of its [`Change`]s), or waits for a deadline that [`Session::deadline`] returns. The object asks for its two parts: an alarm
//! serves [`Session::lasting_deadline`], a timer serves [`Session::passing_deadline`].
//! While more messages are about to be sent to a client's WebSocket, step 2 may be done with
//! [`Session::poll_output_in_burst`]: what that leaves is owed until the drain with [`Session::poll_output`] that follows.

mod closing;
mod delivery;
mod output;
mod queue;
mod receiver;
mod rules;
mod stored;
mod timers;

pub use delivery::{READ, WINDOW};
pub use output::{CloseKind, CloseReason, Event, Output};
pub use receiver::{Departure, Held, Receiver, ReceiverId, ReceiverKind};
pub use rules::Rules;
pub use stored::{Change, Extent, Row, Stored, Tombstone};

use crate::service::options::Durability;
use crate::sockjs::close_code::{CloseCode, TIMED_OUT};
use crate::sockjs::frame::Message;
use crate::time::Millis;
use closing::{Closing, Word};
use queue::Queue;
use receiver::{Hold, InFlight};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;

/// Number of a message within its session: it only grows, also over restarts of the object. The open frame is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

/// Above every number that is given: as far as JavaScript and SQL of the runtime count exactly.
const MAX_SEQ: u64 = (1 << 53) - 1;

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The session is closing or closed: stop sending to it.
    Closed,
    /// As much waits for this client as its queue may hold (`queue_limit`): send less, or later.
    QueueFull,
    /// It is larger than `queue_limit`: it never fits.
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
/// *New* is the moment inside [`Session::open`]. In *closing* the application has been told that it is over, and the
/// close frame is answered to every receiver that asks; for a WebSocket that state lasts until the frame is delivered.
#[derive(Debug)]
pub struct Session {
    rules: Rules,
    /// Whether its one receiver is the client's own WebSocket; then nothing is stored.
    websocket: bool,
    phase: Phase,
    /// Who is attached.
    receiver: Option<Attached>,
    /// Who waits for the probe of the one attached.
    contender: Option<Receiver>,
    /// Who was given its last frame and has not yet said that it wrote it.
    ending: Option<Receiver>,
    /// Knowledge of the frames that whoever is attached or ending holds.
    in_flight: InFlight,
    /// Whom the open frame goes to, should it attach again: told by storage after a restart.
    opener: ReceiverId,
    /// When the last receive request ended, while none is attached.
    idle_since: Millis,
    /// Whether storage knows since when.
    absence_stored: bool,
    /// When it was opened, as long as its client has sent nothing and has to.
    silent_since: Option<Millis>,
    queue: Queue,
    /// Whether a receiver was lost that may still tell how far it got.
    hold: Option<Hold>,
    /// Outputs that go before deliveries, and those that can wait for them.
    before: VecDeque<Output>,
    after: VecDeque<Output>,
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
    /// When something last went out to it; unknown after the object slept.
    last_out: Option<Millis>,
    /// When this machine learned of it, if it slept: stands in for `last_out` until the alarm, which is already set.
    woken: Millis,
    /// What a timer asks of it, done at the next drain.
    due: Option<Due>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Heartbeat,
    /// It reached its maximum age.
    End,
}

impl Session {
    /// A new session, opened by its first receiver.
    pub fn open(now: Millis, rules: Rules, receiver: Receiver) -> Self {
        let mut session = Self::new(now, rules, receiver.id, Queue::new());
        session.websocket = receiver.kind == ReceiverKind::WebSocket;
        session.queue.push_open();
        session.silent_since = session.rules.first_message_timeout.map(|_| now);
        if !session.websocket {
            // Before the open frame: a session that storage did not take is none.
            session.before.push_back(Output::Persist(Change::Open { opener: receiver.id }));
        }
        session.after.push_back(Output::Notify(Event::Opened));
        session.adopt(now, receiver);
        session
    }

    /// After [`Session::restore`] or [`Session::wake_websocket`]: its client was never heard of since `opened`.
    pub fn wake_silent(&mut self, opened: Millis) {
        self.silent_since = self.rules.first_message_timeout.map(|_| opened);
    }

    /// A session as it was stored, with the receiver that stayed attached while the object slept, if one did; one that
    /// was given its last frame is not attached any more. The application is told nothing that it was told before.
    pub fn restore(now: Millis, rules: Rules, stored: Stored, attached: Option<(Receiver, Millis)>) -> Self {
        let queue = Queue::restore(now, &stored);
        let mut session = Self::new(now, rules, stored.opener, queue);
        if let Some(since) = stored.absent.filter(|_| attached.is_none()) {
            session.idle_since = since;
        }
        session.absence_stored = stored.absent.is_some();
        if attached.is_none() && session.queue.waiting_bytes() > 0 {
            session.hold = Some(Hold::from(now, None));
        }
        if let Some(tombstone) = stored.closed {
            if !stored.told {
                session.after.push_back(Output::Notify(Event::Closed(tombstone.close_reason())));
            }
            let word = if stored.told { Word::Heard } else { Word::Recorded };
            session.phase = Phase::Closing(Closing::new(tombstone, true, word));
        }
        session.wake(now, attached);
        session
    }

    /// After [`Session::restore`]: this receiver was given its last frame at `since` and has not yet said that it wrote it.
    pub fn wake_ending(&mut self, receiver: Receiver, since: Millis) {
        if self.receiver.is_none() {
            self.ending = Some(receiver);
            self.in_flight = InFlight::Unknown;
            self.idle_since = since;
            self.hold = None;
        }
    }

    /// A WebSocket session whose object slept. Nothing of it is stored.
    pub fn wake_websocket(now: Millis, rules: Rules) -> Self {
        let mut session = Self::new(now, rules, Receiver::WEBSOCKET.id, Queue::new());
        session.websocket = true;
        session.wake(now, Some((Receiver::WEBSOCKET, now)));
        session
    }

    fn new(now: Millis, rules: Rules, opener: ReceiverId, queue: Queue) -> Self {
        Self {
            rules,
            websocket: false,
            phase: Phase::Open,
            receiver: None,
            contender: None,
            ending: None,
            in_flight: InFlight::Known,
            opener,
            idle_since: now,
            absence_stored: false,
            silent_since: None,
            queue,
            hold: None,
            before: VecDeque::new(),
            after: VecDeque::new(),
        }
    }

    fn wake(&mut self, now: Millis, attached: Option<(Receiver, Millis)>) {
        // A poll that is attached was given nothing, and a client's WebSocket acknowledges nothing.
        if attached.is_some_and(|(receiver, _)| receiver.kind == ReceiverKind::Stream) {
            self.in_flight = InFlight::Unknown;
        }
        self.receiver =
            attached.map(|(receiver, since)| Attached { receiver, since, last_out: None, woken: now, due: None });
    }

    /// Whether the application may send.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Whether the session is over and nothing of it is left.
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Whether a receiver is attached.
    pub fn is_attached(&self) -> bool {
        self.receiver.is_some()
    }

    /// Bytes that wait for a receiver.
    pub fn buffered_amount(&self) -> usize {
        self.queue.waiting_bytes()
    }

    /// True if something waits for a receiver, or is in flight to one.
    pub fn has_unread(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Number of messages that receivers have read since the object came into memory: it grows while a client reads.
    pub fn read_count(&self) -> u64 {
        self.queue.acknowledged()
    }

    /// Takes note that the client sent messages. False if the session is closing: then they mean nothing.
    pub fn receive(&mut self) -> bool {
        if self.is_open() && self.silent_since.take().is_some() {
            self.persist(Change::Heard);
        }
        self.is_open()
    }

    /// True if a message of so many bytes can never be sent.
    pub fn is_too_large(&self, bytes: usize) -> bool {
        bytes > self.rules.queue_limit
    }

    /// Bytes that wait for a receiver, with what each message takes besides its own. What a response holds in flight waits again
    /// if that breaks: more of it than the queue may hold counts too, or the queue would grow with each break.
    pub fn waiting_cost(&self) -> usize {
        let most = self.rules.queue_limit.max(delivery::WINDOW);
        self.queue.waiting_cost().saturating_add(self.queue.sent_bytes().saturating_sub(most))
    }

    /// The application sends a message. `always` takes it though the queue is full.
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

    /// Takes the rows that [`Output::Read`] asked for, in the order of their numbers. Without the message asked for, the session
    /// is over: it would have a gap.
    pub fn read(&mut self, now: Millis, first: Seq, rows: &[Row]) {
        if self.queue.read(first, rows) {
            return;
        }
        self.drop_waiting();
        self.close(now, CloseCode::InternalError.number(), "Storage failed", CloseReason::HandlerFailed);
    }

    /// Writes to storage what waits in memory alone, because memory is short. [`Session::leave_in_rows`] is to follow the drain.
    pub fn store_early(&mut self) {
        if !self.websocket {
            self.store_waiting();
        }
    }

    /// Lets go of messages that wait and that storage has.
    pub fn leave_in_rows(&mut self) {
        self.queue.leave_in_rows();
    }

    /// Bytes of memory that what waits or is in flight takes, about; without the texts of messages, which other sessions may
    /// share.
    pub fn overhead(&self) -> usize {
        self.queue.overhead()
    }

    /// Bytes that are on their way to a receiver without an acknowledgement: the runtime may have a copy.
    pub fn in_flight(&self) -> usize {
        self.queue.sent_bytes()
    }

    /// Bytes of the texts of messages that are in memory.
    pub fn bytes_in_memory(&self) -> usize {
        self.queue.bytes_in_memory()
    }

    /// A [`Output::Persist`] failed: what it was to keep is in memory alone, and is tried again where that helps.
    pub fn not_persisted(&mut self, now: Millis, change: &Change) {
        match change {
            // A session that storage does not know would be unknown after the next sleep.
            Change::Open { .. } => self.abandon(),
            Change::Append(row) => self.queue.mark_unstored(now, row.first, row.last()),
            Change::Forget => {
                let tombstone = Tombstone {
                    code: CloseCode::Interrupted.number(),
                    reason: TIMED_OUT.into(),
                    kind: CloseKind::TimedOut,
                    at: now,
                };
                self.phase = Phase::Closing(Closing::new(tombstone, true, Word::Heard));
                self.idle_since = now;
            }
            // The next one says the same and more.
            Change::Discard { .. } | Change::Close { .. } | Change::Told | Change::Absent(_) | Change::Heard => {}
        }
    }

    /// Takes back the message that was sent last, since it could not be written.
    pub fn unsend(&mut self) {
        self.queue.pop_unsent();
    }

    /// Writes of messages that wait to be done, before anything else is: with [`Durability::Outbox`], `send` does not
    /// return before them.
    pub fn take_writes(&mut self) -> Vec<Change> {
        let mut writes = Vec::new();
        for output in std::mem::take(&mut self.before) {
            match output {
                Output::Persist(change @ Change::Append(_)) => writes.push(change),
                other => self.before.push_back(other),
            }
        }
        writes
    }

    /// It never was.
    fn abandon(&mut self) {
        self.phase = Phase::Closed;
        self.receiver = None;
        self.queue.clear();
        self.before.clear();
        self.after.clear();
    }

    /// Whether messages are written to storage before they are delivered.
    fn writes_first(&self) -> bool {
        self.rules.durability == Durability::Outbox && !self.websocket
    }

    fn persist(&mut self, change: Change) {
        // A WebSocket send waits for the writes before it, so frames leave first wherever the promise allows it.
        let queue = if self.writes_first() { &mut self.before } else { &mut self.after };
        queue.push_back(Output::Persist(change));
    }

    fn acknowledge(&mut self, seq: Seq) {
        if let Some(through) = self.queue.acknowledge(seq) {
            self.persist(Change::Discard { through });
        }
    }

    fn store_waiting(&mut self) {
        for row in self.queue.take_unstored() {
            self.persist(Change::Append(row));
        }
    }
}
