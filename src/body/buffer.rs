//! The one buffer that a body is read into.

use super::Unread;

/// Least growth; a body that begins with pieces of a few bytes is not copied for each.
const STEP: usize = 4 << 10;

/// Bytes of a body, never more than it may have.
#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    most: usize,
}

impl Buffer {
    /// Takes the memory of a body of known length at once, so that nothing is copied later.
    pub fn declared(length: usize) -> Result<Self, Unread> {
        let mut bytes = Vec::new();
        reserve(&mut bytes, length)?;
        Ok(Self { bytes, most: length })
    }

    /// Begins a body of unknown length, up to `limit`.
    pub fn undeclared(limit: usize) -> Self {
        Self { bytes: Vec::new(), most: limit }
    }

    /// Returns the length with `piece` bytes more, if the body may have them.
    pub fn with(&self, piece: usize) -> Result<usize, Unread> {
        let length = self.bytes.len().saturating_add(piece);
        if length > self.most { Err(Unread::TooLarge) } else { Ok(length) }
    }

    /// Makes room for a piece, to be copied into.
    ///
    /// It grows by a quarter: while old and new copy are there together, they take little more than twice the body.
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

    /// Returns the body, without what was taken too much.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.shrink_to_fit();
        self.bytes
    }
}

/// Takes memory if there is some: an allocation that fails otherwise ends the whole wasm instance.
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
        for mut buffer in [Buffer::undeclared(3), Buffer::declared(3).unwrap()] {
            assert_eq!(fill(&mut buffer, b"abc"), Ok(()));
            assert_eq!(fill(&mut buffer, b"d"), Err(Unread::TooLarge));
            assert_eq!(buffer.into_bytes(), b"abc");
        }
    }

    #[test]
    fn a_declared_body_is_never_copied() {
        let mut buffer = Buffer::declared(1 << 20).unwrap();
        let place = buffer.bytes.as_ptr();
        for _ in 0..1 << 10 {
            assert_eq!(fill(&mut buffer, &[1; 1 << 10]), Ok(()));
        }
        assert_eq!(buffer.bytes.capacity(), 1 << 20);
        let bytes = buffer.into_bytes();
        assert_eq!(bytes.as_ptr(), place);
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
        assert_eq!(Buffer::declared(usize::MAX).map(drop), Err(Unread::Busy));
    }
}
