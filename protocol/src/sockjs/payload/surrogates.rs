//! Escapes of unpaired surrogates in JSON.

/// Replaces each `\uXXXX` escape of an unpaired surrogate with `\ufffd`, so that a single bad character does not end a session.
/// Returns true if it replaced any. The escapes are replaced in place, since a copy would double the memory.
///
/// serde_json rejects such escapes, and Rust strings cannot represent unpaired surrogates. JavaScript clients can send them.
pub(super) fn replace_lone_surrogates(json: &mut String) -> bool {
    const REPLACEMENT: &str = "\\ufffd";
    let mut is_replaced = false;
    let mut at = 0;
    while let Some(escape) = json.get(at..).and_then(|rest| rest.find('\\')) {
        let start = at + escape;
        at = match surrogate_at(json, start) {
            // Any other escape is two bytes or more; skipping two keeps `\\ud800` (an escaped backslash) whole. `get` above
            // returns None if the second byte starts a longer character: such an escape is invalid JSON anyway.
            None => start + 2,
            Some(Half::High) if surrogate_at(json, start + 6) == Some(Half::Low) => start + 12,
            Some(_) => {
                // The six bytes are ASCII, so both ends are boundaries of characters.
                json.replace_range(start..start + 6, REPLACEMENT);
                is_replaced = true;
                start + 6
            }
        };
    }
    is_replaced
}

#[derive(PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// Returns the half of a surrogate pair that is escaped at `start`, if any.
fn surrogate_at(json: &str, start: usize) -> Option<Half> {
    let hex = json.get(start..start + 6)?.strip_prefix("\\u")?;
    match u16::from_str_radix(hex, 16).ok()? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_surrogates_are_replaced_where_they_stand() {
        let mut json = r#"["\ud800 and \udc00"]"#.repeat(1000);
        let (start, capacity) = (json.as_ptr(), json.capacity());
        assert!(replace_lone_surrogates(&mut json));
        assert_eq!(json, r#"["\ufffd and \ufffd"]"#.repeat(1000));
        assert_eq!((json.as_ptr(), json.capacity()), (start, capacity));
    }
}
