//! The gateway in front of an existing server.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;

#[path = "upstream/address.rs"]
mod address;
#[path = "upstream/breaker.rs"]
mod breaker;
#[path = "upstream/breakers.rs"]
mod breakers;
#[path = "upstream/events.rs"]
mod events;
#[path = "upstream/grip.rs"]
mod grip;
#[path = "upstream/over_http.rs"]
mod over_http;
