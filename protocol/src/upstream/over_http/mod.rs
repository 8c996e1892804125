//! WebSocket-over-HTTP: the decisions about one connection, whose events travel in bodies of requests.
//!
//! ```text
//! client ── events ──▶ EventQueue ── one request in flight ──▶ upstream
//!        ◀── Effect ── read_response ◀───────────── response ──
//! ```
//!
//! * [`keep_alive`][]: requests and messages while nothing happens.
//! * [`queue`][]: events for the upstream, and the bodies that they become.
//! * [`response`][]: effects of a response.
//! * [`retry`][]: requests that may be sent again.
//! * [`state`][]: facts of a connection that outlast requests and restarts.

pub mod keep_alive;
pub mod queue;
pub mod response;
pub mod retry;
pub mod state;
