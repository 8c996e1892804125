//! Admits or refuses a request: applies the pure rules of `admission`, then calls the application's `on_request`. No object is
//! involved.

use crate::admission::rules::{Door, Outcome, Reason, Request, Rules, Sender, decide, frame_ancestors, is_guarded};
use crate::admission::ticket::{CLAIMS_MAX, PARAMETER, Ticket, are_short};
use crate::http::place::Place;
use crate::http::refusal::{NotServed, Refusal};
use crate::js::clock::now;
use crate::js::random;
use crate::js::request_head::{RequestHead, header};
use crate::{Admission, Config, RequestInfo, RequestKind, Services};
use serde_json::Value;
use sockjs_durable::log;
use sockjs_protocol::inner::envelope::Pass;
use sockjs_protocol::observe::metrics::Refused;
use sockjs_protocol::sockjs::transport::Transport;
use worker::{Env, Result, web_sys};

/// A client's request and the service that it is for.
#[derive(Clone, Copy)]
pub(crate) struct Admitter<'a> {
    pub request: &'a web_sys::Request,
    pub request_head: &'a RequestHead,
    pub services: &'a Services,
    pub config: &'a Config,
    pub place: &'a Place,
    pub env: &'a Env,
    /// The client's address, if its headers do not have it.
    pub address: Option<&'a str>,
    /// Claims that the application's own route makes about the client. If set, `on_request` is not called.
    pub claims: Option<&'a Value>,
}

/// An admitted request.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// Ticket and claims of the client, for its object.
    pub pass: Option<Pass>,
    /// Origins that may frame the response, for Content-Security-Policy.
    pub frame_ancestors: Option<String>,
}

impl Admitter<'_> {
    /// Admits a receive or an upgrade.
    pub async fn connection(self, transport: Transport, session: Option<&str>) -> Result<Admitted, NotServed> {
        let kind = if transport.is_websocket() { RequestKind::WebSocket } else { RequestKind::Receive };
        self.session_request(Door::Receive(transport), kind, Some(transport), session).await
    }

    /// Admits a send.
    pub async fn send(self, session: &str) -> Result<Admitted, NotServed> {
        let mut admitted = self.session_request(Door::Send, RequestKind::Send, None, Some(session)).await?;
        // The object keeps the claims of the request that opened the session.
        admitted.pass = admitted.pass.take().filter(|pass| pass.ticket.is_some()).map(without_claims);
        Ok(admitted)
    }

    /// Admits the page for iframes. Returns the origins that may frame it.
    pub fn iframe(self) -> Result<Option<String>, NotServed> {
        let ancestors = |origin| frame_ancestors(self.config, self.request_head.own(), origin);
        match self.decide(Door::Iframe)? {
            Outcome::Refused(reason) => Err(refusal(reason).into()),
            Outcome::Ticket(ticket) => Ok(ancestors(ticket.origin.as_deref())),
            Outcome::Open | Outcome::Issue { .. } => Ok(ancestors(None)),
        }
    }

    async fn session_request(
        self,
        door: Door,
        kind: RequestKind,
        transport: Option<Transport>,
        session: Option<&str>,
    ) -> Result<Admitted, NotServed> {
        let ancestors = |origin| frame_ancestors(self.config, self.request_head.own(), origin);
        match self.decide(door)? {
            Outcome::Refused(reason) => Err(refusal(reason).into()),
            Outcome::Ticket(ticket) => {
                let frame_ancestors = ancestors(ticket.origin.as_deref());
                let is_late = ticket.is_late(now(), self.config.ticket_lifetime);
                let pass = Pass { is_late, ticket: Some(ticket.id), claims: ticket.claims };
                Ok(Admitted { pass: Some(pass), frame_ancestors })
            }
            Outcome::Open => {
                let agreed = self.application(kind, transport, session).await?;
                let pass = agreed.claims.map(|claims| Pass { claims: Some(claims), ..Pass::default() });
                Ok(Admitted { pass, frame_ancestors: ancestors(None) })
            }
            Outcome::Issue { .. } => Err(refusal(Reason::NoTicket).into()),
        }
    }

    /// Returns the URL to which `/info` sends the client, if it differs from the one that the client knows. With tickets it has a
    /// new ticket.
    pub async fn base_url(self) -> Result<Option<String>, NotServed> {
        let (origin, needs_consent) = match self.decide(Door::Info)? {
            Outcome::Refused(reason) => return Err(refusal(reason).into()),
            Outcome::Open | Outcome::Ticket(_) => return Ok(self.config.base_url.clone()),
            Outcome::Issue { origin, needs_consent } => (origin, needs_consent),
        };
        let agreed = self.application(RequestKind::Info, None, None).await?;
        if needs_consent && !agreed.is_explicit {
            return Err(refusal(Reason::NoProof).into());
        }
        let ticket = Ticket::new(random::name(), &self.place.prefix, origin, now(), agreed.claims);
        let ticket = ticket.sign(self.services.keys())?;
        let base =
            self.config.base_url.clone().unwrap_or_else(|| [self.request_head.own(), &*self.place.prefix].concat());
        Ok(Some(with_ticket(&base, &ticket)))
    }

    fn decide(self, door: Door) -> Result<Outcome> {
        // Most services admit everybody, and need no further headers.
        let referer = if is_guarded(self.config) { header(self.request, "Referer")? } else { None };
        let rules = Rules { config: self.config, keys: self.services.keys(), prefix: &self.place.prefix };
        let RequestHead { url, origin, fetch_site, .. } = self.request_head;
        let (origin, fetch_site) = (origin.as_deref(), fetch_site.as_deref());
        let sender = Sender { origin, fetch_site, referer: referer.as_deref(), own: self.request_head.own() };
        let request = Request { door, sender, url };
        Ok(decide(rules, now(), request))
    }

    /// Calls the application's `on_request`, unless its own route has decided already.
    async fn application(
        self,
        kind: RequestKind,
        transport: Option<Transport>,
        session: Option<&str>,
    ) -> Result<Agreed, Refusal> {
        let Self { request, services, config, place, env, address, claims, .. } = self;
        let admission = match claims {
            Some(claims) => Admission::AdmitAs(claims.clone()),
            None => {
                let info =
                    RequestInfo::new(request, kind, &config.prefix, &place.parameters, session, transport).of(address);
                services.admit(&info, env).await
            }
        };
        match admission {
            Admission::AdmitAs(claims) if !are_short(&claims) => {
                log::error(
                    "claims",
                    Some(&config.prefix),
                    format!("the claims exceed {CLAIMS_MAX} bytes of JSON: keep only what identifies the client"),
                );
                Err(Refusal::new(Refused::Malformed, 500, "The claims are too large.\n"))
            }
            Admission::AdmitAs(claims) => Ok(Agreed { claims: Some(claims), is_explicit: true }),
            Admission::Admit => Ok(Agreed { claims: None, is_explicit: true }),
            Admission::Undecided => Ok(Agreed { claims: None, is_explicit: false }),
            Admission::Reject(rejection) => {
                let (status, text, headers) = rejection.into_parts();
                Err(Refusal::new(Refused::Application, status, text).with_headers(headers))
            }
            // A variant that a later version added.
            _ => Err(Refusal::new(Refused::Malformed, 500, "The decision of on_request is unknown to this version.\n")),
        }
    }
}

/// The application's decision to admit.
struct Agreed {
    claims: Option<Value>,
    /// False if the application left the decision to the service's options.
    is_explicit: bool,
}

fn refusal(reason: Reason) -> Refusal {
    Refusal::new(reason.counted_as(), 403, reason.text())
}

fn without_claims(pass: Pass) -> Pass {
    Pass { claims: None, ..pass }
}

/// Returns `base` with only the ticket. Later URLs must not repeat other credentials of the page, such as a login.
fn with_ticket(base: &str, ticket: &str) -> String {
    let separator = if base.contains('?') { "&" } else { "?" };
    [base, separator, PARAMETER, "=", ticket].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::rules::ticket_of;

    #[test]
    fn the_ticket_travels_in_the_query() {
        assert_eq!(ticket_of("https://a/echo/0/s/jsonp?c=cb&ticket=ab.cd&t=1#x"), Some("ab.cd"));
        assert_eq!(ticket_of("https://a/echo?tickets=ab"), None);
        assert_eq!(ticket_of("https://a/echo?my_ticket=ab"), None);
        assert_eq!(with_ticket("https://a/echo", "ab.cd"), "https://a/echo?ticket=ab.cd");
        assert_eq!(with_ticket("https://b/echo?v=2", "ab.cd"), "https://b/echo?v=2&ticket=ab.cd");
    }
}
