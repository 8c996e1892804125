//! Events of a connection that the upstream has not seen, and the bodies of the requests that carry them.

use crate::upstream::events::{Event, encode};
use std::collections::VecDeque;

/// Bytes of events that travel in one request. A larger event travels alone.
const BODY_BYTES: usize = 64 << 10;

/// Most events in one request.
const BODY_EVENTS: usize = 1_000;

/// Longest content of a ping of a WebSocket, in bytes (RFC 6455, section 5.5).
const PING_BYTES: usize = 125;

/// An event of a client that is on its way to the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent {
    /// The client connects.
    Open,
    /// The client sent a message.
    Text(String),
    /// The client closed, or this server did.
    Close {
        /// Close code, one that an endpoint may send.
        code: u16,
        /// Reason.
        reason: String,
    },
    /// The client was lost.
    Disconnect,
}

impl ClientEvent {
    fn event(&self) -> Event<'_> {
        match self {
            Self::Open => Event::Open,
            Self::Text(text) => Event::Text(text),
            Self::Close { code, reason } => Event::Close { code: Some(*code), reason },
            Self::Disconnect => Event::Disconnect,
        }
    }
}

/// Body of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBody {
    /// Number of the first event. The others have the numbers after it.
    pub first: u64,
    /// Events, as they are written.
    pub bytes: Vec<u8>,
}

/// Events for the upstream, oldest first.
#[derive(Debug, Default)]
pub struct EventQueue {
    events: VecDeque<ClientEvent>,
    /// Bytes of the events.
    bytes: usize,
    /// The answer to the last ping of the upstream.
    pong: Option<Vec<u8>>,
    /// Number of the next event that leaves the queue.
    next: u64,
}

impl EventQueue {
    /// Returns an empty queue whose first event has the number `next`.
    pub fn starting_at(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    /// Adds an event.
    pub fn push(&mut self, event: ClientEvent) {
        self.bytes = self.bytes.saturating_add(event.event().encoded_len());
        self.events.push_back(event);
    }

    /// Answers a ping of the upstream. The pong goes along with the next request: an upstream that pings in each response would be
    /// asked without end. It replaces one that waits, as RFC 6455 permits.
    pub fn set_pong(&mut self, content: Vec<u8>) {
        if content.len() <= PING_BYTES {
            self.pong = Some(content);
        }
    }

    /// Returns the bytes of the events that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// True if no event waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Takes the events of the next request. A request without events has a number, too.
    pub fn take_body(&mut self) -> EventBody {
        let (mut taken, mut bytes) = (0, 0_usize);
        for event in self.events.iter().take(BODY_EVENTS) {
            let length = event.event().encoded_len();
            if taken > 0 && bytes.saturating_add(length) > BODY_BYTES {
                break;
            }
            (taken, bytes) = (taken + 1, bytes.saturating_add(length));
        }
        let events: Vec<_> = self.events.drain(..taken).collect();
        let pong = self.pong.take();
        let written: Vec<_> =
            pong.as_deref().map(Event::Pong).into_iter().chain(events.iter().map(ClientEvent::event)).collect();
        let body = EventBody { first: self.next, bytes: encode(&written) };
        self.next = self.next.saturating_add(written.len().max(1) as u64);
        self.bytes = self.bytes.saturating_sub(bytes);
        body
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.events.clear();
        self.pong = None;
        self.bytes = 0;
    }
}
