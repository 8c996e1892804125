//! A client's WebSocket to a service with an `upstream`: the Worker opens a WebSocket to the upstream, and no object is asked.
//!
//! `upstream_pipe.js` passes messages on. It asks the closure [`Pipe::decide`] about answers and closes, whose rules are in
//! `sockjs_protocol::upstream`.

use crate::Config;
use crate::http::refusal::Refusal as Refused;
use crate::http::response::{HttpResponse, refused, refused_with};
use crate::js::callbacks::callback_result;
use crate::js::clock::now;
use crate::js::invocation::Invocation;
use crate::js::random;
use crate::js::request_head::{RequestHead, headers};
use crate::metrics::Refusals;
use crate::object::destination::Destination;
use crate::transports::websocket::select;
use futures::future::LocalBoxFuture;
use js_sys::{Array, Function, Reflect};
use sockjs_durable::{log, service_binding};
use sockjs_protocol::observe::metrics::{self, UpstreamCounts};
use sockjs_protocol::sockjs::session::Rules;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::address::{Upstream, UpstreamProtocol};
use sockjs_protocol::upstream::breaker::{Outcome, Permit};
use sockjs_protocol::upstream::breakers::{Breakers, UrlAttempt};
use sockjs_protocol::upstream::claims::{self, CLAIMS_HEADER};
use sockjs_protocol::upstream::close::{ClientEnd, Close, Refusal, UpstreamEnd};
use sockjs_protocol::upstream::forward::Opener;
use sockjs_protocol::upstream::opening::{AUTO, UpstreamOpen};
use std::cell::{Cell, RefCell};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use worker::{Env, Result, web_sys};

#[wasm_bindgen(module = "/src/js/upstream_pipe.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn connect(
        request: &web_sys::Request,
        asking: &JsValue,
        options: &JsValue,
        decide: &JsValue,
        invocation: &JsValue,
        number: u32,
        tell: &Function,
    ) -> std::result::Result<(), JsValue>;
}

#[wasm_bindgen(module = "/src/js/upstream_request.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn ask(
        service: &JsValue,
        url: &str,
        headers: &Array,
        protocols: &Array,
        timeout_ms: f64,
    ) -> std::result::Result<JsValue, JsValue>;
}

thread_local! {
    /// The circuit breakers of each upstream, by its address.
    static BREAKERS: RefCell<Vec<(String, Breakers)>> = const { RefCell::new(Vec::new()) };
    static NAMES: Array =
        ["Authorization", "Cookie", "CF-Connecting-IP", "X-Forwarded-Host", "X-Forwarded-Proto"].into_iter().map(JsValue::from_str).collect();
}

/// Facts of a client whose WebSocket is to be piped.
#[derive(Debug, Clone, Copy)]
struct PipedClient<'a> {
    transport: Transport,
    /// Subprotocols that it offers.
    offered: Option<&'a str>,
    /// The one that the service selects for a framed WebSocket.
    protocol: Option<&'a str>,
}

/// Answers the client's handshake if its service has an upstream with WebSockets: with one that is piped to it. `offered` has the subprotocols
/// that the client offers. Boxed, so that the linker leaves out what a build without the gateway never makes.
pub(crate) fn piped<'a>(
    transport: Transport,
    offered: Option<&'a str>,
    to: &'a Destination<'_>,
    request: &'a web_sys::Request,
    request_head: &'a RequestHead,
    env: &'a Env,
    invocation: &'a Invocation,
) -> Option<LocalBoxFuture<'a, Result<HttpResponse>>> {
    let is_piped = |upstream: &&Upstream| upstream.protocol() == UpstreamProtocol::WebSocket;
    let upstream = to.config.upstream.as_ref().filter(|_| cfg!(feature = "gateway")).filter(is_piped)?;
    Some(Box::pin(pipe(upstream, transport, offered, to, request, request_head, env, invocation)))
}

/// Opens a WebSocket to the upstream and answers the client's handshake.
#[expect(clippy::too_many_arguments, reason = "each is another part of the request")]
async fn pipe(
    upstream: &Upstream,
    transport: Transport,
    offered: Option<&str>,
    to: &Destination<'_>,
    request: &web_sys::Request,
    request_head: &RequestHead,
    env: &Env,
    invocation: &Invocation,
) -> Result<HttpResponse> {
    let Destination { config, refusals, .. } = to;
    let protocol = offered.and_then(|offered| select(offered, &config.websocket_protocols));
    let client = PipedClient { transport, offered, protocol };
    let Some(url) = upstream.url(&to.place.parameters) else {
        refusals.note(Some(transport), metrics::Refused::Malformed);
        return refused(Refused::new(metrics::Refused::Malformed, 404, "The upstream has no such path.\n"));
    };
    let [authorization, cookie, named, host, proto] = NAMES.with(|names| headers(request, names))?;
    let (host, proto) = (host.filter(|_| to.is_proxied), proto.filter(|_| to.is_proxied));
    let opener = Opener {
        url: &request_head.url,
        origin: request_head.origin.as_deref(),
        fetch_site: request_head.fetch_site.as_deref(),
        authorization: authorization.as_deref(),
        cookie: cookie.as_deref(),
        address: to.address.as_deref().or(named.as_deref()),
        referer: None,
        is_websocket: true,
        forwarded_host: host.as_deref(),
        forwarded_proto: proto.as_deref(),
    };
    let Some(service) = service_binding(upstream, &config.prefix, env) else {
        refusals.note(Some(transport), metrics::Refused::Upstream);
        return refuse(Refusal::Unreachable.status(), None);
    };
    let address = upstream.to_string();
    let timeout = config.upstream_timeout;
    let permit = with_breakers(&address, timeout, |breakers| {
        let permit = breakers.ask(&url, now(), random::u32());
        let is_allowed = !matches!(permit, Permit::Refuse { .. });
        refusals.note_upstream(client.transport, UpstreamCounts::asked(breakers.state(&url), is_allowed));
        permit
    });
    let attempt = match permit {
        Permit::Ask(attempt) | Permit::Probe(attempt) => attempt,
        Permit::Refuse { after } => {
            refusals.note(Some(transport), metrics::Refused::Upstream);
            return refuse(Refusal::Paused.status(), Some(after));
        }
    };
    let claims = to.pass.as_ref().and_then(|pass| pass.claims.as_ref());
    let claims = claims::sign(to.upstream_secret, &random::name(), claims, now());
    let forwarded = opener.headers(&config.allowed_origins);
    let forwarded = forwarded.iter().map(|(name, value)| (*name, &**value));
    let forwarded = forwarded.chain(claims.as_deref().map(|claims| (CLAIMS_HEADER, claims)));
    let forwarded = forwarded.flat_map(|(name, value)| [name, value].map(JsValue::from_str));
    let options = options(config, client)?;
    let pipe = Pipe {
        address,
        url: url.clone(),
        timeout,
        service: config.prefix.clone(),
        transport: client.transport,
        attempt,
        opened: Cell::default(),
        refusals: refusals.clone(),
    };
    let decide = pipe.decide();
    let answer = callback_result::<JsValue>(|number, tell| {
        let protocols = protocols(config, client).map(JsValue::from_str).collect();
        let asking = ask(&service, &url, &forwarded.collect(), &protocols, timeout.0 as f64)?;
        connect(request, &asking, &options, &decide, invocation.context(), number, tell)
    });
    let answer = answer.await?;
    match answer.as_f64() {
        // The status of an answer.
        Some(status) => refuse(status as u16, None),
        None => {
            refusals.note_upstream(client.transport, UpstreamCounts::piped());
            Ok(answer.into())
        }
    }
}

/// Refuses the client's handshake with the status that the upstream gave, or one that says what happened to it.
fn refuse(status: u16, after: Option<Millis>) -> Result<HttpResponse> {
    let retry = after.map(|after| ("Retry-After", after.0.div_ceil(1_000).to_string().into()));
    let text = "The upstream did not accept the connection.\n";
    refused_with(Refused::new(metrics::Refused::Upstream, status, text), retry)
}

/// Returns the subprotocols that the upstream is offered. This server is the client of its upstream: only a raw client's own offers
/// matter.
fn protocols<'a>(config: &'a Config, client: PipedClient<'a>) -> impl Iterator<Item = &'a str> {
    let is_offered = move |protocol: &&String| match client.transport {
        Transport::WebSocketRaw => {
            client.offered.is_some_and(|offered| offered.split(',').any(|offer| offer.trim() == *protocol))
        }
        _ => true,
    };
    config.upstream_protocols.iter().filter(is_offered).map(String::as_str)
}

/// Acts on the circuit breakers of an upstream, which gives up probes after `timeout`.
fn with_breakers<T>(address: &str, timeout: Millis, act: impl FnOnce(&mut Breakers) -> T) -> T {
    BREAKERS.with_borrow_mut(|known| {
        if let Some((_, breakers)) = known.iter_mut().find(|(known, _)| known == address) {
            return act(breakers);
        }
        let mut breakers = Breakers::new(timeout);
        let result = act(&mut breakers);
        known.push((address.to_owned(), breakers));
        result
    })
}

/// One client's pipe, as far as decisions need it.
struct Pipe {
    address: String,
    url: String,
    /// Time for an answer of the upstream.
    timeout: Millis,
    service: String,
    transport: Transport,
    attempt: UrlAttempt,
    /// Moment at which the upstream accepted.
    opened: Cell<Millis>,
    refusals: Refusals,
}

impl Pipe {
    /// Returns the function that JavaScript asks: given an event, a code and a reason, it gives an HTTP status, a close code and a
    /// reason. The code is for the other side than the event's.
    fn decide(self) -> JsValue {
        let decide = move |event: String, code: f64, reason: String| {
            // JavaScript passes codes of WebSockets and statuses of HTTP.
            let (status, Close { code, reason }) = self.decision(&event, code as u16, &reason);
            Array::of3(&JsValue::from(status), &JsValue::from(code), &JsValue::from_str(&reason))
        };
        Closure::<dyn Fn(String, f64, String) -> Array>::new(decide).into_js_value()
    }

    fn decision(&self, event: &str, code: u16, reason: &str) -> (u16, Close) {
        let refusal = match event {
            "status" => Refusal::Status(code),
            "protocol" => Refusal::Subprotocol,
            "timeout" => Refusal::TimedOut,
            "unreachable" => Refusal::Unreachable,
            "accepted" => {
                self.opened.set(now());
                self.report(Outcome::Success);
                return (101, UpstreamEnd::Closed { code: 1000, reason: "" }.to_client());
            }
            "closed" => return (101, UpstreamEnd::Closed { code, reason }.to_client()),
            "lost" => {
                with_breakers(&self.address, self.timeout, |breakers| breakers.lose(now(), self.opened.get()));
                return (101, UpstreamEnd::Lost.to_client());
            }
            "left" => return (101, ClientEnd::Closed { code, reason }.to_upstream()),
            // A close of this server's own.
            _ => return (101, Close { code, reason: reason.to_owned() }.of_websocket()),
        };
        // Also if the client was open by then, and gets a close frame.
        self.refusals.note(Some(self.transport), metrics::Refused::Upstream);
        if let Some(outcome) = Outcome::of_refusal(refusal) {
            self.report(outcome);
        }
        let detail = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        log::warn("upstream", Some(&self.service), format!("{}{detail}", refusal.reason()));
        (refusal.status(), refusal.close())
    }

    fn report(&self, outcome: Outcome) {
        with_breakers(&self.address, self.timeout, |breakers| {
            breakers.report(now(), self.attempt, outcome, random::u32());
            let state = breakers.state(&self.url);
            self.refusals.note_upstream(self.transport, UpstreamCounts::ended(state, outcome));
        });
    }
}

/// The options that `upstream_pipe.js` follows.
fn options(config: &Config, client: PipedClient<'_>) -> Result<JsValue> {
    let number = |number: u64| JsValue::from_f64(number as f64);
    let millis = |millis: Millis| number(millis.0);
    let open_after = match config.upstream_open {
        UpstreamOpen::Before => Some(Millis(0)),
        UpstreamOpen::Auto => Some(AUTO),
        _ => None,
    };
    let heartbeat = Rules::new(config, Transport::WebSocket).heartbeat_delay;
    let options = js_sys::Object::new();
    for (name, value) in [
        ("isRaw", JsValue::from_bool(client.transport == Transport::WebSocketRaw)),
        ("openAfterMs", open_after.map_or(JsValue::UNDEFINED, millis)),
        ("inboxLimit", number(config.inbox_limit as u64)),
        ("bodyLimit", number(config.body_limit as u64)),
        ("messageLimit", number(config.message_limit as u64)),
        ("messagesPerBody", config.messages_per_body.map_or(JsValue::UNDEFINED, |most| number(most.into()))),
        ("messageRate", config.message_rate.map_or(JsValue::UNDEFINED, |most| number(most.into()))),
        ("firstMessageMs", config.first_message_timeout.map_or(JsValue::UNDEFINED, millis)),
        ("stallTimeoutMs", millis(config.stall_timeout)),
        ("heartbeatMs", millis(heartbeat.unwrap_or(config.heartbeat_delay))),
        ("protocol", client.protocol.map_or(JsValue::UNDEFINED, JsValue::from_str)),
    ] {
        Reflect::set(&options, &JsValue::from_str(name), &value)?;
    }
    Ok(options.into())
}
