//! What must hold for every input: one module for each fuzz target, each with one function that panics where something
//! does not hold. The targets call it with what libFuzzer makes up, the tests with the seeds, with the inputs that once
//! failed, and with what proptest makes up.
//!
//! What is private to its crate is included here as a file: the rules of routes, admission and tickets touch no runtime.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

pub mod admission;
pub mod envelope;
pub mod frame;
pub mod payload;
pub mod route;
pub mod session;
pub mod ticket;

/// Under the paths by which the included files name one another.
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

/// A target's name, and what it checks.
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
