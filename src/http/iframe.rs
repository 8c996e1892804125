//! The page that iframe transports load. It loads the same client that runs in the embedding page.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The script of the page itself.
const START: &str = "
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  ";

/// Its SHA-256, in Base64.
const START_HASH: &str = "lYmFXEsqdsgpRcqXPmVFJyV4CiaTNuS5IK/HjT7/fdk=";

/// Returns the Content-Security-Policy of the page. It permits the page's own script, the client's, requests to its own host, and
/// the frame of htmlfile.
pub(crate) fn iframe_policy(sockjs_url: &str, ancestors: Option<String>) -> String {
    let client = if sockjs_url.contains("://") { sockjs_url } else { "'self'" };
    let policy =
        format!("default-src 'none'; script-src 'sha256-{START_HASH}' {client}; connect-src 'self'; frame-src 'self'");
    ancestors.into_iter().fold(policy, |policy, ancestors| policy + "; " + &ancestors)
}

/// Returns the page, whose wording is part of the protocol. `sockjs_url` was checked with the other settings.
pub(crate) fn iframe_page(sockjs_url: &str) -> String {
    format!(
        r#"<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="{sockjs_url}"></script>
  <script>{START}</script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"#
    )
}

/// Returns an entity tag for immutable content. It may differ in another release.
pub(crate) fn etag(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Returns true if `path` below a prefix is one of the page's: `/iframe.html` or `/iframe-<version>.html`.
pub(crate) fn is_iframe(path: &str) -> bool {
    let version = path.strip_prefix("/iframe").and_then(|rest| rest.strip_suffix(".html"));
    version.is_some_and(|version| {
        version.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64, Encoding};
    use sha2::{Digest, Sha256};

    #[test]
    fn the_hash_is_of_the_script() {
        assert_eq!(START_HASH, Base64::encode_string(&Sha256::digest(START)));
    }

    #[test]
    fn the_page_loads_the_client_and_starts_it() {
        let page = iframe_page("/echo/sockjs.js");
        assert!(page.starts_with("<!DOCTYPE html>\n<html>\n<head>\n"), "{page}");
        assert!(page.contains("  <script src=\"/echo/sockjs.js\"></script>\n"), "{page}");
        assert_ne!(etag(page.as_bytes()), etag(iframe_page("/other").as_bytes()));
        assert_eq!(etag(page.as_bytes()), etag(page.as_bytes()));
    }

    #[test]
    fn it_has_many_names() {
        for path in [
            "/iframe.html",
            "/iframe-a.html",
            "/iframe-.html",
            "/iframe-0.1.2.html",
            "/iframe-0.1.2abc-dirty.2144.html",
        ] {
            assert!(is_iframe(path), "{path}");
        }
        for path in
            ["/iframe.htm", "/iframe", "/IFRAME.HTML", "/iframe.HTML", "/iframe.xml", "/iframe-/.html", "/ifram.html"]
        {
            assert!(!is_iframe(path), "{path}");
        }
    }
}
