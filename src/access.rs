//! Who may use a session: origins and tickets, decided before any object is asked.

use crate::Config;
use crate::ticket::{Fault, Ticket};
use sockjs_protocol::origin::{Standing, standing};
use sockjs_protocol::transport::{RECEIVES, Transport};

/// What a request says of who sent it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sender<'a> {
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`, which no script can set, and old browsers do not.
    pub fetch_site: Option<&'a str>,
    /// The Worker's own origin, as the request's URL has it.
    pub own: &'a str,
}

impl Sender<'_> {
    /// Where the sender stands with a service.
    pub fn standing(&self, config: &Config) -> Standing {
        standing(self.origin, self.own, &config.allowed_origins)
    }

    /// Whether the browser vouches that no other site's page has to do with it.
    fn is_vouched_for(&self) -> bool {
        matches!(self.fetch_site, Some("same-origin" | "none"))
    }

    /// Whether the browser says that another site's page asks.
    fn is_cross_site(&self) -> bool {
        matches!(self.fetch_site, Some("cross-site" | "same-site"))
    }
}

/// How the response is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadBy {
    /// A script that the browser lets read it only if CORS, or the same origin, allows; a WebSocket.
    Permission,
    /// Any page that names a function: JSONP and htmlfile, for which browsers name no origin.
    AnyPage,
}

impl ReadBy {
    /// How responses of `transport` are read.
    pub fn of(transport: Transport) -> Self {
        let row = RECEIVES.iter().find(|row| row.transport == transport);
        if row.is_some_and(|row| row.needs_callback()) { Self::AnyPage } else { Self::Permission }
    }
}

/// Whether a request of a session may go on, and the ticket that lets it; otherwise what its client is told with 403.
pub(crate) fn access(
    config: &Config,
    sender: Sender<'_>,
    read_by: ReadBy,
    ticket: Option<Result<Ticket, Fault>>,
) -> Result<Option<Ticket>, &'static str> {
    let standing = sender.standing(config);
    if standing == Standing::Foreign {
        return Err(FOREIGN);
    }
    if !config.tickets {
        // A page that lets the browser load a URL, as an image, say, is named by the browser but not by an origin.
        let off = has_list(config)
            && match read_by {
                ReadBy::AnyPage => !sender.is_vouched_for(),
                ReadBy::Permission => standing == Standing::Absent && sender.is_cross_site(),
            };
        return if off { Err("This transport is only for pages of this origin.\n") } else { Ok(None) };
    }
    match ticket {
        Some(Err(fault)) => Err(fault.text()),
        Some(Ok(ticket)) if standing == Standing::Allowed && ticket.origin.as_deref() != sender.origin => {
            Err("The ticket is for another origin.\n")
        }
        Some(Ok(ticket)) => Ok(Some(ticket)),
        None if standing != Standing::Allowed && sender.is_vouched_for() => Ok(None),
        None => Err("A ticket is needed: ask /info for one.\n"),
    }
}

/// What a page is told whose origin is not on the list.
pub(crate) const FOREIGN: &str = "Pages of this origin may not connect.\n";

/// Whether the page for iframes may be shown: without tickets to none of another origin, if there is a list of them.
pub(crate) fn may_frame(config: &Config, sender: Sender<'_>) -> bool {
    !has_list(config) || config.tickets || !sender.is_cross_site()
}

/// The pages around a frame, for Content-Security-Policy; none if there may be any.
pub(crate) fn frame_ancestors(config: &Config) -> Option<String> {
    if !has_list(config) {
        return None;
    }
    let listed = config.allowed_origins.iter().filter(|origin| config.tickets && *origin != "null");
    Some(listed.fold("frame-ancestors 'self'".to_owned(), |policy, origin| policy + " " + origin))
}

/// Whether there are origins whose pages may not connect.
pub(crate) fn has_list(config: &Config) -> bool {
    !config.allowed_origins.is_empty() && config.allowed_origins.iter().all(|origin| origin != "*")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Millis;

    const OWN: &str = "https://chat.example";
    const FRIEND: &str = "https://friend.example";

    fn from(origin: &'static str, fetch_site: &'static str) -> Sender<'static> {
        let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
        Sender { origin: some(origin), fetch_site: some(fetch_site), own: OWN }
    }

    fn listed() -> Config {
        Config::new("/echo").allowed_origins([FRIEND])
    }

    fn ticket(origin: &str) -> Option<Result<Ticket, Fault>> {
        let origin = Some(origin.to_owned()).filter(|origin| !origin.is_empty());
        Some(Ok(Ticket::new("0f".into(), "/echo", origin, Millis(0), None)))
    }

    #[test]
    fn without_list_and_tickets_everyone_may() {
        for sender in [from("", ""), from("null", "cross-site"), from("https://evil.example", "cross-site")] {
            for read_by in [ReadBy::Permission, ReadBy::AnyPage] {
                assert_eq!(access(&Config::new("/echo"), sender, read_by, None), Ok(None));
            }
            assert!(may_frame(&Config::new("/echo"), sender));
        }
        assert_eq!(frame_ancestors(&Config::new("/echo")), None);
    }

    #[test]
    fn a_list_keeps_foreign_pages_out() {
        for tickets in [false, true] {
            let config = listed().tickets(tickets);
            for origin in ["https://evil.example", "null", "http://chat.example"] {
                for read_by in [ReadBy::Permission, ReadBy::AnyPage] {
                    assert_eq!(access(&config, from(origin, ""), read_by, ticket("")), Err(FOREIGN));
                }
            }
        }
        for sender in [from(FRIEND, "cross-site"), from(OWN, ""), from("", "")] {
            assert_eq!(access(&listed(), sender, ReadBy::Permission, None), Ok(None), "{sender:?}");
        }
    }

    #[test]
    fn with_a_list_alone_what_any_page_can_read_is_for_the_own_origin() {
        let jsonp = |sender| access(&listed(), sender, ReadBy::AnyPage, None).is_ok();
        assert!(jsonp(from("", "same-origin")) && jsonp(from("", "none")));
        assert!(!jsonp(from("", "cross-site")) && !jsonp(from("", "same-site")) && !jsonp(from("", "")));
        assert!(may_frame(&listed(), from("", "same-origin")) && may_frame(&listed(), from("", "")));
        assert!(!may_frame(&listed(), from("", "cross-site")) && !may_frame(&listed(), from("", "same-site")));
        assert_eq!(frame_ancestors(&listed()).unwrap(), "frame-ancestors 'self'");
    }

    #[test]
    fn with_a_list_alone_what_a_foreign_page_makes_the_browser_load_gets_nothing() {
        let loaded = |fetch_site| access(&listed(), from("", fetch_site), ReadBy::Permission, None).is_ok();
        assert!(loaded("") && loaded("same-origin") && loaded("none"));
        assert!(!loaded("cross-site") && !loaded("same-site"));
    }

    #[test]
    fn with_tickets_only_the_own_page_comes_without_one() {
        for config in [listed().tickets(true), Config::new("/echo").tickets(true)] {
            for read_by in [ReadBy::Permission, ReadBy::AnyPage] {
                for sender in [from("", "same-origin"), from("", "none"), from(OWN, "same-origin")] {
                    assert_eq!(access(&config, sender, read_by, None), Ok(None), "{sender:?}");
                }
                for sender in [from("", ""), from("", "cross-site"), from(OWN, ""), from(FRIEND, "cross-site")] {
                    assert!(access(&config, sender, read_by, None).is_err(), "{sender:?}");
                }
            }
        }
    }

    #[test]
    fn a_ticket_is_for_the_origin_that_asked_for_it() {
        let config = listed().allowed_origins([FRIEND, "https://other.example"]).tickets(true);
        let with = |sender, origin| access(&config, sender, ReadBy::Permission, ticket(origin)).is_ok();
        assert!(with(from(FRIEND, "cross-site"), FRIEND));
        assert!(!with(from(FRIEND, "cross-site"), "https://other.example"));
        assert!(!with(from(FRIEND, "cross-site"), ""));
        assert!(with(from("", "cross-site"), FRIEND), "scripts and frames name no origin");
        assert!(with(from(OWN, "same-origin"), FRIEND), "the frame that friend's page holds");
        assert!(with(from("", ""), ""));
        let fault = access(&config, from("", "same-origin"), ReadBy::Permission, Some(Err(Fault::TooOld)));
        assert_eq!(fault, Err(Fault::TooOld.text()));
    }

    #[test]
    fn with_tickets_listed_pages_may_frame() {
        let config = Config::new("").allowed_origins([FRIEND, "https://*.example.org", "null"]).tickets(true);
        assert!(may_frame(&config, from("", "cross-site")));
        let policy = frame_ancestors(&config).unwrap();
        assert_eq!(policy, format!("frame-ancestors 'self' {FRIEND} https://*.example.org"));
    }
}
