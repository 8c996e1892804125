//! The object's side of a gateway to an upstream that speaks WebSocket-over-HTTP.
//!
//! * [`gateway`][]: the handler of a service with such an upstream.
//! * [`keys`][]: keys of signatures.
//! * [`link`][]: one connection: its events for the upstream, and the effects of responses.
//! * [`request`][]: a request with events, as JavaScript sends it.
//!
//! ```text
//! client ── messages ──▶ inbox ── HttpGateway::on_message ──▶ Link::queue ── Link::pump, one request at a time ──▶ upstream
//!        ◀── session ◀── Link::apply, when the client has read enough ◀─────────────────────── response ──
//! ```
//!
//! Between two requests nothing keeps the object awake. What a connection needs then is in its state.

pub(crate) mod gateway;
pub mod keys;
mod link;
mod request;
