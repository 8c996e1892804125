//! The codec of WebSocket-over-HTTP.

use crate::common::cases;
use proptest::prelude::*;
use sockjs_protocol::upstream::events::{Event, EventLimits, EventsError, EventsErrorKind, decode, encode};

fn read(body: &[u8]) -> Result<Vec<Event<'_>>, EventsError> {
    decode(body, EventLimits::default())
}

const BYE: Event<'_> = Event::Close { code: Some(1000), reason: "bye" };
const NO_CODE: Event<'_> = Event::Close { code: None, reason: "" };

#[test]
fn events_have_the_written_form_of_pushpin() {
    for (events, body) in [
        (vec![], &b""[..]),
        (vec![Event::Open], b"OPEN\r\n"),
        (vec![Event::Text("hello world")], b"TEXT b\r\nhello world\r\n"),
        (vec![Event::Text("")], b"TEXT 0\r\n\r\n"),
        (vec![Event::Text("\r\né")], b"TEXT 4\r\n\r\n\xc3\xa9\r\n"),
        (vec![Event::Binary(b"\xff\0")], b"BINARY 2\r\n\xff\0\r\n"),
        (vec![Event::Ping(b""), Event::Pong(b"1")], b"PING\r\nPONG 1\r\n1\r\n"),
        (vec![BYE], b"CLOSE 5\r\n\x03\xe8bye\r\n"),
        (vec![NO_CODE], b"CLOSE\r\n"),
        (vec![Event::Disconnect], b"DISCONNECT\r\n"),
        (vec![Event::Open, Event::Text("c:{}"), BYE], b"OPEN\r\nTEXT 4\r\nc:{}\r\nCLOSE 5\r\n\x03\xe8bye\r\n"),
    ] {
        assert_eq!(encode(&events), body);
        assert_eq!(read(body).unwrap(), events);
    }
    let long = "x".repeat(0x1af);
    assert_eq!(encode(&[Event::Text(&long)]), format!("TEXT 1af\r\n{long}\r\n").into_bytes());
}

#[test]
fn other_spellings_that_pushpin_takes_mean_the_same() {
    for (body, events) in [
        (&b"TEXT B\r\nhello world\r\n"[..], vec![Event::Text("hello world")]),
        (b"TEXT 0000000b\r\nhello world\r\n", vec![Event::Text("hello world")]),
        (b"TEXT\r\n", vec![Event::Text("")]),
        (b"OPEN 0\r\n\r\n", vec![Event::Open]),
        (b"OPEN 3\r\nabc\r\nDISCONNECT 1\r\nx\r\n", vec![Event::Open, Event::Disconnect]),
        (b"PING 0\r\n\r\n", vec![Event::Ping(b"")]),
        // The examples of the definition have an empty line after OPEN.
        (b"OPEN\r\n\r\n", vec![Event::Open]),
        (b"\r\nOPEN\r\n\r\n\r\nTEXT 1\r\na\r\n\r\n", vec![Event::Open, Event::Text("a")]),
        (b"CLOSE 0\r\n\r\n", vec![NO_CODE]),
        (b"CLOSE 1\r\n\x03\r\n", vec![NO_CODE]),
        (b"CLOSE 2\r\n\x03\xe8\r\n", vec![Event::Close { code: Some(1000), reason: "" }]),
        (b"CLOSE 2\r\n\xff\xff\r\n", vec![Event::Close { code: Some(65_535), reason: "" }]),
        // The reason was cut within a character.
        (b"CLOSE 4\r\n\x03\xe8a\xc3\r\n", vec![Event::Close { code: Some(1000), reason: "a" }]),
        (b"HELLO 3\r\nabc\r\ntext 1\r\na\r\nFUTURE\r\nOPEN\r\n", vec![Event::Open]),
    ] {
        assert_eq!(read(body).unwrap(), events, "{}", body.escape_ascii());
    }
}

#[test]
fn a_malformed_event_is_named_by_its_place() {
    for (body, at, kind) in [
        (&b"OPEN"[..], 0, EventsErrorKind::Line),
        (b"OPEN\n", 0, EventsErrorKind::Line),
        (b"OPEN\r", 0, EventsErrorKind::Line),
        (b"OPEN\r\nTEXT 5", 6, EventsErrorKind::Line),
        (b"TEXT \r\na\r\n", 0, EventsErrorKind::Length),
        (b"TEXT  1\r\na\r\n", 0, EventsErrorKind::Length),
        (b"TEXT 1 \r\na\r\n", 0, EventsErrorKind::Length),
        (b"TEXT g\r\na\r\n", 0, EventsErrorKind::Length),
        (b"TEXT 0x1\r\na\r\n", 0, EventsErrorKind::Length),
        (b"TEXT +1\r\na\r\n", 0, EventsErrorKind::Length),
        (b"TEXT -1\r\na\r\n", 0, EventsErrorKind::Length),
        (b"TEXT 000000001\r\na\r\n", 0, EventsErrorKind::Length),
        (b"TEXT fffffffff\r\na\r\n", 0, EventsErrorKind::Length),
        (b"TEXT ffffffff\r\na\r\n", 0, EventsErrorKind::Content),
        (b"TEXT 5\r\nhell", 0, EventsErrorKind::Content),
        (b"TEXT 5\r\nhello", 0, EventsErrorKind::Content),
        (b"TEXT 5\r\nhello\r", 0, EventsErrorKind::Content),
        (b"TEXT 5\r\nhello\n\n", 0, EventsErrorKind::ContentEnd),
        (b"TEXT 4\r\nhello\r\n", 0, EventsErrorKind::ContentEnd),
        (b"TEXT 1\r\n\xc3\xa9\r\n", 0, EventsErrorKind::ContentEnd),
        (b"OPEN\r\nTEXT 1\r\n\xff\r\n", 6, EventsErrorKind::Utf8),
        (b"TEXT 6\r\n\xed\xa0\x80\xed\xb0\x80\r\n", 0, EventsErrorKind::Utf8),
        (b"\0\r\n", 0, EventsErrorKind::Name),
        (b"O\tPEN\r\n", 0, EventsErrorKind::Name),
        (b" 1\r\na\r\n\xff\r\n", 7, EventsErrorKind::Name),
        (b"{\"error\":\"an unexpected failure\"}\r\n", 0, EventsErrorKind::Length),
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG\r\n", 0, EventsErrorKind::Name),
    ] {
        assert_eq!(read(body).unwrap_err(), EventsError { at, kind }, "{}", body.escape_ascii());
    }
    let error = read(b"OPEN\r\nTEXT 5\r\nhello").unwrap_err();
    assert_eq!(error.to_string(), r"event at byte 6: expected as many bytes of content as the length says, and \r\n");
}

#[test]
fn a_body_stays_within_its_limits() {
    let limits = EventLimits { bytes: 14, events: 2 };
    assert_eq!(decode(b"OPEN\r\nPING\r\n\r\n", EventLimits { events: 3, ..limits }).unwrap().len(), 2);
    for (body, at, kind) in [
        (&b"OPEN\r\nPING\r\n\r\n\r\n"[..], 14, EventsErrorKind::TooLarge),
        (b"OPEN\r\nPING\r\n\r\n", 12, EventsErrorKind::TooMany),
        (b"A\r\nB\r\nC\r\n", 6, EventsErrorKind::TooMany),
    ] {
        assert_eq!(decode(body, limits).unwrap_err(), EventsError { at, kind });
    }
}

/// An event that owns what it holds.
#[derive(Debug, Clone)]
enum Owned {
    Open,
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<(u16, String)>),
    Disconnect,
}

impl Owned {
    fn event(&self) -> Event<'_> {
        match self {
            Self::Open => Event::Open,
            Self::Text(text) => Event::Text(text),
            Self::Binary(bytes) => Event::Binary(bytes),
            Self::Ping(bytes) => Event::Ping(bytes),
            Self::Pong(bytes) => Event::Pong(bytes),
            Self::Close(Some((code, reason))) => Event::Close { code: Some(*code), reason },
            Self::Close(None) => NO_CODE,
            Self::Disconnect => Event::Disconnect,
        }
    }
}

fn event() -> impl Strategy<Value = Owned> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        Just(Owned::Open),
        any::<String>().prop_map(Owned::Text),
        "[ \r\na0]{0,300}".prop_map(Owned::Text),
        bytes().prop_map(Owned::Binary),
        bytes().prop_map(Owned::Ping),
        bytes().prop_map(Owned::Pong),
        prop::option::of((any::<u16>(), any::<String>())).prop_map(Owned::Close),
        Just(Owned::Disconnect),
    ]
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn what_is_written_is_read(events in prop::collection::vec(event(), 0..8)) {
        let events: Vec<_> = events.iter().map(Owned::event).collect();
        let body = encode(&events);
        prop_assert_eq!(body.len(), events.iter().map(Event::encoded_len).sum::<usize>());
        prop_assert_eq!(read(&body).unwrap(), events);
    }

    /// A body that broke off is an error, or the events before the one that is missing.
    #[test]
    fn a_part_of_a_body_makes_no_other_event(events in prop::collection::vec(event(), 1..5)) {
        let events: Vec<_> = events.iter().map(Owned::event).collect();
        let body = encode(&events);
        for end in 0..body.len() {
            if let Ok(found) = read(&body[..end]) {
                prop_assert!(found.len() < events.len() && events.starts_with(&found), "{} bytes", end);
                prop_assert_eq!(encode(&found), &body[..end]);
            }
        }
    }

    /// Events that were read stay the same when they are written and read again.
    #[test]
    fn no_body_breaks_the_reader(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "((OPEN|TEXT|PING|CLOSE|X)( [0-9a-fA-F]{0,2})?\r\n([a-c]{0,3}\r\n)?){0,5}".prop_map(String::into_bytes),
        ],
    ) {
        if let Ok(events) = read(&body) {
            let body = encode(&events);
            prop_assert_eq!(read(&body).unwrap(), events);
        }
    }
}
