//! WebSocket-over-HTTP: bodies of requests, effects of responses, repetitions, the state of a connection.

use proptest::prelude::*;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::close::{Close, Refusal};
use sockjs_protocol::upstream::events::{Event, EventLimits, decode, encode};
use sockjs_protocol::upstream::grip::control::KeepAliveMode;
use sockjs_protocol::upstream::grip::token::{is_valid, sign};
use sockjs_protocol::upstream::over_http::keep_alive::Due;
use sockjs_protocol::upstream::over_http::queue::{ClientEvent, EventQueue};
use sockjs_protocol::upstream::over_http::response::{Effect, Effects, EventResponse, ResponseError, read_response};
use sockjs_protocol::upstream::over_http::retry::{Attempts, UpstreamDelivery};
use sockjs_protocol::upstream::over_http::state::LinkState;

const NOW: Millis = Millis(1_000_000);
const LIMITS: EventLimits = EventLimits { bytes: 1 << 20, events: 100 };

fn text(text: &str) -> ClientEvent {
    ClientEvent::Text(text.into())
}

fn headers(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn events_travel_together_in_their_order_and_are_numbered() {
    let mut queue = EventQueue::starting_at(7);

    for event in [ClientEvent::Open, text("a"), ClientEvent::Close { code: 3000, reason: "b".into() }] {
        queue.push(event);
    }
    let body = queue.take_body();
    assert_eq!((body.first, &*body.bytes), (7, &b"OPEN\r\nTEXT 1\r\na\r\nCLOSE 3\r\n\x0b\xb8b\r\n"[..]));
    queue.push(ClientEvent::Disconnect);
    let body = queue.take_body();
    assert_eq!((body.first, &*body.bytes), (10, &b"DISCONNECT\r\n"[..]));
    assert_eq!(queue.bytes(), 0);
}

#[test]
fn a_pong_goes_along_with_another_event() {
    let mut queue = EventQueue::default();
    queue.set_pong(b"x".to_vec());
    assert!(queue.is_empty());
    queue.push(text("a"));
    assert_eq!(queue.take_body().bytes, b"PONG 1\r\nx\r\nTEXT 1\r\na\r\n");
    queue.push(text("b"));
    assert_eq!(queue.take_body().bytes, b"TEXT 1\r\nb\r\n");
}

#[test]
fn only_the_last_ping_is_answered_and_none_that_a_websocket_could_not_carry() {
    let mut queue = EventQueue::default();
    for content in [vec![b'a'; 125], vec![b'b'; 125], vec![b'c'; 126]] {
        queue.set_pong(content);
    }
    queue.push(text("a"));
    let pong = ["PONG 7d\r\n", &"b".repeat(125), "\r\nTEXT 1\r\na\r\n"].concat();
    assert_eq!(queue.take_body().bytes, pong.as_bytes());
}

proptest! {
    #[test]
    fn bodies_are_bounded_and_nothing_is_lost(lengths in proptest::collection::vec(0_usize..100_000, 0..40)) {
        let mut queue = EventQueue::default();
        let messages: Vec<_> = lengths.iter().enumerate().map(|(at, length)| format!("{at}").repeat(length / 4)).collect();
        messages.iter().for_each(|message| queue.push(text(message)));
        let (mut seen, mut next) = (Vec::new(), 0);
        while queue.bytes() > 0 {
            let body = queue.take_body();
            let events = decode(&body.bytes, EventLimits { bytes: usize::MAX, events: usize::MAX }).unwrap();
            prop_assert!(events.len() == 1 || body.bytes.len() <= 64 << 10);
            prop_assert_eq!(body.first, next);
            next += events.len() as u64;
            seen.extend(events.iter().map(|event| match event {
                Event::Text(text) => (*text).to_owned(),
                _ => String::new(),
            }));
        }
        prop_assert_eq!(seen, messages);
        prop_assert_eq!(queue.bytes(), 0);
    }
}

fn read(
    status: u16,
    pairs: &[(&str, &str)],
    events: &[Event<'_>],
    state: &mut LinkState,
    is_first: bool,
) -> Result<Effects, ResponseError> {
    let mut all = headers(&[("content-type", "Application/WebSocket-Events; charset=x")]);
    all.extend(headers(pairs));
    let body = encode(events);
    read_response(EventResponse { status, headers: &all, body: &body }, state, is_first, LIMITS, NOW)
}

#[test]
fn the_first_response_accepts_by_open_and_turns_grip_on() {
    let mut state = LinkState::new(Vec::new());
    let grip = [("sec-websocket-extensions", "grip"), ("set-meta-user", "ann")];
    let events =
        [Event::Open, Event::Text("m:hi"), Event::Text(r#"c:{"type":"subscribe","channel":"a"}"#), Event::Text("x")];
    let effects = read(200, &grip, &events, &mut state, true).unwrap();
    assert_eq!(effects.list, [Effect::Send("hi".into()), Effect::Join("a".into())]);
    assert!(effects.has_changed && effects.ignored.is_empty());
    assert_eq!((state.prefix.as_deref(), &state.meta), (Some("m:"), &headers(&[("user", "ann")])));
    let refused = |status| Err(ResponseError::Refused(Refusal::Status(status)));
    for (status, events) in [(200, &[][..]), (200, &[Event::Text("a"), Event::Open]), (204, &[]), (401, &[Event::Open])]
    {
        assert_eq!(read(status, &[], events, &mut state, true), refused(status));
    }
    let html = headers(&[("content-type", "text/html")]);
    let response = EventResponse { status: 200, headers: &html, body: b"OPEN\r\n" };
    assert_eq!(read_response(response, &mut state, true, LIMITS, NOW), refused(200));
}

#[test]
fn later_responses_have_effects_until_a_close() {
    let mut state = LinkState::new(Vec::new());
    let close = |code, reason: &str| Effect::Close(Close { code, reason: reason.into() });
    for (event, effect) in [
        (Event::Text("c:{}"), Effect::Send("c:{}".into())),
        (Event::Binary("é".as_bytes()), Effect::Send("é".into())),
        (Event::Binary(b"\xff"), close(1003, "Binary messages are not supported")),
        (Event::Ping(b"p"), Effect::Pong(b"p".to_vec())),
        (Event::Close { code: None, reason: "" }, close(1000, "")),
        (Event::Close { code: Some(0), reason: "" }, close(1000, "")),
        (Event::Close { code: Some(4001), reason: "go" }, close(4001, "go")),
        (Event::Disconnect, close(1012, "Upstream lost")),
    ] {
        let effects = read(200, &[], &[Event::Open, event, Event::Pong(b"")], &mut state, false).unwrap();
        assert_eq!(effects.is_closed, matches!(event, Event::Close { .. } | Event::Disconnect), "{event:?}");
        assert_eq!(effects.list, [effect], "{event:?}");
        assert!(!effects.has_changed);
    }
    for last in [Event::Disconnect, Event::Binary(b"\xff")] {
        let effects = read(200, &[], &[last, Event::Text("late")], &mut state, false).unwrap();
        assert_eq!(effects.list.len(), 1);
        assert_eq!(effects.is_closed, last == Event::Disconnect);
    }
    let closed = Event::Close { code: None, reason: "" };
    for before in [Event::Binary(b"\xff"), Event::Text("before")] {
        let effects = read(200, &[], &[before, closed], &mut state, false).unwrap();
        assert!(effects.is_closed, "{before:?}");
    }
    for status in [200, 204] {
        let response = EventResponse { status, headers: &[], body: b"" };
        assert_eq!(read_response(response, &mut state, false, LIMITS, NOW), Ok(Effects::default()));
    }
    let response = EventResponse {
        status: 200,
        headers: &headers(&[("content-type", "application/websocket-events")]),
        body: b"TEXT 1\r\n",
    };
    assert!(matches!(read_response(response, &mut state, false, LIMITS, NOW), Err(ResponseError::Malformed(_))));
}

#[test]
fn control_messages_change_the_connection_and_wrong_ones_do_not() {
    let mut state = LinkState::new(Vec::new());
    state.prefix = Some("m:".into());
    let events = [
        Event::Text(r#"c:{"type":"unsubscribe","channel":"a"}"#),
        Event::Text(r#"c:{"type":"subscribe"}"#),
        Event::Text(r#"c:{"type":"send-delayed","content":"soon"}"#),
        Event::Text(r#"c:{"type":"detach"}"#),
        Event::Binary(b"m:b"),
        Event::Binary(b"b"),
    ];
    let effects = read(200, &[], &events, &mut state, false).unwrap();
    assert_eq!(effects.list, [Effect::Leave("a".into()), Effect::Send("soon".into()), Effect::Send("b".into())]);
    assert_eq!(effects.ignored.len(), 1);
    assert!(effects.has_changed && state.is_detached);
}

#[test]
fn meta_values_are_set_changed_and_removed() {
    let mut state = LinkState::new(Vec::new());
    for (name, value, has_changed, left) in [
        ("a", "", false, &[][..]),
        ("a", "1", true, &[("a", "1")]),
        ("a", "1", false, &[("a", "1")]),
        ("b", "2", true, &[("a", "1"), ("b", "2")]),
        ("a", "3", true, &[("a", "3"), ("b", "2")]),
        ("a", "", true, &[("b", "2")]),
    ] {
        assert_eq!(state.set_meta(name, value), has_changed);
        assert_eq!(state.meta, headers(left));
    }
}

#[test]
fn a_state_keeps_its_written_form() {
    let empty = LinkState::new(Vec::new());
    let mut full = LinkState::new(headers(&[("origin", "https://a.example")]));
    full.set_meta("user", "\"é\"");
    full.prefix = Some(String::new());
    full.is_detached = true;
    full.set_poll(60, Millis(1_000));
    full.set_idle_message("hi".into(), Millis::from_secs(30), KeepAliveMode::Interval, Millis(1_000));
    for (state, json) in [
        (empty, r#"{"version":1}"#),
        (
            full,
            r#"{"version":1,"headers":[["origin","https://a.example"]],"meta":[["user","\"é\""]],"prefix":"","is_detached":true,"poll":{"every":60000,"due":61000},"idle_message":{"message":"hi","is_interval":true,"timer":{"every":30000,"due":31000}}}"#,
        ),
    ] {
        assert_eq!(serde_json::to_string(&state).unwrap(), json);
        assert_eq!(LinkState::read(json), Some(state));
    }
    assert_eq!(LinkState::read(r#"{"version":1,"new":[1]}"#), Some(LinkState::new(Vec::new())));
    for json in ["{}", r#"{"version":2}"#, "[]", "", "null"] {
        assert_eq!(LinkState::read(json), None, "{json}");
    }
}

const SECOND: Millis = Millis::from_secs(1);

#[test]
fn keep_alive_interval_asks_for_requests_without_events_while_nothing_happens() {
    let mut state = LinkState::new(Vec::new());
    for (seconds, has_changed, due) in [
        ("x", false, None),
        ("30", true, Some(30)),
        ("30", false, Some(30)),
        ("5", true, Some(20)),
        ("20", false, Some(20)),
        ("0", true, None),
        ("4294967296", false, None),
        (" 60", true, Some(60)),
    ] {
        let effects = read(200, &[("keep-alive-interval", seconds)], &[], &mut state, false).unwrap();
        assert_eq!(effects.has_changed, has_changed, "{seconds}");
        assert_eq!(state.due(), due.map(|due| NOW + Millis::from_secs(due)), "{seconds}");
    }
    read(200, &[], &[], &mut state, false).unwrap();
    state.note_answer(NOW + SECOND);
    assert_eq!(state.due(), Some(NOW + Millis::from_secs(61)), "a response without the header changes nothing");
    let early = NOW + Millis::from_secs(53);
    assert_eq!((state.is_due(early), state.take_due(early)), (false, Due::default()));
    let near = NOW + Millis(53_500);
    assert_eq!((state.is_due(near), state.take_due(near)), (true, Due { message: None, is_poll: true }));
    assert_eq!(state.due(), Some(near + Millis::from_secs(60)));
    state.is_detached = true;
    assert_eq!((state.due(), state.is_due(NOW + NOW)), (None, false));
    assert_eq!(state.take_due(NOW + NOW), Due::default());
}

#[test]
fn a_keep_alive_message_is_due_when_the_client_got_none_or_at_an_interval() {
    let mut state = LinkState::new(Vec::new());
    state.prefix = Some("m:".into());
    let control =
        |state: &mut LinkState, json: &str| read(200, &[], &[Event::Text(&format!("c:{json}"))], state, false).unwrap();
    let due = |state: &LinkState| state.due().map(|due| (due - NOW).0 / 1_000);
    for (json, has_changed, ignored, at) in [
        (r#"{"type":"keep-alive","content":"hi","timeout":30}"#, true, 0, Some(30)),
        (r#"{"type":"keep-alive","content-bin":"/w==","message-type":"binary"}"#, false, 1, Some(30)),
        (r#"{"type":"keep-alive"}"#, true, 0, None),
        (r#"{"type":"keep-alive"}"#, false, 0, None),
        (r#"{"type":"keep-alive","message-type":"ping","content":""}"#, false, 0, None),
        (r#"{"type":"keep-alive","content-bin":"aGk=","message-type":"binary"}"#, true, 0, Some(55)),
    ] {
        let effects = control(&mut state, json);
        assert_eq!(
            (effects.has_changed, effects.ignored.len(), effects.list.len()),
            (has_changed, ignored, 0),
            "{json}"
        );
        assert_eq!(due(&state), at, "{json}");
    }
    state.note_message(NOW + SECOND);
    assert_eq!(due(&state), Some(56));
    state.is_detached = true;
    assert_eq!(state.take_due(NOW + Millis::from_secs(60)), Due { message: Some("hi".into()), is_poll: false });
    assert_eq!(due(&state), Some(115));
    control(&mut state, r#"{"type":"keep-alive","content":"tick","timeout":10,"mode":"interval"}"#);
    state.note_message(NOW + SECOND);
    assert_eq!(due(&state), Some(10));
}

#[test]
fn a_request_without_events_has_a_number_of_its_own() {
    let mut queue = EventQueue::starting_at(7);
    let body = queue.take_body();
    assert_eq!((body.first, body.bytes.len()), (7, 0));
    queue.push(text("a"));
    assert_eq!(queue.take_body().first, 8);
}

#[test]
fn only_requests_that_cannot_have_been_processed_are_sent_again_unless_repetitions_are_known() {
    use UpstreamDelivery::{AtLeastOnce, AtMostOnce};
    for (refusal, once, more) in [
        (Refusal::Paused, true, true),
        (Refusal::Status(429), true, true),
        (Refusal::Status(521), true, true),
        (Refusal::Status(502), false, true),
        (Refusal::Status(500), false, true),
        (Refusal::Unreachable, false, true),
        (Refusal::TimedOut, false, true),
        (Refusal::Status(404), false, false),
        (Refusal::Status(302), false, false),
    ] {
        for (delivery, expected) in [(AtMostOnce, once), (AtLeastOnce, more)] {
            let mut attempts = Attempts::new(Millis(0));
            let pause = attempts.pause_after(Millis(0), refusal, None, delivery, 0);
            assert_eq!(pause.is_some(), expected, "{refusal:?} {delivery:?}");
        }
    }
}

#[test]
fn pauses_grow_and_end_after_half_a_minute() {
    let (mut attempts, mut now, mut pauses) = (Attempts::new(Millis(5)), Millis(5), Vec::new());
    while let Some(pause) =
        attempts.pause_after(now, Refusal::Unreachable, None, UpstreamDelivery::AtLeastOnce, u32::MAX)
    {
        pauses.push(pause.0);
        now = now + pause;
    }
    assert_eq!(pauses.get(..7), Some(&[100, 200, 400, 800, 1_600, 3_200, 5_000][..]));
    assert!(now < Millis(30_005) && pauses.len() < 12);
    let mut attempts = Attempts::new(Millis(0));
    let paused = |attempts: &mut Attempts, pause| {
        attempts.pause_after(Millis(0), Refusal::Paused, Some(Millis(pause)), UpstreamDelivery::AtMostOnce, 0)
    };
    assert_eq!(paused(&mut attempts, 2_000), Some(Millis(2_000)), "as the breaker says");
    assert_eq!(paused(&mut attempts, 30_000), None);
}

#[test]
fn tokens_are_signed_and_expire() {
    const KEY: &str = "a key that is long enough to be one";
    let now = Millis(1_800_000_000_000);
    assert_eq!(sign("", "connection", b"", now), None);
    let own = sign(KEY, "connection", b"OPEN\r\n", now).unwrap();
    assert_eq!(own.split('.').count(), 3);
    assert!(!is_valid(&own, [KEY], now), "it was for the upstream");
    // Made by jose 5.10.0: {"iss":"backend","exp":1800000300}.
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJiYWNrZW5kIiwiZXhwIjoxODAwMDAwMzAwfQ.iPqGe4ZbZDWVRl-KsY9Prr7jezTOC-Yyb-uhg_4UL7s";
    assert!(is_valid(token, [KEY], now) && is_valid(token, ["other", KEY], now));
    assert!(is_valid(token, [KEY], now + Millis::from_secs(359)));
    assert!(!is_valid(token, [KEY], now + Millis::from_secs(361)));
    assert!(!is_valid(token, ["other"], now) && !is_valid(token, [""], now) && !is_valid(token, [], now));
    for broken in ["", ".", "..", &token[1..], &token[..token.len() - 1], &token.replace('.', "")] {
        assert!(!is_valid(broken, [KEY], now), "{broken}");
    }
}
