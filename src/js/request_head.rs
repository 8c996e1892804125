//! Method, URL and headers of a request, read in one call of the runtime.

use js_sys::Array;
use sockjs_protocol::service::origin::origin_of;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Result, web_sys};

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = requestHeadOf)]
    fn request_head_of(request: &web_sys::Request, names: &Array) -> std::result::Result<String, JsValue>;

    #[wasm_bindgen(catch, js_name = headersOf)]
    fn headers_of(request: &web_sys::Request, names: &Array) -> std::result::Result<String, JsValue>;
}

thread_local! {
    /// Names of the headers that a request head has.
    static ASKED: Array = [
        "Origin",
        "Sec-Fetch-Site",
        "Access-Control-Request-Headers",
        "Content-Type",
        "Content-Length",
    ].into_iter().map(JsValue::from_str).collect();
}

/// Returns headers of `request` by their `names`, read in one call. An empty header counts as absent.
pub(crate) fn headers<const COUNT: usize>(
    request: &web_sys::Request,
    names: &Array,
) -> Result<[Option<String>; COUNT]> {
    let values = headers_of(request, names)?;
    let mut values = values.split('\n').skip(1).map(str::to_owned);
    Ok([(); COUNT].map(|()| values.next().filter(|value| !value.is_empty())))
}

/// Returns one header of `request`.
pub(crate) fn header(request: &web_sys::Request, name: &str) -> Result<Option<String>> {
    Ok(request.headers().get(name)?)
}

/// Method, URL and frequently used headers. An empty header counts as absent.
#[derive(Debug, Default)]
pub(crate) struct RequestHead {
    /// Exactly as received: `worker` replaces every unknown method by GET.
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

impl RequestHead {
    pub fn of(request: &web_sys::Request) -> Result<Self> {
        Ok(Self::read(&ASKED.with(|names| request_head_of(request, names))?))
    }

    fn read(request_head: &str) -> Self {
        let mut lines = request_head.split('\n');
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

    /// Returns the path of the URL.
    pub fn path(&self) -> &str {
        let path = self.url.get(self.own().len()..).unwrap_or_default();
        path.find(['?', '#']).map_or(path, |end| path.get(..end).unwrap_or(path))
    }

    /// Returns the Worker's own origin, from the URL.
    pub fn own(&self) -> &str {
        origin_of(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_in_lines_of_their_own() {
        let request_head = RequestHead::read("POST\nhttps://a.example/echo?t=1\nnull\n\na, b\ntext/plain\n12");
        assert_eq!((&*request_head.method, &*request_head.url), ("POST", "https://a.example/echo?t=1"));
        assert_eq!(request_head.origin.as_deref(), Some("null"));
        assert_eq!(request_head.fetch_site, None);
        assert_eq!(request_head.request_headers.as_deref(), Some("a, b"));
        assert_eq!(request_head.content_type.as_deref(), Some("text/plain"));
        assert_eq!(request_head.content_length.as_deref(), Some("12"));
    }

    #[test]
    fn the_path_is_what_comes_before_the_query() {
        for (url, path) in [
            ("https://a.example/echo/info?t=1", "/echo/info"),
            ("https://a.example/a#b?c", "/a"),
            ("https://a.example/", "/"),
        ] {
            assert_eq!(RequestHead { url: url.into(), ..RequestHead::default() }.path(), path);
        }
    }
}
