//! Requests to objects: from a Worker, or from another object.
//!
//! * [`object_address`][]: how an object is found and asked.
//! * [`publisher`][]: pushes to all objects of a room, in one order; `turns`: who comes next.

pub mod object_address;
pub mod publisher;
pub(crate) mod turns;
