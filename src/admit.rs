//! Lets a request in, or says why not, before any object is asked: `access` decides about origins and tickets, the
//! application about the rest.

use crate::access::{FOREIGN, ReadBy, access};
use crate::facts::Facts;
use crate::headers::Refusal;
use crate::place::Place;
use crate::random;
use crate::ticket::{CLAIMS_MAX, PARAMETER, Ticket};
use crate::{Admission, Config, Millis, RequestInfo, Services};
use js_sys::Date;
use sockjs_durable::log;
use sockjs_protocol::envelope::Pass;
use sockjs_protocol::metrics::Refused;
use sockjs_protocol::origin::Standing;
use sockjs_protocol::transport::Transport;
use worker::{Env, Result, web_sys};

/// A request of a client, and the service that it is for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub request: &'a web_sys::Request,
    pub facts: &'a Facts,
    pub services: &'a Services,
    pub config: &'a Config,
    pub place: &'a Place,
    pub env: &'a Env,
}

impl Asked<'_> {
    /// Lets a receive or an upgrade in.
    pub async fn connection(
        self,
        transport: Transport,
        session: Option<&str>,
    ) -> Result<std::result::Result<Option<Pass>, Refusal>> {
        let ticket = match self.access(ReadBy::of(transport))? {
            Ok(ticket) => ticket,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(ticket) = ticket {
            // A session over HTTP may be open already, and this its ticket: its object knows.
            return Ok(if ticket.is_late && transport.is_websocket() {
                Err(Refusal::new(403, "The ticket is too old to connect with: ask /info for another.\n"))
            } else {
                Ok(Some(ticket))
            });
        }
        Ok(match self.application(Some(transport), session).await {
            Ok(None) => Ok(None),
            Ok(claims) => Ok(Some(Pass { claims, ..Pass::default() })),
            Err(refusal) => Err(refusal),
        })
    }

    /// Lets a send in.
    pub fn send(self) -> Result<std::result::Result<Option<Pass>, Refusal>> {
        self.access(ReadBy::Permission)
    }

    /// The URL that `/info` sends a client to, if it is another one than the client knows: with tickets, one that has one.
    pub async fn base_url(self) -> Result<std::result::Result<Option<String>, Refusal>> {
        if !is_guarded(self.config) {
            return Ok(Ok(self.config.base_url.clone()));
        }
        let facts = self.facts;
        let standing = facts.sender().standing(self.config);
        if standing == Standing::Foreign {
            return Ok(Err(Refusal::new(403, FOREIGN).because(Refused::Origin)));
        }
        if !self.config.tickets {
            return Ok(Ok(self.config.base_url.clone()));
        }
        let claims = match self.application(None, None).await {
            Ok(claims) => claims,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let origin = facts.origin.clone().filter(|_| standing == Standing::Allowed);
        let ticket = Ticket::new(random::name(), &self.place.prefix, origin, now(), claims);
        let ticket = ticket.sign(self.services.keys())?;
        let base = self.config.base_url.clone().unwrap_or_else(|| [facts.own(), &*self.place.prefix].concat());
        let query = kept_query(&facts.url);
        Ok(Ok(Some(with_ticket(&base, &query, &ticket))))
    }

    fn access(self, read_by: ReadBy) -> Result<std::result::Result<Option<Pass>, Refusal>> {
        if !is_guarded(self.config) {
            return Ok(Ok(None));
        }
        let Config { tickets, ticket_max_age, ticket_lifetime, .. } = *self.config;
        let facts = self.facts;
        let text = ticket_of(&facts.url).filter(|_| tickets);
        let read = |text| Ticket::read(text, self.services.keys(), &self.place.prefix, now(), ticket_max_age);
        Ok(match access(self.config, facts.sender(), read_by, text.map(read)) {
            Ok(ticket) => Ok(ticket.map(|ticket| Pass {
                is_late: ticket.is_late(now(), ticket_lifetime),
                ticket: Some(ticket.id),
                claims: ticket.claims,
            })),
            Err(text) => {
                // Without tickets, only the origin decides.
                let is_foreign = text == FOREIGN || !tickets;
                Err(Refusal::new(403, text).because(if is_foreign { Refused::Origin } else { Refused::Ticket }))
            }
        })
    }

    /// Asks the application; gives what it says of the client.
    async fn application(
        self,
        transport: Option<Transport>,
        session: Option<&str>,
    ) -> std::result::Result<Option<serde_json::Value>, Refusal> {
        let Self { request, services, config, place, env, .. } = self;
        let info = RequestInfo::new(request, &config.prefix, &place.parameters, session, transport);
        match services.admit(&info, env).await {
            Admission::AdmitAs(claims) if claims.to_string().len() > CLAIMS_MAX => {
                log::error("claims", Some(&config.prefix), format!("more than {CLAIMS_MAX} bytes of JSON"));
                Err(Refusal::new(500, "The claims are too large.\n"))
            }
            Admission::AdmitAs(claims) => Ok(Some(claims)),
            Admission::Reject(status, text) => {
                let status = if (400..600).contains(&status) { status } else { 403 };
                Err(Refusal::new(status, text).because(Refused::Application))
            }
            _ => Ok(None),
        }
    }
}

/// Whether anyone is kept out of a service.
fn is_guarded(config: &Config) -> bool {
    config.tickets || !config.allowed_origins.is_empty()
}

fn query_of(url: &str) -> impl Iterator<Item = &str> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    query.split('&').filter(|pair| !pair.is_empty())
}

/// The ticket in a URL.
fn ticket_of(url: &str) -> Option<&str> {
    query_of(url).find_map(|pair| pair.strip_prefix(PARAMETER)?.strip_prefix('='))
}

/// What a page put into its SockJS URL, without what the client adds to `/info` against caches.
fn kept_query(url: &str) -> String {
    let name = |pair: &&str| pair.split_once('=').map_or(*pair, |(name, _)| name).to_owned();
    let kept: Vec<_> = query_of(url).filter(|pair| !matches!(&*name(pair), "t" | PARAMETER)).collect();
    kept.join("&")
}

fn with_ticket(base: &str, query: &str, ticket: &str) -> String {
    let (path, own) = base.split_once('?').unwrap_or((base, ""));
    let ticket = [PARAMETER, "=", ticket].concat();
    let pairs: Vec<_> = [own, query, &ticket].into_iter().filter(|pairs| !pairs.is_empty()).collect();
    [path, "?", &pairs.join("&")].concat()
}

fn now() -> Millis {
    // As far as JavaScript counts, a positive whole number.
    Millis(Date::now() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticket_travels_in_the_query() {
        assert_eq!(ticket_of("https://a/echo/0/s/jsonp?c=cb&ticket=ab.cd&t=1#x"), Some("ab.cd"));
        assert_eq!(ticket_of("https://a/echo?tickets=ab"), None);
        assert_eq!(ticket_of("https://a/echo?my_ticket=ab"), None);
        assert_eq!(kept_query("https://a/echo/info?user=1&t=1700&ticket=old&x"), "user=1&x");
        assert_eq!(with_ticket("https://a/echo", "user=1", "ab.cd"), "https://a/echo?user=1&ticket=ab.cd");
        assert_eq!(with_ticket("https://b/echo?v=2", "", "ab.cd"), "https://b/echo?v=2&ticket=ab.cd");
    }
}
