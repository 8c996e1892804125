//! The end of a response: the last message that was written, and the frames that were not written and go back to the
//! object.

use super::{EnvelopeError, ToEdge, Version};
use crate::sockjs::close_code::CloseCode;
use crate::sockjs::frame::{Frame, Message};
use crate::sockjs::session::{Held, Seq};

/// Size in bytes from which a group of frames takes no further frame. It is small enough that the window opens again
/// while a client reads, and large enough that the groups of a window of small messages make a short message.
const GROUP_BYTES: usize = 8 << 10;

/// Joins neighbouring frames into groups. Each frame is given as a number and its bytes.
pub fn groups(frames: impl IntoIterator<Item = (Seq, usize)>) -> Vec<Held> {
    let mut groups: Vec<Held> = Vec::new();
    for (through, bytes) in frames {
        match groups.last_mut() {
            Some(group) if group.bytes < GROUP_BYTES => {
                *group = Held { through, bytes: group.bytes.saturating_add(bytes) };
            }
            _ => groups.push(Held { through, bytes }),
        }
    }
    groups
}

/// Close code of an inner WebSocket whose response has ended, because it is complete or has reached its maximum length. The close
/// reason is [`finished_reason`]. Frames that were not written are for the next receiver.
pub const FINISHED: u16 = CloseCode::Normal.number();

/// Close code with which an object answers [`FINISHED`] if it has hibernated and no longer has the frames that the
/// Worker held. The Worker then sends them back in an [`Action::Wrote`](super::Action::Wrote).
pub const MISSING: u16 = CloseCode::Missing.number();

/// Returns the close reason for [`FINISHED`]: the number of the last message that was written, or nothing if no message
/// was. If the Worker holds frames that were not written, a space follows, and the number of the last message in them.
pub fn finished_reason(version: Version, written: Option<Seq>, held: Option<Seq>) -> String {
    let mut reason = written.map_or_else(String::new, |seq| seq.0.to_string());
    if let Some(held) = held.filter(|_| version != Version::V2) {
        reason.push(' ');
        reason.push_str(&held.0.to_string());
    }
    reason
}

/// Reads a close reason that [`finished_reason`] wrote. Returns the last number that was written, and the last number
/// that was held.
pub fn read_finished_reason(reason: &str) -> (Option<Seq>, Option<Seq>) {
    let (written, held) = reason.split_once(' ').unwrap_or((reason, ""));
    let seq = |digits: &str| digits.parse().ok().map(Seq);
    (seq(written), seq(held))
}

/// Writes frames that were held and not written. Each follows its length, and is unchanged.
pub fn encode_unwritten<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    for frame in frames {
        // No frame is longer than a body may be.
        body.extend(u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend(frame);
    }
    body
}

/// Reads a body that [`encode_unwritten`] wrote. Returns its messages, each with its number. The numbers in a frame of
/// a stream have no gaps, so they follow from the last one.
pub fn read_unwritten(mut body: &[u8]) -> Result<Vec<(Seq, Message)>, EnvelopeError> {
    let mut unwritten = Vec::new();
    while !body.is_empty() {
        let (length, rest) = body.split_first_chunk::<4>().ok_or(EnvelopeError::Malformed)?;
        let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| EnvelopeError::Malformed)?;
        let (frame, rest) = rest.split_at_checked(length).ok_or(EnvelopeError::Malformed)?;
        body = rest;
        let ToEdge::Frame { seq: Some(last), frame, .. } = ToEdge::decode(frame)? else { continue };
        let messages = Frame::read_messages(&frame).unwrap_or_default();
        let before = last.0.checked_sub(messages.len() as u64).ok_or(EnvelopeError::Malformed)?;
        unwritten.extend((1..).map(|place| Seq(before.saturating_add(place))).zip(messages));
    }
    Ok(unwritten)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_response_tells_what_was_written() {
        let seq = |number| Some(Seq(number));
        for (written, held, reason) in [
            (None, None, ""),
            (seq(0), None, "0"),
            (seq(258), None, "258"),
            (None, seq(7), " 7"),
            (seq(5), seq(258), "5 258"),
        ] {
            assert_eq!(finished_reason(Version::CURRENT, written, held), reason);
            assert_eq!(read_finished_reason(reason), (written, held));
        }
    }

    #[test]
    fn unwritten_frames_come_back_as_messages_with_their_numbers() {
        let frame = |seq, frame: &str| ToEdge::Frame { seq, end: false, frame: frame.into() }.encode(Version::CURRENT);
        let frames = [
            frame(Some(Seq(0)), "o"),
            frame(Some(Seq(7)), r#"a["é","\ud83d\ude00","x"]"#),
            frame(None, "h"),
            ToEdge::Probe.encode(Version::CURRENT),
            frame(Some(Seq(1 << 50)), r#"a[""]"#),
        ];
        let body = encode_unwritten(frames.iter().map(Vec::as_slice));
        assert_eq!(body[..6], [12, 0, 0, 0, Version::CURRENT.number(), b'f']);
        let numbered = [(5, "é"), (6, "😀"), (7, "x"), (1 << 50, "")];
        let numbered = numbered.map(|(seq, text)| (Seq(seq), Message::new(text)));
        assert_eq!(read_unwritten(&body), Ok(numbered.into()));
        assert_eq!(read_unwritten(&[]), Ok(vec![]));
        for end in [1, 3, 5, body.len() - 1] {
            assert!(read_unwritten(&body[..end]).is_err(), "{end}");
        }
        let below_zero = frame(Some(Seq(1)), r#"a["x","y"]"#);
        assert_eq!(read_unwritten(&encode_unwritten([below_zero.as_slice()])), Err(EnvelopeError::Malformed));
    }

    #[test]
    fn frames_are_joined_to_few_groups() {
        let held = |through, bytes| Held { through: Seq(through), bytes };
        assert_eq!(groups([]), []);
        assert_eq!(groups([(Seq(1), 5), (Seq(3), GROUP_BYTES), (Seq(4), 1)]), [held(3, GROUP_BYTES + 5), held(4, 1)]);
        let small = groups((1..=64 << 10).map(|seq| (Seq(seq), 6)));
        assert_eq!(small.len(), (6_usize << 16).div_ceil(GROUP_BYTES + 4));
        assert_eq!(small.iter().map(|group| group.bytes).sum::<usize>(), 6 << 16);
    }
}
