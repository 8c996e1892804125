//! The client's address, and a limit on the connections that it opens, counted by a rate-limiting binding.
//!
//! Cloudflare sends the client's address in `CF-Connecting-IP`. In plain workerd anybody may send that header, so there the
//! address is the other end of the TCP connection, or the one that `trusted_proxies` select.
//!
//! A request is counted if it may start an object: a WebSocket, and the first receive or send of a session that this isolate has
//! not seen from this address. A session that another isolate opened is counted again here. A known id may open a second session
//! once the first is over. Only the object knows that, so the second session is counted when its open frame arrives.

use crate::Config;
use crate::http::refusal::{NotServed, Refusal};
use crate::http::route::Opens;
use crate::js::request_head::header;
use js_sys::futures::JsFuture;
use js_sys::{Object, Reflect};
use sockjs_durable::log;
use sockjs_protocol::observe::metrics::Refused;
use sockjs_protocol::service::client_address::{Network, client_address};
use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::RateLimiter;
use worker::{Env, Result, web_sys};

/// Sessions that an isolate remembers.
const SEEN_MAX: usize = 4096;

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = peerOf)]
    fn peer_of(request: &web_sys::Request) -> std::result::Result<Option<String>, JsValue>;
}

/// Returns the client's address in plain workerd, and true if a trusted proxy passed on the request. The address is `None` on Cloudflare,
/// where a header has it.
pub(crate) fn outside_cloudflare(request: &web_sys::Request, config: &Config) -> Result<(Option<String>, bool)> {
    let Some(peer) = peer_of(request)? else { return Ok((None, false)) };
    let own = client_address(&peer, None, &[]);
    if config.trusted_proxies.is_empty() {
        return Ok((Some(own.map_or(peer, |address| address.to_string())), false));
    }
    let forwarded = header(request, &config.client_address_header)?;
    let proxies: Vec<_> = config.trusted_proxies.iter().filter_map(|proxy| Network::read(proxy)).collect();
    let address = client_address(&peer, forwarded.as_deref(), &proxies);
    let is_proxied = own.is_some_and(|own| proxies.iter().any(|network| network.contains(own)));
    Ok((Some(address.map_or(peer, |address| address.to_string())), is_proxied))
}

/// Counts a request at `place`, the prefix with the values of its parameters. If its session was seen before, the request is not
/// counted and that session is returned. Returns a refusal if the address has opened too many connections of the service.
pub(crate) async fn count(
    config: &Config,
    place: &str,
    opens: Opens<'_>,
    request: &web_sys::Request,
    address: Option<&str>,
    env: &Env,
) -> Result<Option<SeenSession>, NotServed> {
    let Some(binding) = &config.address_limiter else { return Ok(None) };
    let session = match opens {
        Opens::Nothing => return Ok(None),
        Opens::WebSocket => None,
        Opens::Session(session) => Some(session),
    };
    let named = if address.is_none() { header(request, "CF-Connecting-IP")? } else { None };
    // Without an address there is nothing to count by.
    let Some(address) = address.map(str::to_owned).or(named) else { return Ok(None) };
    let key = key(&config.prefix, &address);
    let name = session.map(|session| [place, "/", session, " ", &key].concat());
    let limiter = Limiter { service: config.prefix.clone(), binding: binding.clone(), key, env: env.clone() };
    if let Some(name) = name.as_ref().filter(|name| is_seen(name)) {
        return Ok(Some(SeenSession { name: name.clone(), limiter }));
    }
    if !limiter.is_within_limit().await {
        let text = "Too many connections from this address: try again later.\n";
        return Err(Refusal::new(Refused::Address, 429, text).into());
    }
    // Only now: otherwise a second request of the session would pass although the first is refused.
    if let Some(name) = name {
        remember(&name);
    }
    Ok(None)
}

/// A session whose id was seen from its client's address, so that the request was not counted.
pub(crate) struct SeenSession {
    name: String,
    limiter: Limiter,
}

impl SeenSession {
    /// Counts the session, which turned out to be new. If it exceeds the limit, the next request of the session is refused.
    pub async fn count(self) {
        if !self.limiter.is_within_limit().await {
            forget(&self.name);
        }
    }

    /// Forgets the session, so that its next request is counted: the object has no such session.
    pub fn forget(&self) {
        forget(&self.name);
    }
}

/// The binding that counts the connections of an address to a service.
struct Limiter {
    service: String,
    binding: String,
    key: String,
    env: Env,
}

impl Limiter {
    /// Counts a connection. Returns false if it exceeds the limit.
    async fn is_within_limit(&self) -> bool {
        is_within_limit(&self.env, &self.binding, &self.key).await.unwrap_or_else(|error| {
            // Let clients in: a failing limiter must not take the service down.
            log::error("rate_limiter", Some(&self.service), error);
            true
        })
    }
}

/// Returns the key of the counter. It covers all rooms of a service, and all addresses of an IPv6 subscriber, who has 2^64 of
/// them.
fn key(prefix: &str, address: &str) -> String {
    let network = match address.trim().parse() {
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(address) => address.to_string(),
            None => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        },
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    };
    [prefix, " ", &network].concat()
}

/// Calls the binding. `worker`'s own wrapper (0.8.7) pulls in all of serde for a key and a flag.
async fn is_within_limit(env: &Env, binding: &str, key: &str) -> Result<bool> {
    let limiter: RateLimiter = JsValue::from(env.rate_limiter(binding)?).unchecked_into();
    let options = Object::new();
    Reflect::set(&options, &JsValue::from_str("key"), &JsValue::from_str(key))?;
    let outcome = JsFuture::from(limiter.limit(options)?).await?;
    Ok(Reflect::get(&outcome, &JsValue::from_str("success"))?.is_truthy())
}

/// The sessions that were admitted last, by name, oldest first.
#[derive(Default)]
struct Seen {
    names: HashSet<Rc<str>>,
    order: VecDeque<Rc<str>>,
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

fn is_seen(name: &str) -> bool {
    SEEN.with_borrow(|seen| seen.names.contains(name))
}

fn remember(name: &str) {
    SEEN.with_borrow_mut(|Seen { names, order }| {
        let name: Rc<str> = name.into();
        if !names.insert(name.clone()) {
            return;
        }
        order.push_back(name);
        if order.len() > SEEN_MAX
            && let Some(oldest) = order.pop_front()
        {
            names.remove(&oldest);
        }
    });
}

fn forget(name: &str) {
    SEEN.with_borrow_mut(|Seen { names, order }| {
        if names.remove(name) {
            order.retain(|known| **known != *name);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_sessions_are_remembered() {
        let name = |number: usize| format!("/chat/a/{number}");
        for number in 0..=SEEN_MAX {
            remember(&name(number));
            remember(&name(number));
        }
        assert!(!is_seen(&name(0)) && is_seen(&name(1)) && is_seen(&name(SEEN_MAX)));
        assert_eq!(SEEN.with_borrow(|seen| (seen.names.len(), seen.order.len())), (SEEN_MAX, SEEN_MAX));
    }

    #[test]
    fn a_session_that_was_forgotten_is_not_seen_and_takes_no_place() {
        remember("/chat/forgotten");
        forget("/chat/forgotten");
        forget("/chat/never seen");
        assert!(!is_seen("/chat/forgotten"));
        assert!(SEEN.with_borrow(|seen| seen.names.is_empty() && seen.order.is_empty()));
    }

    #[test]
    fn a_service_counts_by_its_prefix_and_by_ipv6_networks() {
        for (address, network) in [
            ("192.0.2.1", "/chat/{room} 192.0.2.1"),
            (" 192.0.2.1 ", "/chat/{room} 192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "/chat/{room} 2001:db8:1:2::/64"),
            ("2001:DB8:1:2::", "/chat/{room} 2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "/chat/{room} 2001:db8:1:3::/64"),
            ("::ffff:192.0.2.1", "/chat/{room} 192.0.2.1"),
            ("unknown", "/chat/{room} unknown"),
        ] {
            assert_eq!(key("/chat/{room}", address), network);
        }
    }
}
