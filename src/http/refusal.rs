//! Responses that explain why a request is refused.

use super::headers::Head;
use sockjs_protocol::observe::metrics::Refused;
use sockjs_protocol::sockjs::transport::PLAIN;
use std::borrow::Cow;
use wasm_bindgen::JsValue;
use worker::Error;

/// A response that explains an error in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpError {
    pub status: u16,
    pub text: Cow<'static, str>,
    /// Headers that the application adds.
    pub headers: Vec<(String, String)>,
}

impl HttpError {
    pub fn new(status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, text: text.into(), headers: Vec::new() }
    }

    /// Returns sockjs-node's 404, for unknown paths and unknown sessions alike.
    pub fn not_found() -> Self {
        Self::new(404, "404 Error: Page not found\n")
    }

    pub fn head(&self) -> Head {
        Head::typed(self.status, PLAIN)
    }
}

/// An error that is counted: the refused request would have opened a connection, received or sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub reason: Refused,
    pub error: HttpError,
}

impl Refusal {
    pub fn new(reason: Refused, status: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, error: HttpError::new(status, text) }
    }

    pub fn with_headers(mut self, headers: Vec<(String, String)>) -> Self {
        self.error.headers = headers;
        self
    }
}

impl From<Refusal> for HttpError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

/// Reason why a request was not served.
#[derive(Debug)]
pub(crate) enum NotServed {
    /// The client learns the reason.
    Refused(Refusal),
    /// A call of the runtime failed unexpectedly.
    Failed(Error),
}

impl From<Refusal> for NotServed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for NotServed {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<JsValue> for NotServed {
    fn from(error: JsValue) -> Self {
        Self::Failed(error.into())
    }
}

impl From<serde_json::Error> for NotServed {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(error.into())
    }
}
