//! Origins of pages (RFC 6454), and lists of allowed origins.

/// An origin, or a pattern for origins, in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    scheme: &'a str,
    /// Host, with the port if it is not the default port of the scheme.
    host: &'a str,
}

impl<'a> Origin<'a> {
    /// Reads `scheme://host` or `scheme://host:port`, in lower case as browsers send it. Returns `None` for anything
    /// else, such as `null`.
    pub fn read(text: &'a str) -> Option<Self> {
        let (scheme, host) = text.split_once("://")?;
        let host = match scheme {
            "http" => host.strip_suffix(":80").unwrap_or(host),
            "https" => host.strip_suffix(":443").unwrap_or(host),
            _ => host,
        };
        let schemes = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        let hosts = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._:[]*".contains(c);
        let name = host.strip_prefix("*.").unwrap_or(host);
        let good = !scheme.is_empty() && scheme.chars().all(schemes) && !name.is_empty() && name.chars().all(hosts);
        (good && !name.contains('*')).then_some(Self { scheme, host })
    }

    /// True if this pattern matches `origin`.
    fn means(&self, origin: Self) -> bool {
        self.scheme == origin.scheme
            && match self.host.strip_prefix('*') {
                // `domain` begins with a dot: a subdomain matches, another domain with the same ending does not.
                Some(domain) => origin.host.strip_suffix(domain).is_some_and(|name| !name.is_empty()),
                None => self.host == origin.host,
            }
    }
}

/// True if the page at `origin` belongs to a Worker that is reached at the origin `own`. If a proxy in front of the
/// Worker terminates TLS, the Worker sees `http` where its pages have `https`.
pub fn is_own(origin: &str, own: &str) -> bool {
    let Some((origin, own)) = Origin::read(origin).zip(Origin::read(own)) else { return false };
    origin == own || (origin.host == own.host && (origin.scheme, own.scheme) == ("https", "http"))
}

/// True if both name the same origin.
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || Origin::read(one).is_some_and(|one| Some(one) == Origin::read(other))
}

/// True if the option `allowed_origins` excludes pages of any origin.
pub fn has_list(allowed: &[String]) -> bool {
    !allowed.is_empty() && allowed.iter().all(|origin| origin != "*")
}

/// True if `list` allows the page at `origin`. An empty list allows every page.
pub fn is_listed(origin: &str, list: &[String]) -> bool {
    let read = Origin::read(origin);
    let allows = |pattern: &String| match pattern.as_str() {
        "*" => true,
        "null" => origin == "null",
        pattern => Origin::read(pattern).zip(read).is_some_and(|(pattern, origin)| pattern.means(origin)),
    };
    list.is_empty() || list.iter().any(allows)
}

/// Returns the origin of an absolute URL, such as the URL in a `Referer` header.
pub fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| host + at);
    url.get(..end).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "https://chat.example.com";

    fn list(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_a_list_every_page_may_connect() {
        for origin in ["https://evil.example", "null", "http://localhost:8080", "file://", "test"] {
            assert!(is_listed(origin, &[]) && is_listed(origin, &list(&["*"])), "{origin}");
        }
    }

    #[test]
    fn the_own_origin_has_its_scheme_and_port_but_for_tls_that_ends_in_front() {
        for own in [OWN, "https://chat.example.com:443"] {
            assert!(is_own(own, OWN), "{own}");
        }
        for other in ["http://chat.example.com", "https://chat.example.com:8443", "https://example.com", "null", ""] {
            assert!(!is_own(other, OWN), "{other}");
        }
        assert!(is_own(OWN, "http://chat.example.com"), "a proxy ends TLS");
        assert!(!is_own("https://example.com", "http://chat.example.com"));
    }

    #[test]
    fn the_same_origin_may_name_its_port() {
        assert!(is_same("https://a.example", "https://a.example:443") && is_same("null", "null"));
        assert!(!is_same("https://a.example", "http://a.example") && !is_same("", "https://a.example"));
    }

    #[test]
    fn the_origin_of_a_url_ends_before_its_path() {
        for (url, origin) in [
            ("https://a.example/echo/info?t=1", "https://a.example"),
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
            ("https://a.example?x=/", "https://a.example"),
        ] {
            assert_eq!(origin_of(url), origin);
        }
    }

    #[test]
    fn a_list_means_what_it_says() {
        let list = list(&["https://example.org", "https://*.example.net", "http://localhost:3000"]);
        for origin in
            ["https://example.org", "https://a.example.net", "https://a.b.example.net", "http://localhost:3000"]
        {
            assert!(is_listed(origin, &list), "{origin}");
        }
        for origin in [
            "http://example.org",
            "https://example.org:444",
            "https://example.org.evil.example",
            "https://evilexample.org",
            "https://www.example.org",
            "https://example.net",
            "https://evilexample.net",
            "https://.example.net",
            "http://a.example.net",
            "http://localhost:30001",
            "http://localhost",
            "null",
            "https://a.example.net/path",
            "https://EVIL.example",
            "*",
        ] {
            assert!(!is_listed(origin, &list), "{origin}");
        }
        assert!(is_listed("null", &["null".to_owned()]));
    }

    #[test]
    fn patterns_are_whole_origins() {
        for good in
            ["https://a.b", "http://[::1]:8080", "https://*.a.b", "http://127.0.0.1", "chrome-extension://abcdef"]
        {
            assert!(Origin::read(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "a.b",
            "https://",
            "https://a/",
            "https://a.b/c",
            "https://*",
            "https://*.",
            "https://a.*.b",
            "https://A.b",
            "*://a",
        ] {
            assert!(Origin::read(bad).is_none(), "{bad}");
        }
    }
}
