//! Messages of the object that are not written to the client's response yet.
//!
//! The object counts the bytes that are in flight to this Worker, but loses the count when it hibernates. Then it asks, and the
//! backlog has the answer. When the response ends, the backlog returns the frames that the object may no longer have.

use sockjs_protocol::inner::envelope::{ToObject, encode_unwritten, groups, is_ask, number_of};
use sockjs_protocol::sockjs::session::Seq;
use std::collections::VecDeque;

/// Messages of the object, in their order.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    messages: VecDeque<Vec<u8>>,
    written: Option<Seq>,
    handed: Option<(Seq, usize)>,
    is_over: bool,
}

impl Backlog {
    /// Adds a message of the object. Returns the answer if the message is a question.
    pub fn push(&mut self, message: Vec<u8>) -> Option<ToObject> {
        if is_ask(&message) {
            return Some(self.progress());
        }
        if !self.is_over {
            self.messages.push_back(message);
        }
        None
    }

    /// Returns the next message to write.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        self.messages.pop_front()
    }

    /// Notes the last number that was written, and number and bytes of the frame that was handed to the runtime since.
    pub fn note(&mut self, written: Option<Seq>, handed: Option<(Seq, usize)>) {
        self.written = written;
        self.handed = handed;
    }

    /// Stops taking messages: the response is over.
    pub fn end(&mut self) {
        self.is_over = true;
    }

    /// Returns the last number that was written, if any.
    pub fn written(&self) -> Option<Seq> {
        self.written
    }

    /// Returns the number of the last message that is held and not written, if any.
    pub fn held(&self) -> Option<Seq> {
        self.frames().map(|(_, seq, _)| seq).last()
    }

    /// Returns the frames that are held and not written, as a body for the object. Returns `None` if there are none.
    pub fn unwritten(&self) -> Option<Vec<u8>> {
        self.held()?;
        Some(encode_unwritten(self.frames().map(|(frame, ..)| frame)))
    }

    fn progress(&self) -> ToObject {
        let frames = self.frames().map(|(_, seq, bytes)| (seq, bytes));
        ToObject::Progress { written: self.written, held: groups(self.handed.into_iter().chain(frames)) }
    }

    /// Returns the numbered frames that were not written before, with number and bytes.
    fn frames(&self) -> impl Iterator<Item = (&[u8], Seq, usize)> {
        let numbered = |message: &Vec<u8>| number_of(message).filter(|(seq, _)| Some(*seq) > self.written);
        self.messages.iter().filter_map(move |message| numbered(message).map(|(seq, bytes)| (&**message, seq, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockjs_protocol::inner::envelope::{ToEdge, Version, read_unwritten};
    use sockjs_protocol::sockjs::frame::Message;
    use sockjs_protocol::sockjs::session::Held;

    fn frame(seq: Option<u64>, frame: &str) -> Vec<u8> {
        ToEdge::Frame { seq: seq.map(Seq), end: false, frame: frame.into() }.encode(Version::CURRENT)
    }

    /// Returns a backlog with a frame that was written before, three that were not, and a message without a number.
    fn backlog() -> Backlog {
        let mut backlog = Backlog::default();
        backlog.note(Some(Seq(4)), None);
        for message in [
            frame(Some(4), r#"a["d"]"#),
            frame(Some(6), r#"a["e","f"]"#),
            frame(None, "h"),
            ToEdge::Probe.encode(Version::CURRENT),
            frame(Some(7), r#"a["g"]"#),
        ] {
            assert_eq!(backlog.push(message), None);
        }
        backlog
    }

    #[test]
    fn a_question_is_answered_at_once_with_what_is_held() {
        let mut backlog = backlog();
        let held = vec![Held { through: Seq(7), bytes: 16 }];
        assert_eq!(
            backlog.push(ToEdge::Ask.encode(Version::CURRENT)),
            Some(ToObject::Progress { written: Some(Seq(4)), held })
        );
        assert_eq!(backlog.pop(), Some(frame(Some(4), r#"a["d"]"#)), "it is not to be written itself");
    }

    #[test]
    fn what_was_handed_out_is_held() {
        let mut backlog = backlog();
        backlog.pop();
        backlog.pop();
        backlog.note(Some(Seq(4)), Some((Seq(6), 9_000)));
        let held = vec![Held { through: Seq(6), bytes: 9_000 }, Held { through: Seq(7), bytes: 6 }];
        assert_eq!(
            backlog.push(ToEdge::Ask.encode(Version::CURRENT)),
            Some(ToObject::Progress { written: Some(Seq(4)), held })
        );
        backlog.note(Some(Seq(6)), None);
        assert_eq!(backlog.held(), Some(Seq(7)));
    }

    #[test]
    fn numbered_frames_go_back() {
        let mut backlog = backlog();
        backlog.end();
        backlog.push(frame(Some(8), r#"a["late"]"#));
        assert_eq!(backlog.held(), Some(Seq(7)));
        let unwritten = read_unwritten(&backlog.unwritten().unwrap()).unwrap();
        let messages = [(5, "e"), (6, "f"), (7, "g")].map(|(seq, text)| (Seq(seq), Message::new(text)));
        assert_eq!(unwritten, messages);
    }

    #[test]
    fn heartbeats_do_not() {
        let mut backlog = Backlog::default();
        backlog.push(frame(None, "h"));
        assert_eq!((backlog.held(), backlog.unwritten()), (None, None));
        assert_eq!(
            backlog.push(ToEdge::Ask.encode(Version::CURRENT)),
            Some(ToObject::Progress { written: None, held: vec![] })
        );
    }
}
