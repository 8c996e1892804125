//! The object's side of the gateway: the WebSockets to the upstream of sessions over HTTP, and all connections to an upstream over
//! HTTP.
//!
//! * [`binding`][]: the service binding at which an upstream is reached.
//! * [`gateway`][]: the handler of a service with an upstream.
//! * [`link`][]: one session's WebSocket to the upstream, and what waits for its client.
//! * [`over_http`][]: the same for an upstream that speaks WebSocket-over-HTTP.
//! * [`sending`][]: bytes that wait for upstreams.
//! * [`socket`][]: that WebSocket, as JavaScript has it.
//!
//! ```text
//! client ── messages ──▶ inbox ── Gateway::on_message, which waits for the upstream to read ──▶ upstream
//!        ◀── session ◀── Link::waiting, while the client is behind ◀──────────────────────────
//! ```
//!
//! The rules are in `sockjs_protocol::upstream`. Clients on a WebSocket come here only for an upstream over HTTP: for others
//! the Worker pipes them.

pub(crate) mod binding;
pub(crate) mod gateway;
mod link;
pub(crate) mod over_http;
mod sending;
mod socket;
