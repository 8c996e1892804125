//! The client's address, and a limit on the connections that it opens, counted by a rate-limiting binding.
//!
//! Cloudflare tells the address in `CF-Connecting-IP`. In plain workerd anybody may send that header: there the address is the other end of
//! the TCP connection, or what `trusted_proxies` say.
//!
//! Counted is what may start an object: a WebSocket, and the first receive or send of a session that this isolate has not seen
//! from this address. A session that another isolate opened is counted once more here. An id that was seen may open a second
//! session once the first is over: only the object knows, so the second is counted when its open frame comes.

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

/// Returns the client's address in plain workerd, and true if a trusted proxy passed on the request. `None` on Cloudflare, where a
/// header tells the address.
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

/// Counts a request at `place`, the prefix with the values of its parameters, unless its session was seen: returns that
/// session then. Returns a refusal if its address has opened too many connections of the service.
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
    // Without it there is nothing to count by.
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
    // Not before: a second request of the session would pass while the first is refused.
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
    /// Counts the session: it turned out to be a new one. If that is one too many, the next request of the session is refused.
    pub async fn count(self) {
        if !self.limiter.is_within_limit().await {
            forget(&self.name);
        }
    }

    /// Has the next request counted: there is no such session.
    pub fn forget(&self) {
        forget(&self.name);
    }
}

/// The binding that counts what one address opens of one service.
struct Limiter {
    service: String,
    binding: String,
    key: String,
    env: Env,
}

impl Limiter {
    /// Counts one more. Returns false if that is one too many.
    async fn is_within_limit(&self) -> bool {
        is_within_limit(&self.env, &self.binding, &self.key).await.unwrap_or_else(|error| {
            // Better to let clients in than to be down with the limiter.
            log::error("rate_limiter", Some(&self.service), error);
            true
        })
    }
}

/// Returns what counts together: all rooms of a service, and all addresses of one IPv6 subscriber, who has 2^64 of them.
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

/// Asks the binding. `worker`'s own wrapper (0.8.7) brings along all of serde for a key and a flag.
async fn is_within_limit(env: &Env, binding: &str, key: &str) -> Result<bool> {
    let limiter: RateLimiter = JsValue::from(env.rate_limiter(binding)?).unchecked_into();
    let options = Object::new();
    Reflect::set(&options, &JsValue::from_str("key"), &JsValue::from_str(key))?;
    let outcome = JsFuture::from(limiter.limit(options)?).await?;
    Ok(Reflect::get(&outcome, &JsValue::from_str("success"))?.is_truthy())
}

/// The latest sessions that were let in, by their names, oldest first.
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
