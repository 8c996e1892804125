//! Response heads as values: content type, caching, cookies, policies, and CORS, all as in sockjs-node.

use std::borrow::Cow;

/// A header of a response: name and value.
pub type Header = (&'static str, Cow<'static, str>);

/// A year in seconds: the time for which immutable responses are cached.
const YEAR: u32 = 31_536_000;

/// The same in milliseconds, to compute `Expires`.
pub(crate) const YEAR_MILLIS: f64 = YEAR as f64 * 1000.0;

/// A response without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub status: u16,
    pub headers: Vec<Header>,
}

impl Head {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new() }
    }

    /// Returns a head with this status, which is 200 or comes from a table, and with its content type.
    pub fn typed(status: u16, content_type: &'static str) -> Self {
        Self::new(status).with([("Content-Type", content_type.into())])
    }

    pub fn with(mut self, headers: impl IntoIterator<Item = Header>) -> Self {
        self.headers.extend(headers);
        self
    }
}

/// Returns the head of a 405: no body and no Content-Type.
pub(crate) fn method_not_allowed(allow: &'static str) -> Head {
    Head::new(405).with([("Allow", allow.into())])
}

/// Headers for responses that differ each time. `no-transform` keeps Cloudflare from compressing, and so buffering, a stream.
pub(crate) fn not_cached() -> [Header; 1] {
    [("Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0".into())]
}

/// Returns the cookie by which load balancers keep a client at one server: the client's own, or an initial one. A load balancer
/// may add its own value only to a response that sets the cookie.
pub(crate) fn jsessionid(cookies: Option<&str>) -> Header {
    let pairs = cookies.unwrap_or_default().split(';').filter_map(|cookie| cookie.trim().split_once('='));
    let known = pairs.into_iter().find(|(name, _)| *name == "JSESSIONID").map(|(_, value)| value);
    ("Set-Cookie", format!("JSESSIONID={}; path=/", known.unwrap_or("dummy")).into())
}

/// Keeps browsers from guessing another content type.
pub(crate) fn nosniff() -> Header {
    ("X-Content-Type-Options", "nosniff".into())
}

/// Limits `Referer` to the Worker's own origin. The query of the page's URL has a ticket, which only the Worker may see. By the
/// ticket the Worker recognizes the frame.
pub(crate) fn referrer_policy() -> Header {
    ("Referrer-Policy", "same-origin".into())
}

/// Restricts what a page may load, and which pages may frame it.
pub(crate) fn security_policy(policy: String) -> Header {
    ("Content-Security-Policy", policy.into())
}

/// Keeps nginx, and proxies that follow it, from collecting a stream before they pass it on.
pub(crate) fn unbuffered() -> Header {
    ("X-Accel-Buffering", "no".into())
}

/// Keeps the proxy of `wrangler dev` (4.164) from compressing a stream, and so from holding back its chunks. At
/// Cloudflare's edge `no-transform` does that.
pub(crate) fn unencoded() -> Header {
    ("Content-Encoding", "identity".into())
}

/// Headers for immutable responses; `expires` is the HTTP date in a year.
pub(crate) fn cached(expires: String) -> [Header; 2] {
    [("Cache-Control", format!("public, max-age={YEAR}").into()), ("Expires", expires.into())]
}

/// Returns the response to a preflight, apart from the CORS headers.
pub(crate) fn preflight(methods: &'static str, expires: String) -> Head {
    Head::new(204)
        .with(cached(expires))
        .with([("Access-Control-Allow-Methods", methods.into()), ("Access-Control-Max-Age", YEAR.to_string().into())])
}

/// The request headers that CORS depends on. Pages of every origin may connect, as with sockjs-node.
#[derive(Debug, Default)]
pub(crate) struct Cors<'a> {
    /// `Origin`, also the literal `null` of sandboxed pages and files.
    pub origin: Option<&'a str>,
    /// `Access-Control-Request-Headers`.
    pub request_headers: Option<&'a str>,
}

impl Cors<'_> {
    /// Returns the CORS headers. They name the origin rather than `*`: stock clients send credentials, and browsers reject `*`
    /// then.
    pub fn headers(&self) -> Vec<Header> {
        let mut headers: Vec<Header> = Vec::with_capacity(4);
        match self.origin.filter(|origin| !origin.is_empty()) {
            None => headers.push(("Access-Control-Allow-Origin", "*".into())),
            Some(origin) => {
                headers.push(("Access-Control-Allow-Origin", origin.to_owned().into()));
                headers.push(("Access-Control-Allow-Credentials", "true".into()));
            }
        }
        headers.push(("Vary", "Origin".into()));
        if let Some(requested) = self.request_headers.filter(|requested| !requested.is_empty()) {
            headers.push(("Access-Control-Allow-Headers", requested.to_owned().into()));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::refusal::HttpError;

    fn lines(headers: &[Header]) -> Vec<String> {
        headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
    }

    #[test]
    fn the_session_cookie_is_the_clients_own_or_a_first_one() {
        for (cookies, set) in [
            (None, "JSESSIONID=dummy; path=/"),
            (Some("a=b; JSESSIONID=abcdef; c=d"), "JSESSIONID=abcdef; path=/"),
            (Some("XJSESSIONID=abcdef"), "JSESSIONID=dummy; path=/"),
        ] {
            assert_eq!(jsessionid(cookies).1, set);
        }
    }

    #[test]
    fn the_origin_is_echoed_with_credentials() {
        for origin in ["test", "null", "https://example.com:8080"] {
            let cors = Cors { origin: Some(origin), request_headers: None };
            assert_eq!(
                lines(&cors.headers()),
                [
                    format!("Access-Control-Allow-Origin: {origin}").as_str(),
                    "Access-Control-Allow-Credentials: true",
                    "Vary: Origin"
                ]
            );
        }
    }

    #[test]
    fn without_an_origin_everyone_may_read_without_credentials() {
        for origin in [None, Some("")] {
            let cors = Cors { origin, request_headers: None };
            assert_eq!(lines(&cors.headers()), ["Access-Control-Allow-Origin: *", "Vary: Origin"]);
        }
    }

    #[test]
    fn requested_headers_are_allowed_verbatim() {
        let allowed = |request_headers: Option<&str>| {
            let cors = Cors { origin: None, request_headers };
            cors.headers().into_iter().find(|(name, _)| *name == "Access-Control-Allow-Headers")
        };
        assert_eq!(allowed(Some("a, b, c")).unwrap().1, "a, b, c");
        assert_eq!(allowed(Some("")), None);
        assert_eq!(allowed(None), None);
    }

    #[test]
    fn caching() {
        assert_eq!(
            lines(&not_cached()),
            ["Cache-Control: no-store, no-cache, no-transform, must-revalidate, max-age=0"]
        );
        assert_eq!(
            lines(&cached("Tue, 23 Nov 2027 05:00:00 GMT".into())),
            ["Cache-Control: public, max-age=31536000", "Expires: Tue, 23 Nov 2027 05:00:00 GMT"]
        );
    }

    #[test]
    fn preflights_are_kept_for_a_year() {
        let head = preflight("OPTIONS, POST", "then".into());
        assert_eq!(head.status, 204);
        assert_eq!(
            lines(&head.headers),
            [
                "Cache-Control: public, max-age=31536000",
                "Expires: then",
                "Access-Control-Allow-Methods: OPTIONS, POST",
                "Access-Control-Max-Age: 31536000"
            ]
        );
    }

    #[test]
    fn errors() {
        assert_eq!(lines(&method_not_allowed("GET").headers), ["Allow: GET"]);
        assert_eq!(lines(&HttpError::not_found().head().headers), ["Content-Type: text/plain; charset=UTF-8"]);
    }
}
