//! The protocol between the Worker and the Durable Object.
//!
//! * [`envelope`][]: commands, and the messages on an inner WebSocket, in each version that this build speaks.
//! * [`header`][]: frames as values of a response header, and the limits of a header.
//! * [`repeat`][]: retries of a push.
//! * [`json`][]: the reader for the JSON in commands and in storage.

pub mod envelope;
pub mod header;
pub mod json;
pub mod repeat;
