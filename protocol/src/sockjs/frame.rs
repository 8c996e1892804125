//! The frames that a server sends: `o`, `h`, `a[...]` and `c[code,"reason"]`.

use crate::inner::json::Reader;
use crate::sockjs::close_code::CloseCode;
use crate::sockjs::meter::{Meter, Part};
use crate::sockjs::plain::plain_prefix;
use std::fmt::Write as _;
use std::rc::Rc;

/// One frame from the server to the client, before a transport wraps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// `o`: the session is open. Always the first frame.
    Open,
    /// `h`: a heartbeat, so that no proxy on the way closes a silent connection.
    Heartbeat,
    /// `a[...]`: one or more messages, oldest first.
    Messages(Vec<Message>),
    /// `c[code,"reason"]`: the session is closed. Always the last frame.
    Close {
        /// A [`CloseCode`], or the code of an application.
        code: u16,
        /// A reason for people and logs.
        reason: String,
    },
}

impl Frame {
    /// Returns the frame for a second receiver while the first one is alive.
    pub fn another_connection() -> Self {
        Self::Close { code: CloseCode::AnotherConnection.number(), reason: "Another connection still open".into() }
    }

    /// Returns the frame for a receiver whose session would exceed the number of connections of its object.
    pub fn too_many_connections() -> Self {
        Self::Close { code: CloseCode::TryAgainLater.number(), reason: "Too many connections".into() }
    }

    /// Reads the messages of an `a[...]` frame that [`Frame::encode`] wrote. Returns `None` for anything else.
    pub fn read_messages(text: &str) -> Option<Vec<Message>> {
        let mut messages = Vec::new();
        Reader::whole(text.strip_prefix('a')?, |reader| {
            reader.array(&mut |item| {
                messages.push(Message::new(&item.text()?));
                Some(())
            })
        })?;
        Some(messages)
    }

    /// Returns the bytes of the encoded frame.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Open | Self::Heartbeat => 1,
            Self::Messages(messages) => messages.iter().fold(EMPTY_LEN, joined_len),
            Self::Close { code, reason } => format!("c[{code},]").len() + quoted_len(reason),
        }
    }

    /// Returns the frame as a string, as it is sent over a WebSocket or into a transport's wrapping.
    pub fn encode(&self) -> String {
        match self {
            Self::Open => "o".into(),
            Self::Heartbeat => "h".into(),
            Self::Messages(messages) => {
                let mut text = String::with_capacity(self.encoded_len());
                text.push('a');
                push_array(&mut text, messages);
                text
            }
            Self::Close { code, reason } => format!("c[{code},{}]", quote(reason)),
        }
    }
}

/// Bytes of an `a[]` frame.
pub(crate) const EMPTY_LEN: usize = 3;

/// Returns the bytes of a frame of `frame` bytes after `message` was added to it.
pub(crate) fn joined_len(frame: usize, message: &Message) -> usize {
    frame + message.quoted_len() + usize::from(frame > EMPTY_LEN)
}

/// Appends `messages` as a JSON array.
fn push_array(text: &mut String, messages: &[Message]) {
    text.push('[');
    for (at, message) in messages.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        message.push_to(text);
    }
    text.push(']');
}

/// A message to send, shared by all its recipients.
///
/// The message is kept as the application gave it, and escaped when a frame is written. While it waits, it takes no more memory
/// than its string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    text: Rc<Text>,
    quoted: usize,
}

#[derive(Debug)]
struct Text {
    text: Box<str>,
    /// The part of a meter that counts the string, if the message is metered.
    _counted: Option<Part>,
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Text {}

/// Approximate bytes of memory that a message takes besides its string.
const MESSAGE_COST: usize = 96;

impl Message {
    /// Returns a message with this string.
    pub fn new(text: &str) -> Self {
        Self::counted(text, None)
    }

    /// Returns a message with this string that `meter` counts once, as long as anybody has a copy of it.
    pub fn metered(text: &str, meter: &Meter) -> Self {
        let part = meter.part();
        part.set(text.len().saturating_add(MESSAGE_COST));
        Self::counted(text, Some(part))
    }

    fn counted(text: &str, counted: Option<Part>) -> Self {
        Self { text: Rc::new(Text { text: text.into(), _counted: counted }), quoted: quoted_len(text) }
    }

    /// True if there are other copies of the message, which wait for other connections.
    pub fn is_shared(&self) -> bool {
        Rc::strong_count(&self.text) > 1
    }

    /// True if this is the same message as `other`, not merely a message with the same string.
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.text, &other.text)
    }

    /// Returns the string.
    pub fn as_str(&self) -> &str {
        &self.text.text
    }

    /// Returns the bytes of the string in UTF-8.
    pub fn len(&self) -> usize {
        self.as_str().len()
    }

    /// Returns the bytes of the string in an `a[...]` frame, with its quotes and escapes.
    pub fn quoted_len(&self) -> usize {
        self.quoted
    }

    /// True if the string is empty.
    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }

    /// Appends the message as a JSON string.
    fn push_to(&self, frame: &mut String) {
        if self.quoted > self.len() + 2 {
            return push_quoted(frame, self.as_str());
        }
        // No character of the string needs an escape.
        frame.push('"');
        frame.push_str(self.as_str());
        frame.push('"');
    }
}

/// Returns `text` as a JSON string, escaped as sockjs-node does it.
///
/// Beyond JSON's own escapes, the characters that old string handling of some browsers loses are written as lower-case
/// `\uXXXX`: U+200C-200F, U+2028-202F, U+2060-206F, U+FFF0-FFFF, and both halves of characters outside the BMP
/// (protocol case `JSONEncoding.test_xhr_server_encodes`).
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    push_quoted(&mut quoted, text);
    quoted
}

/// Appends [`quote`] of `text`.
fn push_quoted(quoted: &mut String, text: &str) {
    quoted.push('"');
    each_run(text, |plain, next| {
        quoted.push_str(plain);
        match next {
            Some(next) if needs_escape(next) => escape(quoted, next),
            Some(next) => quoted.push(next),
            None => {}
        }
    });
    quoted.push('"');
}

/// Returns the bytes of [`quote`] of `text`.
fn quoted_len(text: &str) -> usize {
    let mut len = 2;
    each_run(text, |plain, next| {
        len += plain.len();
        len += match next {
            Some('"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t') => 2,
            Some(next) if needs_escape(next) => 6 * next.len_utf16(),
            Some(next) => next.len_utf8(),
            None => 0,
        };
    });
    len
}

/// Calls `run` with each stretch of `text` that needs no escape, and with the character after it.
fn each_run(text: &str, mut run: impl FnMut(&str, Option<char>)) {
    let mut rest = text;
    loop {
        let (plain, other) = rest.split_at_checked(plain_prefix(rest.as_bytes())).unwrap_or(("", rest));
        let mut chars = other.chars();
        let next = chars.next();
        run(plain, next);
        if next.is_none() {
            break;
        }
        rest = chars.as_str();
    }
}

fn escape(quoted: &mut String, c: char) {
    match c {
        '"' => quoted.push_str("\\\""),
        '\\' => quoted.push_str("\\\\"),
        '\u{8}' => quoted.push_str("\\b"),
        '\u{c}' => quoted.push_str("\\f"),
        '\n' => quoted.push_str("\\n"),
        '\r' => quoted.push_str("\\r"),
        '\t' => quoted.push_str("\\t"),
        c => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{unit:04x}");
            }
        }
    }
}

fn needs_escape(c: char) -> bool {
    matches!(c,
        '"' | '\\' | '\0'..='\u{1f}'
        | '\u{200c}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{2060}'..='\u{206f}'
        | '\u{fff0}'..='\u{ffff}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_as_the_protocol_writes_them() {
        let message = |text: &str| Message::new(text);
        for (frame, text) in [
            (Frame::Open, "o"),
            (Frame::Heartbeat, "h"),
            (Frame::Messages(vec![message("x")]), r#"a["x"]"#),
            (Frame::Messages(vec![message("x"), message("\"")]), r#"a["x","\""]"#),
            (Frame::Messages(vec![]), "a[]"),
            (Frame::Close { code: 3000, reason: "Go away!".into() }, r#"c[3000,"Go away!"]"#),
            (Frame::another_connection(), r#"c[2010,"Another connection still open"]"#),
        ] {
            assert_eq!(frame.encode(), text);
            assert_eq!(frame.encoded_len(), text.len());
        }
    }

    #[test]
    fn quote_escapes_what_sockjs_node_escapes_and_nothing_else() {
        for (text, quoted) in [
            ("", r#""""#),
            ("plain é ü 漢", r#""plain é ü 漢""#),
            ("\u{0}\u{1f}\u{7f}", "\"\\u0000\\u001f\u{7f}\""),
            ("\u{8}\u{c}\n\r\t\"\\/", r#""\b\f\n\r\t\"\\/""#),
            ("\u{200b}\u{200c}\u{200f}\u{2010}", "\"\u{200b}\\u200c\\u200f\u{2010}\""),
            ("\u{2027}\u{2028}\u{202f}\u{2030}", "\"\u{2027}\\u2028\\u202f\u{2030}\""),
            ("\u{205f}\u{2060}\u{206f}\u{2070}", "\"\u{205f}\\u2060\\u206f\u{2070}\""),
            ("\u{ffef}\u{fff0}\u{ffff}", "\"\u{ffef}\\ufff0\\uffff\""),
            ("😀", r#""\ud83d\ude00""#),
            ("\u{10ffff}", r#""\udbff\udfff""#),
            ("%25", r#""%25""#),
        ] {
            assert_eq!(quote(text), quoted);
        }
    }

    #[test]
    fn messages_are_read_back_from_their_frame() {
        let messages: Vec<_> = ["", "x", "\"\\\n\u{0}", "é\u{2028}😀\u{10ffff}", "],[\""].map(Message::new).into();
        for count in 0..=messages.len() {
            let messages = messages[..count].to_vec();
            assert_eq!(Frame::read_messages(&Frame::Messages(messages.clone()).encode()), Some(messages));
        }
        for other in ["", "o", "h", "a", "a[", r#"a["x"]a"#, r#"a[1]"#, r#"c[3000,"x"]"#] {
            assert_eq!(Frame::read_messages(other), None, "{other}");
        }
    }

    #[test]
    fn every_character_comes_back_from_its_quoted_form() {
        for c in '\0'..=char::MAX {
            let text = format!("a{c}b");
            assert_eq!(serde_json::from_str::<String>(&quote(&text)).unwrap(), text);
            assert_eq!(quoted_len(&text), quote(&text).len());
        }
    }
}
