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
//! * [`breaker`][]: a circuit breaker, for an upstream that fails.
//! * [`breakers`][]: those of an upstream with many URLs.
//! * [`claims`][]: the claims of a client, signed for the upstream.
//! * [`close`][]: close codes on their way between upstream and client, and refusals.
//! * [`events`][]: the events of a connection in the bodies of WebSocket-over-HTTP.
//! * [`forward`][]: headers of the request that opens a connection.
//! * [`grip`][]: messages of a backend to the gateway, and items that are published to connections.
//! * `jwt`: signatures of JSON Web Tokens.
//! * [`opening`][]: the moment at which a client is open.
//! * [`over_http`][]: WebSocket-over-HTTP: events that wait, responses, repetitions, and what is kept of a connection.

pub mod address;
pub mod breaker;
pub mod breakers;
pub mod claims;
pub mod close;
pub mod events;
pub mod forward;
pub mod grip;
mod jwt;
pub mod opening;
pub mod over_http;
