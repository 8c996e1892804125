//! The object's side of the gateway: the WebSockets to the upstream of sessions over HTTP.
//!
//! * [`gateway`][]: the handler of a service with an upstream.
//! * [`link`][]: one session's WebSocket to the upstream, and what waits for its client.
//! * [`sending`][]: what waits for upstreams.
//! * [`socket`][]: that WebSocket, as JavaScript has it.
//!
//! ```text
//! client ── messages ──▶ inbox ── Gateway::on_message, which waits for the upstream to read ──▶ upstream
//!        ◀── session ◀── Link::waiting, while the client is behind ◀──────────────────────────
//! ```
//!
//! The rules are in `sockjs_protocol::upstream`. Clients on a WebSocket never come here: the Worker pipes them.

pub(crate) mod gateway;
mod link;
mod sending;
mod socket;
