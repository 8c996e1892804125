//! Admission: every admitted client is one that SECURITY.md admits. The model is a list of its promises, expressed with headers,
//! and not the rules' own cases.

use sockjs_protocol::service::options::Config;
use sockjs_protocol::service::origin::{has_list, is_listed, is_own, is_same, origin_of};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;

#[allow(dead_code)]
#[path = "../../src/admission/rules.rs"]
mod rules;
// The module that the rules import from their parent.
use crate::ticket::rules as ticket;
use rules::{Door, Outcome, Request, Rules, Sender, decide, is_guarded, ticket_of};
use ticket::Ticket;

const OWN: &str = "https://chat.example";
const KEY: &str = "a key";
const NOW: Millis = Millis(1_000_000_000);
const DOORS: [Door; 8] = [
    Door::Info,
    Door::Iframe,
    Door::Send,
    Door::Receive(Transport::WebSocket),
    Door::Receive(Transport::XhrPolling),
    Door::Receive(Transport::EventSource),
    Door::Receive(Transport::JsonpPolling),
    Door::Receive(Transport::HtmlFile),
];

/// Checks `data`, which has a byte for the service (1: a list, 2: tickets, 4: any origin is listed), a byte for the door, a byte
/// for the ticket (1: there is one, 2: late, 4: too old, 8: forged, 16: also in the referrer), and then lines: `Origin`,
/// `Sec-Fetch-Site`, `Referer`, and the origin that the ticket was issued for.
pub fn check(data: &[u8]) {
    let [service, door, given, headers @ ..] = data else { return };
    let headers = String::from_utf8_lossy(headers);
    let mut lines = headers.splitn(4, '\n').map(|line| Some(line).filter(|line| !line.is_empty()));
    let mut line = || lines.next().flatten();
    let (origin, fetch_site, referer, issued_for) = (line(), line(), line(), line());

    let mut config = Config::new("/echo").tickets(service & 2 != 0);
    if service & 1 != 0 {
        config = config.allowed_origins(["https://friend.example", "https://*.example.org", "null"]);
    }
    if service & 4 != 0 {
        config = config.allowed_origins(["*"]);
    }
    let door = DOORS[usize::from(*door) % DOORS.len()];
    let age = match given {
        given if given & 4 != 0 => config.ticket_max_age,
        given if given & 2 != 0 => config.ticket_lifetime,
        _ => Millis(0),
    };
    let ticket = Ticket::new("0f".into(), "/echo", issued_for.map(str::to_owned), NOW - age, None);
    let key = if given & 8 != 0 { "another" } else { KEY };
    let Ok(text) = ticket.sign(&[key.to_owned()]) else { return };
    let url = if given & 1 != 0 { format!("{OWN}/echo/0/s/x?ticket={text}") } else { format!("{OWN}/echo/0/s/x") };
    let from_frame = format!("{OWN}/echo/iframe.html?ticket={text}");
    let referer = if given & 16 != 0 { Some(from_frame.as_str()) } else { referer };
    let sender = Sender { origin, fetch_site, referer, own: OWN };
    let rules = Rules { config: &config, keys: &[KEY.to_owned()], prefix: "/echo" };
    let outcome = decide(rules, NOW, Request { door, sender, url: &url });
    hold(&config, door, sender, &ticket, &url, &outcome);
}

/// Checks the promises for an outcome.
fn hold(config: &Config, door: Door, sender: Sender<'_>, ticket: &Ticket, url: &str, outcome: &Outcome) {
    let Sender { origin, fetch_site, referer, own } = sender;
    let refused = matches!(outcome, Outcome::Refused(_));
    let is_session = !matches!(door, Door::Info | Door::Iframe);
    let is_for_any_page = matches!(door, Door::Receive(Transport::JsonpPolling | Transport::HtmlFile));
    let says_foreign = matches!(fetch_site, Some(site) if site != "same-origin" && site != "none");
    let referring = referer.map(origin_of);

    if !is_guarded(config) {
        assert_eq!(*outcome, Outcome::Open, "without options everybody may");
        return;
    }
    if let Some(origin) = origin
        && has_list(&config.allowed_origins)
        && !is_own(origin, own)
        && !is_listed(origin, &config.allowed_origins)
    {
        assert!(refused, "a page that is not listed, at every door");
    }
    if origin.is_none() && says_foreign && is_session && !config.tickets {
        assert!(refused, "what another site's page makes the browser load");
    }
    if origin.is_none() && says_foreign && referring.is_none() && door != Door::Iframe {
        assert!(refused, "a page that hides");
    }
    if is_for_any_page && origin.is_none() && fetch_site.is_none_or(|site| site == "none") && referring.is_none() {
        assert!(refused, "what any page can read, without proof of the page");
    }
    match outcome {
        Outcome::Refused(_) => {}
        Outcome::Open => assert!(!config.tickets || door == Door::Iframe, "with tickets nobody comes without one"),
        Outcome::Issue { origin: issued, needs_consent } => {
            assert!(config.tickets && door == Door::Info);
            match issued {
                Some(issued) => assert!(is_same(issued, own) || Some(issued.as_str()) == origin),
                None => {
                    assert!(origin.is_none() && !says_foreign && *needs_consent == has_list(&config.allowed_origins))
                }
            }
        }
        Outcome::Ticket(read) => {
            assert!(config.tickets && door != Door::Info);
            assert_eq!((read.origin.as_ref(), &read.id), (ticket.origin.as_ref(), &ticket.id), "what was signed");
            assert!(
                Ticket::read(ticket_of(url).unwrap(), &[KEY.to_owned()], "/echo", NOW, config.ticket_max_age).is_ok()
            );
            if door == Door::Receive(Transport::WebSocket) {
                assert!(!read.is_late(NOW, config.ticket_lifetime), "a late ticket opens nothing new");
            }
            if let Some(issued) = &read.origin
                && door != Door::Iframe
            {
                let by_script = origin.is_some_and(|origin| is_same(origin, issued));
                let by_loading = origin.is_none() && referring.is_some_and(|page| is_same(page, issued));
                let is_own_page = match origin {
                    Some(origin) => is_own(origin, own),
                    None => fetch_site == Some("same-origin") || referring.is_some_and(|page| is_own(page, own)),
                };
                let in_its_frame = referer.is_some_and(|referer| ticket_of(referer) == ticket_of(url));
                let by_own = is_own_page && !says_foreign && (is_own(issued, own) || in_its_frame);
                assert!(by_script || by_loading || by_own, "a ticket serves the page that it was issued for");
            }
        }
    }
}
