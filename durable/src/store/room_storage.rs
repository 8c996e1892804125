//! The storage that the application has in an object, beside the tables of this server.

use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::durable::Storage;
use worker::{Result, SqlStorage};

/// The storage of a room: keys and values, and SQLite. It lasts through restarts, sleep and deploys, also while nobody is
/// connected. Each row written is billed.
pub struct RoomStorage(pub(crate) Storage);

impl RoomStorage {
    /// Returns the value of `key`, if it has one.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        self.0.get(key).await
    }

    /// Sets the value of `key`.
    pub async fn put<T: Serialize>(&self, key: &str, value: T) -> Result<()> {
        self.0.put(key, value).await
    }

    /// Removes `key`. True if it had a value.
    pub async fn delete(&self, key: &str) -> Result<bool> {
        self.0.delete(key).await
    }

    /// Returns the object's SQLite database. Tables whose names begin with `sockjs_` are this server's.
    pub fn sql(&self) -> SqlStorage {
        self.0.sql()
    }
}

impl std::fmt::Debug for RoomStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoomStorage")
    }
}
