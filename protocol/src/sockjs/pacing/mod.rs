//! Pacing: when a client's messages reach the handler, and when its sends are answered.
//!
//! A handler that answers each message with others can fill the queue of its client in one event. So the handler waits for the
//! client: while too much waits in the [`Session`](crate::sockjs::session::Session), no further message is taken out of the inbox.
//! While the inbox is full, sends over HTTP wait for their answer, which keeps the client from sending more: stock clients
//! have one send under way, and set no time limit.
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
//! 2. **Run.** If [`Pacing::begin`] says so, call the handler with each job of [`Pacing::next`], and [`Pacing::finish`] when
//!    it returned. The run is over when `next` gives `None`.
//! 3. **Answer.** After each event, tell [`Pacing::look`] how far the client read, and ask [`Pacing::answer`] for each send
//!    whose request waits.
//! 4. **Arm.** Do the same again at [`Pacing::deadline`].
//!
//! The handler sees the messages of one client in the order in which they arrived, each once, after `Open`; `Close` is always
//! the last job and always comes.

mod gate;
mod inbox;
mod sends;

pub use gate::{Gate, SWIFT};

use crate::service::options::{Config, Durability};
use crate::sockjs::close_code::CloseCode;
use crate::sockjs::payload::Messages;
use crate::sockjs::session::CloseReason;
use crate::time::Millis;
use inbox::{Inbox, Pause};
use sends::Sends;
use std::fmt;

/// The settings that pacing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacingRules {
    /// Bytes that may wait for the client; while more than half of them do, no message goes to the handler.
    pub queue_limit: usize,
    /// Bytes that may wait for the handler.
    pub inbox_limit: usize,
    /// Longest time for which a send is held.
    pub send_timeout: Millis,
    /// Time for which a client may read nothing while a send of its own is held.
    pub stall_timeout: Millis,
    /// True if a send is answered only when its handlers returned.
    pub waits_for_handlers: bool,
}

impl PacingRules {
    /// The rules that `config` sets.
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
    /// True while memory is short: then nothing may wait for the client.
    pub is_memory_short: bool,
}

impl From<usize> for Ahead {
    fn from(bytes: usize) -> Self {
        Self { bytes, ..Self::default() }
    }
}

/// The next thing to call the handler with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// The connection is open. Always the first.
    Open,
    /// The client sent a message.
    Message(String),
    /// The connection is over. Always the last.
    Close(CloseReason),
}

/// More than `inbox_limit` would wait for the handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxFull;

/// The answer to the request that brought a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendAnswer {
    /// The messages are taken.
    Taken,
    /// The messages still wait: the request is to be made again.
    Later,
    /// The session ended before its handler could take the messages.
    Over,
    /// The messages cannot be taken, and the session has to be closed.
    Refused(Refusal),
}

/// Reason for refusing a send. `Display` gives the reason in the close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It was held for `send_timeout`.
    TimedOut,
    /// The client read nothing for `stall_timeout`.
    Stalled,
    /// There is no memory for it.
    Full,
    /// Its body did not arrive while others waited behind it.
    Slow,
}

impl Refusal {
    /// Close code of the session.
    pub const CODE: u16 = CloseCode::TryAgainLater.number();
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "Messages come faster than they are handled",
            Self::Stalled => "Messages come faster than the client reads",
            Self::Full => "Too many messages wait",
            Self::Slow => "A message did not arrive in time",
        })
    }
}

/// The way of one client's messages to the handler.
#[derive(Debug)]
pub struct Pacing {
    rules: PacingRules,
    inbox: Inbox,
    sends: Sends,
    state: State,
    /// Messages read, and since when the client has read no other although something waits for it.
    read: u64,
    unread_since: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The client left: nobody waits for it any more, and what it sent before is still handled.
    Left,
    /// There is no memory for what the client sent: it is about to be closed, and nothing may be handled after the gap.
    GivenUp,
    /// The application closed it: what the client sent before is not wanted any more.
    Closed,
    /// It was closed because of what the client sent.
    Violated,
}

impl Pacing {
    /// Nothing was sent yet.
    pub fn new(rules: PacingRules) -> Self {
        Self {
            rules,
            inbox: Inbox::default(),
            sends: Sends::default(),
            state: State::Open,
            read: 0,
            unread_since: None,
        }
    }

    /// The session is open.
    pub fn opened(&mut self) {
        self.inbox.open();
    }

    /// The session is over.
    pub fn closed(&mut self, reason: CloseReason) {
        self.state = match reason {
            CloseReason::Client { .. } | CloseReason::Interrupted | CloseReason::TimedOut => State::Left,
            CloseReason::Application { .. }
            | CloseReason::HandlerFailed
            | CloseReason::TooSlow
            | CloseReason::Stalled => State::Closed,
            CloseReason::Violation { .. } => State::Violated,
        };
        if self.state != State::Left {
            self.inbox.drop_messages();
        }
        // Nobody takes what is held any more, and its requests are answered without it.
        self.sends.drop_held();
        self.inbox.close(reason);
    }

    /// Messages of a WebSocket came.
    ///
    /// # Errors
    ///
    /// If they do not fit. An empty inbox takes anything.
    pub fn receive(&mut self, messages: Messages) -> Result<(), InboxFull> {
        if self.state != State::Open || (messages.is_empty() && self.inbox.is_empty()) {
            return Ok(());
        }
        if !self.inbox.has_room(messages.cost(), self.rules.inbox_limit) {
            return Err(InboxFull);
        }
        self.inbox.push(messages);
        Ok(())
    }

    /// Bytes that wait for the handler.
    pub fn inbox_bytes(&self) -> usize {
        self.inbox.bytes()
    }

    /// Bytes that wait for the handler, and of sends that are held.
    pub fn bytes(&self) -> usize {
        self.inbox.bytes().saturating_add(self.sends.held_bytes())
    }

    /// True if the client left and `on_close` was not called yet. Messages that the handler sends then are dropped, without an
    /// error: it cannot know.
    pub fn is_left(&self) -> bool {
        self.state == State::Left && self.inbox.has_close()
    }

    /// True if the client is behind: so many bytes wait for it that the application has to wait, too.
    pub fn is_behind(&self, ahead: impl Into<Ahead>) -> bool {
        let Ahead { bytes, is_memory_short, .. } = ahead.into();
        bytes > if is_memory_short { 0 } else { self.rules.queue_limit / 2 }
    }

    /// True if a run of the handler has to begin.
    pub fn begin(&mut self, ahead: impl Into<Ahead>) -> bool {
        self.inbox.begin(self.pause(ahead.into()))
    }

    /// The next job of the run, or `None` at its end.
    pub fn next(&mut self, ahead: impl Into<Ahead>) -> Option<Job> {
        self.inbox.next(self.pause(ahead.into()))
    }

    /// True if a run would begin if the gate of the room were not shut.
    pub fn waits_for_room(&self, ahead: Ahead) -> bool {
        ahead.is_room_shut && self.inbox.can_begin(self.pause(Ahead { is_room_shut: false, ..ahead }))
    }

    /// The handler returned from the job given last.
    pub fn finish(&mut self) {
        self.inbox.finish();
    }

    /// True if there is nothing to call the handler with, and no send waits.
    pub fn is_at_rest(&self) -> bool {
        self.inbox.is_empty() && self.sends.is_at_rest()
    }

    /// True if the session was closed because of what the client sent.
    pub fn is_violated(&self) -> bool {
        self.state == State::Violated
    }

    /// True if the client has read nothing for `time` although something waits for it.
    pub fn is_stalled(&self, now: Millis, time: Millis) -> bool {
        self.unread_since.is_some_and(|since| since + time <= now)
    }

    /// True if messages wait for the client to read, and nothing else is the reason.
    pub fn is_waiting(&self) -> bool {
        self.inbox.is_waiting()
    }

    /// Drops the messages that wait, since the application closes the session or its handler failed: [`Pacing::closed`] follows,
    /// and until then no other message goes to the handler.
    pub fn drop_messages(&mut self) {
        self.drop_as(State::Closed);
    }

    /// Drops everything that takes memory, because there is none left. The session has to be closed, and until then no other
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

    /// True if the send with this id came before.
    pub fn knows(&self, id: u64) -> bool {
        self.sends.knows(id)
    }

    /// True if the messages of the send with this id went to the inbox.
    pub fn is_taken(&self, id: u64) -> bool {
        self.sends.is_taken(id)
    }

    /// The request of a send arrived: its messages go to the handler after those of all that arrived before.
    pub fn arrive(&mut self, now: Millis, id: u64) {
        self.sends.arrive(now, id, self.rules.inbox_limit);
    }

    /// The body of a send that arrived is here.
    pub fn bring(&mut self, now: Millis, id: u64, messages: Messages) {
        if self.state != State::Open {
            return;
        }
        self.sends.bring(now, id, messages);
        self.advance(now);
    }

    /// Notes how far the client got: whether something waits for it, and how many messages it has read.
    pub fn look(&mut self, now: Millis, has_unread: bool, read: u64) {
        if !has_unread {
            self.unread_since = None;
        } else if self.unread_since.is_none() || read != self.read {
            self.unread_since = Some(now);
        }
        self.read = read;
        self.advance(now);
    }

    /// The answer to the request of a send, if it is time for one. After [`SendAnswer::Later`] the messages have to be brought
    /// again.
    pub fn answer(&mut self, now: Millis, id: u64) -> Option<SendAnswer> {
        match self.state {
            State::Open | State::GivenUp => {}
            // What the client reads next is the close frame. A stock client would not, if its send failed.
            State::Closed => return Some(SendAnswer::Taken),
            State::Left | State::Violated if self.sends.is_taken(id) => return Some(SendAnswer::Taken),
            State::Left | State::Violated => return Some(SendAnswer::Over),
        }
        let is_handled = |item| !self.rules.waits_for_handlers || self.inbox.is_done(item);
        self.sends.answer(now, id, &self.rules, self.unread_since, is_handled)
    }

    /// Replaces the answer [`SendAnswer::Later`] to a Worker that does not ask again: the messages are taken if they are in the
    /// inbox, else refused.
    pub fn answer_for_good(&mut self, id: u64) -> SendAnswer {
        self.sends.answer_for_good(id)
    }

    /// The moment at which [`Pacing::answer`] has something new to say without another event.
    pub fn deadline(&self) -> Option<Millis> {
        match self.state {
            State::Open | State::GivenUp => self.sends.deadline(&self.rules, self.unread_since),
            State::Left | State::Closed | State::Violated => None,
        }
    }

    /// Moves what fits from the line of sends into the inbox.
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
