//! Messages on an inner WebSocket, in both directions.

use super::{EnvelopeError, Version, v2};
use crate::sockjs::session::{Held, Seq};

/// A message from the object to the Worker that holds a client's response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToEdge {
    /// An encoded frame, which the Worker writes as one chunk.
    Frame {
        /// Number of the last message in the frame. The Worker acknowledges it, and drops the frame if it was written
        /// before. Heartbeats and close frames have no number.
        seq: Option<Seq>,
        /// True if the response ends with the frame.
        end: bool,
        /// The encoded frame.
        frame: String,
    },
    /// A close frame that refuses the client's request. The Worker writes it and ends the response.
    Refusal {
        /// Reason for the refusal.
        reason: FrameRefusal,
        /// The encoded frame.
        frame: String,
    },
    /// A request to write one newline, which clients ignore, to find out whether the client is still there.
    Probe,
    /// A request to answer at once with [`ToObject::Progress`]: the object hibernated, and no longer knows what it
    /// sent.
    Ask,
}

/// Reason why the object refuses a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameRefusal {
    /// The object has reached its limit of connections.
    Full,
    /// Another receiver of the session is attached.
    Contended,
}

impl FrameRefusal {
    /// Every reason.
    pub const ALL: [Self; 2] = [Self::Full, Self::Contended];

    /// Returns the reason's name in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Contended => "contended",
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::Full => b'f',
            Self::Contended => b'c',
        }
    }
}

/// A message from the Worker to the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToObject {
    /// Acknowledgement that everything up to this number was written to the client's response.
    Ack(Seq),
    /// The answer to [`ToEdge::Ask`].
    Progress {
        /// The last number that was written, if any.
        written: Option<Seq>,
        /// The numbered frames that were not written, in [`groups`](super::groups).
        held: Vec<Held>,
    },
    /// Notice that the client left before the last byte.
    Gone,
    /// Notice that the client read nothing for `stall_timeout`, and that its response was aborted.
    Stalled,
}

const FRAME: u8 = b'f';
const UNNUMBERED: u8 = b'u';
const REFUSAL: u8 = b'r';
const PROBE: u8 = b'p';
const ASK: u8 = b'q';
const ACK: u8 = b'a';
const PROGRESS: u8 = b'w';
const GONE: u8 = b'g';
const STALLED: u8 = b's';

impl ToEdge {
    /// Writes the message: `[version, 'f', end, seq as u64 LE, frame in UTF-8]`, `[version, 'u', end, frame]` for a
    /// frame without a number, `[version, 'r', reason, frame]` for a refusal, `[version, 'p']` for a probe, or
    /// `[version, 'q']` for [`ToEdge::Ask`].
    pub fn encode(&self, version: Version) -> Vec<u8> {
        if let (Self::Refusal { frame, .. }, Version::V2) = (self, version) {
            return v2::refusal(frame).encode(version);
        }
        let version = version.number();
        match self {
            Self::Probe => vec![version, PROBE],
            Self::Ask => vec![version, ASK],
            Self::Refusal { reason, frame } => [&[version, REFUSAL, reason.byte()], frame.as_bytes()].concat(),
            Self::Frame { seq, end, frame } => {
                let mut bytes = Vec::with_capacity(11 + frame.len());
                bytes.extend([version, if seq.is_some() { FRAME } else { UNNUMBERED }, u8::from(*end)]);
                if let Some(seq) = seq {
                    bytes.extend(seq.0.to_le_bytes());
                }
                bytes.extend(frame.as_bytes());
                bytes
            }
        }
    }

    /// Reads a message that [`ToEdge::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        match versioned(bytes)? {
            [PROBE] => Ok(Self::Probe),
            [ASK] => Ok(Self::Ask),
            [kind @ (FRAME | UNNUMBERED), end @ (0 | 1), rest @ ..] => {
                let (seq, frame) = if *kind == FRAME {
                    let (seq, frame) = seq_and_rest(rest)?;
                    (Some(seq), frame)
                } else {
                    (None, rest)
                };
                let frame = std::str::from_utf8(frame).map_err(|_| EnvelopeError::Malformed)?.to_owned();
                let frame = Self::Frame { seq, end: *end == 1, frame };
                Ok(if version_of(bytes) == Some(Version::V2) { v2::with_refusal(frame) } else { frame })
            }
            [REFUSAL, reason, frame @ ..] if version_of(bytes) != Some(Version::V2) => {
                let reason = FrameRefusal::ALL.into_iter().find(|known| known.byte() == *reason);
                let frame = std::str::from_utf8(frame).map_err(|_| EnvelopeError::Malformed)?.to_owned();
                Ok(Self::Refusal { reason: reason.ok_or(EnvelopeError::Malformed)?, frame })
            }
            _ => Err(EnvelopeError::Malformed),
        }
    }
}

/// True if these are the bytes of [`ToEdge::Ask`].
pub fn is_ask(bytes: &[u8]) -> bool {
    matches!(versioned(bytes), Ok([ASK]))
}

/// Returns the number and the length of a numbered frame that [`ToEdge::encode`] wrote, without reading the frame
/// itself.
pub fn number_of(bytes: &[u8]) -> Option<(Seq, usize)> {
    let Ok([FRAME, _, rest @ ..]) = versioned(bytes) else { return None };
    let (seq, frame) = seq_and_rest(rest).ok()?;
    Some((seq, frame.len()))
}

impl ToObject {
    /// Writes the message: `[version, 'a', seq as u64 LE]`, `[version, 'g']`, `[version, 's']`, or `[version, 'w', 0]`
    /// or `[version, 'w', 1, written as u64 LE]` followed by the groups, each `[through as u64 LE, bytes as u32 LE]`.
    pub fn encode(&self, version: Version) -> Vec<u8> {
        let version = version.number();
        match self {
            Self::Gone => vec![version, GONE],
            // Version 2 has no such message: its object is sent [`ToObject::Gone`].
            Self::Stalled if version == Version::V2.number() => vec![version, GONE],
            Self::Stalled => vec![version, STALLED],
            Self::Ack(seq) => {
                let mut bytes = vec![version, ACK];
                bytes.extend(seq.0.to_le_bytes());
                bytes
            }
            Self::Progress { written, held } => {
                let mut bytes = vec![version, PROGRESS, u8::from(written.is_some())];
                if let Some(seq) = written {
                    bytes.extend(seq.0.to_le_bytes());
                }
                for Held { through, bytes: held } in held {
                    bytes.extend(through.0.to_le_bytes());
                    bytes.extend(u32::try_from(*held).unwrap_or(u32::MAX).to_le_bytes());
                }
                bytes
            }
        }
    }

    /// Reads a message that [`ToObject::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        match versioned(bytes)? {
            [GONE] => Ok(Self::Gone),
            [STALLED] if version_of(bytes) != Some(Version::V2) => Ok(Self::Stalled),
            [ACK, rest @ ..] => match seq_and_rest(rest)? {
                (seq, []) => Ok(Self::Ack(seq)),
                _ => Err(EnvelopeError::Malformed),
            },
            [PROGRESS, 0, rest @ ..] => Ok(Self::Progress { written: None, held: read_groups(rest)? }),
            [PROGRESS, 1, rest @ ..] => {
                let (written, rest) = seq_and_rest(rest)?;
                Ok(Self::Progress { written: Some(written), held: read_groups(rest)? })
            }
            _ => Err(EnvelopeError::Malformed),
        }
    }
}

fn version_of(bytes: &[u8]) -> Option<Version> {
    Version::of(*bytes.first()?)
}

fn versioned(bytes: &[u8]) -> Result<&[u8], EnvelopeError> {
    let (version, rest) = bytes.split_first().ok_or(EnvelopeError::Malformed)?;
    // Both versions write the messages that they have in common alike.
    Version::of(*version).map(|_| rest).ok_or(EnvelopeError::Version(*version))
}

fn read_groups(bytes: &[u8]) -> Result<Vec<Held>, EnvelopeError> {
    let (groups, []) = bytes.as_chunks::<12>() else { return Err(EnvelopeError::Malformed) };
    let group = |group: &[u8; 12]| {
        let (through, bytes) = seq_and_rest(group)?;
        let bytes = bytes.try_into().map_err(|_| EnvelopeError::Malformed)?;
        let bytes = usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| EnvelopeError::Malformed)?;
        Ok(Held { through, bytes })
    };
    groups.iter().map(group).collect()
}

fn seq_and_rest(bytes: &[u8]) -> Result<(Seq, &[u8]), EnvelopeError> {
    let (seq, rest) = bytes.split_first_chunk::<8>().ok_or(EnvelopeError::Malformed)?;
    Ok((Seq(u64::from_le_bytes(*seq)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_messages_keep_their_bytes() {
        let frame = ToEdge::Frame { seq: Some(Seq(258)), end: true, frame: "a[\"é\"]".into() };
        let heartbeat = ToEdge::Frame { seq: None, end: false, frame: "h".into() };
        assert_eq!(frame.encode(Version::CURRENT), b"\x03f\x01\x02\x01\0\0\0\0\0\0a[\"\xc3\xa9\"]");
        assert_eq!(heartbeat.encode(Version::CURRENT), b"\x03u\0h");
        assert_eq!(ToEdge::Probe.encode(Version::CURRENT), b"\x03p");
        assert_eq!(ToEdge::Ask.encode(Version::CURRENT), b"\x03q");
        assert_eq!(ToObject::Ack(Seq(1)).encode(Version::CURRENT), b"\x03a\x01\0\0\0\0\0\0\0");
        assert_eq!(ToObject::Gone.encode(Version::CURRENT), b"\x03g");
        assert_eq!(ToObject::Stalled.encode(Version::CURRENT), b"\x03s");
        assert_eq!(ToObject::Stalled.encode(Version::V2), b"\x02g");
        let nothing = ToObject::Progress { written: None, held: vec![] };
        let much = ToObject::Progress {
            written: Some(Seq(2)),
            held: vec![Held { through: Seq(258), bytes: 8_192 }, Held { through: Seq(259), bytes: 1 }],
        };
        assert_eq!(nothing.encode(Version::CURRENT), b"\x03w\0");
        assert_eq!(
            much.encode(Version::CURRENT),
            b"\x03w\x01\x02\0\0\0\0\0\0\0\x02\x01\0\0\0\0\0\0\0\x20\0\0\x03\x01\0\0\0\0\0\0\x01\0\0\0"
        );
        assert_eq!(number_of(&frame.encode(Version::CURRENT)), Some((Seq(258), "a[\"é\"]".len())));
        assert_eq!(number_of(&heartbeat.encode(Version::CURRENT)), None);
        let full = ToEdge::Refusal { reason: FrameRefusal::Full, frame: "c[1013,\"\"]".into() };
        let contended = ToEdge::Refusal { reason: FrameRefusal::Contended, frame: "c".into() };
        assert_eq!(full.encode(Version::CURRENT), b"\x03rfc[1013,\"\"]");
        assert_eq!(contended.encode(Version::CURRENT), b"\x03rcc");
        assert_eq!(number_of(&full.encode(Version::CURRENT)), None);
        for message in [frame, heartbeat, full, contended, ToEdge::Probe, ToEdge::Ask] {
            assert_eq!(ToEdge::decode(&message.encode(Version::CURRENT)), Ok(message));
        }
        for message in [ToObject::Ack(Seq(u64::MAX)), ToObject::Gone, ToObject::Stalled, nothing, much] {
            assert_eq!(ToObject::decode(&message.encode(Version::CURRENT)), Ok(message));
        }
    }
}
