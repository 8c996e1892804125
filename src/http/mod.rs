//! HTTP as SockJS uses it: the routes, the heads of responses, CORS, and the responses that need no session.
//!
//! * `route` finds the endpoint of a request, `place` reads the parameters of its prefix.
//! * `headers` has response heads as values, `response` turns them into the runtime's responses, `refusal` has the responses to
//!   errors.
//! * `info` and `iframe` are the two documents that a client loads; `body` reads the bodies that a client sends.
//!
//! Admission of clients is in `admission/`, and requests that need a session are in `transports/`.

pub(crate) mod body;
pub(crate) mod headers;
pub(crate) mod iframe;
pub(crate) mod info;
pub(crate) mod place;
pub(crate) mod refusal;
pub(crate) mod response;
pub(crate) mod route;
