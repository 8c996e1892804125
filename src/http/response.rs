//! Converts heads and bodies into the runtime's responses, and reads the few request headers that a head depends on.

use crate::Config;
use crate::http::headers::{Cors, Head, Header, YEAR_MILLIS, cached, jsessionid, nosniff};
use crate::http::iframe::etag;
use crate::http::refusal::HttpError;
use crate::js::request_head::{RequestHead, header};
use js_sys::Date;
use sockjs_durable::log;
use sockjs_protocol::service::origin::{has_list, is_listed, is_own};
use std::cell::RefCell;
use std::collections::VecDeque;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::web_sys::{ReadableStream, ResponseInit};
use worker::{Result, web_sys};

/// The runtime's own response. `worker`'s type (0.8.7) is built from parts, and is then converted into this one.
pub(crate) type HttpResponse = web_sys::Response;

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn respond(body: Option<Vec<u8>>, init: &ResponseInit) -> std::result::Result<HttpResponse, JsValue>;
}

/// Returns a response with a body of known length, for which the runtime sends Content-Length.
pub(crate) fn fixed(head: Head, body: impl Into<Vec<u8>>) -> Result<HttpResponse> {
    Ok(respond(Some(body.into()), &init(head)?)?)
}

/// Returns a response without a body.
pub(crate) fn bodiless(head: Head) -> Result<HttpResponse> {
    Ok(respond(None, &init(head)?)?)
}

/// Returns a response with `body`, whose head is sent at once.
pub(crate) fn streamed(head: Head, body: &ReadableStream) -> Result<HttpResponse> {
    Ok(HttpResponse::new_with_opt_readable_stream_and_init(Some(body), &init(head)?)?)
}

/// Returns immutable content, or 304 if the client has it.
pub(crate) fn cacheable(
    request: &web_sys::Request,
    content_type: &'static str,
    content: &[u8],
    more: Vec<Header>,
) -> Result<HttpResponse> {
    unless_known(request, content_type, content, [more, cached(in_a_year()).into()].concat())
}

/// Returns content with its entity tag, or 304 if the client has it.
pub(crate) fn unless_known(
    request: &web_sys::Request,
    content_type: &'static str,
    content: &[u8],
    more: Vec<Header>,
) -> Result<HttpResponse> {
    unless_tagged(request, content_type, etag(content), more, |head| fixed(head, content))
}

/// Returns the response that `whole` creates for a head with the entity tag `etag`, or 304 if the client has it.
pub(crate) fn unless_tagged(
    request: &web_sys::Request,
    content_type: &'static str,
    etag: String,
    more: Vec<Header>,
    whole: impl FnOnce(Head) -> Result<HttpResponse>,
) -> Result<HttpResponse> {
    let is_known = header(request, "If-None-Match")?
        .is_some_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == etag));
    let tagged = |head: Head| head.with([("ETag", etag.into())]).with(more);
    if is_known { bodiless(tagged(Head::new(304))) } else { whole(tagged(Head::typed(200, content_type))) }
}

/// Returns the response to an error.
pub(crate) fn refused(error: impl Into<HttpError>) -> Result<HttpResponse> {
    refused_with(error, [])
}

/// Returns the response to an error, with `more` headers and those that the application adds.
pub(crate) fn refused_with(
    error: impl Into<HttpError>,
    more: impl IntoIterator<Item = Header>,
) -> Result<HttpResponse> {
    let error = error.into();
    let reply = fixed(error.head().with(more), error.text.into_owned())?;
    for (name, value) in error.headers {
        if reply.headers().set(&name, &value).is_err() {
            log::error(
                "rejection",
                None,
                format!("header {name:?} was omitted: HTTP does not allow its name or value"),
            );
        }
    }
    Ok(reply)
}

/// Returns the CORS headers for the response to a request; empty if the service excludes other origins.
pub(crate) fn cors_of(request_head: &RequestHead, config: &Config) -> Vec<Header> {
    if config.disable_cors {
        return Vec::new();
    }
    if has_list(&config.allowed_origins) {
        let may_read = |origin: &str| is_own(origin, request_head.own()) || is_listed(origin, &config.allowed_origins);
        if !request_head.origin.as_deref().is_some_and(may_read) {
            return vec![("Vary", "Origin".into())];
        }
    }
    Cors { origin: request_head.origin.as_deref(), request_headers: request_head.request_headers.as_deref() }.headers()
}

/// Returns the cookie for the response to `request`, if the service sets one.
pub(crate) fn cookie_of(request: &web_sys::Request, config: &Config) -> Result<Option<Header>> {
    if !config.jsessionid {
        return Ok(None);
    }
    Ok(Some(jsessionid(header(request, "Cookie")?.as_deref())))
}

/// Returns the HTTP date in a year.
pub(crate) fn in_a_year() -> String {
    Date::new(&JsValue::from_f64(Date::now() + YEAR_MILLIS)).to_utc_string().into()
}

/// Heads that an isolate caches. Its responses have few different ones.
const HEADS_MAX: usize = 16;

thread_local! {
    static HEADS: RefCell<VecDeque<(Head, ResponseInit)>> = const { RefCell::new(VecDeque::new()) };
}

/// Returns the runtime's form of `head`, and caches it for the next response with the same head. Each response gets a copy of the
/// headers.
pub(crate) fn init(head: Head) -> Result<ResponseInit> {
    HEADS.with_borrow_mut(|heads| {
        if let Some((_, init)) = heads.iter().find(|(known, _)| *known == head) {
            return Ok(init.clone());
        }
        let headers = web_sys::Headers::new()?;
        for (name, value) in head.headers.iter().chain([&nosniff()]) {
            headers.set(name, value)?;
        }
        let init = ResponseInit::new();
        init.set_status(head.status);
        init.set_headers_headers(&headers);
        if heads.len() == HEADS_MAX {
            heads.pop_front();
        }
        heads.push_back((head, init.clone()));
        Ok(init)
    })
}
