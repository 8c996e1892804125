//! The same checks with inputs of proptest: fewer than fuzzing tries, but in every run of the tests, and shaped like each
//! target's inputs.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm};
use sockjs_fuzz::{admission, envelope, frame, payload, route, session, ticket};

fn cases(cases: u32) -> Config {
    Config { cases, rng_algorithm: RngAlgorithm::XorShift, failure_persistence: None, ..Config::default() }
}

/// Generates some of `parts`, one after another.
fn joined(parts: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(select(parts), 0..most).prop_map(|parts| parts.concat())
}

const TEXT: &[&str] =
    &["a", "|", "\"", "\\", "%25", "%", "\r", "\n", "\0", "<", "\u{200c}", "\u{2028}", "\u{ffff}", "😀", "é"];
const JSON: &[&str] =
    &["[", "]", "\"", "\",\"", ",", "\\", "a", "\\ud83d", "\\ude00", "\\u", "\\n", "d800", "\n", " ", "é"];
const PATHS: &[&str] = &[
    "/",
    "/0",
    "/a",
    "/a.b",
    "/a;b",
    "//",
    "/echo",
    "/disabled",
    "/jsonp",
    "/chat",
    "/lobby",
    "/on",
    "/info",
    "/iframe.html",
    "/xhr",
    "/xhr_send",
    "/xhr_streaming",
    "/eventsource",
    "/htmlfile",
    "/jsonp_send",
    "/websocket",
    "\n/echo/0/a/xhr",
    "%2f",
];
const ORIGINS: &[&str] = &[
    "",
    "https://chat.example",
    "http://chat.example",
    "https://friend.example",
    "https://a.example.org",
    "https://evil.example",
    "null",
    "*",
];
const SITES: &[&str] = &["", "same-origin", "same-site", "cross-site", "none", "anything"];
const TICKETS: &[&str] = &["", "\n", "id", "é", "\"", "https://example.com", "\u{0}", "."];

/// Tries every combination: random ones rarely hit those that matter.
#[test]
fn nobody_is_let_in_whom_the_promises_keep_out() {
    const PAGES: [&str; 4] = ["", "https://chat.example", "https://friend.example", "https://evil.example"];
    let mut inputs = Vec::new();
    for (service, door) in (1..4u8).flat_map(|service| (0..8u8).map(move |door| (service, door))) {
        for given in [0, 1, 3, 5, 9, 17_u8] {
            for origin in PAGES.into_iter().chain(["null"]) {
                for (site, referer) in SITES.iter().flat_map(|site| PAGES.map(|page| (site, page))) {
                    // Without a ticket there is no page that it was issued for.
                    for issued in if given == 0 { &PAGES[..1] } else { &PAGES } {
                        inputs.push((service, door, given, format!("{origin}\n{site}\n{referer}\n{issued}")));
                    }
                }
            }
        }
    }
    for (service, door, given, headers) in inputs {
        admission::check(&[&[service, door, given], headers.as_bytes()].concat());
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn clients_read_every_frame_as_it_was_sent(text in joined(TEXT, 20), any in any::<String>()) {
        frame::check(text.as_bytes());
        frame::check(any.as_bytes());
    }

    #[test]
    fn what_clients_send_is_read_as_json_is(inner in joined(JSON, 20), bytes in any::<Vec<u8>>()) {
        payload::check(inner.as_bytes());
        payload::check(format!("[\"{inner}\"]").as_bytes());
        payload::check(&bytes);
    }

    #[test]
    fn a_path_is_routed_by_its_parts(method in 0..5u8, path in joined(PATHS, 8), other in joined(PATHS, 8)) {
        route::check(&[&[method], path.as_bytes(), b"\n", other.as_bytes()].concat());
    }

    #[test]
    fn whoever_is_let_in_may_come_in(service in 0..8u8, door in 0..8u8, given in 0..32u8, origin in select(ORIGINS), site in select(SITES), referer in select(ORIGINS), path in select(vec!["", "/", "/page?x=1"]), issued in select(ORIGINS)) {
        let headers = format!("{origin}\n{site}\n{referer}{}\n{issued}", if referer.is_empty() { "" } else { path });
        admission::check(&[&[service, door, given], headers.as_bytes()].concat());
    }

    #[test]
    fn the_halves_understand_each_other(start in select(vec!["", "\u{3}f\0", "\u{3}u\u{1}", "\u{3}a", "\u{3}w\0", "\u{3}w\u{1}", "\u{3}"]), rest in any::<Vec<u8>>(), text in any::<String>()) {
        envelope::check(&[start.as_bytes(), &rest].concat());
        envelope::check(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn only_what_was_signed_is_believed(at in any::<u8>(), byte in any::<u8>(), says in joined(TICKETS, 8)) {
        ticket::check(&[&[at, byte], says.as_bytes()].concat());
    }

    #[test]
    fn sessions_keep_their_promises(operations in "[pPsS]([scpSrfaRChkxyLtlnbmMAB][0-9]?){0,40}", nonsense in "[0-9A-Z]([a-zA-Z][0-9]{0,3}){0,40}") {
        session::check(operations.as_bytes());
        session::check(nonsense.as_bytes());
    }
}
