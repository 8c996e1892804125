//! How far one response got: which frames are written, which were written before, and when to say so.

use sockjs_protocol::envelope::ToEdge;
use sockjs_protocol::options::Durability;
use sockjs_protocol::session::Seq;
use sockjs_protocol::time::Millis;
use sockjs_protocol::transport::Receive;

/// Written bytes after which they are acknowledged: half of the object's window.
const ACKNOWLEDGE_BYTES: usize = 32 << 10;

/// What to do with a message of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Write this chunk. It counts as written when the next is asked for.
    Write(Vec<u8>),
    /// The response is complete.
    Complete,
    /// It was written before.
    Skip,
}

/// How far one response got.
#[derive(Debug)]
pub(crate) struct Progress {
    row: &'static Receive,
    /// How long what was written may go without an acknowledgement; none for a response of one frame, whose end says it.
    acknowledge_after: Option<Millis>,
    /// The highest number that was written.
    seen: Option<Seq>,
    /// The frame handed out and not yet known to be written.
    handed: Option<Handed>,
    /// Written and not acknowledged: bytes, and since when.
    bytes: usize,
    since: Option<Millis>,
}

#[derive(Debug)]
struct Handed {
    seq: Option<Seq>,
    bytes: usize,
    end: bool,
}

impl Progress {
    pub fn new(row: &'static Receive, durability: Durability) -> Self {
        let acknowledge_after = match durability {
            _ if row.one_frame => None,
            Durability::Outbox => Some(Millis(100)),
            _ => Some(Millis(1000)),
        };
        Self { row, acknowledge_after, seen: None, handed: None, bytes: 0, since: None }
    }

    /// The highest number that was written, to go on after it.
    pub fn seen(&self) -> Option<Seq> {
        self.seen
    }

    /// The next chunk is asked for, so the one before is written. True if it was the last.
    pub fn written(&mut self, now: Millis) -> bool {
        let Some(Handed { seq, bytes, end }) = self.handed.take() else { return false };
        if seq.is_some() {
            self.seen = self.seen.max(seq);
            self.bytes = self.bytes.saturating_add(bytes);
            self.since = self.since.or(Some(now));
        }
        end
    }

    /// What to do with `message`.
    pub fn take(&mut self, message: ToEdge) -> Step {
        match message {
            ToEdge::Probe => Step::Write(b"\n".to_vec()),
            ToEdge::Frame { seq, end, frame } => {
                if seq.is_some() && seq <= self.seen {
                    return if end { Step::Complete } else { Step::Skip };
                }
                let chunk = self.row.wrap(&frame).into_bytes();
                self.handed = Some(Handed { seq, bytes: chunk.len(), end });
                Step::Write(chunk)
            }
        }
    }

    /// When what was written has to be acknowledged, if anything was.
    pub fn acknowledge_at(&self) -> Option<Millis> {
        let (since, after) = (self.since?, self.acknowledge_after?);
        Some(if self.bytes >= ACKNOWLEDGE_BYTES { since } else { since + after })
    }

    /// What to acknowledge now, if it is time.
    pub fn acknowledge(&mut self, now: Millis) -> Option<Seq> {
        if self.acknowledge_at()? > now {
            return None;
        }
        self.bytes = 0;
        self.since = None;
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockjs_protocol::transport::{JAVASCRIPT, RECEIVES, Transport};

    static STREAM: Receive = Receive {
        transport: Transport::XhrPolling,
        segment: "stream",
        method: "POST",
        content_type: JAVASCRIPT,
        one_frame: false,
        suffix: "\n",
    };

    fn poll() -> Progress {
        let xhr = RECEIVES.iter().find(|row| row.segment == "xhr").unwrap();
        Progress::new(xhr, Durability::Default)
    }

    fn stream() -> Progress {
        Progress::new(&STREAM, Durability::Default)
    }

    fn frame(seq: Option<u64>, end: bool, text: &str) -> ToEdge {
        ToEdge::Frame { seq: seq.map(Seq), end, frame: text.into() }
    }

    fn wrote(text: &str) -> Step {
        Step::Write(text.as_bytes().to_vec())
    }

    const NOW: Millis = Millis(1_000);

    #[test]
    fn a_poll_ends_when_its_frame_was_written() {
        let mut poll = poll();
        assert!(!poll.written(NOW));
        assert_eq!(poll.take(frame(Some(0), true, "o")), wrote("o\n"));
        assert_eq!(poll.seen(), None, "handed out is not written");
        assert!(poll.written(NOW));
        assert_eq!(poll.seen(), Some(Seq(0)));
        assert_eq!(poll.acknowledge_at(), None, "its end acknowledges");
    }

    #[test]
    fn a_probe_is_one_newline_and_no_frame() {
        let mut poll = poll();
        assert_eq!(poll.take(ToEdge::Probe), wrote("\n"));
        assert!(!poll.written(NOW));
        assert_eq!(poll.seen(), None);
    }

    #[test]
    fn a_heartbeat_can_end_a_response() {
        let mut poll = poll();
        assert_eq!(poll.take(frame(None, true, "h")), wrote("h\n"));
        assert!(poll.written(NOW));
        assert_eq!(poll.seen(), None);
    }

    #[test]
    fn what_was_written_before_is_dropped_but_its_end_counts() {
        let mut stream = stream();
        assert_eq!(stream.take(frame(Some(7), false, "a")), wrote("a\n"));
        stream.written(NOW);
        assert_eq!(stream.take(frame(Some(7), false, "a")), Step::Skip);
        assert_eq!(stream.take(frame(Some(3), false, "a")), Step::Skip);
        assert_eq!(stream.take(frame(None, false, "h")), wrote("h\n"));
        assert_eq!(stream.take(frame(Some(8), false, "b")), wrote("b\n"));
        assert!(!stream.written(NOW));
        assert_eq!(stream.take(frame(Some(8), true, "b")), Step::Complete);
    }

    #[test]
    fn what_was_handed_out_and_not_written_may_come_again() {
        let mut stream = stream();
        stream.take(frame(Some(1), false, "a"));
        assert_eq!(stream.take(frame(Some(1), false, "a")), wrote("a\n"));
    }

    #[test]
    fn a_stream_acknowledges_a_second_after_the_first_frame() {
        let mut stream = stream();
        assert_eq!(stream.acknowledge_at(), None);
        stream.take(frame(Some(1), false, "a"));
        assert_eq!(stream.acknowledge_at(), None, "not written yet");
        stream.written(NOW);
        stream.take(frame(Some(2), false, "b"));
        stream.written(NOW + Millis(400));
        assert_eq!(stream.acknowledge_at(), Some(NOW + Millis(1000)));
        assert_eq!(stream.acknowledge(NOW + Millis(999)), None);
        assert_eq!(stream.acknowledge(NOW + Millis(1000)), Some(Seq(2)));
        assert_eq!(stream.acknowledge_at(), None, "all acknowledged");
        stream.take(frame(None, false, "h"));
        stream.written(NOW);
        assert_eq!(stream.acknowledge_at(), None, "heartbeats have no number");
    }

    #[test]
    fn an_outbox_acknowledges_after_100_ms() {
        let mut stream = Progress::new(&STREAM, Durability::Outbox);
        stream.take(frame(Some(1), false, "a"));
        stream.written(NOW);
        assert_eq!(stream.acknowledge_at(), Some(NOW + Millis(100)));
    }

    #[test]
    fn a_stream_acknowledges_half_a_window_at_once() {
        let mut stream = stream();
        let half = "x".repeat(ACKNOWLEDGE_BYTES / 2 - 1);
        for (seq, acknowledged) in [(1, None), (2, Some(Seq(2))), (3, None)] {
            stream.take(frame(Some(seq), false, &half));
            stream.written(NOW);
            assert_eq!(stream.acknowledge(NOW), acknowledged);
        }
    }
}
