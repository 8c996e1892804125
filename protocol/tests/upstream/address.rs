//! Addresses of upstreams, and the URLs that clients' values make of them.

use crate::common::cases;
use proptest::prelude::*;
use sockjs_protocol::upstream::address::{AddressError, Upstream, UpstreamProtocol};

fn upstream(text: &str) -> Upstream {
    Upstream::read(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn url(text: &str, values: &[(&str, &str)]) -> Option<String> {
    let values: Vec<_> = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    upstream(text).url(&values)
}

#[test]
fn each_form_has_its_protocol_and_its_url() {
    use UpstreamProtocol::{Http, WebSocket};
    for (text, protocol, service, fetched) in [
        ("ws://backend", WebSocket, None, "http://backend/"),
        ("wss://chat.example/socket", WebSocket, None, "https://chat.example/socket"),
        ("ws://10.0.0.5:8080/echo/websocket", WebSocket, None, "http://10.0.0.5:8080/echo/websocket"),
        ("ws://[::1]:9000/a", WebSocket, None, "http://[::1]:9000/a"),
        ("ws://[::1]", WebSocket, None, "http://[::1]/"),
        ("http://backend:65535", Http, None, "http://backend:65535/"),
        ("https://Chat.Example./a?b=c&d=%20/?e", Http, None, "https://Chat.Example./a?b=c&d=%20/?e"),
        ("https://chat.example?b", Http, None, "https://chat.example/?b"),
        ("service:BACKEND", WebSocket, Some("BACKEND"), "http://backend/"),
        ("service:my_backend-2/a/b?c", WebSocket, Some("my_backend-2"), "http://my_backend-2/a/b?c"),
        ("service+http:BACKEND/events", Http, Some("BACKEND"), "http://backend/events"),
    ] {
        let read = upstream(text);
        assert_eq!((read.protocol(), read.service()), (protocol, service), "{text}");
        assert_eq!(read.url(&[]).as_deref(), Some(fetched), "{text}");
        assert_eq!(read.to_string(), text);
    }
}

#[test]
fn a_broken_rule_is_named() {
    for (text, error) in [
        ("", AddressError::Scheme),
        ("chat.example/socket", AddressError::Scheme),
        ("ftp://chat.example", AddressError::Scheme),
        ("WSS://chat.example", AddressError::Scheme),
        (" wss://chat.example", AddressError::Scheme),
        ("services:BACKEND", AddressError::Scheme),
        ("ws://", AddressError::Host),
        ("ws:///path", AddressError::Host),
        ("ws://?query", AddressError::Host),
        ("ws://:80/", AddressError::Host),
        ("ws://a..b/", AddressError::Host),
        ("ws://a b/", AddressError::Host),
        ("ws://bücher.example/", AddressError::Host),
        ("ws://a%2Fb/", AddressError::Host),
        ("ws://[::1/", AddressError::Host),
        ("ws://[::1]80/", AddressError::Host),
        ("ws://[chat.example]/", AddressError::Host),
        ("ws://::1/", AddressError::Host),
        ("ws://chat.example:/", AddressError::Port),
        ("ws://chat.example:0/", AddressError::Port),
        ("ws://chat.example:65536/", AddressError::Port),
        ("ws://chat.example:+80/", AddressError::Port),
        ("ws://chat.example:80:80/", AddressError::Port),
        ("wss://user:secret@chat.example/", AddressError::Credentials),
        ("wss://user@chat.example", AddressError::Credentials),
        ("wss://@chat.example", AddressError::Credentials),
        ("service:user@BACKEND", AddressError::Credentials),
        ("wss://{host}/", AddressError::HostPlaceholder),
        ("wss://{room}.chat.example/", AddressError::HostPlaceholder),
        ("wss://chat.example:{port}/", AddressError::HostPlaceholder),
        ("service:{name}/", AddressError::HostPlaceholder),
        ("service:", AddressError::Service),
        ("service:/path", AddressError::Service),
        ("service://BACKEND/path", AddressError::Service),
        ("service:BACK END", AddressError::Service),
        ("service:BACKEND:80", AddressError::Service),
        ("wss://chat.example/a#b", AddressError::Fragment),
        ("wss://chat.example#b", AddressError::Fragment),
        ("wss://chat.example/a b", AddressError::Path),
        ("wss://chat.example/é", AddressError::Path),
        ("wss://chat.example/a\\b", AddressError::Path),
        ("wss://chat.example\\@elsewhere.example/", AddressError::Path),
        ("wss://chat.example/%", AddressError::Path),
        ("wss://chat.example/%2", AddressError::Path),
        ("wss://chat.example/%2g", AddressError::Path),
        ("wss://chat.example/%2{room}", AddressError::Path),
        ("wss://chat.example/a\r\nHost: b", AddressError::Path),
        ("wss://chat.example/?a=\"b\"", AddressError::Path),
        ("wss://chat.example/a/../b", AddressError::DotSegment),
        ("wss://chat.example/.", AddressError::DotSegment),
        ("wss://chat.example/%2E%2e/b", AddressError::DotSegment),
        ("wss://chat.example/{room", AddressError::Placeholder),
        ("wss://chat.example/room}", AddressError::Placeholder),
        ("wss://chat.example/{}", AddressError::Placeholder),
        ("wss://chat.example/{a b}", AddressError::Placeholder),
        ("wss://chat.example/{{room}}", AddressError::Placeholder),
        ("wss://chat.example/?room={room", AddressError::Placeholder),
    ] {
        assert_eq!(Upstream::read(text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn an_error_says_what_was_expected_and_repeats_no_password() {
    let error = Upstream::read("wss://user:secret@chat.example/").unwrap_err();
    assert!(error.to_string().starts_with("expected no user name and no password"), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"));
    let error = Upstream::read("wss://{host}/").unwrap_err();
    assert!(error.to_string().contains("a client must not choose the host"), "{error}");
}

#[test]
fn placeholders_take_the_values_of_parameters() {
    let (plain, both) = ("wss://chat.example/rooms/{room}", "ws://b/v{v}/{room}.json?room={room}&v={v}");
    assert_eq!(url(plain, &[("room", "lobby")]).unwrap(), "https://chat.example/rooms/lobby");
    assert_eq!(url(both, &[("room", "a b"), ("v", "2")]).unwrap(), "http://b/v2/a%20b.json?room=a%20b&v=2");
    assert_eq!(url(plain, &[("floor", "2")]), None);
    assert_eq!(url("service:B/{a}{b}", &[("a", "1"), ("b", "{a}")]).unwrap(), "http://b/1%7Ba%7D");
    assert_eq!(url("ws://b/a", &[("room", "..")]).unwrap(), "http://b/a");
}

#[test]
fn a_value_is_encoded_where_it_would_mean_something() {
    for (value, encoded) in [
        ("a/b", "a%2Fb"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2e%2e", "%252e%252e"),
        ("a&b=c+d", "a%26b%3Dc%2Bd"),
        ("@:;,", "%40%3A%3B%2C"),
        ("a\\b", "a%5Cb"),
        ("é😀", "%C3%A9%F0%9F%98%80"),
        ("-._~", "-._~"),
        ("...", "..."),
        ("..a", "..a"),
        ("a..", "a.."),
        (".well-known", ".well-known"),
    ] {
        assert_eq!(url("ws://b/{a}/end?{a}", &[("a", value)]).unwrap(), format!("http://b/{encoded}/end?{encoded}"));
    }
}

#[test]
fn a_value_that_leaves_its_segment_is_refused() {
    for value in
        ["", ".", "..", "../..", "a/../b", "a/..", "./a", "..\\a", "a\\.", "..;", "a/..;b/c", "a\0", "a\r\nb", "\u{85}"]
    {
        for text in ["ws://b/{a}", "ws://b/x{a}y", "ws://b/?a={a}"] {
            assert_eq!(url(text, &[("a", value)]), None, "{value:?} in {text}");
        }
    }
}

#[test]
fn a_placeholder_without_a_parameter_is_named() {
    let upstream = upstream("wss://chat.example/{room}/{floor}?{room}");
    assert_eq!(upstream.placeholders().collect::<Vec<_>>(), ["room", "floor", "room"]);
    assert_eq!(upstream.check_parameters(["floor", "room", "more"]), Ok(()));
    let error = upstream.check_parameters(["room"]).unwrap_err();
    assert_eq!(error.name, "floor");
    assert_eq!(
        error.to_string(),
        "placeholder {floor}: expected a parameter of the service's prefix. Add /{floor} to the prefix, or take the \
         placeholder out of the address"
    );
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// The number of segments, the other segments and the host are those of the address.
    #[test]
    fn no_value_changes_anything_but_its_own_segment(
        value in prop_oneof![any::<String>(), "[./\\\\%2eE;?#a]{0,8}"],
    ) {
        if let Some(url) = url("wss://chat.example/rooms/{room}/socket?room={room}", &[("room", &value)]) {
            let (path, query) = url.split_once('?').unwrap();
            let segments: Vec<_> = path.split('/').collect();
            prop_assert_eq!(segments.len(), 6);
            prop_assert_eq!(&segments[..4], ["https:", "", "chat.example", "rooms"]);
            prop_assert_eq!(segments[5], "socket");
            prop_assert!(!matches!(segments[4], "" | "." | ".."));
            prop_assert_eq!(query, format!("room={}", segments[4]));
            prop_assert!(segments[4].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
            prop_assert_eq!(percent_encoding::percent_decode_str(segments[4]).decode_utf8().unwrap(), value);
        }
    }

    #[test]
    fn no_string_breaks_the_reader(text in any::<String>(), rest in "[a{}./%?#@:\\[\\]\\\\]{0,12}") {
        for text in [text, format!("ws://{rest}"), format!("service:{rest}"), format!("ws://b/{rest}")] {
            if let Ok(read) = Upstream::read(&text) {
                prop_assert_eq!(read.to_string(), text);
                prop_assert!(read.url(&[]).is_none_or(|url| url.starts_with("http://")));
            }
        }
    }
}
