//! Facts about requests and connections, and the errors that an application sees. All of them are plain values.
//!
//! * [`connection_info`][]: the facts of a connection, which are stored with it.
//! * [`request_info`][]: the request that an application decides about; [`admission`][]: the decision.
//! * [`errors`][]: errors of sending and closing.

pub(crate) mod admission;
pub(crate) mod connection_info;
pub(crate) mod errors;
pub(crate) mod request_info;
