//! Messages between the two halves: each half reads what the other one writes, and each readable message has only one written
//! form.

use serde_json::Value;
use sockjs_protocol::inner::envelope::{
    Action, Command, Pass, ToEdge, ToObject, Version, encode_unwritten, finished_reason, number_of,
    read_finished_reason, read_unwritten, v2,
};
use sockjs_protocol::inner::header::{decode_frame, encode_frame};
use sockjs_protocol::sockjs::frame::{Frame, Message};
use sockjs_protocol::sockjs::payload::text;
use sockjs_protocol::sockjs::session::Seq;

/// Checks `data`: a message on the inner socket, a command, the reason of a close, and text for each.
pub fn check(data: &[u8]) {
    if let Ok(message) = ToEdge::decode(data) {
        assert_eq!(message.encode(version_of(data)), data);
        let seq = if let ToEdge::Frame { seq, .. } = message { seq } else { None };
        assert_eq!(number_of(data).map(|(seq, _)| seq), seq);
    }
    let _ = read_unwritten(data);
    if let Ok(message) = ToObject::decode(data) {
        assert_eq!(message.encode(version_of(data)), data);
    }
    if let Ok(messages) = v2::decode_batch(data) {
        assert_eq!(v2::encode_batch(messages), data);
    }
    let text = text(data.to_vec());
    if let Ok(command) = Command::decode(&text) {
        comes_back(&command);
    }
    let _ = decode_frame(&text);
    let (last_written, last_held) = read_finished_reason(&text);
    for (version, held) in [(Version::V3, last_held), (Version::V2, None)] {
        let reason = finished_reason(version, last_written, last_held);
        assert_eq!(read_finished_reason(&reason), (last_written, held));
    }
    let repeated = Version::CURRENT.after_refusal(data);
    assert!(repeated.is_none_or(|version| version != Version::CURRENT));
    written(&text, data);
}

fn version_of(data: &[u8]) -> Version {
    data.first().copied().and_then(Version::of).unwrap()
}

fn written(text: &str, data: &[u8]) {
    Version::ALL.into_iter().for_each(|version| written_in(version, text, data));
}

fn written_in(version: Version, text: &str, data: &[u8]) {
    let seq = data.first_chunk().map(|bytes| Seq(u64::from_le_bytes(*bytes)));
    let frame = ToEdge::Frame { seq, end: data.len() % 2 == 1, frame: text.to_owned() };
    assert_eq!(ToEdge::decode(&frame.encode(version)).as_ref(), Ok(&frame));
    if let Some(header) = encode_frame(&frame, version) {
        assert_eq!(decode_frame(&header), Ok(frame));
    }
    if let Some(seq) = seq {
        let messages = [text, "", text].map(Message::new);
        let frame = Frame::Messages(messages.to_vec()).encode();
        let unwritten = ToEdge::Frame { seq: Some(seq), end: false, frame }.encode(version);
        if let Some(before) = seq.0.checked_sub(3) {
            let numbered = (1..).map(|place| Seq(before + place));
            let numbered = messages.into_iter().zip(numbered).map(|(message, seq)| (seq, message)).collect();
            assert_eq!(read_unwritten(&encode_unwritten([unwritten.as_slice()])), Ok(numbered));
        }
        assert_eq!(ToObject::decode(&ToObject::Ack(seq).encode(version)), Ok(ToObject::Ack(seq)));
    }
    let (session, messages) = (text.to_owned(), serde_json::to_string(&[text, ""]).ok());
    let action = Action::Send { session, id: data.len() as u64, count: 2, bytes: 0, messages };
    let pass = Pass { ticket: Some(text.to_owned()), is_late: true, claims: Some(Value::from(text)) };
    let parameters = [(text.to_owned(), text.to_owned())];
    let command = Command::new(text, action).with_parameters(&parameters).with_pass(Some(pass));
    comes_back(&Command { version, ..command });
}

/// Checks that a command survives a header, which contains only visible ASCII and spaces.
fn comes_back(command: &Command) {
    let header = command.encode(command.version).unwrap().unwrap();
    assert!(header.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{header:?}");
    let command = Command { answer: command.version, ..command.clone() };
    assert_eq!(Command::decode(&header), Ok(command));
}
