//! The gateway in front of an existing server.

#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

#[path = "upstream/address.rs"]
mod address;
