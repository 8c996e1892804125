//! Requests to objects: from a Worker, or from another object.
//!
//! * [`object_address`][]: finds an object and calls it.
//! * [`publisher`][]: pushes to all objects of a room, in one order; `turns`: a queue with limited room.

pub mod object_address;
pub mod publisher;
pub(crate) mod turns;
