//! What a request says of itself, read in one call of the runtime.

use crate::access::Sender;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Request, Result, web_sys};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = factsOf)]
    fn facts_of(request: &web_sys::Request) -> std::result::Result<String, JsValue>;
}

/// Method, URL and the headers that are asked for again and again. A header that is empty counts as none.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// As it came: `worker` takes every method that it does not know for GET.
    pub method: String,
    pub url: String,
    /// `Origin`, also the literal `null` of sandboxed pages and files.
    pub origin: Option<String>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<String>,
    /// `Access-Control-Request-Headers`.
    pub request_headers: Option<String>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Length`.
    pub content_length: Option<String>,
}

impl Facts {
    pub fn of(request: &Request) -> Result<Self> {
        Ok(Self::read(&facts_of(request.inner())?))
    }

    fn read(facts: &str) -> Self {
        let mut lines = facts.split('\n');
        let mut line = || lines.next().unwrap_or_default().to_owned();
        let (method, url) = (line(), line());
        let mut header = || Some(line()).filter(|value| !value.is_empty());
        Self {
            method,
            url,
            origin: header(),
            fetch_site: header(),
            request_headers: header(),
            content_type: header(),
            content_length: header(),
        }
    }

    /// The Worker's own origin, as the URL has it.
    pub fn own(&self) -> &str {
        origin_of(&self.url)
    }

    pub fn sender(&self) -> Sender<'_> {
        Sender { origin: self.origin.as_deref(), fetch_site: self.fetch_site.as_deref(), own: self.own() }
    }
}

/// The origin in an absolute URL.
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(host..).and_then(|rest| rest.find(['/', '?', '#'])).map_or(url.len(), |at| host + at);
    url.get(..end).unwrap_or(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_in_lines_of_their_own() {
        let facts = Facts::read("POST\nhttps://a.example/echo?t=1\nnull\n\na, b\ntext/plain\n12");
        assert_eq!((&*facts.method, &*facts.url), ("POST", "https://a.example/echo?t=1"));
        assert_eq!(facts.origin.as_deref(), Some("null"));
        assert_eq!(facts.fetch_site, None);
        assert_eq!(facts.request_headers.as_deref(), Some("a, b"));
        assert_eq!(facts.content_type.as_deref(), Some("text/plain"));
        assert_eq!(facts.content_length.as_deref(), Some("12"));
    }

    #[test]
    fn the_own_origin_is_that_of_the_url() {
        for (url, origin) in [
            ("https://a.example/echo/info?t=1", "https://a.example"),
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
            ("https://a.example?x=/", "https://a.example"),
        ] {
            assert_eq!(origin_of(url), origin);
        }
    }
}
