//! Counters for each service and transport, and their sums.
//!
//! Objects and isolates keep a [`Tally`] for each service and transport, and report by how much it grew. One object
//! adds the reports up in [`Totals`], which `text` writes in the format of Prometheus. No counter holds the open
//! connections: their number is that of the opened connections minus that of the closed ones.

mod form;
mod text;
mod totals;
mod upstream;

pub use form::{decode, encode};
pub use totals::Totals;
pub use upstream::{BreakerLabel, UpstreamCounts};

use crate::sockjs::close_code::CloseCode;
use crate::sockjs::session::CloseReason;
use crate::sockjs::transport::Transport;

/// Largest number of different close codes for one service and transport. It is limited because clients choose the
/// codes.
const CODES_MAX: usize = 32;

/// Placeholder for all codes beyond [`CODES_MAX`].
const OTHER_CODES: u16 = 0;

/// Reason for the refusal of a request that would have opened a connection, received messages or sent messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refused {
    /// Pages of the request's origin may not connect.
    Origin,
    /// The request has no ticket, or a ticket that is not valid for it.
    Ticket,
    /// The application's `on_request` refused the request.
    Application,
    /// The client's address opens too many connections.
    Address,
    /// The object has reached its limit of connections.
    Full,
    /// Another receiver of the session is attached.
    Contended,
    /// The request sends to an unknown session.
    UnknownSession,
    /// The body or a message is too large, or the body has too many messages.
    TooLarge,
    /// Clients of the request's transport do not send such a request.
    Malformed,
    /// The object did not answer, or was too busy.
    Unavailable,
    /// The upstream refused the connection or did not answer, or was not asked because it is failing.
    Upstream,
}

impl Refused {
    /// Every reason.
    pub const ALL: [Self; 11] = [
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
        Self::Upstream,
    ];

    /// Returns the reason's name, as a label and in the log.
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
            Self::Upstream => "upstream",
        }
    }
}

/// Messages in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Number of the messages.
    pub messages: u64,
    /// Bytes of the messages in UTF-8, as the application sends or receives them.
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

/// Counts of connections, refusals and messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that were closed, by close code and in the order of the codes.
    pub closed: Vec<(u16, u64)>,
    /// Requests that were refused, by reason.
    pub refused: Vec<(Refused, u64)>,
    /// Messages from clients.
    pub received: Traffic,
    /// Messages that the application sent to clients, delivered or not.
    pub sent: Traffic,
    /// Most bytes that waited for one client.
    pub queue_high_water: u64,
    /// Counts of a service with an upstream.
    pub upstream: UpstreamCounts,
}

impl Counts {
    /// Adds `count` connections that were closed with `code`.
    pub fn close(&mut self, code: u16, count: u64) {
        let is_known = self.closed.iter().any(|(known, _)| *known == code);
        let code = if is_known || self.closed.len() < CODES_MAX { code } else { OTHER_CODES };
        add(&mut self.closed, code, count);
    }

    /// Adds `count` refusals.
    pub fn refuse(&mut self, reason: Refused, count: u64) {
        add(&mut self.refused, reason, count);
    }

    /// Returns the number of opened connections minus the number of closed ones.
    pub fn open(&self) -> i64 {
        let closed: u64 = self.closed.iter().map(|(_, count)| count).sum();
        self.opened.cast_signed().saturating_sub(closed.cast_signed())
    }

    /// Adds the counts in `more`. The high-water mark becomes the higher of the two.
    pub fn merge(&mut self, more: &Self) {
        self.opened = self.opened.saturating_add(more.opened);
        more.closed.iter().for_each(|(code, count)| self.close(*code, *count));
        more.refused.iter().for_each(|(reason, count)| self.refuse(*reason, *count));
        self.received.merge(more.received);
        self.sent.merge(more.sent);
        self.queue_high_water = self.queue_high_water.max(more.queue_high_water);
        self.upstream.merge(&more.upstream);
    }
}

/// Adds to the count with this key. The counts stay in the order of their keys.
fn add<K: Ord>(counts: &mut Vec<(K, u64)>, key: K, count: u64) {
    let at = counts.partition_point(|(known, _)| *known < key);
    match counts.get_mut(at).filter(|(known, _)| *known == key) {
        Some((_, known)) => *known = known.saturating_add(count),
        None => counts.insert(at, (key, count)),
    }
}

/// Adds a key that is missing. The keys stay in order.
fn add_once<K: Ord>(keys: &mut Vec<K>, key: K) {
    if let Err(at) = keys.binary_search(&key) {
        keys.insert(at, key);
    }
}

/// Counts of one service and transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Prefix of the service, with the names of its parameters.
    pub service: String,
    /// Transport; `None` for requests that several transports have in common: `/info`, and sends over HTTP.
    pub transport: Option<Transport>,
    /// The counts themselves.
    pub counts: Counts,
}

/// Adds the counts in `more` to those in `tallies`.
pub fn merge(tallies: &mut Vec<Tally>, more: &[Tally]) {
    for tally in more {
        match tallies.iter_mut().find(|known| known.service == tally.service && known.transport == tally.transport) {
            Some(known) => known.counts.merge(&tally.counts),
            None => tallies.push(tally.clone()),
        }
    }
}

/// Returns the close code under which a closed connection is counted.
pub fn code_of(reason: &CloseReason) -> u16 {
    match reason {
        CloseReason::Application { code, .. }
        | CloseReason::Client { code, .. }
        | CloseReason::Violation { code, .. } => *code,
        CloseReason::Interrupted | CloseReason::TimedOut => CloseCode::Interrupted.number(),
        CloseReason::Lost => CloseCode::Abnormal.number(),
        CloseReason::HandlerFailed => CloseCode::InternalError.number(),
        CloseReason::TooSlow | CloseReason::Stalled => CloseCode::TryAgainLater.number(),
        CloseReason::Silent => CloseCode::BrokenFraming.number(),
    }
}

/// Returns the cause of a close, as a word for the log.
pub const fn closed_by(reason: &CloseReason) -> &'static str {
    match reason {
        CloseReason::Application { .. } => "application",
        CloseReason::Client { .. } => "client",
        CloseReason::Violation { .. } => "violation",
        CloseReason::Interrupted => "interruption",
        CloseReason::TimedOut => "timeout",
        CloseReason::Lost => "lost",
        CloseReason::HandlerFailed => "handler",
        CloseReason::TooSlow => "too_slow",
        CloseReason::Stalled => "stalled",
        CloseReason::Silent => "silence",
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
