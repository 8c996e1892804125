//! What the application keeps in an object's storage, beside what this server keeps there.

use crate::alarm::Armed;
use crate::object::Object;
use crate::rows::rows;
use serde::Serialize;
use serde::de::DeserializeOwned;
use worker::durable::{ListOptions, Storage};
use worker::{Result, SqlStorage};

/// The storage of a room: keys and values, and SQLite. It lasts through restarts, sleep and deploys, also while nobody is
/// connected. Each row written is billed.
pub struct RoomStorage(pub(crate) Storage);

impl RoomStorage {
    /// The value of `key`, if it has one.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        self.0.get(key).await
    }

    /// Sets the value of `key`.
    pub async fn put<T: Serialize>(&self, key: &str, value: T) -> Result<()> {
        self.0.put(key, value).await
    }

    /// Removes `key`; whether it had a value.
    pub async fn delete(&self, key: &str) -> Result<bool> {
        self.0.delete(key).await
    }

    /// The object's database. Tables whose names begin with `sockjs_` are this server's.
    pub fn sql(&self) -> SqlStorage {
        self.0.sql()
    }
}

impl std::fmt::Debug for RoomStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoomStorage")
    }
}

impl Object {
    /// Nobody is connected and nothing is due: if the application keeps nothing, nothing at all stays. Of an alarm alone an
    /// object keeps 12 KB, and nobody may ever ask for it again.
    pub(crate) async fn clear_storage(&self) -> Result<()> {
        let storage = self.state.storage();
        let tables = rows(&storage.sql(), APPLICATION_TABLES)?;
        let keys = storage.list_with_options(ListOptions::new().limit(1)).await?;
        // Somebody may have come meanwhile.
        if self.is_idle() && tables.is_empty() && keys.size() == 0 {
            // The alarm goes with the rest (compatibility date 2026-02-24).
            self.armed.set(Armed::Never);
            self.store.reset();
            storage.delete_all().await?;
        }
        Ok(())
    }
}

const APPLICATION_TABLES: &str = r"
SELECT 1 FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sockjs\_%' ESCAPE '\'
AND name NOT LIKE '\_cf\_%' ESCAPE '\' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' LIMIT 1";
