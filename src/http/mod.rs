//! HTTP as SockJS uses it: the routes, the heads of responses, CORS, and what is answered without a session.
//!
//! * `route` finds what a request asks for, `place` reads the parameters of its prefix.
//! * `headers` has heads of responses as values, `response` makes the runtime's responses of them, `refusal` has those to errors.
//! * `info` and `iframe` are the two documents that a client loads; `body` reads what a client sends.
//!
//! The admission of a client is in `admission/`, and what needs a session in `transports/`.

pub(crate) mod body;
pub(crate) mod headers;
pub(crate) mod iframe;
pub(crate) mod info;
pub(crate) mod place;
pub(crate) mod refusal;
pub(crate) mod response;
pub(crate) mod route;
