//! Headers of the request that opens a connection to an upstream.
//!
//! | header | value |
//! |---|---|
//! | `Origin`, `Authorization` | those of the client's request |
//! | `Cookie` | that of the client's request, if the page that sent it belongs to this server or is listed |
//! | `X-Forwarded-For`, `X-Forwarded-Host`, `X-Forwarded-Proto` | as this server saw them |
//! | `SockJS-Claims` | the client's claims, signed with a secret of this server: [`claims`](super::claims) |
//!
//! No other header of the client reaches the upstream: neither its own `X-Forwarded-*` nor those of the connection. A browser sends
//! cookies from any page, so a page of somebody else must not open a connection with them. `allowed_origins` that allow every page
//! list nobody.

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
}

impl Opener<'_> {
    /// Returns the headers for the upstream, names in lower case.
    pub fn headers(&self, allowed_origins: &[String]) -> Vec<(&'static str, String)> {
        let own = origin_of(self.url);
        let (scheme, host) = own.split_once("://").unwrap_or_default();
        [
            ("origin", self.origin),
            ("authorization", self.authorization),
            ("cookie", self.cookie.filter(|_| self.may_send_cookies(own, allowed_origins))),
            ("x-forwarded-for", self.address),
            ("x-forwarded-host", Some(host)),
            ("x-forwarded-proto", Some(scheme)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?.to_owned())))
        .collect()
    }

    fn may_send_cookies(&self, own: &str, allowed_origins: &[String]) -> bool {
        match self.origin {
            Some(origin) => is_own(origin, own) || (has_list(allowed_origins) && is_listed(origin, allowed_origins)),
            // A script element of any page sends no origin.
            None => self.fetch_site == Some("same-origin"),
        }
    }
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
            let opener = Opener { url: URL, origin, fetch_site, cookie: Some("a=b"), ..Opener::default() };
            let headers = opener.headers(&allowed);
            assert_eq!(value(&headers, "cookie"), goes_on.then_some("a=b"), "{origin:?} {fetch_site:?} {allowed:?}");
        }
    }
}
