//! The requests of a session: the Worker holds the client's response, the object holds the session.
//!
//! * `receive` answers the receiving transports, from polling to streams. It is driven by `response_progress` (pure: frames
//!   written, to acknowledge, to skip), `response_clock` (heartbeats and the end, if the Worker schedules them) and
//!   `client_departure` (the client left, or stalls). `jsonp_callback` validates the page's callback.
//! * `send` validates messages and hands them over; `turn` keeps their order.
//! * `websocket` forwards an upgrade; `held_websocket` holds the client's WebSocket instead, and `upstream` pipes it to an
//!   upstream.
//!
//! The table of transports, with the framing of each, is in `sockjs_protocol::sockjs::transport`.

mod client_departure;
mod held_websocket;
mod jsonp_callback;
pub(crate) mod receive;
mod response_clock;
mod response_progress;
pub(crate) mod send;
mod turn;
mod upstream;
pub(crate) mod websocket;

/// Body of the 403 for a ticket that belongs to another session.
const FORBIDDEN: &str = "The ticket is not for this session.\n";
