//! The part of a queue that is in rows of storage.
//!
//! One item may stand for consecutive messages in rows, whose content is not in memory. These messages are read when it is their
//! turn.

use super::item::{Body, Item};
use super::{Extent, Queue, Row, Seq};
use crate::time::Millis;

/// Bytes of messages in one row, unless a single message is larger. A row is read as a whole. At this size a row takes
/// no more memory than the messages in flight.
const ROW_BYTES: usize = 32 << 10;

/// Shortest time between a failed write and its next attempt.
const RETRY: Millis = Millis::from_secs(2);

impl Queue {
    /// Returns the number of the first message that has to be read before a frame of `credit` bytes is taken.
    pub fn next_in_rows(&self, credit: usize) -> Option<Seq> {
        if self.rows_waiting == 0 {
            return None;
        }
        let mut bytes = 0_usize;
        for item in self.items.iter().skip(self.sent) {
            if item.is_in_rows() {
                return Some(item.first());
            }
            bytes = bytes.saturating_add(item.bytes_in_frame());
            if bytes >= credit {
                break;
            }
        }
        None
    }

    /// True if a message in flight is only in rows.
    pub fn has_rows_in_flight(&self) -> bool {
        self.rows_in_flight > 0
    }

    /// Loads messages from rows into memory, from the number `first` on. Returns false if the message `first` is missing. A
    /// message that is missing later remains in rows as the next one to be read.
    pub fn read(&mut self, first: Seq, rows: &[Row]) -> bool {
        let is_meant = |item: &Item| item.is_in_rows() && item.first() == first;
        let Some(at) = self.items.iter().skip(self.sent).position(is_meant) else { return false };
        let mut rest = self.items.split_off(self.sent.saturating_add(at));
        let Some(mut item) = rest.pop_front() else { return false };
        self.remove_waiting(&item);
        let (mut next, mut read) = (first, 0_usize);
        for (seq, message) in rows.iter().flat_map(Row::numbered) {
            // The first row may begin earlier, and two rows can hold the same message.
            if seq == next && seq <= item.seq {
                read = read.saturating_add(message.len());
                let item = Item::message(seq, message.clone(), true);
                self.add_waiting(&item);
                self.items.push_back(item);
                next = Seq(seq.0.saturating_add(1));
            }
        }
        if next <= item.seq {
            let bytes = item.bytes().saturating_sub(read);
            item = Item::in_rows(Extent { first: next, last: item.seq, bytes });
            self.add_waiting(&item);
            self.items.push_back(item);
        }
        self.items.append(&mut rest);
        next > first
    }

    /// Drops waiting messages from memory that are in rows.
    pub fn leave_in_rows(&mut self) {
        let waiting = self.items.split_off(self.sent);
        for item in waiting {
            if item.stored {
                self.remove_waiting(&item);
                let extent = Extent { first: item.first(), last: item.seq, bytes: item.bytes() };
                self.push_in_rows(Item::in_rows(extent));
            } else {
                self.items.push_back(item);
            }
        }
    }

    /// Appends an item of messages in rows, or joins it to the last item if the numbers are consecutive.
    pub(super) fn push_in_rows(&mut self, item: Item) {
        self.add_waiting(&item);
        let is_waiting = self.items.len() > self.sent;
        match self.items.back_mut().filter(|_| is_waiting) {
            Some(Item { seq, body: Body::InRows(_, bytes), .. }) if seq.0.checked_add(1) == Some(item.first().0) => {
                *seq = item.seq;
                *bytes = bytes.saturating_add(item.bytes());
                // Two items became one.
                self.rows_waiting = self.rows_waiting.saturating_sub(1);
            }
            _ => self.items.push_back(item),
        }
    }

    /// Notes that no row holds any message up to `seq` any more.
    pub fn mark_discarded(&mut self, seq: Seq) {
        // Each item is visited once, however often more is discarded.
        let from = self.items.partition_point(|item| Some(item.seq) <= self.discarded_through);
        for item in self.items.iter_mut().skip(from).take_while(|item| item.seq <= seq) {
            item.stored &= item.is_in_rows();
        }
        self.discarded_through = self.discarded_through.max(Some(seq));
        if self.items.get(self.sent).is_some_and(|item| item.seq <= seq) {
            self.count_unstored();
        }
    }

    /// Notes that no row holds the items from `first` to `last`, since their write failed.
    pub fn mark_unstored(&mut self, now: Millis, first: Seq, last: Seq) {
        let is_meant = |item: &Item| (first..=last).contains(&item.seq) && !item.is_in_rows();
        for item in self.items.iter_mut().filter(|item| is_meant(item)) {
            item.stored = false;
        }
        self.count_unstored();
        self.settle_waiting();
        if self.waiting_unstored > 0 {
            self.waiting_since = Some(now + RETRY);
        }
    }

    /// Returns all waiting messages that are only in memory, as rows, and counts them as stored from now on.
    pub fn take_unstored(&mut self) -> Vec<Row> {
        let (mut rows, mut row_bytes) = (Vec::<Row>::new(), 0);
        // Mostly the last items are unstored: stored ones are not searched again with each message.
        let (mut from, mut left) = (self.items.len(), self.waiting_unstored);
        while left > 0
            && let Some(before) = from.checked_sub(1)
        {
            from = before;
            left -= usize::from(self.items.get(from).is_some_and(Item::only_in_memory));
        }
        for item in self.items.iter_mut().skip(from).filter(|item| item.only_in_memory()) {
            let Body::Message(message) = &item.body else { continue };
            item.stored = true;
            // Including quotes and a comma.
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
        self.waiting_unstored = 0;
        if rows.first().is_some_and(|row| Some(row.first) <= self.discarded_through) {
            self.discarded_through = None;
        }
        rows
    }

    pub(super) fn count_unstored(&mut self) {
        self.waiting_unstored = self.items.iter().skip(self.sent).filter(|item| item.only_in_memory()).count();
    }
}
