//! The options of a service, and the names of the objects that serve its connections.
//!
//! * [`client_address`][]: the address of a client behind proxies.
//! * [`options`][]: the options, their defaults and limits.
//! * [`origin`][]: origins of the pages that may connect.
//! * [`prefix`][]: the path of a service.
//! * [`placement`][]: the object that serves a connection.
//! * [`secrets`][]: tokens and keys that operators set.

pub mod client_address;
pub mod options;
pub mod origin;
pub mod placement;
pub mod prefix;
pub mod secrets;
