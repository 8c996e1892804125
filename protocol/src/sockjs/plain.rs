//! Fast search for characters that need an escape. Every message is searched and most need no escape, so the search
//! takes eight bytes at a time.

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// Returns the number of leading bytes of `text` that are ASCII and need no escape in a JSON string.
pub(crate) fn plain_prefix(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks::<8>();
    let plain = words.iter().take_while(|word| is_plain_word(u64::from_ne_bytes(**word))).count();
    if plain < words.len() {
        return plain * 8 + text.iter().skip(plain * 8).take_while(|byte| is_plain(**byte)).count();
    }
    plain * 8 + rest.iter().take_while(|byte| is_plain(**byte)).count()
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=0x7f) && byte != b'"' && byte != b'\\'
}

/// True if all eight bytes are plain.
fn is_plain_word(word: u64) -> bool {
    // The high bit of each result byte is set if the byte is below a space, or is a quote or a backslash. This holds while no input
    // byte has its own high bit set.
    let below = |limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| {
        let zero = word ^ (ONES * u64::from(byte));
        zero.wrapping_sub(ONES) & !zero
    };
    (word | below(b' ') | equal(b'"') | equal(b'\\')) & HIGHS == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told_apart_at_every_place() {
        for byte in 0..=u8::MAX {
            for at in 0..20 {
                let mut text = [b'x'; 20];
                text[at] = byte;
                let plain = (0x20..0x80).contains(&byte) && !b"\"\\".contains(&byte);
                assert_eq!(plain_prefix(&text), if plain { 20 } else { at }, "{byte:#x} at {at}");
            }
        }
        assert_eq!(plain_prefix(b""), 0);
    }
}
