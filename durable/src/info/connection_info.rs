//! The facts about a connection that are known when it opens.

use crate::js::clock::now;
use crate::js::response;
use crate::js::runtime::random_uuid;
use js_sys::Array;
use serde::Serialize;
use sockjs_protocol::inner::envelope::Pass;
use sockjs_protocol::inner::json::Reader;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::address::{Upstream, UpstreamProtocol};
use sockjs_protocol::upstream::claims::{self, CLAIMS_HEADER};
use sockjs_protocol::upstream::forward::Opener;
use std::borrow::Cow;
use wasm_bindgen::JsValue;
use worker::web_sys;

/// The client's headers that are sent to its object.
#[doc(hidden)]
pub const CLIENT_HEADERS: [&str; 15] = {
    let mut names = ["cf-connecting-ip"; 15];
    let (_, allowed) = names.split_at_mut(1);
    allowed.copy_from_slice(&HEADERS);
    names
};

/// Those of [`CLIENT_HEADERS`] that the object of a service with an upstream gets only if a trusted proxy wrote them.
#[doc(hidden)]
pub const PROXY_HEADERS: [&str; 2] = ["x-forwarded-host", "x-forwarded-proto"];

/// Further headers that are sent to the object of a service with an upstream, with the request that opens a session.
#[doc(hidden)]
pub const OPENER_HEADERS: [&str; 4] = ["origin", "sec-fetch-site", "authorization", "cookie"];

thread_local! {
    static NAMES: Array = CLIENT_HEADERS.into_iter().map(JsValue::from_str).collect();
    static OPENER_NAMES: Array = OPENER_HEADERS.into_iter().map(JsValue::from_str).collect();
}

/// The headers that an application may see: sockjs-node's list. Cookies are excluded: with the transports that work across
/// origins they would be those of an unknown page.
const HEADERS: [&str; 14] = [
    "referer",
    "x-client-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-cluster-client-ip",
    "via",
    "x-real-ip",
    "x-forwarded-proto",
    "x-ssl",
    "dnt",
    "host",
    "user-agent",
    "accept-language",
];

/// A client, from the request that the Worker forwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Client<'a> {
    pub request: &'a web_sys::Request,
    /// Parameters of the prefix in the URL.
    pub parameters: &'a [(String, String)],
    /// The client's admission.
    pub pass: Option<&'a Pass>,
}

impl Client<'_> {
    /// True if the client may open a connection: a ticket permits that only for a while.
    pub fn may_open(&self) -> bool {
        self.pass.is_none_or(|pass| !pass.is_late)
    }
}

/// The facts about a connection, which are stored with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ConnectionInfo {
    pub id: String,
    pub service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    pub transport: Transport,
    /// True for a WebSocket that the Worker holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    pub pathname: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub query: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_address: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Parameters of the prefix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<(String, String)>,
    /// Time at which the connection was opened.
    pub opened: Millis,
    /// The ticket that the session is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Claims of the application about the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<serde_json::Value>,
}

impl ConnectionInfo {
    /// True if the object holds the client's own WebSocket.
    pub fn has_own_socket(&self) -> bool {
        self.transport.is_websocket() && !self.held
    }

    /// Returns the name of the session within its service, in the table and in storage. It is the session id, which never
    /// contains a slash. For a connection whose WebSocket the Worker holds, it is the connection id, since several of those may
    /// share a session id.
    pub fn session_name(&self) -> Cow<'_, str> {
        match &self.session {
            _ if self.held => Cow::Owned(["/", &self.id].concat()),
            Some(session) => Cow::Borrowed(session),
            None => Cow::Borrowed(""),
        }
    }

    /// True if a request with `pass` comes from the client that opened the connection, as far as the service can tell.
    pub fn has_ticket_of(&self, config: &Config, pass: Option<&Pass>) -> bool {
        !config.tickets || self.ticket == pass.and_then(|pass| pass.ticket.clone())
    }

    /// Reads the stored form.
    pub fn stored(reader: &mut Reader<'_>) -> Option<Self> {
        let (mut id, mut service, mut transport, mut pathname) = (None, None, None, None);
        let (mut session, mut remote_address, mut ticket, mut claims) = (None, None, None, None);
        let (mut query, mut headers, mut parameters, mut opened) = (String::new(), vec![], vec![], Millis(0));
        let mut held = false;
        reader.object(&mut |name, reader| {
            match name {
                "id" => id = Some(reader.text()?),
                "service" => service = Some(reader.text()?),
                "session" => session = Some(reader.text()?),
                "transport" => transport = Some(Transport::named(&reader.text()?)?),
                "held" => held = reader.flag()?,
                "pathname" => pathname = Some(reader.text()?),
                "query" => query = reader.text()?,
                "remote_address" => remote_address = Some(reader.text()?),
                "headers" => headers = reader.pairs()?,
                "parameters" => parameters = reader.pairs()?,
                "opened" => opened = Millis(reader.number()?),
                "ticket" => ticket = Some(reader.text()?),
                "claims" => claims = Some(reader.value()?),
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(Self {
            id: id?,
            service: service?,
            session,
            transport: transport?,
            held,
            pathname: pathname?,
            query,
            remote_address,
            headers,
            parameters,
            opened,
            ticket,
            claims,
        })
    }

    /// Reads the facts from the client's first request.
    pub fn read(client: Client<'_>, service: &str, session: Option<String>, transport: Transport) -> Self {
        let Client { request, parameters, pass } = client;
        let url = request.url();
        let (pathname, query) = path_and_query(&url);
        let query = without_ticket(query);
        let values = NAMES.with(|names| response::headers_of(request, names));
        let mut values = values.split('\n').skip(1).map(str::to_owned);
        let remote_address = values.next().filter(|address| !address.is_empty());
        let allowed = HEADERS.into_iter().zip(values).filter(|(_, value)| is_told(value));
        let headers = allowed.map(|(name, value)| (name.to_owned(), value)).collect();
        Self {
            id: random_uuid(),
            service: service.to_owned(),
            session,
            transport,
            held: false,
            pathname: pathname.to_owned(),
            query,
            remote_address,
            headers,
            parameters: parameters.to_vec(),
            opened: now(),
            ticket: pass.and_then(|pass| pass.ticket.clone()),
            claims: pass.and_then(|pass| pass.claims.clone()),
        }
    }
}

/// Returns the headers for the upstream of a session that `request` opens. `secret` signs its claims. An upstream over HTTP
/// gets the claims in a new token with each request.
pub(crate) fn upstream_headers(
    request: &web_sys::Request,
    info: &ConnectionInfo,
    config: &Config,
    secret: &str,
) -> Vec<(&'static str, String)> {
    let values = OPENER_NAMES.with(|names| response::headers_of(request, names));
    let mut values = values.split('\n').skip(1).map(|value| Some(value).filter(|value| !value.is_empty()));
    let url = request.url();
    let mut next = || values.next().flatten();
    let (origin, fetch_site, authorization, cookie) = (next(), next(), next(), next());
    let header = |name| response::header_of(request, name);
    // The Worker passes these two on if a trusted proxy wrote them. Not those that an older Worker passes on for everybody.
    let of_proxy = |name| header(name).filter(|_| !config.trusted_proxies.is_empty());
    let (referer, host, proto) = (header("referer"), of_proxy("x-forwarded-host"), of_proxy("x-forwarded-proto"));
    let opener = Opener {
        url: &url,
        origin,
        fetch_site,
        authorization,
        cookie,
        address: info.remote_address.as_deref(),
        referer: referer.as_deref(),
        is_websocket: matches!(info.transport, Transport::WebSocket | Transport::WebSocketRaw),
        forwarded_host: host.as_deref(),
        forwarded_proto: proto.as_deref(),
    };
    let mut headers = opener.headers(&config.allowed_origins);
    let is_opened_once = config.upstream.as_ref().map(Upstream::protocol) == Some(UpstreamProtocol::WebSocket);
    let claims = || claims::sign(secret, &info.id, info.claims.as_ref(), now());
    let claims = is_opened_once.then(claims).flatten();
    headers.extend(claims.map(|claims| (CLAIMS_HEADER, claims)));
    headers
}

/// Returns `query` without the ticket: the ticket is a secret of the client, and its content was read already.
pub(crate) fn without_ticket(query: &str) -> String {
    query.split('&').filter(|pair| !pair.starts_with("ticket=")).collect::<Vec<_>>().join("&")
}

/// True if a header with this value is kept. An empty value has no information, and a very long one has no legitimate use.
fn is_told(value: &str) -> bool {
    !value.is_empty() && value.len() <= 1024
}

/// Returns path and query of an absolute URL that the runtime has normalised. A URL parser would take a third of the whole
/// module.
pub(crate) fn path_and_query(url: &str) -> (&str, &str) {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/");
    let target = target.split_once('#').map_or(target, |(target, _)| target);
    target.split_once('?').unwrap_or((target, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_kept_without_its_ticket() {
        for (query, kept) in
            [("", ""), ("ticket=ab.cd", ""), ("c=cb&ticket=ab.cd&t=1", "c=cb&t=1"), ("tickets=1", "tickets=1")]
        {
            assert_eq!(without_ticket(query), kept);
        }
    }

    #[test]
    fn path_and_query_are_what_stands_between_host_and_fragment() {
        for (url, path, query) in [
            ("https://example.com/echo/0/s/xhr", "/echo/0/s/xhr", ""),
            ("https://example.com/echo?a=1&b=?/", "/echo", "a=1&b=?/"),
            ("https://example.com/a?b#c?d", "/a", "b"),
            ("https://example.com/a#c?d", "/a", ""),
            ("https://example.com", "/", ""),
        ] {
            assert_eq!(path_and_query(url), (path, query), "{url}");
        }
    }
}
