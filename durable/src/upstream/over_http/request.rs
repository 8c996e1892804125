//! A request with events, as JavaScript sends it.

use crate::js::strings::text_of;
use js_sys::futures::JsFuture;
use js_sys::{Array, Promise, Uint8Array};
use sockjs_protocol::upstream::close::Refusal;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(module = "/src/js/upstream_http.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = exchange)]
    fn exchange(
        service: &JsValue,
        url: &str,
        headers: &Array,
        body: &Uint8Array,
        timeout_ms: f64,
        limit: f64,
    ) -> std::result::Result<Promise, JsValue>;
}

/// A request with events.
pub(super) struct EventRequest<'a> {
    /// The service binding, or undefined.
    pub service: &'a JsValue,
    pub url: &'a str,
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
    pub timeout_ms: f64,
    /// Most bytes of the response.
    pub limit: usize,
}

/// A response to a request with events.
pub(super) struct Received {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Reason why there is no response.
pub(super) enum Unanswered {
    /// The upstream could not be reached, broke off, or took too long. The string is a detail for the log.
    Failed(Refusal, String),
    /// The response is larger than it may be.
    TooLarge,
}

impl EventRequest<'_> {
    pub async fn send(self) -> std::result::Result<Received, Unanswered> {
        let unreachable =
            |error: JsValue| Unanswered::Failed(Refusal::Unreachable, worker::Error::from(error).to_string());
        let headers = self.headers.iter().flat_map(|(name, value)| [JsValue::from_str(name), JsValue::from_str(value)]);
        let body = Uint8Array::from(self.body);
        // A length in memory.
        let limit = self.limit as f64;
        let answer =
            exchange(self.service, self.url, &headers.collect(), &body, self.timeout_ms, limit).map_err(unreachable)?;
        let answer = JsFuture::from(answer).await.map_err(unreachable)?;
        if let Some(reason) = text_of(&answer) {
            return Err(match &*reason {
                "large" => Unanswered::TooLarge,
                _ => Unanswered::Failed(Refusal::TimedOut, String::new()),
            });
        }
        let parts = Array::from(&answer);
        let lines = text_of(&parts.get(1)).unwrap_or_default();
        let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Received {
            // The status of a response.
            status: parts.get(0).as_f64().unwrap_or_default() as u16,
            headers: lines.lines().filter_map(header).collect(),
            body: Uint8Array::new(&parts.get(2)).to_vec(),
        })
    }
}
