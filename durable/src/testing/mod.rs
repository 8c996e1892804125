//! A test kit: a room and its clients, for tests of a [`Handler`](crate::Handler) that run natively with `cargo test`.
//!
//! Enable it for tests only:
//!
//! ```toml
//! [dev-dependencies]
//! sockjs-edge = { version = "0.2", features = ["testing"] }
//! ```
//!
//! ```
//! # mod sockjs_edge { pub use {sockjs_durable::*, sockjs_protocol::service::options::Config}; }
//! use sockjs_edge::testing::TestRoom;
//! use sockjs_edge::{Config, Connection, Handler};
//! use worker::Result;
//!
//! #[derive(Default)]
//! struct Chat;
//!
//! impl Handler for Chat {
//!     async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
//!         connection.room().broadcast_except(message, connection);
//!         Ok(())
//!     }
//! }
//!
//! let room = TestRoom::new(Config::new("/chat"), Chat::default);
//! let (alice, bob) = (room.connect(), room.connect());
//! alice.send("hello");
//! assert_eq!(bob.received(), ["hello"]);
//! assert!(alice.received().is_empty());
//! ```
//!
//! A test calls the methods of [`TestRoom`] and [`TestClient`]. Each call is an event: the handlers run as far as they
//! can before the method returns. Time stands still until the test calls [`TestRoom::advance`].
//!
//! # Fidelity
//!
//! The kit uses the server's own sessions, queues, order of callbacks, room gate and limits of a service. The
//! transports also differ from each other as on the server: see [`TestClient::leave`] and [`TestRoom::restart`].
//!
//! | missing from the kit | instead |
//! |---|---|
//! | `on_request`, tickets | [`ClientBuilder::claims`] sets its result. Test the decision itself as a function over plain values |
//! | `Env`, `fetch`, `Delay`, `Date`, `console_log!` | these exist only in the runtime: a handler that calls one of them fails its test |
//! | [`RoomStorage::sql`](crate::RoomStorage::sql) | `get`, `put` and `delete` |
//! | limits over several rooms or connections: `object_queue_limit`, `connections_per_object`, `address_limiter`, memory | tests of the Worker |
//! | [`Push`](https://docs.rs/sockjs-edge/latest/sockjs_edge/struct.Push.html) | [`TestRoom::room`] broadcasts |
//!
//! # Modules
//!
//! * `room`: the interface for tests. `client`: the clients of a room.
//! * `world`: the state that outlives an object. `instance`: the object, which connections and rooms reach as a `Host`;
//!   `settle`, `gate` and `alarm` are parts of it. `tasks`: the executor.

#![allow(clippy::panic, reason = "a test that uses the kit wrongly, or waits for ever, is reported by a panic")]

mod alarm;
mod client;
mod client_state;
mod gate;
mod instance;
mod room;
mod settle;
mod tasks;
mod world;

pub use client::{ClientBuilder, TestClient};
pub use room::TestRoom;
