//! What a client sends: a JSON array of strings (`xhr_send`, WebSocket) or one JSON string (WebSocket).

use crate::plain::plain_prefix;
use std::borrow::Cow;
use std::fmt;

/// Why a payload was refused. `Display` gives sockjs-node's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadError {
    /// There is nothing to read, or something other than an array: send a JSON array of strings.
    Expected,
    /// It is no JSON, or an element is no string: encode each message as a JSON string.
    Broken,
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expected => "Payload expected.",
            Self::Broken => "Broken JSON encoding.",
        })
    }
}

impl std::error::Error for PayloadError {}

/// The bytes of a request as text. What is no UTF-8 becomes U+FFFD, an unpaired surrogate exactly one.
pub fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        let mut bytes = error.into_bytes();
        // The three bytes that some encoders write for half of a surrogate pair, replaced by the three of U+FFFD; the
        // standard library would make three characters of them. No character of UTF-8 holds 0xED 0xA0-0xBF.
        for at in 0..bytes.len() {
            if let Some([first @ 0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf]) = bytes.get_mut(at..at + 3) {
                (*first, *second, *third) = (0xef, 0xbf, 0xbd);
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The messages of an HTTP send: a JSON array of strings, possibly empty.
pub fn messages(body: &str) -> Result<Vec<String>, PayloadError> {
    if body.is_empty() {
        return Err(PayloadError::Expected);
    }
    if let Some(message) = one_plain(body) {
        return Ok(vec![message.to_owned()]);
    }
    let body = replace_lone_surrogates(body);
    if let Ok(messages) = serde_json::from_str(&body) {
        return Ok(messages);
    }
    // The slow second read is only for the answer: valid JSON of another shape is told apart as sockjs-node does.
    match serde_json::from_str::<serde_json::Value>(&body) {
        Ok(serde_json::Value::Array(_)) | Err(_) => Err(PayloadError::Broken),
        Ok(_) => Err(PayloadError::Expected),
    }
}

/// The messages of one WebSocket message: an array as in [`messages`], or one bare string. An empty one says nothing.
pub fn websocket_messages(text: &str) -> Result<Vec<String>, PayloadError> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    if !text.trim_start().starts_with('"') {
        return messages(text);
    }
    match serde_json::from_str(&replace_lone_surrogates(text)) {
        Ok(message) => Ok(vec![message]),
        Err(_) => Err(PayloadError::Broken),
    }
}

/// The message of an array that has one, and no escape in it: what most clients send, most of the time.
fn one_plain(json: &str) -> Option<&str> {
    let message = json.strip_prefix("[\"")?.strip_suffix("\"]")?;
    (plain_prefix(message.as_bytes()) == message.len()).then_some(message)
}

/// Writes each `\uXXXX` escape that is half of no pair as `\ufffd`, so that one bad character does not cost a session.
///
/// serde_json refuses such escapes and Rust strings cannot hold what they mean; JavaScript clients can send them.
fn replace_lone_surrogates(json: &str) -> Cow<'_, str> {
    const REPLACEMENT: &str = "\\ufffd";
    let mut fixed = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(escape) = json.get(at..).and_then(|rest| rest.find('\\')) {
        let start = at + escape;
        at = match surrogate_at(json, start) {
            // Any other escape is two bytes or more; skipping two keeps `\\ud800` (an escaped backslash) whole. `get`
            // above gives None where the second byte starts a longer character: such an escape is no JSON anyway.
            None => start + 2,
            Some(Half::High) if surrogate_at(json, start + 6) == Some(Half::Low) => start + 12,
            Some(_) => {
                fixed.push_str(json.get(copied..start).unwrap_or_default());
                fixed.push_str(REPLACEMENT);
                copied = start + 6;
                copied
            }
        };
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    fixed.push_str(json.get(copied..).unwrap_or_default());
    Cow::Owned(fixed)
}

#[derive(PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// Which half of a surrogate pair the escape at `start` is, if it is one.
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
    fn an_http_send_is_an_array_of_strings() {
        for (body, messages) in [
            ("[]", vec![]),
            (r#"["a"]"#, vec!["a"]),
            (r#" [ "a" , "b" ] "#, vec!["a", "b"]),
            (r#"["\u0041\n\ud83d\ude00"]"#, vec!["A\n😀"]),
            ("[\"\u{2028}\"]", vec!["\u{2028}"]),
        ] {
            assert_eq!(super::messages(body).unwrap(), messages);
        }
    }

    #[test]
    fn anything_else_is_refused_with_sockjs_nodes_words() {
        for (body, error) in [
            ("", "Payload expected."),
            ("{}", "Payload expected."),
            ("null", "Payload expected."),
            (r#""a""#, "Payload expected."),
            (r#"["x"#, "Broken JSON encoding."),
            ("[1]", "Broken JSON encoding."),
            ("[\"a\"]x", "Broken JSON encoding."),
            (r#"["\u12"]"#, "Broken JSON encoding."),
            (r#"["\é"]"#, "Broken JSON encoding."),
            (r#"["\"#, "Broken JSON encoding."),
        ] {
            assert_eq!(messages(body).unwrap_err().to_string(), error, "{body}");
        }
    }

    #[test]
    fn a_websocket_may_send_one_bare_string_or_nothing() {
        assert_eq!(websocket_messages("").unwrap(), Vec::<String>::new());
        assert_eq!(websocket_messages("[]").unwrap(), Vec::<String>::new());
        assert_eq!(websocket_messages(r#""a""#).unwrap(), ["a"]);
        assert_eq!(websocket_messages(r#" ["a","b"]"#).unwrap(), ["a", "b"]);
        assert_eq!(websocket_messages(r#"["a"#), Err(PayloadError::Broken));
        assert_eq!(websocket_messages("\"\\ud800\"").unwrap(), ["\u{fffd}"]);
    }

    #[test]
    fn each_lone_surrogate_becomes_one_replacement_character() {
        for (json, message) in [
            (r#"["\ud800"]"#, "\u{fffd}"),
            (r#"["\udc00"]"#, "\u{fffd}"),
            (r#"["a\uD800b\udfffc"]"#, "a\u{fffd}b\u{fffd}c"),
            (r#"["\ud800\ud800\udc00"]"#, "\u{fffd}\u{10000}"),
            (r#"["\udc00\ud800"]"#, "\u{fffd}\u{fffd}"),
            (r#"["\ud83d\ude00"]"#, "😀"),
            (r#"["\\ud800"]"#, "\\ud800"),
            (r#"["\\\ud800"]"#, "\\\u{fffd}"),
            (r#"["\ud800\\udc00"]"#, "\u{fffd}\\udc00"),
        ] {
            assert_eq!(messages(json).unwrap(), [message], "{json}");
        }
    }

    #[test]
    fn an_unpaired_surrogate_in_bytes_is_one_replacement_character() {
        for (body, text) in [
            (&b"plain"[..], "plain"),
            ("é漢😀\u{d7ff}\u{e000}".as_bytes(), "é漢😀\u{d7ff}\u{e000}"),
            (b"a\xed\xa0\x80b", "a\u{fffd}b"),
            (b"\xed\xbf\xbf\xed\xa0\x80", "\u{fffd}\u{fffd}"),
            (b"\xed\x9f\xbf\xed\xa0\x80", "\u{d7ff}\u{fffd}"),
            (b"\xff\xed\xa0", "\u{fffd}\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(super::text(body.to_vec()), text, "{body:x?}");
        }
    }
}
