//! Heads and bodies as the runtime's responses, and the few facts that a head needs from the runtime.

use crate::headers::{Cors, Head, Refusal, YEAR_MILLIS};
use futures::Stream;
use js_sys::Date;
use wasm_bindgen::JsValue;
use worker::{Headers, Request, Response, ResponseBuilder, Result};

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

/// An error in words.
pub(crate) fn refused(refusal: Refusal) -> Result<Response> {
    fixed(refusal.head(), refusal.text.into_owned())
}

/// What `request` says for CORS.
pub(crate) fn cors_of(request: &Request) -> Result<Cors> {
    let headers = request.headers();
    Ok(Cors { origin: headers.get("Origin")?, request_headers: headers.get("Access-Control-Request-Headers")? })
}

/// The HTTP date in a year.
pub(crate) fn in_a_year() -> String {
    Date::new(&JsValue::from_f64(Date::now() + YEAR_MILLIS)).to_utc_string().into()
}

fn builder(head: Head) -> Result<ResponseBuilder> {
    let headers = Headers::new();
    for (name, value) in &head.headers {
        headers.set(name, value)?;
    }
    Ok(ResponseBuilder::new().with_status(head.status).with_headers(headers))
}
