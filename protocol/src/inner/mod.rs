//! The protocol between the Worker and the Durable Object.
//!
//! * [`envelope`][]: commands, and the messages of an inner WebSocket, in each version that this build speaks.
//! * [`header`][]: frames and messages in a header of a request or response.
//! * [`json`][]: the reader for the JSON in them.

pub mod envelope;
pub mod header;
pub mod json;
