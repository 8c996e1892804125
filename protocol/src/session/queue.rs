//! What waits for a receiver, and what one has and did not acknowledge.

use super::{Held, Row, Seq, Stored};
use crate::frame::{EMPTY_LEN, Frame, Message, joined_len};
use crate::time::Millis;
use std::collections::VecDeque;

/// What a message takes in memory besides its bytes, about.
const ITEM_COST: usize = 64;
/// How long a write that failed waits for another try, at least.
const RETRY: Millis = Millis::from_secs(2);

/// Bytes of messages in one row, unless a single one is larger.
const ROW_BYTES: usize = 256 << 10;

/// Oldest first; the first `sent` items are in flight, the others wait.
#[derive(Debug)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    sent: usize,
    sent_bytes: usize,
    waiting_bytes: usize,
    /// The last number given.
    last: Seq,
    /// Since when something waits in memory alone.
    waiting_since: Option<Millis>,
    /// Items that were acknowledged since the object came into memory.
    acknowledged: u64,
}

#[derive(Debug)]
struct Item {
    seq: Seq,
    body: Body,
    /// Whether a row holds it.
    stored: bool,
}

#[derive(Debug)]
enum Body {
    Open,
    Message(Message),
    /// Frames that the edge holds and the object has forgotten: their bytes. The item has the number of their last message.
    Elsewhere(usize),
}

impl Item {
    fn bytes(&self) -> usize {
        match &self.body {
            Body::Open => 0,
            Body::Message(message) => message.len(),
            Body::Elsewhere(bytes) => *bytes,
        }
    }

    fn is_elsewhere(&self) -> bool {
        matches!(self.body, Body::Elsewhere(_))
    }

    fn only_in_memory(&self) -> bool {
        !self.stored && matches!(self.body, Body::Message(_))
    }
}

/// What [`Queue::take_frame`] took.
#[derive(Debug)]
pub(super) struct Taken {
    pub frame: Frame,
    pub last: Seq,
    /// The highest of its numbers that a row holds.
    pub stored: Option<Seq>,
}

impl Queue {
    pub fn new() -> Self {
        Self {
            items: VecDeque::new(),
            sent: 0,
            sent_bytes: 0,
            waiting_bytes: 0,
            last: Seq(0),
            waiting_since: None,
            acknowledged: 0,
        }
    }

    /// What was stored, with numbers that continue above all that were ever given. The last one given is not stored
    /// (that would be a write for each message), but no session sends 1024 messages in every millisecond.
    pub fn restore(now: Millis, stored: &Stored) -> Self {
        let mut queue = Self::new();
        for row in &stored.rows {
            for (seq, message) in row.numbered() {
                // Lowest first: what is no higher than the last was in an earlier row too.
                if Some(seq) > stored.delivered && queue.items.back().is_none_or(|last| seq > last.seq) {
                    queue.waiting_bytes += message.len();
                    let body = Body::Message(message.clone());
                    queue.items.push_back(Item { seq, body, stored: true });
                }
                queue.raise(seq);
            }
        }
        queue.raise(Seq(now.0.saturating_mul(1024)));
        queue
    }

    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// What waits, counting for each message also what it takes besides its bytes: many empty ones are not nothing.
    pub fn waiting_cost(&self) -> usize {
        self.waiting_bytes.saturating_add((self.items.len() - self.sent).saturating_mul(ITEM_COST))
    }

    pub fn sent_bytes(&self) -> usize {
        self.sent_bytes
    }

    /// Bytes of a frame with all that waits, or less where characters have to be escaped.
    pub fn waiting_frame(&self) -> usize {
        self.waiting_bytes
            .saturating_add((self.items.len() - self.sent).saturating_mul(3))
            .saturating_add(EMPTY_LEN - 1)
    }

    /// True if nothing waits and nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Number of items that were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Whether a message is the first item that waits.
    pub fn next_is_message(&self) -> bool {
        self.items.get(self.sent).is_some_and(|item| matches!(item.body, Body::Message(_)))
    }

    /// Bytes of the first item that waits.
    pub fn next_bytes(&self) -> Option<usize> {
        self.items.get(self.sent).map(Item::bytes)
    }

    /// Since when something waits that no row holds.
    pub fn waiting_since(&self) -> Option<Millis> {
        self.waiting_since
    }

    /// Number of the newest item in flight.
    pub fn last_sent(&self) -> Option<Seq> {
        self.items.get(self.sent.checked_sub(1)?).map(|item| item.seq)
    }

    /// Gives no number up to `seq` again.
    pub fn raise(&mut self, seq: Seq) {
        self.last = self.last.max(seq);
    }

    /// Puts the open frame in front of everything, once. Nothing may be in flight.
    pub fn push_open(&mut self) {
        if !self.items.front().is_some_and(|item| matches!(item.body, Body::Open)) {
            self.items.push_front(Item { seq: Seq(0), body: Body::Open, stored: false });
        }
    }

    pub fn push(&mut self, now: Millis, message: Message) {
        self.last = Seq(self.last.0.saturating_add(1));
        self.waiting_bytes += message.len();
        self.waiting_since.get_or_insert(now);
        let body = Body::Message(message);
        self.items.push_back(Item { seq: self.last, body, stored: false });
    }

    /// Moves the next frame into flight: the open frame alone, otherwise the first message that waits and all after it
    /// that fit `credit` bytes of messages, and `frame_limit` bytes of the frame, with it. With `in_sequence`, the numbers in
    /// a frame have no gaps: its last number and its length then tell the number of each message.
    pub fn take_frame(&mut self, credit: usize, frame_limit: usize, in_sequence: bool) -> Option<Taken> {
        let first = self.items.get(self.sent)?;
        if matches!(first.body, Body::Open) {
            let last = first.seq;
            self.sent += 1;
            return Some(Taken { frame: Frame::Open, last, stored: None });
        }
        let (mut messages, mut bytes, mut frame, mut last, mut stored) = (Vec::new(), 0, EMPTY_LEN, first.seq, None);
        for item in self.items.iter().skip(self.sent) {
            let Body::Message(message) = &item.body else { break };
            frame = joined_len(frame, message);
            let fits = bytes + message.len() <= credit && frame <= frame_limit;
            let follows = !in_sequence || last.0.checked_add(1) == Some(item.seq.0);
            if !(messages.is_empty() || fits && follows) {
                break;
            }
            messages.push(message.clone());
            bytes += message.len();
            last = item.seq;
            if item.stored {
                stored = Some(item.seq);
            }
        }
        self.sent += messages.len();
        self.sent_bytes += bytes;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        self.settle_waiting();
        Some(Taken { frame: Frame::Messages(messages), last, stored })
    }

    /// Everything in flight waits again: the way to its receiver was lost. Items that only the edge has are removed.
    pub fn requeue(&mut self, now: Millis) {
        let elsewhere: usize = self.items.iter().filter(|item| item.is_elsewhere()).map(Item::bytes).sum();
        self.items.retain(|item| !item.is_elsewhere());
        self.waiting_bytes += self.sent_bytes.saturating_sub(elsewhere);
        self.sent_bytes = 0;
        self.sent = 0;
        if self.items.iter().any(Item::only_in_memory) {
            self.waiting_since.get_or_insert(now);
        }
    }

    /// True if the object has all that is in flight, up to the message with the number `last`.
    pub fn has_all(&self, last: Seq) -> bool {
        !self.items.iter().any(Item::is_elsewhere) && self.items.iter().any(|item| item.seq == last)
    }

    /// Counts what a receiver holds as in flight, after the object slept. Messages that rows kept are moved into flight; for
    /// the others an item is added that has their bytes alone. Does nothing if something is in flight already.
    pub fn set_in_flight(&mut self, held: &[Held]) {
        if self.sent > 0 {
            return;
        }
        for Held { through, bytes } in held {
            self.raise(*through);
            let sent = self.sent;
            let known = self.items.iter().skip(sent).take_while(|item| item.seq <= *through);
            let (count, known) = known.fold((0, 0), |(count, bytes), item| (count + 1, bytes + item.bytes()));
            if count > 0 {
                self.sent += count;
                self.sent_bytes += known;
                self.waiting_bytes = self.waiting_bytes.saturating_sub(known);
            } else {
                self.items.insert(sent, Item { seq: *through, body: Body::Elsewhere(*bytes), stored: false });
                self.sent += 1;
                self.sent_bytes = self.sent_bytes.saturating_add(*bytes);
            }
        }
        self.settle_waiting();
    }

    /// Inserts messages that an edge held and did not write, in the order of their numbers. Skips those that the queue has.
    /// Nothing may be in flight.
    pub fn take_back(&mut self, now: Millis, unwritten: Vec<(Seq, Message)>) {
        for (seq, message) in unwritten {
            let at = self.items.partition_point(|item| item.seq < seq);
            if self.items.get(at).is_some_and(|item| item.seq == seq) || at < self.sent {
                continue;
            }
            self.waiting_bytes += message.len();
            self.waiting_since.get_or_insert(now);
            self.items.insert(at, Item { seq, body: Body::Message(message), stored: false });
            self.raise(seq);
        }
    }

    /// Drops everything up to `seq`; gives the highest number dropped that a row holds.
    pub fn acknowledge(&mut self, seq: Seq) -> Option<Seq> {
        let mut through = None;
        while self.items.front().is_some_and(|item| item.seq <= seq) {
            let Some(item) = self.items.pop_front() else { break };
            self.acknowledged += 1;
            if self.sent > 0 {
                self.sent -= 1;
                self.sent_bytes = self.sent_bytes.saturating_sub(item.bytes());
            } else {
                self.waiting_bytes = self.waiting_bytes.saturating_sub(item.bytes());
            }
            if item.stored {
                through = Some(item.seq);
            }
        }
        self.settle_waiting();
        through
    }

    /// Notes that no row holds anything up to `seq` any more.
    pub fn mark_discarded(&mut self, seq: Seq) {
        for item in self.items.iter_mut().take_while(|item| item.seq <= seq) {
            item.stored = false;
        }
    }

    /// Notes that no row holds the items from `first` to `last`, though one was to.
    pub fn mark_unstored(&mut self, now: Millis, first: Seq, last: Seq) {
        for item in self.items.iter_mut().filter(|item| (first..=last).contains(&item.seq)) {
            item.stored = false;
        }
        self.settle_waiting();
        if self.items.iter().skip(self.sent).any(Item::only_in_memory) {
            self.waiting_since = Some(now + RETRY);
        }
    }

    /// Drops the newest item, if nobody was given it.
    pub fn pop_unsent(&mut self) {
        if self.sent < self.items.len()
            && let Some(item) = self.items.pop_back()
        {
            self.waiting_bytes = self.waiting_bytes.saturating_sub(item.bytes());
            self.settle_waiting();
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) -> Option<Seq> {
        self.acknowledge(Seq(u64::MAX))
    }

    /// Everything that waits in memory alone, as rows; from now on it is stored.
    pub fn take_unstored(&mut self) -> Vec<Row> {
        let (mut rows, mut row_bytes) = (Vec::<Row>::new(), 0);
        for item in self.items.iter_mut().skip(self.sent).filter(|item| item.only_in_memory()) {
            let Body::Message(message) = &item.body else { continue };
            item.stored = true;
            // With its quotes and a comma.
            let bytes = message.len() + 3;
            match rows.last_mut() {
                Some(row) if row_bytes + bytes <= ROW_BYTES && row.last().0.checked_add(1) == Some(item.seq.0) => {
                    row.messages.push(message.clone());
                    row_bytes += bytes;
                }
                _ => {
                    rows.push(Row { first: item.seq, messages: vec![message.clone()] });
                    row_bytes = bytes;
                }
            }
        }
        self.waiting_since = None;
        rows
    }

    fn settle_waiting(&mut self) {
        if !self.items.iter().skip(self.sent).any(Item::only_in_memory) {
            self.waiting_since = None;
        }
    }
}
