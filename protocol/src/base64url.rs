//! Base64 for URLs, without padding (RFC 4648, section 5), and each value in one form only.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// `bytes` as text.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |index: usize| group.get(index).map_or(0, |byte| u32::from(*byte) << (16 - 8 * index));
        let bits = at(0) | at(1) | at(2);
        for digit in 0..=group.len() {
            let digit = (bits >> (18 - 6 * digit)) & 63;
            text.extend(ALPHABET.get(digit as usize).map(|byte| char::from(*byte)));
        }
    }
    text
}

/// Reads what [`encode`] wrote; none if that did not write it.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0;
        for (index, byte) in group.iter().enumerate() {
            bits |= value(*byte)? << (18 - 6 * index);
        }
        let [_, all @ ..] = u32::to_be_bytes(bits);
        let (of_group, rest) = all.split_at_checked(group.len() - 1)?;
        // A digit alone holds no byte, and what holds none of a byte is zero.
        if group.len() == 1 || rest.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(of_group);
    }
    Some(bytes)
}

fn value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_the_rfc() {
        let long: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(&encode(&long)), Some(long));
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"fooba", "Zm9vYmE"),
            (b"foobar", "Zm9vYmFy"),
            (b"\xfb\xff\xbf", "-_-_"),
        ] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn another_form_is_none() {
        for text in ["Z", "Zg==", "Zh", "Zm9", "Zm9v\n", "Zm9vY", "+/+/", "Zm 9v", "Zmü"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
