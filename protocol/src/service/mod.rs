//! The settings of a service, and where its connections go.
//!
//! * [`options`][]: the options, their defaults and limits.
//! * [`origin`][]: the pages that may connect.
//! * [`prefix`][]: the path of a service; [`placement`][]: the object that serves a connection.

pub mod options;
pub mod origin;
pub mod placement;
pub mod prefix;
