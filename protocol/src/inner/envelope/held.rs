//! Messages on the inner WebSocket of a client's WebSocket that the Worker holds.
//!
//! The messages are strings, unlike those of a response: a client sends and receives strings, and JavaScript joins and cuts
//! strings without a copy. The first letter is the kind.
//!
//! The client's messages are numbered from 1. A batch of them is sent to the object in one inner message. The object reports the
//! number up to which its handlers have returned. The Worker keeps unhandled messages, and after it attached again it sends
//! those that the object did not receive. A batch without messages asks whether the object received all earlier messages: after
//! a panic a new instance has the inner WebSocket, but not the messages.

use super::EnvelopeError;
use crate::inner::json::Reader;
use crate::sockjs::session::{Held, Seq};
use crate::time::Millis;
use serde::Serialize;

/// Header of the response to [`Action::Hold`](super::Action::Hold): the id of the connection, the time at which it was opened in
/// milliseconds, and the number of the client's last message that the object received, separated by spaces.
pub const HELD_HEADER: &str = "sockjs-edge-held";

/// The Worker's data about a WebSocket that it holds, sent when it attaches again. An object that restarted has no other data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Returned {
    /// Id of the connection.
    pub connection: String,
    /// Moment at which the connection was opened.
    pub opened: Millis,
    /// Number of the last message that the Worker got from the object, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Seq>,
    /// Number up to which the client's messages are handled.
    pub handled: u64,
    /// True if the client has sent a message.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub heard: bool,
    /// State of the connection, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Groups of the connection, as a JSON array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<String>,
    /// Code and reason with which the client's WebSocket ended in the meantime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<(u16, String)>,
}

impl Returned {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (mut connection, mut opened, mut handled) = (None, None, None);
        let (mut after, mut heard, mut state, mut groups, mut closed) = (None, false, None, None, None);
        reader.object(&mut |name, reader| {
            match name {
                "connection" => connection = Some(reader.text()?),
                "opened" => opened = Some(Millis(reader.number()?)),
                "after" => after = Some(Seq(reader.number()?)),
                "handled" => handled = Some(reader.number()?),
                "heard" => heard = reader.flag()?,
                "state" => state = Some(reader.text()?),
                "groups" => groups = Some(reader.text()?),
                "closed" => {
                    let (mut code, mut reason) = (None, None);
                    reader.array(&mut |reader| {
                        match code {
                            None => code = Some(reader.number()?),
                            Some(_) => reason = Some(reader.text()?),
                        }
                        Some(())
                    })?;
                    closed = Some((code?, reason?));
                }
                _ => reader.skip()?,
            }
            Some(())
        })?;
        let (connection, opened, handled) = (connection?, opened?, handled?);
        Some(Self { connection, opened, after, handled, heard, state, groups, closed })
    }
}

/// A message from the object to the Worker that holds the client's WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToHolder<'a> {
    /// A frame to write to the client.
    Frame {
        /// Number of the last message in the frame; `None` for frames that belong to no message.
        seq: Option<Seq>,
        /// Number of the last message of the client that is handled, if it changed.
        handled: Option<u64>,
        /// True if the WebSocket is closed after this frame.
        end: bool,
        /// The frame.
        frame: &'a str,
    },
    /// All of the client's messages up to this number are handled.
    Handled(u64),
    /// The application changed the state of the connection, as JSON.
    State(&'a str),
    /// The application changed the groups of the connection: all of them, as a JSON array.
    Groups(&'a str),
    /// Close the client's WebSocket with this code, without a SockJS frame.
    Close {
        /// Close code.
        code: u16,
        /// Close reason.
        reason: &'a str,
    },
    /// Asks which messages were written and which are held; the answer is [`FromHolder::Progress`].
    Ask,
}

impl ToHolder<'_> {
    /// Writes the message: `f[seq],[handled],[end]` and after a line feed the frame; `d` and the number; `s` and the state;
    /// `g` and the groups; `c[code],[reason]`; `q`.
    pub fn encode(&self) -> String {
        match self {
            Self::Frame { seq, handled, end, frame } => {
                let mut text = String::with_capacity(40 + frame.len());
                text.push('f');
                push_number(&mut text, seq.map(|seq| seq.0));
                text.push(',');
                push_number(&mut text, *handled);
                text.push_str(if *end { ",1\n" } else { ",\n" });
                text.push_str(frame);
                text
            }
            Self::Handled(number) => format!("d{number}"),
            Self::State(json) => ["s", json].concat(),
            Self::Groups(json) => ["g", json].concat(),
            Self::Close { code, reason } => format!("c{code},{reason}"),
            Self::Ask => "q".to_owned(),
        }
    }
}

fn push_number(text: &mut String, number: Option<u64>) {
    if let Some(number) = number {
        text.push_str(&number.to_string());
    }
}

/// A message from the Worker that holds the client's WebSocket to the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromHolder<'a> {
    /// Messages of the client.
    Batch(Batch<'a>),
    /// Everything up to this number was written to the client.
    Ack(Seq),
    /// The answer to [`ToHolder::Ask`].
    Progress {
        /// The last number that was written, if any.
        written: Option<Seq>,
        /// The frames that the client has not taken yet.
        held: Vec<Held>,
    },
    /// The client closed its WebSocket, or lost it (1006).
    Closed {
        /// Close code.
        code: u16,
        /// Close reason.
        reason: &'a str,
    },
    /// The client broke a rule that the Worker checks.
    Violated {
        /// Close code.
        code: u16,
        /// Description of the violation.
        reason: &'a str,
    },
    /// The client has read nothing for `stall_timeout`.
    Stalled,
    /// The client gave no sign of life for `silence_timeout`.
    Silent,
}

/// Messages of the client, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Number up to which the Worker knows the client's messages to be handled.
    pub handled: u64,
    /// Number of the first message of the batch.
    pub first: u64,
    /// Everything up to this number was written to the client.
    pub ack: Option<Seq>,
    /// The messages.
    pub texts: Vec<&'a str>,
}

impl<'a> FromHolder<'a> {
    /// Reads a message: `m[handled],[first],[ack],[length],[length]...` and after a line feed the texts, whose lengths count
    /// UTF-16 units as in JavaScript; `a[seq]`; `w[written],[through]:[bytes]...`; `x[code],[reason]`; `v[code],[reason]`;
    /// `t`; `l`.
    ///
    /// # Errors
    ///
    /// Returns an error if the message is anything else.
    pub fn decode(message: &'a str) -> Result<Self, EnvelopeError> {
        Self::read(message).ok_or(EnvelopeError::Malformed)
    }

    fn read(message: &'a str) -> Option<Self> {
        let (kind, rest) = message.split_at_checked(1)?;
        Some(match kind {
            "m" => Self::Batch(Batch::read(rest)?),
            "a" => Self::Ack(Seq(rest.parse().ok()?)),
            "w" => {
                let mut parts = rest.split(',');
                let written = optional(parts.next()?)?.map(Seq);
                let group = |part: &str| {
                    let (through, bytes) = part.split_once(':')?;
                    Some(Held { through: Seq(through.parse().ok()?), bytes: bytes.parse().ok()? })
                };
                Self::Progress { written, held: parts.map(group).collect::<Option<_>>()? }
            }
            "x" => {
                let (code, reason) = code_and_reason(rest)?;
                Self::Closed { code, reason }
            }
            "v" => {
                let (code, reason) = code_and_reason(rest)?;
                Self::Violated { code, reason }
            }
            "t" if rest.is_empty() => Self::Stalled,
            "l" if rest.is_empty() => Self::Silent,
            _ => return None,
        })
    }
}

impl<'a> Batch<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (head, mut rest) = text.split_once('\n')?;
        let mut parts = head.split(',');
        let (handled, first) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let ack = optional(parts.next()?)?.map(Seq);
        let is_ascii = rest.is_ascii();
        let mut texts = Vec::new();
        for part in parts {
            let units = part.parse().ok()?;
            let bytes = if is_ascii { units } else { bytes_of(rest, units)? };
            let (text, after) = rest.split_at_checked(bytes)?;
            texts.push(text);
            rest = after;
        }
        rest.is_empty().then_some(Self { handled, first, ack, texts })
    }
}

/// Returns the bytes of the first `units` UTF-16 units of `text`.
fn bytes_of(text: &str, units: usize) -> Option<usize> {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        left = left.checked_sub(character.len_utf16())?;
    }
    (left == 0).then_some(text.len())
}

fn optional(number: &str) -> Option<Option<u64>> {
    if number.is_empty() { Some(None) } else { number.parse().ok().map(Some) }
}

fn code_and_reason(text: &str) -> Option<(u16, &str)> {
    let (code, reason) = text.split_once(',')?;
    Some((code.parse().ok()?, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_to_the_holder_keep_their_written_form() {
        let frame = |seq, handled, end, frame| ToHolder::Frame { seq, handled, end, frame }.encode();
        assert_eq!(frame(Some(Seq(70)), Some(3), false, "a[\"x\"]"), "f70,3,\na[\"x\"]");
        assert_eq!(frame(None, None, true, "c[3000,\"\"]"), "f,,1\nc[3000,\"\"]");
        assert_eq!(frame(Some(Seq(0)), Some(u64::MAX), false, "o"), "f0,18446744073709551615,\no");
        assert_eq!(ToHolder::Handled(12).encode(), "d12");
        assert_eq!(ToHolder::State("{}").encode(), "s{}");
        assert_eq!(ToHolder::Groups(r#"["a"]"#).encode(), r#"g["a"]"#);
        assert_eq!(ToHolder::Close { code: 1013, reason: "Stalled" }.encode(), "c1013,Stalled");
        assert_eq!(ToHolder::Ask.encode(), "q");
    }

    #[test]
    fn a_batch_is_cut_by_the_lengths_of_javascript() {
        let batch = |handled, first, ack, texts: &[&'static str]| {
            Ok(FromHolder::Batch(Batch { handled, first, ack, texts: texts.to_vec() }))
        };
        assert_eq!(FromHolder::decode("m1,2,,1,0,2\nabc"), batch(1, 2, None, &["a", "", "bc"]));
        assert_eq!(FromHolder::decode("m0,1,9,2,3,1\n😀é\n,x"), batch(0, 1, Some(Seq(9)), &["😀", "é\n,", "x"]));
        assert_eq!(FromHolder::decode("m0,1,\n"), batch(0, 1, None, &[]));
        for damaged in ["m0,1,,1\n", "m0,1,,1\nab", "m0,1,,1\n😀", "m0,1,1", "m0,1,,2,\n😀", "m,1,,\n", "m0,1,x,\n"]
        {
            assert_eq!(FromHolder::decode(damaged), Err(EnvelopeError::Malformed), "{damaged}");
        }
    }

    #[test]
    fn other_messages_of_the_holder() {
        let (through, bytes) = (Seq(9), 100);
        for (text, message) in [
            ("a7", FromHolder::Ack(Seq(7))),
            ("w", FromHolder::Progress { written: None, held: vec![] }),
            ("w8,9:100", FromHolder::Progress { written: Some(Seq(8)), held: vec![Held { through, bytes }] }),
            ("x1000,bye, bye", FromHolder::Closed { code: 1000, reason: "bye, bye" }),
            ("v1003,", FromHolder::Violated { code: 1003, reason: "" }),
            ("t", FromHolder::Stalled),
            ("l", FromHolder::Silent),
        ] {
            assert_eq!(FromHolder::decode(text), Ok(message));
        }
        for damaged in ["", "a", "ax", "w1,2", "w1,", "x1000", "x,", "tt", "é", "z"] {
            assert_eq!(FromHolder::decode(damaged), Err(EnvelopeError::Malformed), "{damaged}");
        }
    }
}
