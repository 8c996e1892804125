//! GRIP: its prefixes, messages to the gateway, and published items.

use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::grip::control::{Control, KeepAlive, KeepAliveMode};
use sockjs_protocol::upstream::grip::publish::{ITEMS_MAX, Item, ItemAction, Publication};
use sockjs_protocol::upstream::grip::{Content, Grip, GripError, Marked};

#[test]
fn the_header_turns_grip_on_and_may_choose_a_prefix() {
    for (extensions, prefix) in [
        ("grip", Some("m:")),
        ("GRIP", Some("m:")),
        (r#"grip; message-prefix="""#, Some("")),
        (r#"grip;message-prefix="""#, Some("")),
        (r#"grip ; Message-Prefix = "a b" "#, Some("a b")),
        ("grip; message-prefix=x:", Some("x:")),
        ("grip; message-prefix", Some("")),
        (r#"grip; other="1"; message-prefix="x""#, Some("x")),
        (r#"grip; message-prefix=";,\"\\""#, Some(r#";,"\"#)),
        (r#"permessage-deflate; a="grip", grip; message-prefix="x""#, Some("x")),
        (r#"other; a=",grip", b"#, None),
        ("", None),
        ("grips", None),
        ("permessage-deflate", None),
        (r#"grip; message-prefix="x"#, None),
        (r#"grip; message-prefix="x"y"#, None),
        (r#"grip; message-prefix=x"y""#, None),
        (r#"grip; message-prefix="x\"#, None),
    ] {
        assert_eq!(Grip::accepted(extensions).map(|grip| grip.message_prefix).as_deref(), prefix, "{extensions}");
    }
}

#[test]
fn a_prefix_says_whom_a_message_is_for() {
    let grip = Grip::accepted("grip").unwrap();
    assert_eq!(grip.text("m:hello"), Marked::Message("hello"));
    assert_eq!(grip.text("m:c:hello"), Marked::Message("c:hello"));
    assert_eq!(grip.text("m:"), Marked::Message(""));
    assert_eq!(grip.text("c:{}"), Marked::Control("{}"));
    assert_eq!(grip.text("hello"), Marked::Unmarked);
    assert_eq!(grip.text(""), Marked::Unmarked);
    assert_eq!(grip.binary(b"m:\xff"), Some(&b"\xff"[..]));
    assert_eq!(grip.binary(b"c:{}"), None);
    let bare = Grip::accepted(r#"grip; message-prefix="""#).unwrap();
    assert_eq!(bare.text(r#"{"a":1}"#), Marked::Message(r#"{"a":1}"#));
    assert_eq!(bare.text("c:{}"), Marked::Control("{}"));
    assert_eq!(bare.text(""), Marked::Message(""));
    assert_eq!(bare.binary(b"c:{}"), Some(&b"c:{}"[..]));
}

fn control(json: &str) -> Option<Control> {
    Control::read(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn text(text: &str) -> Content {
    Content::Text(text.into())
}

#[test]
fn each_message_to_the_gateway_is_read() {
    let keep_alive = |content, seconds, mode| {
        Control::KeepAlive(Some(KeepAlive { content, timeout: Millis::from_secs(seconds), mode }))
    };
    use KeepAliveMode::{Idle, Interval};
    for (json, read) in [
        (r#"{"type":"subscribe","channel":"a"}"#, Control::Subscribe { channel: "a".into() }),
        (
            r#" { "channel" : "\u00e9\n", "more":[{}], "filters":[], "type" : "subscribe" } "#,
            Control::Subscribe { channel: "é\n".into() },
        ),
        (r#"{"type":"unsubscribe","channel":"a","filters":null}"#, Control::Unsubscribe { channel: "a".into() }),
        (r#"{"type":"detach"}"#, Control::Detach),
        (r#"{"type":"keep-alive","content":"x","timeout":20}"#, keep_alive(text("x"), 20, Idle)),
        (r#"{"type":"keep-alive","content":"","mode":"interval"}"#, keep_alive(text(""), 55, Interval)),
        (r#"{"type":"keep-alive","content":"x","timeout":0,"mode":"future"}"#, keep_alive(text("x"), 55, Idle)),
        (r#"{"type":"keep-alive","content-bin":"/w=="}"#, keep_alive(Content::Binary(vec![255]), 55, Idle)),
        (r#"{"type":"keep-alive"}"#, Control::KeepAlive(None)),
        (r#"{"type":"keep-alive","message-type":"ping","content":"","timeout":20}"#, Control::KeepAlive(None)),
        (r#"{"type":"send-delayed","content":"x"}"#, Control::SendDelayed(text("x"))),
        (
            r#"{"type":"send-delayed","message-type":"text","content-bin":"w6k","timeout":5}"#,
            Control::SendDelayed(text("é")),
        ),
        (
            r#"{"type":"send-delayed","message-type":"binary","content":"é"}"#,
            Control::SendDelayed(Content::Binary("é".as_bytes().to_vec())),
        ),
        (r#"{"type":"flush-delayed"}"#, Control::FlushDelayed),
    ] {
        assert_eq!(control(json), Some(read), "{json}");
    }
}

#[test]
fn a_message_without_effect_is_no_error() {
    for json in [
        r#"{"type":"future","channel":7}"#,
        r#"{"type":"session","id":"x"}"#,
        r#"{"type":"set-meta","name":"a","value":"b"}"#,
        r#"{"type":"send-delayed","message-type":"pong","content":""}"#,
        r#"{"type":""}"#,
    ] {
        assert_eq!(control(json), None, "{json}");
    }
}

#[test]
fn a_wrong_field_of_a_message_is_named() {
    for (json, name) in [
        ("[]", "the message"),
        (r#""detach""#, "the message"),
        ("{}", "type"),
        (r#"{"type":1}"#, "type"),
        (r#"{"type":null}"#, "type"),
        (r#"{"type":"subscribe"}"#, "channel"),
        (r#"{"type":"subscribe","channel":""}"#, "channel"),
        (r#"{"type":"subscribe","channel":7}"#, "channel"),
        (r#"{"type":"unsubscribe","channel":null}"#, "channel"),
        (r#"{"type":"subscribe","channel":"a","filters":["skip-self"]}"#, "filters"),
        (r#"{"type":"subscribe","channel":"a","filters":"x"}"#, "filters"),
        (r#"{"type":"keep-alive","content":7}"#, "content"),
        (r#"{"type":"keep-alive","content":"x","timeout":"20"}"#, "timeout"),
        (r#"{"type":"keep-alive","content":"x","timeout":-1}"#, "timeout"),
        (r#"{"type":"keep-alive","content":"x","timeout":1.5}"#, "timeout"),
        (r#"{"type":"keep-alive","content":"x","mode":1}"#, "mode"),
        (r#"{"type":"keep-alive","content":"x","message-type":"html"}"#, "message-type"),
        (r#"{"type":"send-delayed"}"#, "content"),
        (r#"{"type":"send-delayed","content-bin":"%"}"#, "content-bin"),
        (r#"{"type":"send-delayed","message-type":"text","content-bin":"/w=="}"#, "content-bin"),
    ] {
        match Control::read(json) {
            Err(GripError::Field { item: None, field, .. }) => assert_eq!(field, name, "{json}"),
            other => panic!("{json}: {other:?}"),
        }
    }
    let long = format!(r#"{{"type":"subscribe","channel":"{}"}}"#, "x".repeat(129));
    assert_eq!(
        Control::read(&long).unwrap_err().to_string(),
        "channel: expected the name of a channel, of 1 to 128 bytes"
    );
    for json in ["", "{", r#"{"type":"detach"} x"#, r#"{"type":"detach",}"#, r#"{"a":[1 2],"type":"detach"}"#] {
        assert!(matches!(Control::read(json), Err(GripError::Json(_))), "{json}");
    }
}

fn item(channel: &str, action: ItemAction) -> Item {
    Item { number: 0, channel: channel.into(), prev_id: None, action }
}

#[test]
fn each_published_item_is_read() {
    let close = |code, reason: &str| ItemAction::Close { code, reason: reason.into() };
    for (json, read) in [
        (r#"{"channel":"a","formats":{"ws-message":{"content":"x"}}}"#, item("a", ItemAction::Send(text("x")))),
        (r#"{"channel":"a","ws-message":{"content":"x"}}"#, item("a", ItemAction::Send(text("x")))),
        (
            r#"{"id":"7","prev-id":"6","channel":"a","formats":{"http-stream":{},"ws-message":{"content":""}},"meta":{}}"#,
            Item { prev_id: Some("6".into()), ..item("a", ItemAction::Send(text(""))) },
        ),
        (
            r#"{"channel":"a","formats":{"ws-message":{"action":"send","content-bin":"AP8="}}}"#,
            item("a", ItemAction::Send(Content::Binary(vec![0, 255]))),
        ),
        (
            r#"{"channel":"a","formats":{"ws-message":{"type":"text","content-bin":"w6k="}}}"#,
            item("a", ItemAction::Send(text("é"))),
        ),
        (
            r#"{"channel":"a","formats":{"ws-message":{"type":"binary","content":"x","content-filters":[]}}}"#,
            item("a", ItemAction::Send(Content::Binary(b"x".to_vec()))),
        ),
        (r#"{"channel":"a","formats":{"ws-message":{"action":"hint"}}}"#, item("a", ItemAction::Hint)),
        (r#"{"channel":"a","formats":{"ws-message":{"action":"refresh"}}}"#, item("a", ItemAction::Refresh)),
        (r#"{"channel":"a","formats":{"ws-message":{"action":"close"}}}"#, item("a", close(None, ""))),
        (
            r#"{"channel":"a","formats":{"ws-message":{"action":"close","code":4000,"reason":"why"}}}"#,
            item("a", close(Some(4000), "why")),
        ),
    ] {
        let publication = Publication::read(format!(r#"{{"items":[{json}]}}"#).as_bytes());
        assert_eq!(publication, Ok(Publication { items: vec![read], skipped: 0 }), "{json}");
    }
}

#[test]
fn items_for_other_transports_are_counted() {
    let body = r#"{"items":[
        {"channel":"a","formats":{"http-stream":{"content":"x"}}},
        {"channel":"b","formats":{"ws-message":{"content":"x"}}},
        {"channel":"c","http-response":{}},
        {"channel":"d","formats":{"ws-message":{"type":"ping","content":""}}},
        {"channel":"e","formats":{"ws-message":null}},
        {"channel":"f","formats":null,"ws-message":{"content":"x"}}
    ]}"#;
    let publication = Publication::read(body.as_bytes()).unwrap();
    assert_eq!(publication.skipped, 4);
    assert_eq!(publication.items.iter().map(|item| &*item.channel).collect::<Vec<_>>(), ["b", "f"]);
    assert_eq!(Publication::read(br#"{"items":[]}"#), Ok(Publication::default()));
}

#[test]
fn a_wrong_field_of_an_item_is_named_with_its_item() {
    for (items, error) in [
        ("7", "items: expected a list of items"),
        ("null", "items: expected a list of items"),
        ("{}", "items: expected a list of items"),
        ("[7]", "items[0]: expected an object"),
        ("[{}]", "items[0].channel: expected the name of a channel, of 1 to 128 bytes"),
        (r#"[{"channel":7}]"#, "items[0].channel: expected a string"),
        (
            r#"[{"channel":"a"},{"channel":"","ws-message":{"content":"x"}}]"#,
            "items[1].channel: expected the name of a channel, of 1 to 128 bytes",
        ),
        (r#"[{"channel":"a","id":7}]"#, "items[0].id: expected a string"),
        (r#"[{"channel":"a","prev-id":7}]"#, "items[0].prev-id: expected a string"),
        (r#"[{"channel":"a","formats":[]}]"#, "items[0].formats: expected an object"),
        (r#"[{"channel":"a","formats":{"ws-message":"x"}}]"#, "items[0].ws-message: expected an object"),
        (
            r#"[{"channel":"a","ws-message":{"action":"future"}}]"#,
            "items[0].ws-message.action: expected send, hint, refresh or close",
        ),
        (
            r#"[{"channel":"a","ws-message":{"type":"html","content":"x"}}]"#,
            "items[0].ws-message.type: expected text, binary, ping or pong",
        ),
        (
            r#"[{"channel":"a","ws-message":{}}]"#,
            "items[0].ws-message.content: expected a string here or in content-bin",
        ),
        (r#"[{"channel":"a","ws-message":{"content":7}}]"#, "items[0].ws-message.content: expected a string"),
        (
            r#"[{"channel":"a","ws-message":{"content-bin":"a b="}}]"#,
            "items[0].ws-message.content-bin: expected a string in Base64",
        ),
        (
            r#"[{"channel":"a","ws-message":{"type":"text","content-bin":"/w=="}}]"#,
            "items[0].ws-message.content-bin: expected UTF-8 in a text message",
        ),
        (
            r#"[{"channel":"a","ws-message":{"content":"x","content-filters":["skip-self"]}}]"#,
            "items[0].ws-message.content-filters: expected no filters: they are not supported",
        ),
        (
            r#"[{"channel":"a","ws-message":{"action":"close","code":70000}}]"#,
            "items[0].ws-message.code: expected a whole number up to 65535",
        ),
    ] {
        let body = format!(r#"{{"items":{items}}}"#);
        assert_eq!(Publication::read(body.as_bytes()).unwrap_err().to_string(), error, "{items}");
    }
    for body in [&b""[..], b"{", b"\xff", br#"{"items":[}]}"#, br#"{"items":[{"channel":"a" "b":1}]}"#] {
        assert!(matches!(Publication::read(body), Err(GripError::Json(_))), "{}", body.escape_ascii());
    }
    assert_eq!(Publication::read(b"[]").unwrap_err().to_string(), "the body: expected an object");
    assert_eq!(Publication::read(b"{}").unwrap_err().to_string(), "items: expected a list of items");
}

#[test]
fn a_body_has_a_thousand_items_at_most() {
    let body = |count: usize| format!(r#"{{"items":[{}]}}"#, vec![r#"{"channel":"a"}"#; count].join(","));
    assert_eq!(Publication::read(body(ITEMS_MAX).as_bytes()).unwrap().skipped, ITEMS_MAX);
    let error = Publication::read(body(ITEMS_MAX + 1).as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "items: expected at most 1000 items: send the rest in another request");
}
