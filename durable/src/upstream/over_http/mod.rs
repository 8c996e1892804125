//! The object's side of a gateway to an upstream that speaks WebSocket-over-HTTP.
//!
//! * [`attempt`][]: one attempt to send a request.
//! * [`gateway`][]: the handler of a service with such an upstream.
//! * [`keep_alive`][]: requests and messages while nothing happens.
//! * [`link`][]: one connection: its events for the upstream, and the effects of responses.
//! * [`request`][]: a request with events, as JavaScript sends it.
//! * [`shared`][]: state that the connections share.
//!
//! ```text
//! client ── messages ──▶ inbox ── HttpGateway::on_message ──▶ Link::queue ── Link::pump, one request at a time ──▶ upstream
//!        ◀── session ◀── Link::apply, when the client has read enough ◀─────────────────────── response ──
//! ```
//!
//! Between two requests nothing keeps the object awake. What a connection needs then is in its state.

mod attempt;
pub(crate) mod gateway;
mod keep_alive;
mod link;
mod request;
mod shared;
