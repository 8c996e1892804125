//! Headers of the request that opens a connection to an upstream.
//!
//! | header | value |
//! |---|---|
//! | `Origin`, `Authorization` | those of the client's request |
//! | `Cookie` | that of the client's request, if the page that sent it belongs to this server or is listed |
//! | `X-Forwarded-For`, `X-Forwarded-Host`, `X-Forwarded-Proto` | as this server saw them, or as a trusted proxy names them |
//! | `SockJS-Claims` | the client's claims, signed with a secret of this server: [`claims`](super::claims) |
//!
//! No other header of the client reaches the upstream: neither its own `X-Forwarded-*` nor those of the connection. A browser sends
//! cookies from any page, so a page of somebody else must not open a connection with them. `allowed_origins` that allow every page
//! list nobody.
//!
//! The page for iframe transports belongs to this server, and without a list any page may load it into a frame. So without a list its
//! requests get no cookies. `Referer` tells which page sent a request. WebSockets need no such check, since that page opens none.

use crate::service::origin::{has_list, is_listed, is_own, origin_of};

/// Facts of the request that opens a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Opener<'a> {
    /// Absolute URL.
    pub url: &'a str,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<&'a str>,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Cookie`.
    pub cookie: Option<&'a str>,
    /// IP address of the client.
    pub address: Option<&'a str>,
    /// `Referer`.
    pub referer: Option<&'a str>,
    /// True for the handshake of a WebSocket.
    pub is_websocket: bool,
    /// `X-Forwarded-Host`, if a trusted proxy passed the request on.
    pub forwarded_host: Option<&'a str>,
    /// `X-Forwarded-Proto`, likewise.
    pub forwarded_proto: Option<&'a str>,
}

impl Opener<'_> {
    /// Returns the headers for the upstream, names in lower case.
    pub fn headers(&self, allowed_origins: &[String]) -> Vec<(&'static str, String)> {
        let own = origin_of(self.url);
        let (scheme, host) = own.split_once("://").unwrap_or_default();
        let scheme = self.forwarded_proto.map(nearest).filter(|scheme| is_scheme(scheme)).unwrap_or(scheme);
        let host = self.forwarded_host.map(nearest).filter(|host| is_host(host)).unwrap_or(host);
        let cookie = self.cookie.filter(|_| self.may_send_cookies(own, allowed_origins)).map(join_cookies);
        [
            ("origin", self.origin),
            ("authorization", self.authorization),
            ("cookie", cookie.as_deref()),
            ("x-forwarded-for", self.address),
            ("x-forwarded-host", Some(host)),
            ("x-forwarded-proto", Some(scheme)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?.to_owned())))
        .collect()
    }

    fn may_send_cookies(&self, own: &str, allowed_origins: &[String]) -> bool {
        if !has_list(allowed_origins) && self.may_be_framed() {
            return false;
        }
        match self.origin {
            Some(origin) => is_own(origin, own) || (has_list(allowed_origins) && is_listed(origin, allowed_origins)),
            // A script element of any page sends no origin.
            None => self.fetch_site == Some("same-origin"),
        }
    }

    /// True unless the request is known to come from another page than the one for iframe transports.
    fn may_be_framed(&self) -> bool {
        let page = self.referer.map(|referer| referer.split(['?', '#']).next().unwrap_or_default());
        let is_frame = |page: &str| {
            page.rsplit('/').next().is_some_and(|name| name.starts_with("iframe") && name.ends_with(".html"))
        };
        !self.is_websocket && page.is_none_or(is_frame)
    }
}

/// Returns the last value of a header that each proxy may have added to: that of the nearest one.
fn nearest(values: &str) -> &str {
    values.rsplit(',').next().unwrap_or_default().trim()
}

fn is_scheme(text: &str) -> bool {
    matches!(text, "http" | "https")
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

/// Joins the cookies of several header lines. The runtime joins lines by commas, and RFC 6265 joins cookies by semicolons and has
/// no commas in them. A comma in front of what is no name of a cookie stays: some servers write such values.
fn join_cookies(cookies: &str) -> String {
    let is_name = |text: &str| {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        text.split_once('=').is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(is_token))
    };
    let mut joined = String::with_capacity(cookies.len());
    for (number, part) in cookies.split(", ").enumerate() {
        if number > 0 {
            joined.push_str(if is_name(part) { "; " } else { ", " });
        }
        joined.push_str(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://gate.example:8443/sockjs/000/s/xhr?t=1";

    fn value<'h>(headers: &'h [(&'static str, String)], name: &str) -> Option<&'h str> {
        headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn what_the_client_showed_goes_on_and_what_this_server_saw_is_added() {
        let opener = Opener {
            url: URL,
            origin: Some("https://page.example"),
            authorization: Some("Bearer x"),
            address: Some("192.0.2.7"),
            ..Opener::default()
        };
        let expected = [
            ("origin", "https://page.example"),
            ("authorization", "Bearer x"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-host", "gate.example:8443"),
            ("x-forwarded-proto", "https"),
        ];
        assert_eq!(opener.headers(&[]), expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn cookies_go_on_from_own_and_listed_pages_alone() {
        let list = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (origin, fetch_site, allowed, goes_on) in [
            (Some("https://gate.example:8443"), None, list(&[]), true),
            (Some("https://page.example"), None, list(&[]), false),
            (Some("https://page.example"), None, list(&["*"]), false),
            (Some("https://page.example"), None, list(&["https://page.example"]), true),
            (Some("https://evil.example"), None, list(&["https://page.example"]), false),
            (Some("null"), None, list(&[]), false),
            (None, None, list(&[]), false),
            (None, Some("cross-site"), list(&[]), false),
            (None, Some("same-origin"), list(&[]), true),
        ] {
            let referer = Some("https://gate.example:8443/");
            let opener = Opener { url: URL, origin, fetch_site, cookie: Some("a=b"), referer, ..Opener::default() };
            let headers = opener.headers(&allowed);
            assert_eq!(value(&headers, "cookie"), goes_on.then_some("a=b"), "{origin:?} {fetch_site:?} {allowed:?}");
        }
    }

    #[test]
    fn the_page_for_iframes_gets_no_cookies_without_a_list() {
        let list = ["https://page.example".to_owned()];
        for (referer, is_websocket, allowed, goes_on) in [
            (Some("https://gate.example:8443/"), false, &[][..], true),
            (Some("https://gate.example:8443/app/iframes"), false, &[][..], true),
            (Some("https://gate.example:8443/sockjs/iframe.html"), false, &[][..], false),
            (Some("https://gate.example:8443/sockjs/iframe-1.6.1.html#x"), false, &[][..], false),
            (Some("https://gate.example:8443/sockjs/iframe.html?a=/b"), false, &[][..], false),
            (None, false, &[][..], false),
            (None, true, &[][..], true),
            (Some("https://gate.example:8443/sockjs/iframe.html"), false, &list[..], true),
            (None, false, &list[..], true),
        ] {
            for (origin, fetch_site) in [(Some("https://gate.example:8443"), None), (None, Some("same-origin"))] {
                let opener = Opener {
                    url: URL,
                    origin,
                    fetch_site,
                    cookie: Some("a=b"),
                    referer,
                    is_websocket,
                    ..Opener::default()
                };
                let headers = opener.headers(allowed);
                assert_eq!(
                    value(&headers, "cookie"),
                    goes_on.then_some("a=b"),
                    "{referer:?} {is_websocket} {allowed:?}"
                );
            }
        }
    }

    #[test]
    fn a_trusted_proxy_names_host_and_scheme() {
        for (proto, host, expected) in [
            (None, None, ("https", "gate.example:8443")),
            (Some("http"), Some("public.example"), ("http", "public.example")),
            (Some("https, http"), Some("evil.example, [2001:db8::1]:80"), ("http", "[2001:db8::1]:80")),
            (Some("gopher"), Some("a b"), ("https", "gate.example:8443")),
            (Some(""), Some(""), ("https", "gate.example:8443")),
        ] {
            let opener = Opener { url: URL, forwarded_proto: proto, forwarded_host: host, ..Opener::default() };
            let headers = opener.headers(&[]);
            let seen = (value(&headers, "x-forwarded-proto"), value(&headers, "x-forwarded-host"));
            assert_eq!(seen, (Some(expected.0), Some(expected.1)), "{proto:?} {host:?}");
        }
    }

    #[test]
    fn cookies_of_several_lines_are_joined_as_cookies() {
        for (cookies, joined) in [
            ("a=b", "a=b"),
            ("a=b; c=d", "a=b; c=d"),
            ("a=b, c=d; e=f, g=", "a=b; c=d; e=f; g="),
            ("a=1,2; b=Mon, 1 Jan", "a=1,2; b=Mon, 1 Jan"),
            ("", ""),
        ] {
            assert_eq!(join_cookies(cookies), joined);
        }
    }
}
