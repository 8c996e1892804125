//! The interface of the application: the traits that it implements, and the handles that it receives.
//!
//! * [`services`][]: the services of a Worker. [`handler`][]: the trait that an application implements.
//! * [`connection`][], [`room`][], [`group`][], [`shards`][]: the handles that a handler gets.
//! * [`members`][]: broadcasts to the connections of a room.
//! * [`host`][]: the object, as these handles see it. They know nothing else of it.

pub(crate) mod connection;
pub(crate) mod group;
pub(crate) mod handler;
pub(crate) mod host;
pub(crate) mod members;
pub(crate) mod room;
pub(crate) mod services;
pub(crate) mod shards;
