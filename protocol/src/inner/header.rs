//! Frames in headers.
//!
//! A frame that fits is sent in a header of the response, not as its body: a body is a stream, which has to be created,
//! pumped and awaited.

use crate::inner::envelope::{EnvelopeError, FrameRefusal, ToEdge, Version, v2};
use crate::sockjs::session::Seq;

/// Name of the response header that carries a [`ToEdge::Frame`] in place of the body.
pub const FRAME_HEADER: &str = "sockjs-edge-frame";

/// Longest value that the server puts into a header, in bytes. All headers of a request together may have 128 KiB.
pub const HEADER_MAX: usize = 4 << 10;

/// True if a header may contain this character. HTTP forbids DEL in headers, and JSON does not escape it.
pub(crate) fn is_plain(char: char) -> bool {
    matches!(char, ' '..='~')
}

/// Returns a frame as a header value: four fields, separated by spaces.
///
/// 1. The version.
/// 2. `1` if the response ends with the frame, `0` if not, or the reason of a refusal.
/// 3. The number of the frame's last message, or `-`.
/// 4. The encoded frame.
///
/// Returns `None` if the frame is too long, or contains anything but visible ASCII and spaces.
pub fn encode_frame(frame: &ToEdge, version: Version) -> Option<String> {
    let (seq, end, frame) = match frame {
        ToEdge::Frame { seq, end: false, frame } => (*seq, "0", frame),
        ToEdge::Frame { seq, end: true, frame } => (*seq, "1", frame),
        ToEdge::Refusal { frame, .. } if version == Version::V2 => (None, "1", frame),
        ToEdge::Refusal { reason, frame } => (None, reason.name(), frame),
        ToEdge::Probe | ToEdge::Ask => return None,
    };
    if frame.len() > HEADER_MAX || !frame.bytes().all(|byte| is_plain(byte.into())) {
        return None;
    }
    let version = version.number();
    Some(match seq {
        Some(Seq(seq)) => format!("{version} {end} {seq} {frame}"),
        None => format!("{version} {end} - {frame}"),
    })
}

/// Reads a header value that [`encode_frame`] wrote.
pub fn decode_frame(header: &str) -> Result<ToEdge, EnvelopeError> {
    let (version, rest) = header.split_once(' ').ok_or(EnvelopeError::Malformed)?;
    let version = version.parse().map_err(|_| EnvelopeError::Malformed)?;
    let version = Version::of(version).ok_or(EnvelopeError::Version(version))?;
    let mut parts = rest.splitn(3, ' ');
    let (Some(end), Some(seq), Some(frame)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(EnvelopeError::Malformed);
    };
    let frame = frame.to_owned();
    let seq = match seq {
        "-" => None,
        seq => Some(Seq(seq.parse().map_err(|_| EnvelopeError::Malformed)?)),
    };
    let refusal = FrameRefusal::ALL.into_iter().find(|refusal| refusal.name() == end);
    match (version, end, refusal) {
        (Version::V2, "1", _) => Ok(v2::with_refusal(ToEdge::Frame { seq, end: true, frame })),
        (_, "0" | "1", _) => Ok(ToEdge::Frame { seq, end: end == "1", frame }),
        (Version::V3, _, Some(reason)) if seq.is_none() => Ok(ToEdge::Refusal { reason, frame }),
        (Version::V2 | Version::V3, ..) => Err(EnvelopeError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(seq: Option<u64>, end: bool, frame: &str) -> ToEdge {
        ToEdge::Frame { seq: seq.map(Seq), end, frame: frame.into() }
    }

    #[test]
    fn frames_keep_their_written_form() {
        let refusal = |reason| ToEdge::Refusal { reason, frame: "c[1,\"\"]".into() };
        for (message, written) in [
            (frame(Some(258), true, r#"a["x y"]"#), r#"3 1 258 a["x y"]"#),
            (frame(None, false, "h"), "3 0 - h"),
            (refusal(FrameRefusal::Full), r#"3 full - c[1,""]"#),
            (refusal(FrameRefusal::Contended), r#"3 contended - c[1,""]"#),
        ] {
            assert_eq!(encode_frame(&message, Version::CURRENT).unwrap(), written);
            assert_eq!(decode_frame(written), Ok(message));
        }
    }

    #[test]
    fn what_fits_into_no_header_goes_another_way() {
        for text in ["a[\"é\"]", "a[\"\u{7f}\"]", "a\n", &"x".repeat(HEADER_MAX + 1)] {
            assert_eq!(encode_frame(&frame(None, false, text), Version::CURRENT), None, "{text}");
        }
        assert_eq!(encode_frame(&ToEdge::Probe, Version::CURRENT), None);
    }

    #[test]
    fn another_version_is_named_and_damage_is_refused() {
        assert_eq!(decode_frame("1 anything"), Err(EnvelopeError::Version(1)));
        for header in
            ["", "3", "3 1", "3 1 5", "3 2 5 h", "3 1 x h", "3 full 5 h", "2 full - h", "x 1 5 h", "999 1 5 h"]
        {
            assert_eq!(decode_frame(header), Err(EnvelopeError::Malformed), "{header}");
        }
    }
}
