//! The rules of admission: one decision for each request, made from values alone before any object is asked.
//!
//! 1. [`Sender::page`] returns the page behind a request, as far as the browser proves it. Pages cannot forge these headers.
//!    Programs can write all of them: only tickets and the application keep programs out.
//! 2. The list of origins refuses pages that are not on it.
//! 3. With tickets, `/info` issues one to a page that can read the answer. Every other request needs a ticket that was
//!    issued for the page behind it.
//! 4. What remains is for the application to decide, in `on_request`.
//!
//! No arm of these rules admits by default: each admission is spelled out.

use super::ticket::{Fault, PARAMETER, Ticket};
use sockjs_protocol::observe::metrics::Refused;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::service::origin::{Origin, has_list, is_listed, is_own, is_same, origin_of};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;

/// The endpoint that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// `/info`.
    Info,
    /// The page that iframe transports load.
    Iframe,
    /// The messages of a session, over this transport: it may open the session.
    Receive(Transport),
    /// A session that takes messages.
    Send,
}

impl Door {
    /// True if any page that names a function can read the response: JSONP and htmlfile, for which browsers send no `Origin`.
    fn is_for_any_page(self) -> bool {
        match self {
            Self::Receive(transport) => transport.receive().is_some_and(|row| row.needs_callback()),
            Self::Info | Self::Iframe | Self::Send => false,
        }
    }
}

/// The headers of a request that identify its sender.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sender<'a> {
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`, which no script can set. Old browsers never send it, and new ones do not send it over plain HTTP.
    pub fetch_site: Option<&'a str>,
    /// `Referer`, which a page can suppress but not forge.
    pub referer: Option<&'a str>,
    /// The Worker's own origin, from the request's URL.
    pub own: &'a str,
}

/// The page behind a request, as far as the browser proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page<'a> {
    /// No known page: a program, or a browser that sends no such header.
    Unknown,
    /// A page of the Worker's own origin.
    Own,
    /// A script of the page at this origin.
    Script(&'a str),
    /// The page at this origin, which loaded the URL by a tag, a frame or a form.
    Loading(&'a str),
    /// A page of another site that the browser does not name, or headers that contradict one another.
    Hidden,
}

impl<'a> Sender<'a> {
    /// Returns what the headers prove.
    pub fn page(&self) -> Page<'a> {
        let origin = self.origin.filter(|origin| !origin.is_empty());
        let referer = self.referer.filter(|referer| !referer.is_empty()).map(origin_of);
        match (origin, self.fetch_site.filter(|site| !site.is_empty())) {
            (Some(origin), None | Some("same-origin")) if is_own(origin, self.own) => Page::Own,
            // The request claims the Worker's own origin, yet it does not come from its own page.
            (Some(origin), Some(_)) if is_own(origin, self.own) => Page::Hidden,
            (Some(origin), _) => Page::Script(origin),
            (None, Some("same-origin")) => Page::Own,
            // Typed into the address bar, or sent by an extension: no page is behind the request.
            (None, Some("none")) => Page::Unknown,
            (None, Some("cross-site" | "same-site")) => match referer {
                Some(referer) if !is_own(referer, self.own) => Page::Loading(referer),
                Some(_) | None => Page::Hidden,
            },
            (None, Some(_)) => Page::Hidden,
            (None, None) => match referer {
                Some(referer) if is_own(referer, self.own) => Page::Own,
                Some(referer) => Page::Loading(referer),
                None => Page::Unknown,
            },
        }
    }
}

/// A request, as far as its admission depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub door: Door,
    pub sender: Sender<'a>,
    pub url: &'a str,
}

/// The service's part: its options, its keys, and the prefix with the values of its parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub config: &'a Config,
    pub keys: &'a [String],
    pub prefix: &'a str,
}

/// The outcome of the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The answer is 403.
    Refused(Reason),
    /// Admitted, if the application agrees where it is asked.
    Open,
    /// Admitted with the content of its ticket.
    Ticket(Ticket),
    /// `/info` issues a ticket for pages of this origin, or for a program. If `needs_consent`, the application has to admit the
    /// client explicitly.
    Issue { origin: Option<String>, needs_consent: bool },
}

/// The reason for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The page's origin is not on the list.
    Foreign,
    /// Nothing proves that a page may have this response.
    NoProof,
    /// Tickets are on, and the request has none.
    NoTicket,
    /// The ticket is not valid.
    Ticket(Fault),
    /// The ticket is too old to open a connection.
    Late,
    /// The ticket was issued for another page.
    OtherPage,
}

impl Reason {
    /// Returns the body of the 403.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Foreign => "Pages of this origin may not connect.\n",
            Self::NoProof => "This is only for pages that the browser vouches for.\n",
            Self::NoTicket => "A ticket is needed: ask /info for one.\n",
            Self::Ticket(fault) => fault.text(),
            Self::Late => "The ticket is too old to connect with: ask /info for another.\n",
            Self::OtherPage => "The ticket is for another origin.\n",
        }
    }

    /// Returns the reason under which the refusal is counted.
    pub const fn counted_as(self) -> Refused {
        match self {
            Self::NoTicket | Self::Ticket(_) | Self::Late | Self::OtherPage => Refused::Ticket,
            Self::Foreign | Self::NoProof => Refused::Origin,
        }
    }
}

/// True if `config` restricts who may connect.
pub(crate) fn is_guarded(config: &Config) -> bool {
    config.tickets || has_list(&config.allowed_origins)
}

/// Decides about a request.
pub(crate) fn decide(rules: Rules<'_>, now: Millis, request: Request<'_>) -> Outcome {
    let config = rules.config;
    if !is_guarded(config) {
        return Outcome::Open;
    }
    let page = request.sender.page();
    if let Page::Script(origin) | Page::Loading(origin) = page
        && !is_listed(origin, &config.allowed_origins)
    {
        return Outcome::Refused(Reason::Foreign);
    }
    if config.tickets { by_ticket(rules, now, request, page) } else { by_page(request.door, page) }
}

/// Decides by the list alone, about a page that is not foreign.
fn by_page(door: Door, page: Page<'_>) -> Outcome {
    match (door, page) {
        (_, Page::Own) => Outcome::Open,
        (Door::Info | Door::Iframe | Door::Send, Page::Script(_) | Page::Unknown) => Outcome::Open,
        (Door::Receive(_), Page::Script(_) | Page::Unknown) if !door.is_for_any_page() => Outcome::Open,
        // The page that loads the response cannot read it.
        (Door::Info, Page::Loading(_)) => Outcome::Open,
        (Door::Receive(_), Page::Script(_) | Page::Unknown)
        | (Door::Receive(_) | Door::Send | Door::Iframe, Page::Loading(_))
        | (_, Page::Hidden) => Outcome::Refused(Reason::NoProof),
    }
}

fn by_ticket(rules: Rules<'_>, now: Millis, request: Request<'_>, page: Page<'_>) -> Outcome {
    let Rules { config, keys, prefix } = rules;
    if request.door == Door::Info {
        return issue(config, request.sender.own, page);
    }
    let Some(text) = ticket_of(request.url) else {
        return match (request.door, page) {
            // Only the Worker's own pages may frame it: see `frame_ancestors`.
            (Door::Iframe, Page::Own | Page::Script(_) | Page::Unknown) => Outcome::Open,
            (Door::Iframe, Page::Loading(_) | Page::Hidden) => Outcome::Refused(Reason::NoProof),
            (Door::Info | Door::Receive(_) | Door::Send, _) => Outcome::Refused(Reason::NoTicket),
        };
    };
    let ticket = match Ticket::read(text, keys, prefix, now, config.ticket_max_age) {
        Ok(ticket) => ticket,
        Err(fault) => return Outcome::Refused(Reason::Ticket(fault)),
    };
    let is_late = ticket.is_late(now, config.ticket_lifetime);
    match request.door {
        // Every WebSocket is a new connection. An HTTP session may be open already with this ticket: only its object knows.
        Door::Receive(transport) if is_late && transport.is_websocket() => Outcome::Refused(Reason::Late),
        _ if is_for(&ticket, request, page, text) => Outcome::Ticket(ticket),
        Door::Info | Door::Iframe | Door::Receive(_) | Door::Send => Outcome::Refused(Reason::OtherPage),
    }
}

/// Decides to whom `/info` issues a ticket: to pages that can read the response, which are the Worker's own and, by CORS, listed
/// ones. Nothing is known about a program, so if there is a list, the application has to admit it.
fn issue(config: &Config, own: &str, page: Page<'_>) -> Outcome {
    match page {
        Page::Own => Outcome::Issue { origin: Some(own.to_owned()), needs_consent: false },
        Page::Script(origin) => Outcome::Issue { origin: Some(origin.to_owned()), needs_consent: false },
        Page::Unknown => Outcome::Issue { origin: None, needs_consent: has_list(&config.allowed_origins) },
        Page::Loading(_) | Page::Hidden => Outcome::Refused(Reason::NoProof),
    }
}

/// True if `ticket` was issued for the page behind the request.
fn is_for(ticket: &Ticket, request: Request<'_>, page: Page<'_>, text: &str) -> bool {
    let own = request.sender.own;
    match (ticket.origin.as_deref(), page) {
        (None, Page::Own) => true,
        // A response that any page can read requires proof of the page.
        (None, Page::Unknown) => !request.door.is_for_any_page(),
        (Some(origin), Page::Own) => is_own(origin, own) || is_from_frame(request.sender, text),
        (Some(origin), Page::Script(page) | Page::Loading(page)) => is_same(origin, page),
        // The Content-Security-Policy of the page restricts who may frame it.
        (Some(_), Page::Unknown | Page::Hidden) => request.door == Door::Iframe,
        (None, Page::Script(_) | Page::Loading(_) | Page::Hidden) => false,
    }
}

/// True if the request comes from the page for iframes that was loaded with this ticket. Only the ticket's own page can frame
/// that page, and its referrer policy sends its whole URL only with requests to its own origin.
fn is_from_frame(sender: Sender<'_>, ticket: &str) -> bool {
    sender.referer.is_some_and(|referer| is_own(origin_of(referer), sender.own) && ticket_of(referer) == Some(ticket))
}

/// Returns the origins that may frame a page of the Worker at `own`, for Content-Security-Policy, or `None` if any page may.
pub(crate) fn frame_ancestors(config: &Config, own: &str, ticket_origin: Option<&str>) -> Option<String> {
    if !is_guarded(config) {
        return None;
    }
    // Without a list, the origin is whatever a program once sent: it must not extend the policy.
    let is_named = |origin: &&str| Origin::read(origin).is_some() && !origin.contains('*') && !is_own(origin, own);
    let around = ticket_origin.filter(is_named);
    Some(around.into_iter().fold("frame-ancestors 'self'".to_owned(), |policy, origin| policy + " " + origin))
}

/// Returns the pairs of a URL's query.
pub(crate) fn query_of(url: &str) -> impl Iterator<Item = &str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query.split('&').filter(|pair| !pair.is_empty())
}

/// Returns the ticket in a URL, if any.
pub(crate) fn ticket_of(url: &str) -> Option<&str> {
    query_of(url).find_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='))
}

#[cfg(test)]
// With a path, since the fuzz targets include this file.
#[path = "rules/tests.rs"]
mod tests;
