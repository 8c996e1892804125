use super::*;

const OWN: &str = "https://chat.example";
const FRIEND: &str = "https://friend.example";
const OTHER: &str = "https://other.example";
const EVIL: &str = "https://evil.example";
const KEY: &str = "a key";
const NOW: Millis = Millis(1_000_000_000);

const WEBSOCKET: Door = Door::Receive(Transport::WebSocket);
const XHR: Door = Door::Receive(Transport::XhrPolling);
const JSONP: Door = Door::Receive(Transport::JsonpPolling);
const HTMLFILE: Door = Door::Receive(Transport::HtmlFile);
const EVENTSOURCE: Door = Door::Receive(Transport::EventSource);
const SESSION: [Door; 6] = [WEBSOCKET, XHR, EVENTSOURCE, JSONP, HTMLFILE, Door::Send];
const FOR_ANY_PAGE: [Door; 2] = [JSONP, HTMLFILE];

fn sender(origin: &'static str, fetch_site: &'static str, referer: &'static str) -> Sender<'static> {
    let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
    Sender { origin: some(origin), fetch_site: some(fetch_site), referer: some(referer), own: OWN }
}

fn listed() -> Config {
    Config::new("/echo").allowed_origins([FRIEND, OTHER])
}

fn ask(config: &Config, door: Door, sender: Sender<'_>, ticket: Option<&str>) -> Outcome {
    let url = ticket.map_or_else(|| OWN.to_owned() + "/echo", |ticket| format!("{OWN}/echo?ticket={ticket}"));
    let rules = Rules { config, keys: &[KEY.to_owned()], prefix: "/echo" };
    decide(rules, NOW, Request { door, sender, url: &url })
}

fn ticket(origin: Option<&str>, age: Millis) -> String {
    let ticket = Ticket::new("0f".into(), "/echo", origin.map(str::to_owned), NOW - age, None);
    ticket.sign(&[KEY.to_owned()]).unwrap()
}

fn fresh(origin: Option<&str>) -> String {
    ticket(origin, Millis(0))
}

#[test]
fn headers_prove_which_page_is_behind_a_request() {
    for ((origin, fetch_site, referer), page) in [
        (("", "", ""), Page::Unknown),
        (("", "none", ""), Page::Unknown),
        (("", "none", "https://evil.example/"), Page::Unknown),
        (("", "same-origin", ""), Page::Own),
        (("", "", "https://chat.example/page?x=1"), Page::Own),
        ((OWN, "", ""), Page::Own),
        ((OWN, "same-origin", ""), Page::Own),
        ((OWN, "cross-site", ""), Page::Hidden),
        ((OWN, "none", ""), Page::Hidden),
        ((OWN, "anything", ""), Page::Hidden),
        ((EVIL, "same-origin", ""), Page::Script(EVIL)),
        ((EVIL, "", "https://chat.example/"), Page::Script(EVIL)),
        (("null", "", ""), Page::Script("null")),
        (("", "cross-site", "https://evil.example/x"), Page::Loading(EVIL)),
        (("", "same-site", "https://evil.example"), Page::Loading(EVIL)),
        (("", "", "https://evil.example/x"), Page::Loading(EVIL)),
        (("", "cross-site", ""), Page::Hidden),
        (("", "cross-site", "https://chat.example/"), Page::Hidden),
        (("", "anything", ""), Page::Hidden),
    ] {
        let sender = sender(origin, fetch_site, referer);
        assert_eq!(sender.page(), page, "{sender:?}");
    }
}

#[test]
fn without_list_and_tickets_everyone_may() {
    for config in [Config::new("/echo"), Config::new("/echo").allowed_origins(["*"])] {
        for door in SESSION.into_iter().chain([Door::Info, Door::Iframe]) {
            for sender in [sender("", "", ""), sender(EVIL, "cross-site", ""), sender("", "cross-site", "")] {
                assert_eq!(ask(&config, door, sender, None), Outcome::Open, "{door:?} {sender:?}");
            }
        }
        assert_eq!(frame_ancestors(&config, OWN, None), None);
    }
}

#[test]
fn a_list_keeps_foreign_pages_out() {
    for config in [listed(), listed().tickets(true)] {
        for door in SESSION.into_iter().chain([Door::Info, Door::Iframe]) {
            for sender in [
                sender(EVIL, "", ""),
                sender("null", "", ""),
                sender("http://chat.example", "", ""),
                sender("", "cross-site", "https://evil.example/"),
            ] {
                let outcome = ask(&config, door, sender, Some(&fresh(None)));
                assert_eq!(outcome, Outcome::Refused(Reason::Foreign), "{door:?} {sender:?}");
            }
        }
    }
}

#[test]
fn a_list_alone_lets_in_who_names_no_origin_but_not_what_a_page_makes_the_browser_load() {
    let config = listed();
    for door in SESSION {
        let is_open = |sender| ask(&config, door, sender, None) == Outcome::Open;
        let is_for_scripts = !FOR_ANY_PAGE.contains(&door);
        assert!(is_open(sender("", "same-origin", "")) && is_open(sender(OWN, "", "")));
        assert_eq!(is_open(sender(FRIEND, "cross-site", "")), is_for_scripts, "{door:?}");
        assert_eq!(is_open(sender("", "", "")), is_for_scripts, "{door:?}");
        assert_eq!(is_open(sender("", "none", "")), is_for_scripts, "{door:?}");
        assert!(!is_open(sender("", "cross-site", "")) && !is_open(sender("", "cross-site", FRIEND)));
    }
    assert_eq!(ask(&config, Door::Iframe, sender("", "cross-site", FRIEND), None), Outcome::Refused(Reason::NoProof));
    assert_eq!(frame_ancestors(&config, OWN, None).unwrap(), "frame-ancestors 'self'");
}

#[test]
fn with_tickets_every_client_needs_one_the_own_page_too() {
    for config in [listed().tickets(true), Config::new("/echo").tickets(true)] {
        for door in SESSION {
            for sender in [
                sender("", "", ""),
                sender("", "none", ""),
                sender("", "same-origin", ""),
                sender(OWN, "same-origin", ""),
                sender(FRIEND, "cross-site", ""),
                sender("", "cross-site", ""),
            ] {
                assert_eq!(ask(&config, door, sender, None), Outcome::Refused(Reason::NoTicket), "{door:?}");
            }
        }
    }
}

#[test]
fn info_issues_tickets_to_pages_that_can_read_it_and_to_programs_as_the_application_says() {
    let issue = |config: &Config, sender| ask(config, Door::Info, sender, None);
    let issued =
        |origin: Option<&str>, needs_consent| Outcome::Issue { origin: origin.map(str::to_owned), needs_consent };
    for (config, needs_consent) in [(listed().tickets(true), true), (Config::new("/echo").tickets(true), false)] {
        assert_eq!(issue(&config, sender("", "same-origin", "")), issued(Some(OWN), false));
        assert_eq!(issue(&config, sender(OWN, "", "")), issued(Some(OWN), false));
        assert_eq!(issue(&config, sender(FRIEND, "cross-site", "")), issued(Some(FRIEND), false));
        assert_eq!(issue(&config, sender("", "", "")), issued(None, needs_consent));
        assert_eq!(issue(&config, sender("", "none", "")), issued(None, needs_consent));
        for loading in [sender("", "cross-site", ""), sender("", "cross-site", FRIEND), sender("", "", FRIEND)] {
            assert_eq!(issue(&config, loading), Outcome::Refused(Reason::NoProof));
        }
    }
}

#[test]
fn a_ticket_is_for_the_page_that_it_was_issued_for() {
    for config in [listed().tickets(true), Config::new("/echo").tickets(true)] {
        for door in SESSION {
            let is_admitted =
                |origin, sender| matches!(ask(&config, door, sender, Some(&fresh(origin))), Outcome::Ticket(_));
            for friend in [sender(FRIEND, "cross-site", ""), sender("", "cross-site", "https://friend.example/")] {
                assert!(is_admitted(Some(FRIEND), friend));
                assert!(
                    !is_admitted(Some(OTHER), friend) && !is_admitted(Some(OWN), friend) && !is_admitted(None, friend)
                );
            }
            for own in [sender(OWN, "same-origin", ""), sender("", "same-origin", "")] {
                assert!(is_admitted(Some(OWN), own) && is_admitted(None, own));
                assert!(!is_admitted(Some(FRIEND), own), "{door:?}: a page of ours that is not in friend's frame");
            }
            // Without proof: a browser would have sent such a header.
            for nobody in [sender("", "", ""), sender("", "none", ""), sender("", "cross-site", "")] {
                assert!(!is_admitted(Some(FRIEND), nobody) && !is_admitted(Some(OWN), nobody), "{door:?} {nobody:?}");
            }
            assert_eq!(is_admitted(None, sender("", "", "")), !FOR_ANY_PAGE.contains(&door), "a program, {door:?}");
        }
    }
}

#[test]
fn in_the_frame_of_a_ticket_that_ticket_serves_and_no_other() {
    let config = listed().tickets(true);
    let (mine, stolen) = (fresh(Some(FRIEND)), ticket(Some(FRIEND), Millis(1)));
    let frame = format!("{OWN}/echo/iframe.html?ticket={mine}");
    let elsewhere = format!("{EVIL}/echo/iframe.html?ticket={mine}");
    for door in SESSION {
        let within = |referer, ticket: &str| {
            let sender = Sender { referer: Some(referer), ..sender(OWN, "same-origin", "") };
            ask(&config, door, sender, Some(ticket))
        };
        assert!(matches!(within(&frame, &mine), Outcome::Ticket(_)));
        assert_eq!(within(&frame, &stolen), Outcome::Refused(Reason::OtherPage));
        assert_eq!(within(&elsewhere, &mine), Outcome::Refused(Reason::OtherPage));
        assert_eq!(within(OWN, &mine), Outcome::Refused(Reason::OtherPage));
    }
}

#[test]
fn the_page_for_iframes_is_framed_by_the_page_of_its_ticket_alone() {
    let config = listed().tickets(true);
    let iframe = |sender, ticket: Option<&str>| ask(&config, Door::Iframe, sender, ticket);
    for around in [sender("", "cross-site", FRIEND), sender("", "cross-site", "")] {
        assert!(matches!(iframe(around, Some(&fresh(Some(FRIEND)))), Outcome::Ticket(_)));
        assert_eq!(iframe(around, None), Outcome::Refused(Reason::NoProof));
    }
    let other = sender("", "cross-site", OTHER);
    assert_eq!(iframe(other, Some(&fresh(Some(FRIEND)))), Outcome::Refused(Reason::OtherPage));
    assert_eq!(iframe(sender("", "same-origin", ""), None), Outcome::Open);
    let policy = |origin| frame_ancestors(&config, OWN, origin).unwrap();
    assert_eq!(policy(Some(FRIEND)), format!("frame-ancestors 'self' {FRIEND}"));
    for unnamed in [None, Some(OWN), Some("null"), Some("https://*.example"), Some("https://a.example; script-src *")] {
        assert_eq!(policy(unnamed), "frame-ancestors 'self'");
    }
}

#[test]
fn a_late_ticket_opens_no_websocket_and_goes_on_to_the_object_of_a_session() {
    let config = listed().tickets(true);
    let late = ticket(None, config.ticket_lifetime);
    let program = sender("", "", "");
    assert_eq!(ask(&config, WEBSOCKET, program, Some(&late)), Outcome::Refused(Reason::Late));
    assert!(matches!(ask(&config, XHR, program, Some(&late)), Outcome::Ticket(_)));
    let old = ticket(None, config.ticket_max_age);
    assert_eq!(ask(&config, XHR, program, Some(&old)), Outcome::Refused(Reason::Ticket(Fault::TooOld)));
    assert_eq!(ask(&config, XHR, program, Some("x.y")), Outcome::Refused(Reason::Ticket(Fault::NotSigned)));
}
