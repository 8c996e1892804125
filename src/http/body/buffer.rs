//! The single buffer into which a body is read.

use super::Unread;
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// Smallest growth. A body that begins with pieces of a few bytes is then not copied for each of them.
const STEP: usize = 4 << 10;

/// Bytes of a body, never more than its limit.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    most: usize,
}

impl Buffer {
    /// Begins a body of unknown length, up to `limit`.
    pub fn undeclared(limit: usize) -> Self {
        Self { bytes: Vec::new(), most: limit }
    }

    /// Returns the length after `piece` more bytes, or an error if that exceeds the limit.
    pub fn with(&self, piece: usize) -> Result<usize, Unread> {
        let length = self.bytes.len().saturating_add(piece);
        if length > self.most { Err(Unread::TooLarge) } else { Ok(length) }
    }

    /// Makes room for a piece, and returns it.
    ///
    /// The buffer grows by a quarter, so that the old and the new copy together need little more than twice the body.
    pub fn room(&mut self, piece: usize) -> Result<&mut [u8], Unread> {
        let (before, after) = (self.bytes.len(), self.with(piece)?);
        let capacity = self.bytes.capacity();
        if after > capacity {
            let grown = capacity.saturating_add(STEP.max(capacity / 4)).min(self.most);
            reserve(&mut self.bytes, grown.max(after) - before)?;
        }
        self.bytes.resize(after, 0);
        Ok(self.bytes.get_mut(before..).unwrap_or_default())
    }

    /// Returns the body, without the unused capacity.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.shrink_to_fit();
        self.bytes
    }
}

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = emptyBytes)]
    fn empty_bytes(length: u32) -> Result<Uint8Array, JsValue>;
}

/// A body of known length. It is collected outside of wasm, where requests take it from. The memory of wasm never shrinks, and
/// concurrent bodies would all need it at the same time.
#[derive(Debug)]
pub(super) struct Whole {
    bytes: Uint8Array,
    length: usize,
    at: usize,
}

impl Whole {
    /// Allocates all of the memory at once, so that nothing is copied later.
    pub fn of(length: usize) -> Result<Self, Unread> {
        let bytes = u32::try_from(length).ok().and_then(|length| empty_bytes(length).ok()).ok_or(Unread::Busy)?;
        Ok(Self { bytes, length, at: 0 })
    }

    /// Returns the length after `piece` more bytes, or an error if that exceeds the limit.
    pub fn with(&self, piece: usize) -> Result<usize, Unread> {
        let length = self.at.saturating_add(piece);
        if length > self.length { Err(Unread::TooLarge) } else { Ok(length) }
    }

    /// Adds a piece for which [`Whole::with`] confirmed that there is room.
    pub fn add(&mut self, piece: &Uint8Array) {
        self.bytes.set(piece, u32::try_from(self.at).unwrap_or(u32::MAX));
        self.at += usize::try_from(piece.length()).unwrap_or_default();
    }

    /// Returns the body.
    pub fn finish(self) -> Uint8Array {
        // HTTP delivers no fewer bytes than declared.
        self.bytes
    }
}

/// Allocates memory if there is some. A plain allocation that fails ends the whole wasm instance.
fn reserve(bytes: &mut Vec<u8>, more: usize) -> Result<(), Unread> {
    bytes.try_reserve_exact(more).map_err(|_| Unread::Busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buffer: &mut Buffer, piece: &[u8]) -> Result<(), Unread> {
        buffer.room(piece.len())?.copy_from_slice(piece);
        Ok(())
    }

    #[test]
    fn pieces_come_one_after_the_other() {
        let mut buffer = Buffer::undeclared(5);
        for piece in [&b"ab"[..], b"", b"cde"] {
            assert_eq!(fill(&mut buffer, piece), Ok(()));
        }
        assert_eq!(buffer.into_bytes(), b"abcde");
    }

    #[test]
    fn a_body_longer_than_it_may_be_is_too_large() {
        let mut buffer = Buffer::undeclared(3);
        assert_eq!(fill(&mut buffer, b"abc"), Ok(()));
        assert_eq!(fill(&mut buffer, b"d"), Err(Unread::TooLarge));
        assert_eq!(buffer.into_bytes(), b"abc");
    }

    #[test]
    fn old_and_new_copy_of_an_undeclared_body_take_less_than_two_and_a_half_times_its_length() {
        let mut buffer = Buffer::undeclared(4 << 20);
        let mut copies = 0;
        for _ in 0..4 << 10 {
            let old = buffer.bytes.capacity();
            assert_eq!(fill(&mut buffer, &[1; 1 << 10]), Ok(()));
            let (new, length) = (buffer.bytes.capacity(), buffer.bytes.len());
            if new > old {
                copies += 1;
                assert!(old + new <= length * 5 / 2 + STEP, "{old} and {new} for {length}");
            }
        }
        assert!(copies < 40, "{copies}");
        assert_eq!(buffer.bytes.capacity(), 4 << 20, "not more than the limit");
    }

    #[test]
    fn memory_that_is_not_there_is_no_panic() {
        assert_eq!(reserve(&mut Vec::new(), usize::MAX), Err(Unread::Busy));
    }
}
