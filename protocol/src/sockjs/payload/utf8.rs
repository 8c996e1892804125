//! Bodies whose bytes are not UTF-8.

use std::str::Utf8Chunk;

/// Returns the bytes of a request as a string. Bytes that are not UTF-8 are replaced as by [`NotUtf8::replaced`].
pub fn text(bytes: Vec<u8>) -> String {
    decode(bytes).unwrap_or_else(NotUtf8::replaced)
}

/// Returns the bytes of a request as a string, without a copy.
///
/// # Errors
///
/// Returns the bytes as an error if they are not UTF-8.
pub fn decode(bytes: Vec<u8>) -> Result<String, NotUtf8> {
    String::from_utf8(bytes).map_err(|error| NotUtf8::of(error.into_bytes()))
}

/// Bytes of a request that are not UTF-8. The string that replaces them may be three times as long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotUtf8 {
    bytes: Vec<u8>,
    /// Bytes of the string that replaces them.
    length: usize,
}

impl NotUtf8 {
    fn of(mut bytes: Vec<u8>) -> Self {
        // Some encoders write three bytes for half of a surrogate pair. They become the three bytes of one U+FFFD; the standard
        // library would produce three characters. No valid UTF-8 contains 0xED 0xA0-0xBF.
        for at in 0..bytes.len() {
            if let Some([first @ 0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf]) = bytes.get_mut(at..at + 3) {
                (*first, *second, *third) = (0xef, 0xbf, 0xbd);
            }
        }
        let length = bytes.utf8_chunks().map(|chunk| chunk.valid().len() + replacement(&chunk).len()).sum();
        Self { bytes, length }
    }

    /// Returns the length of the string that [`NotUtf8::replaced`] returns, in bytes.
    pub fn replaced_len(&self) -> usize {
        self.length
    }

    /// Returns the string. Each sequence of bytes that is not UTF-8 becomes U+FFFD; an unpaired surrogate becomes
    /// exactly one. The string is allocated once, with its final length.
    pub fn replaced(self) -> String {
        let mut string = String::with_capacity(self.length);
        for chunk in self.bytes.utf8_chunks() {
            string.push_str(chunk.valid());
            string.push_str(replacement(&chunk));
        }
        string
    }
}

/// Returns the string that replaces the bytes of `chunk` that are not UTF-8.
fn replacement(chunk: &Utf8Chunk<'_>) -> &'static str {
    if chunk.invalid().is_empty() { "" } else { "\u{fffd}" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unpaired_surrogate_in_bytes_is_one_replacement_character() {
        for (body, string) in [
            (&b"plain"[..], "plain"),
            ("é漢😀\u{d7ff}\u{e000}".as_bytes(), "é漢😀\u{d7ff}\u{e000}"),
            (b"a\xed\xa0\x80b", "a\u{fffd}b"),
            (b"\xed\xbf\xbf\xed\xa0\x80", "\u{fffd}\u{fffd}"),
            (b"\xed\x9f\xbf\xed\xa0\x80", "\u{d7ff}\u{fffd}"),
            (b"\xff\xed\xa0", "\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(text(body.to_vec()), string, "{body:x?}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced_in_a_string_of_the_length_counted_before() {
        let many = [0xff; 1000];
        for bytes in [&b"\xff"[..], b"a\xffb\xc3", b"\xf0\x9f\x98", b"\xe2\x82\xac\x80", &many] {
            let not_utf8 = decode(bytes.to_vec()).unwrap_err();
            let length = not_utf8.replaced_len();
            let string = not_utf8.replaced();
            assert_eq!(string, String::from_utf8_lossy(bytes), "{bytes:x?}");
            assert_eq!((string.len(), string.capacity()), (length, length), "{bytes:x?}");
        }
        let surrogate = decode(b"\xed\xa0\x80\xff".to_vec()).unwrap_err();
        assert_eq!((surrogate.replaced_len(), surrogate.replaced()), (6, "\u{fffd}\u{fffd}".into()));
        assert_eq!(decode(b"\xc3\xa9".to_vec()).as_deref(), Ok("é"));
    }
}
