//! Progress of one response: the frames that are written, the ones that an earlier response wrote, the time of the next
//! acknowledgement, and the length at which the response ends.
//!
//! The length is counted here and not in the object, since it has to be right even after the object hibernated.

use sockjs_protocol::inner::envelope::ToEdge;
use sockjs_protocol::service::options::{Config, Durability};
use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::session::Seq;
use sockjs_protocol::sockjs::transport::Receive;
use sockjs_protocol::time::Millis;

/// Written bytes after which they are acknowledged: half of the object's window.
const ACKNOWLEDGE_BYTES: usize = 32 << 10;

/// Action for a message of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Write this chunk. It counts as written when the next one is requested.
    Write(Vec<u8>),
    /// The response is complete.
    Complete,
    /// The message was written before.
    Skip,
}

/// Continuation after a written chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// More frames.
    More,
    /// Nothing: it was the last frame.
    Last,
    /// Nothing in this response: it has its full length.
    Enough,
}

/// Progress of one response.
#[derive(Debug)]
pub(crate) struct ResponseProgress {
    row: &'static Receive,
    /// The page's function, for transports that call one.
    callback: String,
    /// Bytes of frames that are left until the response has its full length.
    left: usize,
    /// Longest time from a written frame to its acknowledgement; `None` for a response of one frame, whose end acknowledges it.
    acknowledge_after: Option<Millis>,
    /// The highest number that was written.
    seen: Option<Seq>,
    /// The frame that was handed to the runtime and is not known to be written.
    handed: Option<Handed>,
    /// Bytes that are written and not acknowledged, and the time of the first of them.
    bytes: usize,
    since: Option<Millis>,
}

#[derive(Debug)]
struct Handed {
    seq: Option<Seq>,
    bytes: usize,
    end: bool,
}

impl ResponseProgress {
    pub fn new(row: &'static Receive, callback: String, config: &Config) -> Self {
        let acknowledge_after = match config.durability {
            _ if row.one_frame => None,
            Durability::Outbox => Some(Millis(100)),
            _ => Some(Millis(1000)),
        };
        let left = config.response_limit;
        Self { row, callback, left, acknowledge_after, seen: None, handed: None, bytes: 0, since: None }
    }

    /// Returns the chunk before the first frame, if there is one.
    pub fn prelude(&self) -> Option<Vec<u8>> {
        self.row.prelude(&self.callback).map(String::into_bytes)
    }

    /// Returns `frame` in the transport's framing.
    pub fn wrap(&self, frame: &str) -> Vec<u8> {
        self.row.wrap(&self.callback, frame).into_bytes()
    }

    /// Returns the last chunk of a response whose session cannot be reached, if it needs one.
    pub fn give_up(&mut self) -> Option<Vec<u8>> {
        self.handed = Some(Handed { seq: None, bytes: 0, end: true });
        Some(self.row.no_frame(&self.callback).into_bytes()).filter(|chunk| !chunk.is_empty())
    }

    /// Returns the highest number that was written.
    pub fn seen(&self) -> Option<Seq> {
        self.seen
    }

    /// Returns number and bytes of the frame that was handed to the runtime and is not known to be written.
    pub fn handed(&self) -> Option<(Seq, usize)> {
        let handed = self.handed.as_ref()?;
        Some((handed.seq?, handed.bytes))
    }

    /// Notes that the chunk handed out before is written, since the next one is requested.
    pub fn written(&mut self, now: Millis) -> Written {
        let Some(Handed { seq, bytes, end }) = self.handed.take() else { return Written::More };
        if seq.is_some() {
            self.seen = self.seen.max(seq);
            self.bytes = self.bytes.saturating_add(bytes);
            self.since = self.since.or(Some(now));
        }
        self.left = self.left.saturating_sub(bytes);
        match self.left {
            _ if end => Written::Last,
            0 => Written::Enough,
            _ => Written::More,
        }
    }

    /// Returns the action for `message`.
    pub fn take(&mut self, message: ToEdge) -> Step {
        match message {
            ToEdge::Probe => Step::Write(self.probe()),
            // It was answered when it arrived.
            ToEdge::Ask => Step::Skip,
            ToEdge::Refusal { frame, .. } => self.take(ToEdge::Frame { seq: None, end: true, frame }),
            ToEdge::Frame { seq, end, frame } => {
                if seq.is_some() && seq <= self.seen {
                    return if end { Step::Complete } else { Step::Skip };
                }
                let chunk = self.wrap(&frame);
                self.handed = Some(Handed { seq, bytes: chunk.len(), end });
                Step::Write(chunk)
            }
        }
    }

    /// Returns the chunk that tests whether the client is still there: a heartbeat frame, which does not end a poll. Clients read
    /// a poll line by line (sockjs-client 1.6.1, Spring 6), and fail on an empty line (Spring). The script of a JSONP poll may
    /// call its function only once, so the chunk is a line end there. Nothing shorter reveals that a client closed its side
    /// (workerd 1.20261117).
    fn probe(&self) -> Vec<u8> {
        if self.row.one_frame && self.row.needs_callback() { b"\n".to_vec() } else { self.wrap("h") }
    }

    /// Returns the chunk of a heartbeat of this side. With `end` it is the response's last chunk.
    pub fn heartbeat(&mut self, end: bool) -> Vec<u8> {
        let chunk = self.wrap("h");
        self.handed = Some(Handed { seq: None, bytes: chunk.len(), end });
        chunk
    }

    /// Returns a close frame, the last chunk of a response whose session is not available.
    pub fn close(&mut self, code: u16, reason: &str) -> Vec<u8> {
        let chunk = self.wrap(&Frame::Close { code, reason: reason.into() }.encode());
        self.handed = Some(Handed { seq: None, bytes: chunk.len(), end: true });
        chunk
    }

    /// Returns the time of the next acknowledgement, if anything was written.
    pub fn acknowledge_at(&self) -> Option<Millis> {
        let (since, after) = (self.since?, self.acknowledge_after?);
        Some(if self.bytes >= ACKNOWLEDGE_BYTES { since } else { since + after })
    }

    /// Returns the number to acknowledge now, if it is due.
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
    use sockjs_protocol::sockjs::transport::Transport;

    fn progress(transport: Transport, config: &Config) -> ResponseProgress {
        ResponseProgress::new(transport.receive().unwrap(), String::new(), config)
    }

    fn poll() -> ResponseProgress {
        progress(Transport::XhrPolling, &Config::new(""))
    }

    fn stream() -> ResponseProgress {
        progress(Transport::XhrStreaming, &Config::new(""))
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
        assert_eq!(poll.written(NOW), Written::More);
        assert_eq!(poll.take(frame(Some(0), true, "o")), wrote("o\n"));
        assert_eq!(poll.seen(), None, "handed out is not written");
        assert_eq!(poll.handed(), Some((Seq(0), "o\n".len())));
        assert_eq!(poll.written(NOW), Written::Last);
        assert_eq!((poll.seen(), poll.handed()), (Some(Seq(0)), None));
        assert_eq!(poll.acknowledge_at(), None, "its end acknowledges");
    }

    #[test]
    fn a_probe_is_a_heartbeat_and_in_jsonp_a_line_end() {
        for (transport, probe) in [
            (Transport::XhrPolling, wrote("h\n")),
            (Transport::JsonpPolling, wrote("\n")),
            (Transport::XhrStreaming, wrote("h\n")),
            (Transport::EventSource, wrote("data: h\r\n\r\n")),
            (Transport::HtmlFile, wrote("<script>\np(\"h\");\n</script>\r\n")),
        ] {
            let mut progress = progress(transport, &Config::new(""));
            assert_eq!(progress.take(ToEdge::Probe), probe);
            assert_eq!((progress.written(NOW), progress.seen()), (Written::More, None));
        }
    }

    #[test]
    fn heartbeats_of_this_side_look_as_those_of_the_object() {
        for transport in [Transport::XhrPolling, Transport::JsonpPolling, Transport::EventSource, Transport::HtmlFile] {
            let mut progress = progress(transport, &Config::new(""));
            let Step::Write(chunk) = progress.take(frame(None, false, "h")) else { panic!("a heartbeat is written") };
            assert_eq!(progress.written(NOW), Written::More);
            assert_eq!(progress.heartbeat(true), chunk);
            assert_eq!((progress.written(NOW), progress.seen()), (Written::Last, None));
        }
    }

    #[test]
    fn a_close_frame_ends_any_response() {
        let mut stream = stream();
        assert_eq!(stream.close(1008, "no"), b"c[1008,\"no\"]\n");
        assert_eq!(stream.written(NOW), Written::Last);
    }

    #[test]
    fn a_heartbeat_can_end_a_response() {
        let mut poll = poll();
        assert_eq!(poll.take(frame(None, true, "h")), wrote("h\n"));
        assert_eq!(poll.written(NOW), Written::Last);
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
        assert_eq!(stream.written(NOW), Written::More);
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
        let mut stream = progress(Transport::XhrStreaming, &Config::new("").durability(Durability::Outbox));
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

    #[test]
    fn a_stream_is_long_enough_when_its_frames_reach_the_limit() {
        let config = Config::new("").response_limit(6);
        let mut stream = progress(Transport::XhrStreaming, &config);
        for (text, then) in [("ab", Written::More), ("ab", Written::Enough)] {
            stream.take(frame(Some(1), false, text));
            assert_eq!(stream.written(NOW), then);
            stream.seen = None;
        }
        let mut poll = progress(Transport::XhrPolling, &config);
        poll.take(frame(Some(1), true, "much longer than the limit"));
        assert_eq!(poll.written(NOW), Written::Last);
    }

    #[test]
    fn neither_prelude_nor_probe_counts() {
        let mut stream = progress(Transport::XhrStreaming, &Config::new("").response_limit(1));
        assert_eq!(stream.prelude().map(|prelude| prelude.len()), Some(2049));
        stream.take(ToEdge::Probe);
        assert_eq!(stream.written(NOW), Written::More);
    }
}
