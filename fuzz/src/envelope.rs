//! What the two halves say to each other: what one writes the other reads, and what it reads was written in one way only.

use serde_json::Value;
use sockjs_protocol::envelope::{
    Action, Command, Pass, ToEdge, ToObject, encode_unwritten, finished_reason, number_of, read_finished_reason,
    read_unwritten,
};
use sockjs_protocol::frame::{Frame, Message};
use sockjs_protocol::header::{decode_frame, encode_frame};
use sockjs_protocol::payload::text;
use sockjs_protocol::session::Seq;

/// `data` is a message on the inner socket, a command, the reason of a close, and text to put into each.
pub fn check(data: &[u8]) {
    if let Ok(message) = ToEdge::decode(data) {
        assert_eq!(message.encode(), data);
        let seq = if let ToEdge::Frame { seq, .. } = message { seq } else { None };
        assert_eq!(number_of(data).map(|(seq, _)| seq), seq);
    }
    let _ = read_unwritten(data);
    if let Ok(message) = ToObject::decode(data) {
        assert_eq!(message.encode(), data);
    }
    let text = text(data.to_vec());
    if let Ok(command) = Command::decode(&text) {
        comes_back(&command);
    }
    let _ = decode_frame(&text);
    let (last_written, last_held) = read_finished_reason(&text);
    assert_eq!(read_finished_reason(&finished_reason(last_written, last_held)), (last_written, last_held));
    written(&text, data);
}

fn written(text: &str, data: &[u8]) {
    let seq = data.first_chunk().map(|bytes| Seq(u64::from_le_bytes(*bytes)));
    let frame = ToEdge::Frame { seq, end: data.len() % 2 == 1, frame: text.to_owned() };
    assert_eq!(ToEdge::decode(&frame.encode()).as_ref(), Ok(&frame));
    if let Some(header) = encode_frame(&frame) {
        assert_eq!(decode_frame(&header), Ok(frame));
    }
    if let Some(seq) = seq {
        let messages = [text, "", text].map(Message::new);
        let frame = Frame::Messages(messages.to_vec()).encode();
        let unwritten = ToEdge::Frame { seq: Some(seq), end: false, frame }.encode();
        if let Some(before) = seq.0.checked_sub(3) {
            let numbered = (1..).map(|place| Seq(before + place));
            let numbered = messages.into_iter().zip(numbered).map(|(message, seq)| (seq, message)).collect();
            assert_eq!(read_unwritten(&encode_unwritten([unwritten.as_slice()])), Ok(numbered));
        }
        assert_eq!(ToObject::decode(&ToObject::Ack(seq).encode()), Ok(ToObject::Ack(seq)));
    }
    let (session, messages) = (text.to_owned(), Some(text.to_owned()));
    let action = Action::Send { session, id: data.len() as u64, count: data.len(), bytes: data.len(), messages };
    let pass = Pass { ticket: Some(text.to_owned()), is_late: true, claims: Some(Value::from(text)) };
    let parameters = [(text.to_owned(), text.to_owned())];
    comes_back(&Command::new(text, action).with_parameters(&parameters).with_pass(Some(pass)));
}

/// A command comes back from a header, which holds nothing but visible ASCII and spaces.
fn comes_back(command: &Command) {
    let header = command.encode().unwrap();
    assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{header:?}");
    assert_eq!(Command::decode(&header).as_ref(), Ok(command));
}
