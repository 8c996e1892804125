//! What a queue consists of: a message, or one thing that stands for several.

use super::{Extent, Seq};
use crate::sockjs::frame::Message;

/// What an empty message, or one of one letter, takes in a frame, with its quotes and a comma.
const IN_FRAME_MIN: usize = 4;

/// Part of a [`Queue`](super::Queue).
#[derive(Debug)]
pub(super) struct Item {
    /// Number of its last message.
    pub seq: Seq,
    pub body: Body,
    /// True if rows hold it.
    pub stored: bool,
}

/// What an [`Item`] stands for.
#[derive(Debug)]
pub(super) enum Body {
    Open,
    Message(Message),
    /// Messages from this number on, all in rows and none in memory; their bytes, about.
    InRows(Seq, usize),
    /// Frames that the edge holds and the object has forgotten: their bytes.
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

    /// Bytes in a frame, about: many empty messages are not nothing.
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

    /// Number of its first message.
    pub fn first(&self) -> Seq {
        match self.body {
            Body::InRows(first, _) => first,
            Body::Open | Body::Message(_) | Body::Elsewhere(_) => self.seq,
        }
    }

    /// How many messages it stands for.
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

    /// Cuts off the messages up to `seq` of an item that stands for more; none if there is nothing to cut.
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
