//! Admission: decides who may use a service. Every decision here is made before a Durable Object is called, so that a refusal
//! starts none.
//!
//! 1. `rules` decides by origin and ticket, from values alone. `ticket` signs and reads tickets.
//! 2. `admit` applies the rules to a request, and asks the application's `on_request`.
//! 3. `address` counts the connections that one address opens.
//!
//! `secret` compares bearer tokens, for push and metrics. The two checks that need the object (its limit of connections, and the
//! ticket of an open session) are in the crate `sockjs-durable`.

pub(crate) mod address;
pub(crate) mod admit;
pub(crate) mod rules;
pub(crate) mod secret;
pub(crate) mod ticket;
