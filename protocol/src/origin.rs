//! Origins of pages (RFC 6454), and whether a list has them.

/// The parts of an origin, or of a pattern for origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    scheme: &'a str,
    /// With the port, if it is not the scheme's own.
    host: &'a str,
}

impl<'a> Origin<'a> {
    /// Reads `scheme://host` or `scheme://host:port`, in lower case as browsers send it; none for anything else, such as
    /// `null`.
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

    /// Whether this pattern means `origin`.
    fn means(&self, origin: Self) -> bool {
        self.scheme == origin.scheme
            && match self.host.strip_prefix('*') {
                // With the dot: a subdomain, and no other domain that ends alike.
                Some(domain) => origin.host.strip_suffix(domain).is_some_and(|name| !name.is_empty()),
                None => self.host == origin.host,
            }
    }
}

/// What an `Origin` header says about who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// None is given: no browser, or a request for which browsers name none.
    Absent,
    /// A page of the Worker's own origin.
    Own,
    /// A page that may connect.
    Allowed,
    /// A page that may not.
    Foreign,
}

/// Where the page at `origin` stands with a Worker at `own`, which allows what is on `list`; an empty one is any.
pub fn standing(origin: Option<&str>, own: &str, list: &[String]) -> Standing {
    let Some(text) = origin.filter(|origin| !origin.is_empty()) else { return Standing::Absent };
    let origin = Origin::read(text);
    if origin.is_some() && origin == Origin::read(own) {
        return Standing::Own;
    }
    let allows = |pattern: &String| match pattern.as_str() {
        "*" => true,
        "null" => text == "null",
        pattern => Origin::read(pattern).zip(origin).is_some_and(|(pattern, origin)| pattern.means(origin)),
    };
    if list.is_empty() || list.iter().any(allows) { Standing::Allowed } else { Standing::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(origin: &str, list: &[&str]) -> Standing {
        let list: Vec<String> = list.iter().map(ToString::to_string).collect();
        standing(Some(origin), "https://chat.example.com", &list)
    }

    #[test]
    fn without_a_list_every_page_may_connect() {
        for origin in ["https://evil.example", "null", "http://localhost:8080", "file://", "test"] {
            assert_eq!(stands(origin, &[]), Standing::Allowed, "{origin}");
            assert_eq!(stands(origin, &["*"]), Standing::Allowed, "{origin}");
        }
    }

    #[test]
    fn ones_own_and_none_are_known() {
        for list in [&[][..], &["https://example.com"]] {
            assert_eq!(stands("https://chat.example.com", list), Standing::Own);
            assert_eq!(stands("https://chat.example.com:443", list), Standing::Own);
            assert_eq!(stands("", list), Standing::Absent);
        }
        let list = ["https://example.com"];
        assert_eq!(stands("http://chat.example.com", &list), Standing::Foreign, "another scheme");
        assert_eq!(stands("https://chat.example.com:8443", &list), Standing::Foreign, "another port");
    }

    #[test]
    fn a_list_means_what_it_says() {
        let list = ["https://example.org", "https://*.example.net", "http://localhost:3000"];
        for origin in
            ["https://example.org", "https://a.example.net", "https://a.b.example.net", "http://localhost:3000"]
        {
            assert_eq!(stands(origin, &list), Standing::Allowed, "{origin}");
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
            assert_eq!(stands(origin, &list), Standing::Foreign, "{origin}");
        }
        assert_eq!(stands("null", &["null"]), Standing::Allowed);
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
