//! Pacing: decides when a client's messages reach the handler, and when its sends are answered.
//!
//! A handler that answers each message with several others can fill the queue of its client in one event. So the handler waits
//! for the client: while too much data waits in the [`Session`](crate::sockjs::session::Session), no further message is taken out
//! of the inbox. While the inbox is full, sends over HTTP wait for their response. This keeps the client from sending more: stock
//! clients have one send in flight and set no time limit.
//!
//! ```text
//!   WebSocket message ──────────────────────────┐
//!   xhr_send, jsonp_send ──▶ line of sends ──▶ inbox ──▶ handler ──▶ queue of the session ──▶ client
//!                             held while the      │ no next message
//!                             inbox is full       │ while the client is behind, or the room's gate is shut
//! ```
//!
//! # How to drive it
//!
//! 1. **Input.** [`Pacing::opened`], [`Pacing::receive`], [`Pacing::arrive`] and [`Pacing::bring`], [`Pacing::closed`].
//! 2. **Run.** If [`Pacing::begin`] returns true, call the handler with each job of [`Pacing::next`], and call
//!    [`Pacing::finish`] when the handler returned. The run is over when `next` returns `None`.
//! 3. **Answer.** After each event, report the client's progress to [`Pacing::look`], and ask [`Pacing::answer`] for
//!    each send whose request waits.
//! 4. **Arm.** Repeat step 3 at [`Pacing::deadline`].
//!
//! The handler sees the messages of one client in the order in which they arrived, each message once, after `Open`.
//! `Close` is always the last job and always comes.

mod gate;
mod inbox;
mod numbers;
mod sends;

pub use gate::{Gate, SWIFT};

use crate::service::options::{Config, Durability};
use crate::sockjs::close_code::{CloseCode, TOO_MUCH};
use crate::sockjs::payload::Messages;
use crate::sockjs::session::CloseReason;
use crate::time::Millis;
use inbox::{Inbox, ItemNumber, Pause};
use numbers::Numbers;
use sends::Sends;
use std::fmt;

/// The settings that pacing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacingRules {
    /// Bytes that may wait for the client. While more than half of them wait, no message goes to the handler.
    pub queue_limit: usize,
    /// Bytes that may wait for the handler.
    pub inbox_limit: usize,
    /// Longest time for which a send is held.
    pub send_timeout: Millis,
    /// Time for which a client may read nothing while a send of its own is held.
    pub stall_timeout: Millis,
    /// True if a send is answered only after its handlers returned.
    pub waits_for_handlers: bool,
}

impl PacingRules {
    /// Returns the rules that `config` sets.
    pub fn of(config: &Config) -> Self {
        Self {
            queue_limit: config.queue_limit,
            inbox_limit: config.inbox_limit,
            send_timeout: config.send_timeout,
            stall_timeout: config.stall_timeout,
            waits_for_handlers: config.durability == Durability::Outbox,
        }
    }
}

/// Reasons for a handler to wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Bytes that wait for the client.
    pub bytes: usize,
    /// True while the [`Gate`] of the room is shut.
    pub is_room_shut: bool,
    /// True while memory is short; nothing may wait for the client then.
    pub is_memory_short: bool,
}

impl From<usize> for Ahead {
    fn from(bytes: usize) -> Self {
        Self { bytes, ..Self::default() }
    }
}

/// Next call of the handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// The connection is open. Always the first job of a connection.
    Open,
    /// The connection, whose WebSocket the Worker holds, came back after a restart of the object. It is the first job then.
    Return,
    /// The client sent a message.
    Message(String),
    /// The connection is over. Always the last job.
    Close(CloseReason),
}

/// Error for messages that do not fit into `inbox_limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxFull;

/// The answer to the request of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendAnswer {
    /// The messages are accepted.
    Taken,
    /// The messages still wait: the request has to be repeated.
    Later,
    /// The session ended before its handler could take the messages.
    Over,
    /// The messages cannot be accepted, and the session has to be closed.
    Refused(Refusal),
}

/// Reason for refusing a send. `Display` writes the reason of the close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The send was held for `send_timeout`.
    TimedOut,
    /// The client read nothing for `stall_timeout`.
    Stalled,
    /// There is no memory for the send.
    Full,
    /// The body of the send did not arrive while others waited behind it.
    Slow,
}

impl Refusal {
    /// Close code of the session.
    pub const CODE: u16 = CloseCode::TryAgainLater.number();
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => TOO_MUCH,
            Self::Stalled => "Messages come faster than the client reads",
            Self::Full => "Too many messages wait",
            Self::Slow => "A message did not arrive in time",
        })
    }
}

/// Path of one client's messages to the handler.
#[derive(Debug)]
pub struct Pacing {
    rules: PacingRules,
    inbox: Inbox,
    numbers: Numbers,
    sends: Sends,
    state: State,
    /// Number of messages that the client has read, and the time since which it has read no other although data waits for it.
    read: u64,
    unread_since: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The client left. Nobody waits for it any more, but messages that it sent before are still handled.
    Left,
    /// There is no memory for messages of the client. Its session is about to be closed, and no message may be handled after the
    /// gap.
    GivenUp,
    /// The application closed the session. Messages that the client sent before are dropped.
    Closed,
    /// The session was closed because of a message or request of the client.
    Violated,
}

impl Pacing {
    /// Creates the pacing of a session in which nothing was sent yet.
    pub fn new(rules: PacingRules) -> Self {
        Self {
            rules,
            inbox: Inbox::default(),
            numbers: Numbers::default(),
            sends: Sends::default(),
            state: State::Open,
            read: 0,
            unread_since: None,
        }
    }

    /// Notes that the session is open.
    pub fn opened(&mut self) {
        self.inbox.open();
    }

    /// Notes that the client, whose WebSocket the Worker holds, is back after a restart of the object.
    pub fn returned(&mut self) {
        self.inbox.return_held();
    }

    /// Notes that the session is over.
    pub fn closed(&mut self, reason: CloseReason) {
        self.state = match reason {
            CloseReason::Client { .. }
            | CloseReason::Interrupted
            | CloseReason::TimedOut
            | CloseReason::Silent
            | CloseReason::Lost => State::Left,
            CloseReason::Application { .. }
            | CloseReason::HandlerFailed
            | CloseReason::TooSlow
            | CloseReason::Stalled => State::Closed,
            CloseReason::Violation { .. } => State::Violated,
        };
        if self.state != State::Left {
            self.inbox.drop_messages();
        }
        // Nobody takes the held messages any more, and their requests are answered without them.
        self.sends.drop_held();
        self.inbox.close(reason);
    }

    /// Takes messages of a WebSocket into the inbox.
    ///
    /// # Errors
    ///
    /// Returns an error if the messages do not fit. An empty inbox takes anything.
    pub fn receive(&mut self, messages: Messages) -> Result<(), InboxFull> {
        self.push(messages).map(|_| ())
    }

    /// Takes the message `number` of a WebSocket that the Worker holds into the inbox.
    ///
    /// # Errors
    ///
    /// Returns an error if the messages do not fit. An empty inbox takes anything.
    pub fn receive_numbered(&mut self, number: u64, messages: Messages) -> Result<(), InboxFull> {
        let item = self.push(messages)?;
        self.numbers.receive(number, item);
        Ok(())
    }

    fn push(&mut self, messages: Messages) -> Result<Option<ItemNumber>, InboxFull> {
        if self.state != State::Open || (messages.is_empty() && self.inbox.is_empty()) {
            return Ok(None);
        }
        if !self.inbox.has_room(messages.cost(), self.rules.inbox_limit) {
            return Err(InboxFull);
        }
        Ok(Some(self.inbox.push(messages)))
    }

    /// Notes that another instance of the object handled the client's messages up to the number `handled`.
    pub fn start_numbers(&mut self, handled: u64) {
        self.numbers.start(handled);
    }

    /// Returns the number of the last message of the client that arrived.
    pub fn received(&self) -> u64 {
        self.numbers.received()
    }

    /// Returns the number up to which the client's messages are handled.
    pub fn handled(&mut self) -> u64 {
        self.numbers.handled(|item| self.inbox.is_done(item))
    }

    /// Returns the bytes that wait for the handler.
    pub fn inbox_bytes(&self) -> usize {
        self.inbox.bytes()
    }

    /// Returns the bytes that wait for the handler, together with those of sends that are held.
    pub fn bytes(&self) -> usize {
        self.inbox.bytes().saturating_add(self.sends.held_bytes())
    }

    /// True if the client left and `on_close` was not called yet. Messages that the handler sends meanwhile are dropped without
    /// an error, since the handler cannot know.
    pub fn is_left(&self) -> bool {
        self.state == State::Left && self.inbox.has_close()
    }

    /// True if the client is behind: so much data waits for it that the application has to wait, too.
    pub fn is_behind(&self, ahead: impl Into<Ahead>) -> bool {
        let Ahead { bytes, is_memory_short, .. } = ahead.into();
        bytes > if is_memory_short { 0 } else { self.rules.queue_limit / 2 }
    }

    /// Begins a run of the handler if there is a job for it. Returns true if a run begins.
    pub fn begin(&mut self, ahead: impl Into<Ahead>) -> bool {
        self.inbox.begin(self.pause(ahead.into()))
    }

    /// Returns the next job of the run, or `None` at its end.
    pub fn next(&mut self, ahead: impl Into<Ahead>) -> Option<Job> {
        self.inbox.next(self.pause(ahead.into()))
    }

    /// True if a run would begin if the gate of the room were not shut.
    pub fn waits_for_room(&self, ahead: Ahead) -> bool {
        ahead.is_room_shut && self.inbox.can_begin(self.pause(Ahead { is_room_shut: false, ..ahead }))
    }

    /// Notes that the handler returned from the last job.
    pub fn finish(&mut self) {
        self.inbox.finish();
    }

    /// True if the inbox is empty and no send waits.
    pub fn is_at_rest(&self) -> bool {
        self.inbox.is_empty() && self.sends.is_at_rest()
    }

    /// True if the session was closed because of a message or request of the client.
    pub fn is_violated(&self) -> bool {
        self.state == State::Violated
    }

    /// True if the client has read nothing for `time` although data waits for it.
    pub fn is_stalled(&self, now: Millis, time: Millis) -> bool {
        self.unread_since.is_some_and(|since| since + time <= now)
    }

    /// True if jobs wait for the handler although no run is under way.
    pub fn is_waiting(&self) -> bool {
        self.inbox.is_waiting()
    }

    /// Drops the waiting messages, since the application closes the session or its handler failed. [`Pacing::closed`] follows.
    /// Until then no other message goes to the handler.
    pub fn drop_messages(&mut self) {
        self.drop_as(State::Closed);
    }

    /// Drops everything that takes memory, because no memory is left. The session has to be closed. Until then no other
    /// message goes to the handler.
    pub fn give_up(&mut self) {
        self.drop_as(State::GivenUp);
    }

    fn drop_as(&mut self, state: State) {
        if self.state == State::Open {
            self.state = state;
        }
        self.inbox.drop_messages();
        self.sends.drop_held();
    }

    fn pause(&self, ahead: Ahead) -> Pause {
        if ahead.is_room_shut {
            Pause::Room
        } else if self.state == State::Open && self.is_behind(ahead) {
            Pause::Client
        } else {
            Pause::No
        }
    }

    /// True if a send with this id arrived before.
    pub fn knows(&self, id: u64) -> bool {
        self.sends.knows(id)
    }

    /// True if the messages of the send with this id went to the inbox.
    pub fn is_taken(&self, id: u64) -> bool {
        self.sends.is_taken(id)
    }

    /// Notes the arrival of a send's request. Its messages go to the handler after those of all sends that arrived
    /// before.
    pub fn arrive(&mut self, now: Millis, id: u64) {
        self.sends.arrive(now, id, self.rules.inbox_limit);
    }

    /// Takes the messages in the body of a send that arrived.
    pub fn bring(&mut self, now: Millis, id: u64, messages: Messages) {
        if self.state != State::Open {
            return;
        }
        self.sends.bring(now, id, messages);
        self.advance(now);
    }

    /// Notes the client's progress: whether data waits for the client, and how many messages it has read.
    pub fn look(&mut self, now: Millis, has_unread: bool, read: u64) {
        if !has_unread {
            self.unread_since = None;
        } else if self.unread_since.is_none() || read != self.read {
            self.unread_since = Some(now);
        }
        self.read = read;
        self.advance(now);
    }

    /// Returns the answer to the request of a send, or `None` while the request has to wait. After [`SendAnswer::Later`] the
    /// messages have to be brought again.
    pub fn answer(&mut self, now: Millis, id: u64) -> Option<SendAnswer> {
        match self.state {
            State::Open | State::GivenUp => {}
            // The client next reads the close frame. A stock client would not read it if its send failed.
            State::Closed => return Some(SendAnswer::Taken),
            State::Left | State::Violated if self.sends.is_taken(id) => return Some(SendAnswer::Taken),
            State::Left | State::Violated => return Some(SendAnswer::Over),
        }
        let is_handled = |item| !self.rules.waits_for_handlers || self.inbox.is_done(item);
        self.sends.answer(now, id, &self.rules, self.unread_since, is_handled)
    }

    /// Replaces the answer [`SendAnswer::Later`] for a Worker that does not ask again. The messages are accepted if they are in
    /// the inbox, and refused otherwise.
    pub fn answer_for_good(&mut self, id: u64) -> SendAnswer {
        self.sends.answer_for_good(id)
    }

    /// Returns the time at which [`Pacing::answer`] changes without another event.
    pub fn deadline(&self) -> Option<Millis> {
        match self.state {
            State::Open | State::GivenUp => self.sends.deadline(&self.rules, self.unread_since),
            State::Left | State::Closed | State::Violated => None,
        }
    }

    /// Moves the messages that fit from the line of sends into the inbox.
    fn advance(&mut self, now: Millis) {
        if self.state != State::Open {
            return;
        }
        while let Some((id, messages)) = self.sends.next(now, |cost| self.inbox.has_room(cost, self.rules.inbox_limit))
        {
            let item = self.inbox.push(messages);
            self.sends.taken(now, id, item, &self.rules);
        }
    }
}
