//! Payloads of a client: any bytes.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use sockjs_protocol::sockjs::frame::{self, Frame};
use sockjs_protocol::sockjs::payload::{Messages, PayloadError, PayloadLimits, text};
use std::fmt;

/// Checks `data`: the body of a send, or one WebSocket message.
pub fn check(data: &[u8]) {
    let body = text(data.to_vec());
    if let Ok(valid) = str::from_utf8(data) {
        assert_eq!(body, valid, "text stays as it is");
    }

    let sent = messages(&body);
    if let Ok(accepted) = Messages::of_body(body.clone(), PayloadLimits::NONE) {
        let (json, count) = (accepted.as_str().to_owned(), accepted.len());
        assert_eq!(
            Messages::trusted(json, count).collect::<Vec<_>>(),
            *sent.as_ref().unwrap(),
            "the other half agrees"
        );
    }
    let _ = Messages::trusted(body.clone(), usize::MAX).count();
    match (&sent, reference(&body)) {
        (Ok(sent), reference) => {
            assert_eq!(Some(sent), reference.as_ref());
            let again = Frame::Messages(sent.iter().map(|message| frame::Message::new(message)).collect()).encode();
            assert_eq!(messages(&again[1..]).as_ref(), Ok(sent), "what is stored as an array comes back");
            assert_eq!(websocket_messages(&body).as_ref(), Ok(sent));
        }
        // When it reads bytes, serde_json accepts strings with raw control characters, which are invalid JSON.
        (Err(_), Some(_)) => assert!(body.chars().any(|char| char < ' '), "JSON was refused: {body:?}"),
        (Err(_), None) => {}
    }

    match websocket_messages(&body) {
        Ok(bare) if sent.as_ref() != Ok(&bare) && !body.is_empty() => {
            assert_eq!(messages(&format!("[{body}]")), Ok(bare), "one string alone is one in an array");
        }
        Ok(_) => {}
        Err(_) => assert!(sent.is_err()),
    }
}

fn messages(body: &str) -> Result<Vec<String>, PayloadError> {
    Messages::of_body(body.into(), PayloadLimits::NONE).map(Iterator::collect)
}

fn websocket_messages(text: &str) -> Result<Vec<String>, PayloadError> {
    Messages::of_websocket(text.into(), PayloadLimits::NONE).map(Iterator::collect)
}

/// Reads the messages in another way: serde_json turns each lone surrogate into three bytes that are not UTF-8.
fn reference(body: &str) -> Option<Vec<String>> {
    let messages = serde_json::from_str::<Vec<Message>>(body).ok()?;
    Some(messages.into_iter().map(|message| text(message.0)).collect())
}

/// A JSON string as bytes; an array of numbers is rejected.
struct Message(Vec<u8>);

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Message;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Message, E> {
        Ok(Message(bytes.to_vec()))
    }
}
