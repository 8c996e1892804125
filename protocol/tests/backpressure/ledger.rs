//! A ledger of the messages that were taken, handled, sent and read.

use sockjs_protocol::sockjs::frame::{Frame, Message};
use sockjs_protocol::sockjs::pacing::Job;
use sockjs_protocol::sockjs::session::CloseReason;
use std::collections::BTreeMap;

/// Bytes that count for a body besides its own.
const BODY_COST: usize = 64;

/// One body, or one message of a WebSocket.
#[derive(Debug)]
pub struct Body {
    pub messages: Vec<String>,
    /// Its place in the order of arrival.
    rank: u64,
    handed: usize,
    done: usize,
    pub is_accepted: bool,
}

impl Body {
    pub fn text(&self) -> String {
        serde_json::to_string(&self.messages).unwrap()
    }

    pub fn cost(&self) -> usize {
        let bytes: usize = self.messages.iter().map(|message| message.len() + 3).sum();
        BODY_COST + (bytes + 1).max(2)
    }

    pub fn is_done(&self) -> bool {
        self.done == self.messages.len()
    }

    /// Bytes that it takes in the inbox, with what was not handed to the handler.
    fn rest(&self) -> usize {
        let rest: usize = self.messages.iter().skip(self.handed).map(|message| message.len() + 3).sum();
        BODY_COST + if rest == 0 { 0 } else { rest + 1 }
    }
}

#[derive(Debug, Default)]
pub struct Ledger {
    pub bodies: BTreeMap<u64, Body>,
    next_rank: u64,
    /// The rank of the body whose message the handler had last.
    last_rank: u64,
    is_opened: bool,
    pub is_closed: bool,
    /// Body of the job that the handler has.
    handling: Option<u64>,
    /// Told by the session.
    pub end: Option<CloseReason>,
    /// True once this side gave up what waited for the handler.
    pub is_dropped: bool,
    sent: Vec<usize>,
    read: usize,
    pub has_close_frame: bool,
    /// True if the client took so long that it was given the close frame without what was sent before.
    pub is_hurried: bool,
}

impl Ledger {
    /// The client makes a body.
    pub fn make(&mut self, id: u64, sizes: &[usize]) {
        let pad = |(at, size): (usize, &usize)| format!("{id}.{at}:{}", "x".repeat(size.saturating_sub(8)));
        let messages = sizes.iter().enumerate().map(pad).collect();
        let body = Body { messages, rank: u64::MAX, handed: 0, done: 0, is_accepted: false };
        self.bodies.insert(id, body);
    }

    pub fn body(&self, id: u64) -> &Body {
        &self.bodies[&id]
    }

    /// It takes its place behind those that came before.
    pub fn arrives(&mut self, id: u64) {
        self.next_rank += 1;
        self.bodies.get_mut(&id).unwrap().rank = self.next_rank;
    }

    /// The client is told that it was taken.
    pub fn accept(&mut self, id: u64) {
        self.bodies.get_mut(&id).unwrap().is_accepted = true;
    }

    /// Ids in the order of arrival.
    pub fn in_order(&self, ids: impl Iterator<Item = u64>) -> Vec<u64> {
        let mut ids: Vec<_> = ids.collect();
        ids.sort_by_key(|id| self.bodies[id].rank);
        ids
    }

    pub fn job(&mut self, job: &Job) {
        assert!(!self.is_closed, "after the end: {job:?}");
        assert!(self.handling.is_none());
        match job {
            Job::Return => assert!(!self.is_opened, "a connection that was opened here does not return"),
            Job::Open => assert!(!std::mem::replace(&mut self.is_opened, true), "opened twice"),
            Job::Close(reason) => {
                assert_eq!(Some(reason), self.end.as_ref());
                self.is_closed = true;
            }
            Job::Message(message) => {
                let (id, at) = message.split_once(':').unwrap().0.split_once('.').unwrap();
                let (id, at): (u64, usize) = (id.parse().unwrap(), at.parse().unwrap());
                let is_before_done = |body: &Body| body.rank != self.last_rank || body.handed == body.messages.len();
                let rank = self.bodies[&id].rank;
                assert!(rank >= self.last_rank, "{id} came too late");
                assert!(rank == self.last_rank || self.bodies.values().all(is_before_done), "{id} came too early");
                self.last_rank = rank;
                let body = self.bodies.get_mut(&id).unwrap();
                assert_eq!(at, body.handed, "of {id} a message is missing, or came twice");
                assert_eq!(*message, body.messages[at]);
                assert!(!self.is_dropped, "dropped before: {id}");
                body.handed += 1;
                self.handling = Some(id);
            }
        }
        assert!(self.is_opened, "before the beginning: {job:?}");
    }

    pub fn returned(&mut self) {
        if let Some(id) = self.handling.take() {
            self.bodies.get_mut(&id).unwrap().done += 1;
        }
    }

    /// The bodies of which something is still to be handled, of those that `is_inside` says are in the inbox: their number and
    /// their cost.
    pub fn unhandled(&self, is_inside: impl Fn(u64) -> bool) -> (usize, usize) {
        let bodies = self.bodies.iter().filter(|(id, body)| !body.is_done() && is_inside(**id));
        bodies.fold((0, 0), |(number, cost), (_, body)| (number + 1, cost + body.rest()))
    }

    /// The next message of the handler, of `size` bytes.
    pub fn next_message(&self, size: usize) -> Message {
        let number = format!("{}:", self.sent.len());
        Message::new(&format!("{number}{}", "y".repeat(size.saturating_sub(number.len()))))
    }

    pub fn is_closed_by_application(&self) -> bool {
        matches!(self.end, Some(CloseReason::Application { .. } | CloseReason::HandlerFailed))
    }

    pub fn sent(&mut self, bytes: usize) {
        self.sent.push(bytes);
    }

    pub fn has_read_all(&self) -> bool {
        self.read == self.sent.len()
    }

    /// Bytes that the client did not read.
    pub fn unread_bytes(&self) -> usize {
        self.sent[self.read..].iter().sum()
    }

    /// The client reads a frame.
    pub fn read(&mut self, frame: &Frame) {
        assert!(!self.has_close_frame, "after the close frame: {frame:?}");
        match frame {
            Frame::Messages(messages) => {
                for message in messages {
                    let number = message.as_str().split_once(':').unwrap().0.parse();
                    assert_eq!(number, Ok(self.read), "a message is missing, or came twice");
                    assert_eq!(message.len(), self.sent[self.read]);
                    self.read += 1;
                }
            }
            Frame::Close { .. } => {
                self.has_close_frame = true;
                let is_left = matches!(self.end, Some(CloseReason::Interrupted | CloseReason::TimedOut));
                assert!(is_left || self.is_hurried || self.has_read_all(), "the close frame came before what was sent");
            }
            Frame::Open | Frame::Heartbeat => {}
        }
    }

    /// Checks what has to be true when all is over.
    pub fn finale(&self) {
        assert!(self.is_opened && self.is_closed, "the handler was not told: {:?}", self.end);
        if !self.is_dropped {
            let lost: Vec<_> = self.bodies.iter().filter(|(_, body)| body.is_accepted && !body.is_done()).collect();
            assert!(lost.is_empty(), "accepted and not handled: {lost:?}");
        }
    }
}
