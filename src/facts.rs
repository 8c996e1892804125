//! What a request says of itself, read in one call of the runtime.

use crate::admission::Sender;
use js_sys::Array;
use sockjs_protocol::service::origin::origin_of;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Result, web_sys};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = factsOf)]
    fn facts_of(request: &web_sys::Request, names: &Array) -> std::result::Result<String, JsValue>;

    #[wasm_bindgen(catch, js_name = headersOf)]
    fn headers_of(request: &web_sys::Request, names: &Array) -> std::result::Result<String, JsValue>;
}

thread_local! {
    /// The headers among the facts.
    static ASKED: Array = [
        "Origin",
        "Sec-Fetch-Site",
        "Access-Control-Request-Headers",
        "Content-Type",
        "Content-Length",
    ].into_iter().map(JsValue::from_str).collect();
}

/// Headers of `request` by their `names`, read in one call. One that is empty counts as none.
pub(crate) fn headers<const COUNT: usize>(
    request: &web_sys::Request,
    names: &Array,
) -> Result<[Option<String>; COUNT]> {
    let values = headers_of(request, names)?;
    let mut values = values.split('\n').skip(1).map(str::to_owned);
    Ok([(); COUNT].map(|()| values.next().filter(|value| !value.is_empty())))
}

/// One header of `request`.
pub(crate) fn header(request: &web_sys::Request, name: &str) -> Result<Option<String>> {
    Ok(request.headers().get(name)?)
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
    pub fn of(request: &web_sys::Request) -> Result<Self> {
        Ok(Self::read(&ASKED.with(|names| facts_of(request, names))?))
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

    /// Path of the URL.
    pub fn path(&self) -> &str {
        let path = self.url.get(self.own().len()..).unwrap_or_default();
        path.find(['?', '#']).map_or(path, |end| path.get(..end).unwrap_or(path))
    }

    /// The Worker's own origin, as the URL has it.
    pub fn own(&self) -> &str {
        origin_of(&self.url)
    }

    /// What the request says about its sender, with its `Referer`, which is read only where it matters.
    pub fn sender<'a>(&'a self, referer: Option<&'a str>) -> Sender<'a> {
        Sender { origin: self.origin.as_deref(), fetch_site: self.fetch_site.as_deref(), referer, own: self.own() }
    }
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
    fn the_path_is_what_comes_before_the_query() {
        for (url, path) in [
            ("https://a.example/echo/info?t=1", "/echo/info"),
            ("https://a.example/a#b?c", "/a"),
            ("https://a.example/", "/"),
        ] {
            assert_eq!(Facts { url: url.into(), ..Facts::default() }.path(), path);
        }
    }
}
