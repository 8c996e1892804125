//! Properties that hold for every input: one module for each fuzz target, each with one function that panics if a property is
//! violated. The targets call it with the inputs of libFuzzer, the tests with the seeds, with inputs that once failed, and with
//! the inputs of proptest.
//!
//! Private code is included here as files: the rules of routes, admission and tickets do not depend on the runtime.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod admission;
pub mod envelope;
pub mod frame;
pub mod payload;
pub mod route;
pub mod session;
pub mod ticket;

/// At the paths by which the included files refer to each other.
#[path = "../../protocol/tests/common/mod.rs"]
mod common;
#[path = "../../protocol/tests/restore/fates.rs"]
mod fates;
#[allow(dead_code)]
#[path = "../../src/http/iframe.rs"]
mod iframe;
#[path = "../../protocol/tests/nonsense/input.rs"]
mod input;
#[path = "../../protocol/tests/restore/op.rs"]
mod op;
#[path = "../../protocol/tests/restore/request.rs"]
mod request;
#[path = "../../protocol/tests/restore/world.rs"]
mod world;

/// Name and check of a target.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 7] = [
    ("admission", admission::check),
    ("envelope", envelope::check),
    ("frame", frame::check),
    ("payload", payload::check),
    ("route", route::check),
    ("session", session::check),
    ("ticket", ticket::check),
];
