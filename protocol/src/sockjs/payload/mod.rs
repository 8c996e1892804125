//! Payloads of a client: a JSON array of strings (`xhr_send`, WebSocket) or one JSON string (WebSocket).

mod surrogates;
mod utf8;

pub use utf8::{NotUtf8, decode, text};

use crate::service::options::Config;
use crate::sockjs::plain::plain_prefix;
use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor};
use serde_json::de::StrRead;
use std::fmt;
use surrogates::replace_lone_surrogates;

/// Reason for refusing a payload. `Display` returns sockjs-node's text where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadError {
    /// The payload is empty, or something other than an array: send a JSON array of strings.
    Expected,
    /// The payload is not JSON, or an element is not a string: encode each message as a JSON string.
    Broken,
    /// A message is larger than [`PayloadLimits::message`].
    TooLarge,
    /// There are more messages than [`PayloadLimits::count`].
    TooMany,
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expected => "Payload expected.",
            Self::Broken => "Broken JSON encoding.",
            Self::TooLarge => "A message is too large.",
            Self::TooMany => "There are too many messages.",
        })
    }
}

impl std::error::Error for PayloadError {}

/// Limits on one payload of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadLimits {
    /// Bytes of one message.
    pub message: usize,
    /// Number of messages.
    pub count: usize,
}

impl PayloadLimits {
    /// No limits.
    pub const NONE: Self = Self { message: usize::MAX, count: usize::MAX };

    /// Returns the limits that `config` sets.
    pub fn of(config: &Config) -> Self {
        let count = config.messages_per_body.and_then(|most| most.try_into().ok()).unwrap_or(usize::MAX);
        Self { message: config.message_limit, count }
    }
}

/// The messages of one body or WebSocket message, in the order in which the client sent them.
///
/// The messages stay in the buffer in which they arrived, as JSON. Each message is extracted when it is requested. So a body of
/// very many small messages takes no more memory than any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    text: String,
    /// Start of the part of `text` that was not taken yet.
    at: usize,
    left: usize,
    form: Form,
    is_verbatim: bool,
}

/// Form of the messages in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// JSON strings, with anything between them.
    Json,
    /// The only string of an array, without an escape. Most clients send this most of the time.
    OnePlain,
    /// The text itself.
    Raw,
}

/// Bytes that each body counts in addition to its own. Empty bodies count as well, since many of them add up.
const BODY_COST: usize = 64;

impl Messages {
    /// Reads the messages of an HTTP send: a JSON array of strings, possibly empty.
    ///
    /// # Errors
    ///
    /// Returns an error if `body` is anything else, has a message above `limits`, or has too many messages.
    pub fn of_body(body: String, limits: PayloadLimits) -> Result<Self, PayloadError> {
        if body.is_empty() {
            return Err(PayloadError::Expected);
        }
        Self::checked(body, limits, |json, check| json.deserialize_seq(check))
    }

    /// Reads the messages of one message of a framed WebSocket: an array as in [`Messages::of_body`], or one bare
    /// string. An empty text has no messages.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`Messages::of_body`].
    pub fn of_websocket(text: String, limits: PayloadLimits) -> Result<Self, PayloadError> {
        if text.is_empty() {
            return Ok(Self::trusted(text, 0));
        }
        match text.trim_start().starts_with('"') {
            true => Self::checked(text, limits, |json, check| json.deserialize_str(check)),
            false => Self::of_body(text, limits),
        }
    }

    /// Returns the message of a raw WebSocket, unchanged.
    ///
    /// # Errors
    ///
    /// Returns an error if the message is larger than `limits` allow.
    pub fn of_raw(text: String, limits: PayloadLimits) -> Result<Self, PayloadError> {
        match text.len() > limits.message {
            true => Err(PayloadError::TooLarge),
            false => Ok(Self { text, at: 0, left: 1, form: Form::Raw, is_verbatim: true }),
        }
    }

    /// Returns the `count` messages of a text that the other half of the server accepted with [`Messages::of_body`].
    pub fn trusted(text: String, count: usize) -> Self {
        Self { text, at: 0, left: count, form: Form::Json, is_verbatim: true }
    }

    /// Returns the JSON, for [`Messages::trusted`].
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True if the JSON is the original text, with nothing replaced in it.
    pub fn is_verbatim(&self) -> bool {
        self.is_verbatim
    }

    /// Returns the JSON by value.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Returns the messages without those that are equal to `message`, whatever escapes they are written with.
    pub fn without(self, message: &str) -> Self {
        if !self.may_have(message) {
            return self;
        }
        let rest: Vec<String> = self.clone().filter(|other| other != message).collect();
        if rest.len() == self.left {
            return self;
        }
        // Serializing strings does not fail.
        Self::trusted(serde_json::to_string(&rest).unwrap_or_default(), rest.len())
    }

    /// False if none of the messages is `message`. A length check, or a comparison without unescaping, decides most cases.
    fn may_have(&self, message: &str) -> bool {
        let text = self.text.get(self.at..).unwrap_or_default();
        match (self.form, self.left) {
            (_, 0) => false,
            (Form::Raw, _) => text == message,
            (Form::OnePlain, _) => text.len() == message.len() + 4,
            (Form::Json, 1) => {
                // Including brackets and quotes, but no white space.
                let most = LONGEST_ESCAPE.saturating_mul(message.len()).saturating_add(4);
                let marks = text.bytes().filter(|byte| !byte.is_ascii_whitespace());
                marks.take(most.saturating_add(1)).count() <= most
            }
            (Form::Json, _) => {
                text.contains('\\') || serde_json::to_string(message).is_ok_and(|quoted| text.contains(&quoted))
            }
        }
    }

    /// Returns the number of messages that were not taken yet.
    pub fn len(&self) -> usize {
        self.left
    }

    /// True if no message is left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// Returns the bytes that the remaining messages count as.
    pub fn cost(&self) -> usize {
        self.text.len().saturating_sub(self.at).saturating_add(BODY_COST)
    }

    fn checked(
        mut text: String,
        limits: PayloadLimits,
        read: impl FnOnce(&mut serde_json::Deserializer<StrRead<'_>>, &mut Check) -> serde_json::Result<()>,
    ) -> Result<Self, PayloadError> {
        if let Some(message) = one_plain(&text) {
            let plain = Self { text, at: 0, left: 1, form: Form::OnePlain, is_verbatim: true };
            return if message > limits.message { Err(PayloadError::TooLarge) } else { Ok(plain) };
        }
        let is_verbatim = !replace_lone_surrogates(&mut text);
        // serde_json copies a string that has an escape, and its buffer grows by doubling. A string of this length is too large,
        // whatever its escapes stand for.
        if has_string_above(&text, limits.message.saturating_mul(LONGEST_ESCAPE)) {
            let is_json = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            return Err(if is_json { PayloadError::TooLarge } else { broken(&text) });
        }
        let mut check = Check { limits, count: 0, excess: None };
        let mut json = serde_json::Deserializer::from_str(&text);
        if read(&mut json, &mut check).and_then(|()| json.end()).is_err() {
            return Err(broken(&text));
        }
        match check.excess {
            Some(excess) => Err(excess),
            None => Ok(Self { is_verbatim, ..Self::trusted(text, check.count) }),
        }
    }

    /// Extracts the next message.
    fn cut(&mut self) -> Option<String> {
        match self.form {
            Form::Raw => return Some(std::mem::take(&mut self.text)),
            Form::OnePlain => {
                let mut message = std::mem::take(&mut self.text);
                message.truncate(message.len().saturating_sub(2));
                message.drain(..2.min(message.len()));
                return Some(message);
            }
            Form::Json => {}
        }
        let rest = self.text.get(self.at..)?;
        let start = rest.find('"')?;
        let string = rest.get(start..start + string_len(rest.get(start..)?)?)?;
        self.at += start + string.len();
        let inside = string.strip_prefix('"')?.strip_suffix('"')?;
        if inside.contains('\\') { serde_json::from_str(string).ok() } else { Some(inside.to_owned()) }
    }
}

impl Iterator for Messages {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.left = self.left.checked_sub(1)?;
        let message = self.cut();
        if message.is_none() {
            self.left = 0;
        }
        if self.left == 0 {
            self.text = String::new();
            self.at = 0;
        }
        message
    }
}

/// Returns the bytes of the string at the beginning of `json`, with its quotes.
fn string_len(json: &str) -> Option<usize> {
    let mut at = 1;
    loop {
        at += plain_prefix(json.as_bytes().get(at..)?);
        match json.as_bytes().get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Bytes of an escape such as `\u0000`, which stands for one byte.
const LONGEST_ESCAPE: usize = 6;

/// True if `json` has a string of more than `most` bytes. Escapes count as they are written.
fn has_string_above(json: &str, most: usize) -> bool {
    // Shorter texts need no search.
    let mut rest = if json.len() > most { json } else { "" };
    while let Some(string) = rest.find('"').and_then(|start| rest.get(start..)) {
        let length = string_len(string).unwrap_or(string.len());
        if length > most.saturating_add(2) {
            return true;
        }
        rest = string.get(length..).unwrap_or_default();
    }
    false
}

/// Returns the bytes of the message if `json` is an array of one string without an escape. Most clients send this most
/// of the time.
fn one_plain(json: &str) -> Option<usize> {
    let message = json.strip_prefix("[\"")?.strip_suffix("\"]")?;
    (plain_prefix(message.as_bytes()) == message.len()).then_some(message.len())
}

/// Returns the error for a text that is not an array of strings, as sockjs-node distinguishes it: valid JSON of another shape has
/// an error of its own. No tree is built, since the JSON may be as large as a body and the tree would take many times as much
/// memory.
fn broken(json: &str) -> PayloadError {
    let is_array = json.trim_start().starts_with('[');
    match is_array || serde_json::from_str::<IgnoredAny>(json).is_err() {
        true => PayloadError::Broken,
        false => PayloadError::Expected,
    }
}

/// Visitor that counts and measures the strings that serde_json reads, and keeps none of them.
struct Check {
    limits: PayloadLimits,
    count: usize,
    excess: Option<PayloadError>,
}

impl<'de> Visitor<'de> for &mut Check {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("strings")
    }

    fn visit_str<E>(self, message: &str) -> Result<(), E> {
        self.count += 1;
        if message.len() > self.limits.message {
            self.excess = Some(PayloadError::TooLarge);
        } else if self.count > self.limits.count {
            self.excess.get_or_insert(PayloadError::TooMany);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while array.next_element_seed(&mut *self)?.is_some() {}
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Check {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, element: D) -> Result<(), D::Error> {
        element.deserialize_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_body(body: &str) -> Result<Vec<String>, PayloadError> {
        Messages::of_body(body.into(), PayloadLimits::NONE).map(Iterator::collect)
    }

    fn of_websocket(text: &str) -> Result<Vec<String>, PayloadError> {
        Messages::of_websocket(text.into(), PayloadLimits::NONE).map(Iterator::collect)
    }

    #[test]
    fn an_http_send_is_an_array_of_strings() {
        for (body, messages) in [
            ("[]", vec![]),
            (r#"["a"]"#, vec!["a"]),
            (r#" [ "a" , "b" ] "#, vec!["a", "b"]),
            (r#"["\u0041\n\ud83d\ude00"]"#, vec!["A\n😀"]),
            ("[\"\u{2028}\"]", vec!["\u{2028}"]),
        ] {
            assert_eq!(of_body(body).unwrap(), messages);
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
            assert_eq!(of_body(body).unwrap_err().to_string(), error, "{body}");
        }
    }

    #[test]
    fn a_websocket_may_send_one_bare_string_or_nothing() {
        assert_eq!(of_websocket("").unwrap(), Vec::<String>::new());
        assert_eq!(of_websocket("[]").unwrap(), Vec::<String>::new());
        assert_eq!(of_websocket(r#""a""#).unwrap(), ["a"]);
        assert_eq!(of_websocket(r#" ["a","b"]"#).unwrap(), ["a", "b"]);
        assert_eq!(of_websocket(r#"["a"#), Err(PayloadError::Broken));
        assert_eq!(of_websocket("\"\\ud800\"").unwrap(), ["\u{fffd}"]);
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
            assert_eq!(of_body(json).unwrap(), [message], "{json}");
        }
    }

    #[test]
    fn messages_are_cut_out_one_by_one_wherever_they_stand() {
        let json = " [ \"a\\\"]\" ,\"\" , \"[\\\\\",\"\u{e9}, \\u00e9\" ]\n";
        let mut messages = Messages::of_body(json.into(), PayloadLimits::NONE).unwrap();
        let mut cost = messages.cost();
        for (left, message) in ["a\"]", "", "[\\", "\u{e9}, \u{e9}"].into_iter().enumerate() {
            assert_eq!((messages.len(), messages.next().as_deref()), (4 - left, Some(message)));
            assert!(messages.cost() < cost, "what was cut out counts no more");
            cost = messages.cost();
        }
        assert_eq!((messages.next(), messages.len()), (None, 0));
    }

    #[test]
    fn what_the_other_half_accepted_is_read_again() {
        let accepted = Messages::of_body(r#"["a","\ud800"]"#.into(), PayloadLimits::NONE).unwrap();
        let read = Messages::trusted(accepted.as_str().into(), accepted.len());
        assert!(!accepted.is_verbatim());
        assert_eq!(read.len(), accepted.len());
        assert_eq!(read.collect::<Vec<_>>(), ["a", "\u{fffd}"]);
        for damaged in ["", "[", r#"["a"#, r#"["\x"]"#, "\"\\"] {
            assert_eq!(Messages::trusted(damaged.into(), 5).collect::<Vec<_>>(), [""; 0], "{damaged}");
        }
    }

    #[test]
    fn a_string_that_is_too_long_in_any_case_is_not_unescaped() {
        for (json, is_above) in [
            (r#"["ab","abcd"]"#, false),
            (r#"["ab","abcde"]"#, true),
            (r#"["ab","abcdef"#, true),
            (r#"["abc\"]"#, true),
            (r#"["a"","b"]"#, false),
            (r#"[1,2,3,4,5]"#, false),
        ] {
            assert_eq!(has_string_above(json, 4), is_above, "{json}");
        }
        let limits = PayloadLimits { message: 3, count: 2 };
        let of_body = |body: &str| Messages::of_body(body.into(), limits).map(|messages| messages.len());
        assert_eq!(of_body(&format!(r#"["\n{}"]"#, "x".repeat(19))), Err(PayloadError::TooLarge));
        assert_eq!(of_body(&format!(r#"["\n{}"#, "x".repeat(19))), Err(PayloadError::Broken));
        assert_eq!(of_body(r#"["\u0061\u0062\u0063"]"#), Ok(1));
    }

    #[test]
    fn limits_are_of_messages_as_the_application_gets_them() {
        let limits = PayloadLimits { message: 3, count: 2 };
        for (body, expected) in [
            (r#"["abc","\n\n\n"]"#, Ok(2)),
            (r#"["abcd"]"#, Err(PayloadError::TooLarge)),
            (r#"["a","\u20ac."]"#, Err(PayloadError::TooLarge)),
            (r#"["","",""]"#, Err(PayloadError::TooMany)),
            (r#"["","","","abcd"]"#, Err(PayloadError::TooLarge)),
            (r#"["abcd",1]"#, Err(PayloadError::Broken)),
        ] {
            assert_eq!(Messages::of_body(body.into(), limits).map(|messages| messages.len()), expected, "{body}");
            assert_eq!(Messages::of_websocket(body.into(), limits).map(|messages| messages.len()), expected, "{body}");
        }
        assert_eq!(Messages::of_websocket("\"abcd\"".into(), limits), Err(PayloadError::TooLarge));
        assert_eq!(Messages::of_raw("abcd".into(), limits), Err(PayloadError::TooLarge));
        assert_eq!(Messages::of_raw("\"b".into(), limits).unwrap().collect::<Vec<_>>(), ["\"b"]);
    }
}
