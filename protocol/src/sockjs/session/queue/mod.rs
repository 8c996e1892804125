//! The queue of a session: messages that wait for a receiver, and messages in flight that it has not acknowledged.
//!
//! Messages that rows of storage hold need not be in memory: see `rows`.

mod item;
mod rows;

use super::{Extent, Held, Row, Seq, Stored};
use crate::sockjs::frame::{EMPTY_LEN, Frame, Message, joined_len};
use crate::time::Millis;
use item::{Body, Item};
use std::collections::VecDeque;

/// Approximate bytes of memory that a message takes besides its own bytes.
const ITEM_COST: usize = 64;
/// Items of a session, oldest first. The first `sent` items are in flight, the others wait.
#[derive(Debug)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    sent: usize,
    sent_bytes: usize,
    waiting_bytes: usize,
    /// Number of messages that wait. One item may stand for many.
    waiting_count: usize,
    /// Number of waiting messages that are in no row.
    waiting_unstored: usize,
    /// Bytes of messages that are in memory.
    bytes_in_memory: usize,
    /// The last number that was assigned.
    last: Seq,
    /// Time since which a message has been waiting that is only in memory.
    waiting_since: Option<Millis>,
    /// Number of messages acknowledged since the object came into memory.
    acknowledged: u64,
    /// Number up to which each message is sent in a frame of its own.
    alone_through: Option<Seq>,
    /// Number up to which no item is in a row, except for items whose content is not in memory.
    discarded_through: Option<Seq>,
    /// Numbers of items whose content is not in memory: those in flight, and those that wait.
    rows_in_flight: usize,
    rows_waiting: usize,
}

/// Result of [`Queue::take_frame`].
#[derive(Debug)]
pub(super) struct Taken {
    pub frame: Frame,
    pub last: Seq,
    /// The highest message number in the frame that a row holds.
    pub stored: Option<Seq>,
}

impl Queue {
    pub fn new() -> Self {
        Self {
            items: VecDeque::new(),
            sent: 0,
            sent_bytes: 0,
            waiting_bytes: 0,
            waiting_count: 0,
            waiting_unstored: 0,
            bytes_in_memory: 0,
            last: Seq(0),
            waiting_since: None,
            acknowledged: 0,
            alone_through: None,
            discarded_through: None,
            rows_in_flight: 0,
            rows_waiting: 0,
        }
    }

    /// Restores a queue from storage. New numbers continue above all that were ever assigned. The last assigned number is not
    /// stored, since that would cost a write for each message. The clock yields a higher number, since no session sends 1024
    /// messages in every millisecond.
    pub fn restore(now: Millis, stored: &Stored) -> Self {
        let mut queue = Self::new();
        for extent in &stored.rows {
            // Lowest first: a number that is not above the last one was in an earlier row too.
            let known = queue.items.back().map(|item| item.seq).max(stored.delivered);
            let mut item = Item::in_rows(*extent);
            if let Some(known) = known {
                item.split_off(known);
            }
            if Some(item.seq) > known {
                queue.push_in_rows(item);
            }
            queue.raise(extent.last);
        }
        queue.raise(Self::number_at(now));
        queue
    }

    /// Creates the empty queue of a session that continues without having been stored.
    pub fn continued(now: Millis) -> Self {
        let mut queue = Self::new();
        queue.raise(Self::number_at(now));
        queue
    }

    fn number_at(now: Millis) -> Seq {
        Seq(now.0.saturating_mul(1024))
    }

    pub fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Returns the bytes that wait, with the memory that each message takes besides its bytes. Even empty messages
    /// count, since many of them add up.
    pub fn waiting_cost(&self) -> usize {
        self.waiting_bytes.saturating_add(self.waiting_count.saturating_mul(ITEM_COST))
    }

    /// Returns the approximate bytes of memory that the queue takes, without the messages' strings, which other queues
    /// may share.
    pub fn overhead(&self) -> usize {
        self.items.len().saturating_mul(size_of::<Item>())
    }

    /// Returns the bytes of messages that are in memory.
    pub fn bytes_in_memory(&self) -> usize {
        self.bytes_in_memory
    }

    /// Returns the bytes in flight, counted as in frames.
    pub fn sent_bytes(&self) -> usize {
        self.sent_bytes
    }

    /// Returns the bytes that wait, counted as in frames. Visits each item that waits.
    pub fn waiting_in_frames(&self) -> usize {
        self.items.iter().skip(self.sent).map(Item::bytes_in_frame).sum()
    }

    /// Returns the bytes of a frame with all messages that wait. The result is too low if characters have to be
    /// escaped.
    pub fn waiting_frame(&self) -> usize {
        self.waiting_bytes.saturating_add(self.waiting_count.saturating_mul(3)).saturating_add(EMPTY_LEN - 1)
    }

    /// True if nothing waits and nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the number of messages acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// True if the first item that waits is a message.
    pub fn next_is_message(&self) -> bool {
        self.items.get(self.sent).is_some_and(|item| matches!(item.body, Body::Message(_)))
    }

    /// Returns the bytes of the first message that waits, as an average if its item stands for several messages.
    pub fn next_bytes(&self) -> Option<usize> {
        self.items.get(self.sent).map(|item| item.bytes_in_frame() / item.count())
    }

    /// Returns the time since which a message has been waiting that is in no row.
    pub fn waiting_since(&self) -> Option<Millis> {
        self.waiting_since
    }

    /// Returns the number of the newest item in flight.
    pub fn last_sent(&self) -> Option<Seq> {
        self.items.get(self.sent.checked_sub(1)?).map(|item| item.seq)
    }

    /// Reserves all numbers up to `seq`, so that they are not assigned again.
    pub fn raise(&mut self, seq: Seq) {
        self.last = self.last.max(seq);
    }

    /// Puts the open frame in front of everything, unless it is there already. Nothing may be in flight.
    pub fn push_open(&mut self) {
        if !self.items.front().is_some_and(|item| matches!(item.body, Body::Open)) {
            let open = Item { seq: Seq(0), body: Body::Open, stored: false };
            self.add_waiting(&open);
            self.items.push_front(open);
        }
    }

    pub fn push(&mut self, now: Millis, message: Message) {
        self.last = Seq(self.last.0.saturating_add(1));
        self.waiting_since.get_or_insert(now);
        let item = Item::message(self.last, message, false);
        self.add_waiting(&item);
        self.items.push_back(item);
    }

    /// Counts `item` as waiting.
    fn add_waiting(&mut self, item: &Item) {
        self.waiting_bytes = self.waiting_bytes.saturating_add(item.bytes());
        self.waiting_count = self.waiting_count.saturating_add(item.count());
        self.waiting_unstored = self.waiting_unstored.saturating_add(item.only_in_memory().into());
        self.bytes_in_memory = self.bytes_in_memory.saturating_add(item.bytes_in_memory());
        self.rows_waiting += usize::from(item.is_in_rows());
    }

    /// Stops counting `item` as waiting and as in memory.
    fn remove_waiting(&mut self, item: &Item) {
        self.pass_on(item.count(), item.bytes(), item.only_in_memory().into());
        self.bytes_in_memory = self.bytes_in_memory.saturating_sub(item.bytes_in_memory());
        self.rows_waiting = self.rows_waiting.saturating_sub(item.is_in_rows().into());
    }

    /// Stops counting `count` messages of `bytes` bytes as waiting. Of these messages, `unstored` were in no row.
    fn pass_on(&mut self, count: usize, bytes: usize, unstored: usize) {
        self.waiting_count = self.waiting_count.saturating_sub(count);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes);
        self.waiting_unstored = self.waiting_unstored.saturating_sub(unstored);
    }

    /// Moves the next frame into flight: the open frame alone, otherwise the first waiting message and all messages after it that
    /// fit. They fit up to `credit` bytes of messages and `frame_limit` bytes of the frame. With `in_sequence`, the numbers in a
    /// frame have no gaps: its last number and its length then determine the number of each message.
    pub fn take_frame(&mut self, credit: usize, frame_limit: usize, in_sequence: bool) -> Option<Taken> {
        let first = self.items.get(self.sent)?;
        if matches!(first.body, Body::Open) {
            let last = first.seq;
            self.sent += 1;
            self.pass_on(1, 0, 0);
            return Some(Taken { frame: Frame::Open, last, stored: None });
        }
        let (mut messages, mut bytes, mut frame, mut last, mut stored) = (Vec::new(), 0, EMPTY_LEN, first.seq, None);
        let (mut unstored, mut text) = (0, 0);
        for item in self.items.iter().skip(self.sent) {
            let Body::Message(message) = &item.body else { break };
            frame = joined_len(frame, message);
            let fits = bytes + item.bytes_in_frame() <= credit && frame <= frame_limit;
            let follows = !in_sequence || last.0.checked_add(1) == Some(item.seq.0);
            let is_alone = Some(item.seq) <= self.alone_through;
            if !(messages.is_empty() || fits && follows && !is_alone) {
                break;
            }
            messages.push(message.clone());
            bytes += item.bytes_in_frame();
            text += message.len();
            last = item.seq;
            match item.stored {
                true => stored = Some(item.seq),
                false => unstored += 1,
            }
            if is_alone {
                break;
            }
        }
        if messages.is_empty() {
            return None;
        }
        self.sent += messages.len();
        self.sent_bytes += bytes;
        self.pass_on(messages.len(), text, unstored);
        self.settle_waiting();
        Some(Taken { frame: Frame::Messages(messages), last, stored })
    }

    /// Moves everything in flight back to waiting, since its receiver is gone. Removes items that only the edge has.
    pub fn requeue(&mut self, now: Millis) {
        for item in self.items.iter().take(self.sent).filter(|item| !item.is_elsewhere()) {
            self.waiting_bytes = self.waiting_bytes.saturating_add(item.bytes());
            self.waiting_count = self.waiting_count.saturating_add(item.count());
        }
        self.items.retain(|item| !item.is_elsewhere());
        self.sent_bytes = 0;
        self.sent = 0;
        self.rows_waiting += std::mem::take(&mut self.rows_in_flight);
        // The edge that may have had them reports its progress, or is no longer asked.
        self.alone_through = None;
        self.count_unstored();
        if self.waiting_unstored > 0 {
            self.waiting_since.get_or_insert(now);
        }
    }

    /// Sends each waiting message in a frame of its own. The edge may have some of them, and drops by their number those that it
    /// has.
    pub fn send_alone(&mut self) {
        self.alone_through = self.items.back().map(|item| item.seq);
    }

    /// True if the object has everything in flight, up to the message with the number `last`.
    pub fn has_all(&self, last: Seq) -> bool {
        let has_last = |item: &Item| (item.first()..=item.seq).contains(&last);
        !self.items.iter().any(Item::is_elsewhere) && self.items.iter().any(has_last)
    }

    /// Counts the frames that a receiver holds as in flight, after the object hibernated. Moves messages that are in rows into
    /// flight. For the others, adds an item that only has their bytes. Does nothing if anything is in flight already.
    pub fn set_in_flight(&mut self, held: &[Held]) {
        if self.sent > 0 {
            return;
        }
        for Held { through, bytes } in held {
            self.raise(*through);
            // The last item gets the bytes of all, since their distribution is unknown.
            let mut left = *bytes;
            while let Some(next) = self.items.get_mut(self.sent).filter(|item| item.first() <= *through) {
                // The edge may hold a part of the messages in rows.
                if let Some(mut part) = next.split_off(*through) {
                    // The size of this part is known now: the others have the remaining bytes.
                    if let (Body::InRows(_, rest), Body::InRows(_, cut)) = (&mut next.body, &mut part.body) {
                        let all = rest.saturating_add(*cut);
                        *cut = left.min(all);
                        *rest = all.saturating_sub(*cut);
                    }
                    self.items.insert(self.sent, part);
                    self.rows_waiting += 1;
                }
                let Some(item) = self.items.get_mut(self.sent) else { break };
                let (count, known, unstored) = (item.count(), item.bytes(), item.only_in_memory());
                let is_last = item.seq >= *through;
                if let Body::InRows(_, bytes) = &mut item.body {
                    *bytes = if is_last { left } else { 0 };
                }
                let in_flight = item.bytes_in_frame();
                let rows = usize::from(item.is_in_rows());
                self.rows_in_flight += rows;
                self.rows_waiting = self.rows_waiting.saturating_sub(rows);
                left = left.saturating_sub(in_flight);
                self.sent += 1;
                self.sent_bytes = self.sent_bytes.saturating_add(in_flight);
                self.pass_on(count, known, unstored.into());
            }
            if self.items.get(self.sent.wrapping_sub(1)).is_none_or(|item| item.seq < *through) {
                self.items.insert(self.sent, Item { seq: *through, body: Body::Elsewhere(left), stored: false });
                self.sent += 1;
                self.sent_bytes = self.sent_bytes.saturating_add(left);
            }
        }
        self.settle_waiting();
    }

    /// Inserts messages that an edge held and did not write, in the order of their numbers. Skips messages that are already in
    /// the queue. Nothing may be in flight.
    pub fn take_back(&mut self, now: Millis, unwritten: Vec<(Seq, Message)>) {
        for (seq, message) in unwritten {
            let at = self.items.partition_point(|item| item.seq < seq);
            if self.items.get(at).is_some_and(|item| item.first() <= seq) || at < self.sent {
                continue;
            }
            self.waiting_since.get_or_insert(now);
            let item = Item::message(seq, message, false);
            self.add_waiting(&item);
            self.items.insert(at, item);
            self.raise(seq);
        }
    }

    /// Drops everything up to `seq`. Returns the highest dropped number that a row holds.
    pub fn acknowledge(&mut self, seq: Seq) -> Option<Seq> {
        let mut through = None;
        while let Some(front) = self.items.front_mut().filter(|item| item.first() <= seq) {
            let is_in_flight = self.sent > 0;
            let item = match front.split_off(seq) {
                Some(mut part) => {
                    // The distribution of the bytes is unknown. While any of the messages is in flight, all of the bytes count as
                    // in flight.
                    if let (true, Body::InRows(_, rest), Body::InRows(_, cut)) =
                        (is_in_flight, &mut front.body, &mut part.body)
                    {
                        *rest = rest.saturating_add(std::mem::take(cut));
                    }
                    part
                }
                None => {
                    self.sent = self.sent.saturating_sub(1);
                    let Some(item) = self.items.pop_front() else { break };
                    let of = if is_in_flight { &mut self.rows_in_flight } else { &mut self.rows_waiting };
                    *of = of.saturating_sub(item.is_in_rows().into());
                    item
                }
            };
            self.acknowledged = self.acknowledged.saturating_add(item.count() as u64);
            self.bytes_in_memory = self.bytes_in_memory.saturating_sub(item.bytes_in_memory());
            match is_in_flight {
                true => self.sent_bytes = self.sent_bytes.saturating_sub(item.bytes_in_frame()),
                false => self.pass_on(item.count(), item.bytes(), item.only_in_memory().into()),
            }
            if item.stored {
                through = Some(item.seq);
            }
        }
        self.settle_waiting();
        through
    }

    /// Drops the newest item, unless it is in flight.
    pub fn pop_unsent(&mut self) {
        if self.sent < self.items.len()
            && let Some(item) = self.items.pop_back()
        {
            self.remove_waiting(&item);
            self.settle_waiting();
        }
    }

    /// Drops everything. Returns the highest dropped number that a row holds.
    pub fn clear(&mut self) -> Option<Seq> {
        self.acknowledge(Seq(u64::MAX))
    }

    fn settle_waiting(&mut self) {
        if self.waiting_unstored == 0 {
            self.waiting_since = None;
        }
    }
}
