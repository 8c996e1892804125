//! The items of a queue. An item is one message, or stands for several.

use super::{Extent, Seq};
use crate::sockjs::frame::Message;

/// Bytes that an empty message, or one of a single character, takes in a frame, with its quotes and a comma.
const IN_FRAME_MIN: usize = 4;

/// One item of a [`Queue`](super::Queue).
#[derive(Debug)]
pub(super) struct Item {
    /// Number of the item's last message.
    pub seq: Seq,
    pub body: Body,
    /// True if rows of storage hold the item.
    pub stored: bool,
}

/// Content of an [`Item`].
#[derive(Debug)]
pub(super) enum Body {
    Open,
    Message(Message),
    /// Messages from this number on, with their approximate bytes. All of them are in rows, and no content is in
    /// memory.
    InRows(Seq, usize),
    /// Frames that the edge holds and the object has forgotten, with their bytes.
    Elsewhere(usize),
}

impl Item {
    pub fn message(seq: Seq, message: Message, stored: bool) -> Self {
        Self { seq, body: Body::Message(message), stored }
    }

    pub fn in_rows(Extent { first, last, bytes }: Extent) -> Self {
        Self { seq: last, body: Body::InRows(first, bytes), stored: true }
    }

    pub fn bytes(&self) -> usize {
        match &self.body {
            Body::Open => 0,
            Body::Message(message) => message.len(),
            Body::InRows(_, bytes) | Body::Elsewhere(bytes) => *bytes,
        }
    }

    /// Returns the approximate bytes that the item takes in a frame. Even empty messages count, since many of them add
    /// up.
    pub fn bytes_in_frame(&self) -> usize {
        match &self.body {
            Body::Message(message) => message.len().max(IN_FRAME_MIN),
            Body::Open | Body::InRows(..) | Body::Elsewhere(_) => self.bytes(),
        }
    }

    pub fn bytes_in_memory(&self) -> usize {
        match &self.body {
            Body::Message(message) => message.len(),
            Body::Open | Body::InRows(..) | Body::Elsewhere(_) => 0,
        }
    }

    /// Returns the number of the item's first message.
    pub fn first(&self) -> Seq {
        match self.body {
            Body::InRows(first, _) => first,
            Body::Open | Body::Message(_) | Body::Elsewhere(_) => self.seq,
        }
    }

    /// Returns the number of messages that the item stands for.
    pub fn count(&self) -> usize {
        usize::try_from(self.seq.0.saturating_sub(self.first().0)).unwrap_or(usize::MAX).saturating_add(1)
    }

    pub fn is_elsewhere(&self) -> bool {
        matches!(self.body, Body::Elsewhere(_))
    }

    pub fn is_in_rows(&self) -> bool {
        matches!(self.body, Body::InRows(..))
    }

    pub fn only_in_memory(&self) -> bool {
        !self.stored && matches!(self.body, Body::Message(_))
    }

    /// Cuts off and returns the messages up to `seq` of an item that stands for more; `None` if there is nothing to
    /// cut.
    pub fn split_off(&mut self, seq: Seq) -> Option<Self> {
        let Body::InRows(first, bytes) = self.body else { return None };
        if seq < first || self.seq <= seq {
            return None;
        }
        let count = self.count();
        let cut = usize::try_from(seq.0.saturating_sub(first.0)).unwrap_or(usize::MAX).saturating_add(1);
        let cut_bytes = (bytes / count.max(1)).saturating_mul(cut).min(bytes);
        self.body = Body::InRows(Seq(seq.0.saturating_add(1)), bytes.saturating_sub(cut_bytes));
        Some(Self::in_rows(Extent { first, last: seq, bytes: cut_bytes }))
    }
}
