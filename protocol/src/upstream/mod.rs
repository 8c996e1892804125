//! The gateway: an existing server behind this one.
//!
//! A client speaks SockJS to this server, and this server speaks plain WebSocket or WebSocket-over-HTTP to the *upstream*,
//! which knows nothing of SockJS. The decisions of the gateway are made here. Requests and sockets are not.
//!
//! ```text
//! client ── SockJS ──▶ gateway ── WebSocket, one for each connection ──────────────▶ upstream
//!                                 WebSocket-over-HTTP: a request for some messages ─▶
//!                      ◀───────── POST /publish/ ────────────────────────────────────
//! ```
//!
//! * [`address`][]: the address of an upstream, and the URL for one connection.
//! * [`breaker`][]: whether an upstream that fails may be asked.
//! * [`close`][]: close codes on their way between upstream and client, and refusals.
//! * [`events`][]: the events of a connection in the bodies of WebSocket-over-HTTP.
//! * [`grip`][]: what a backend tells the gateway, and publishes to connections.

pub mod address;
pub mod breaker;
pub mod close;
pub mod events;
pub mod grip;
