//! What is counted of each service and transport, and how it adds up.
//!
//! Objects and isolates keep a [`Tally`] for each service and transport, and report what it grew by. One object adds the
//! reports up in [`Totals`], and `text` writes those for whoever asks. Connections that are open are no number of their own:
//! they are those that were opened without those that were closed.

mod form;
mod text;
mod totals;

pub use form::{decode, encode};
pub use totals::Totals;

use crate::sockjs::close_code::CloseCode;
use crate::sockjs::session::CloseReason;
use crate::sockjs::transport::Transport;

/// How many close codes are told apart for one service and transport: clients choose them.
const CODES_MAX: usize = 32;

/// Stands for all codes beyond [`CODES_MAX`].
const OTHER_CODES: u16 = 0;

/// Why a request was refused that would have opened a connection, received or sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// Pages of its origin may not connect.
    Origin,
    /// It has no ticket, or one that is not for this.
    Ticket,
    /// The application's `on_request` said no.
    Application,
    /// Its address opens too many connections.
    Address,
    /// The object has as many connections as it may have.
    Full,
    /// Another receiver of the session is attached.
    Contended,
    /// It sends to a session that is not known.
    UnknownSession,
    /// Its body or a message is too large, or has too many messages.
    TooLarge,
    /// It is not what its transport's clients send.
    Malformed,
    /// The object did not answer, or was too busy.
    Unavailable,
}

impl Refused {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Origin,
        Self::Ticket,
        Self::Application,
        Self::Address,
        Self::Full,
        Self::Contended,
        Self::UnknownSession,
        Self::TooLarge,
        Self::Malformed,
        Self::Unavailable,
    ];

    /// Its name as a label and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Ticket => "ticket",
            Self::Application => "application",
            Self::Address => "address",
            Self::Full => "full",
            Self::Contended => "contended",
            Self::UnknownSession => "unknown_session",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Messages in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many.
    pub messages: u64,
    /// Their bytes in UTF-8, as the application has them.
    pub bytes: u64,
}

impl Traffic {
    /// Adds one message.
    pub fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    fn merge(&mut self, more: Self) {
        self.messages = self.messages.saturating_add(more.messages);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

/// What was counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that were closed, by code, in the order of the codes.
    pub closed: Vec<(u16, u64)>,
    /// Requests that were refused.
    pub refused: Vec<(Refused, u64)>,
    /// From clients.
    pub received: Traffic,
    /// To clients: what the application sent, whether or not it was delivered.
    pub sent: Traffic,
    /// The most bytes that waited for one client.
    pub queue_high_water: u64,
}

impl Counts {
    /// Counts a connection's end.
    pub fn close(&mut self, code: u16, count: u64) {
        let is_known = self.closed.iter().any(|(known, _)| *known == code);
        let code = if is_known || self.closed.len() < CODES_MAX { code } else { OTHER_CODES };
        add(&mut self.closed, code, count);
    }

    /// Counts a refusal.
    pub fn refuse(&mut self, reason: Refused, count: u64) {
        add(&mut self.refused, reason, count);
    }

    /// How many more connections were opened than closed.
    pub fn open(&self) -> i64 {
        let closed: u64 = self.closed.iter().map(|(_, count)| count).sum();
        self.opened.cast_signed().saturating_sub(closed.cast_signed())
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, more: &Self) {
        self.opened = self.opened.saturating_add(more.opened);
        more.closed.iter().for_each(|(code, count)| self.close(*code, *count));
        more.refused.iter().for_each(|(reason, count)| self.refuse(*reason, *count));
        self.received.merge(more.received);
        self.sent.merge(more.sent);
        self.queue_high_water = self.queue_high_water.max(more.queue_high_water);
    }
}

/// Adds to one of the counts, which stay in the order of their keys.
fn add<K: Ord>(counts: &mut Vec<(K, u64)>, key: K, count: u64) {
    let at = counts.partition_point(|(known, _)| *known < key);
    match counts.get_mut(at).filter(|(known, _)| *known == key) {
        Some((_, known)) => *known = known.saturating_add(count),
        None => counts.insert(at, (key, count)),
    }
}

/// What was counted of one service and transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Prefix of the service, with the names of its parameters.
    pub service: String,
    /// None for requests that several transports have in common: `/info`, and sends over HTTP.
    pub transport: Option<Transport>,
    /// The numbers.
    pub counts: Counts,
}

/// Adds `more` to what is in `tallies`.
pub fn merge(tallies: &mut Vec<Tally>, more: &[Tally]) {
    for tally in more {
        match tallies.iter_mut().find(|known| known.service == tally.service && known.transport == tally.transport) {
            Some(known) => known.counts.merge(&tally.counts),
            None => tallies.push(tally.clone()),
        }
    }
}

/// The code that a connection counts as closed with.
pub fn code_of(reason: &CloseReason) -> u16 {
    match reason {
        CloseReason::Application { code, .. }
        | CloseReason::Client { code, .. }
        | CloseReason::Violation { code, .. } => *code,
        CloseReason::Interrupted | CloseReason::TimedOut => CloseCode::Interrupted.number(),
        CloseReason::HandlerFailed => CloseCode::InternalError.number(),
        CloseReason::TooSlow | CloseReason::Stalled => CloseCode::TryAgainLater.number(),
    }
}

/// Who closed a connection, for the log.
pub const fn closed_by(reason: &CloseReason) -> &'static str {
    match reason {
        CloseReason::Application { .. } => "application",
        CloseReason::Client { .. } => "client",
        CloseReason::Violation { .. } => "violation",
        CloseReason::Interrupted => "interruption",
        CloseReason::TimedOut => "timeout",
        CloseReason::HandlerFailed => "handler",
        CloseReason::TooSlow => "too_slow",
        CloseReason::Stalled => "stalled",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> Counts {
        let mut counts = Counts { opened: 3, queue_high_water: 7, ..Counts::default() };
        counts.close(1000, 1);
        counts.refuse(Refused::Origin, 2);
        counts.received.add(5);
        counts
    }

    #[test]
    fn counts_add_up_and_the_high_water_stays_the_highest() {
        let mut sum = counts();
        sum.close(1002, 1);
        sum.merge(&counts());
        assert_eq!((sum.opened, sum.open()), (6, 3));
        assert_eq!(sum.closed, [(1000, 2), (1002, 1)]);
        assert_eq!(sum.refused, [(Refused::Origin, 4)]);
        assert_eq!(sum.received, Traffic { messages: 2, bytes: 10 });
        assert_eq!(sum.queue_high_water, 7);
    }

    #[test]
    fn clients_cannot_make_codes_without_end() {
        let mut counts = Counts::default();
        (3000..5000).for_each(|code| counts.close(code, 1));
        counts.close(3000, 1);
        assert_eq!(counts.closed.len(), CODES_MAX + 1);
        assert_eq!(counts.closed[..2], [(OTHER_CODES, 2000 - CODES_MAX as u64), (3000, 2)]);
        assert_eq!(counts.open(), -2001);
    }
}
