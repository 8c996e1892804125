//! Heads and bodies as the runtime's responses, and the few facts that a head needs from the runtime.

use crate::Config;
use crate::access::has_list;
use crate::facts::Facts;
use crate::headers::{Cors, Head, Header, Refusal, YEAR_MILLIS, cached, jsessionid, nosniff};
use crate::iframe::etag;
use futures::Stream;
use js_sys::Date;
use sockjs_protocol::origin::Standing;
use std::cell::RefCell;
use std::collections::VecDeque;
use wasm_bindgen::JsValue;
use worker::{Headers, Request, Response, ResponseBuilder, Result, web_sys};

/// A response with a body of known length, for which the runtime sends Content-Length.
pub(crate) fn fixed(head: Head, body: impl Into<Vec<u8>>) -> Result<Response> {
    Ok(builder(head)?.fixed(body.into()))
}

/// A response with no body at all.
pub(crate) fn bodiless(head: Head) -> Result<Response> {
    Ok(builder(head)?.empty())
}

/// A response whose head goes out at once, and then each item of `chunks` as one chunk, when the one before was written.
pub(crate) fn streamed(head: Head, chunks: impl Stream<Item = Vec<u8>> + 'static) -> Result<Response> {
    use futures::StreamExt;
    builder(head)?.from_stream(chunks.map(Ok::<_, worker::Error>))
}

/// What never changes under its URL, or 304 if the client has it.
pub(crate) fn cacheable(
    request: &Request,
    content_type: &'static str,
    content: &[u8],
    more: Vec<Header>,
) -> Result<Response> {
    unless_known(request, content_type, content, [more, cached(in_a_year()).into()].concat())
}

/// What has an entity tag, or 304 if the client has it.
pub(crate) fn unless_known(
    request: &Request,
    content_type: &'static str,
    content: &[u8],
    more: Vec<Header>,
) -> Result<Response> {
    unless_tagged(request, content_type, etag(content), more, |head| fixed(head, content))
}

/// What `whole` makes of its head and has the entity tag `etag`, or 304 if the client has it.
pub(crate) fn unless_tagged(
    request: &Request,
    content_type: &'static str,
    etag: String,
    more: Vec<Header>,
    whole: impl FnOnce(Head) -> Result<Response>,
) -> Result<Response> {
    let is_known = request
        .headers()
        .get("If-None-Match")?
        .is_some_and(|known| known.split(',').any(|known| known.trim().trim_start_matches("W/") == etag));
    let tagged = |head: Head| head.with([("ETag", etag.into())]).with(more);
    if is_known { bodiless(tagged(Head::new(304))) } else { whole(tagged(Head::typed(200, content_type))) }
}

/// An error in words.
pub(crate) fn refused(refusal: Refusal) -> Result<Response> {
    fixed(refusal.head(), refusal.text.into_owned())
}

/// The CORS headers for the answer to a request; none if other origins are left out.
pub(crate) fn cors_of(facts: &Facts, config: &Config) -> Vec<Header> {
    if config.disable_cors {
        return Vec::new();
    }
    if has_list(config) {
        let standing = facts.sender().standing(config);
        if matches!(standing, Standing::Foreign | Standing::Absent) {
            return vec![("Vary", "Origin".into())];
        }
    }
    Cors { origin: facts.origin.as_deref(), request_headers: facts.request_headers.as_deref() }.headers()
}

/// The cookie for the answer to `request`, if the service sets one.
pub(crate) fn cookie_of(request: &Request, config: &Config) -> Result<Option<Header>> {
    if !config.jsessionid {
        return Ok(None);
    }
    Ok(Some(jsessionid(request.headers().get("Cookie")?.as_deref())))
}

/// The HTTP date in a year.
pub(crate) fn in_a_year() -> String {
    Date::new(&JsValue::from_f64(Date::now() + YEAR_MILLIS)).to_utc_string().into()
}

/// The head of a response of any kind.
pub(crate) fn builder(head: Head) -> Result<ResponseBuilder> {
    let status = head.status;
    let headers = HEADS.with_borrow_mut(|heads| made(heads, head))?;
    Ok(ResponseBuilder::new().with_status(status).with_headers(headers))
}

/// How many heads an isolate remembers. Its answers have few different ones.
const HEADS_MAX: usize = 16;

type Heads = VecDeque<(Vec<Header>, web_sys::Headers)>;

thread_local! {
    static HEADS: RefCell<Heads> = const { RefCell::new(VecDeque::new()) };
}

/// The runtime's headers for `head`: a copy of those made before, which is one call instead of one for each. A copy, since
/// the application may change those of its response.
fn made(heads: &mut Heads, head: Head) -> Result<Headers> {
    if let Some((_, made)) = heads.iter().find(|(known, _)| *known == head.headers) {
        return Ok(Headers(web_sys::Headers::new_with_headers(made)?));
    }
    let headers = Headers::new();
    for (name, value) in head.headers.iter().chain([&nosniff()]) {
        headers.set(name, value)?;
    }
    if heads.len() == HEADS_MAX {
        heads.pop_front();
    }
    heads.push_back((head.headers, web_sys::Headers::new_with_headers(&headers.0)?));
    Ok(headers)
}
