//! The application's storage in an object, beside the server's own tables.

#[cfg(feature = "testing")]
use crate::store::memory_storage::MemoryStorage;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use worker::durable::Storage;
use worker::{Result, SqlStorage};

/// The storage of a room: keys and values, and SQLite. It survives restarts, hibernation and deploys, also while nobody is
/// connected. Each row written is billed.
pub struct RoomStorage(Backend);

enum Backend {
    Durable(Storage),
    /// The memory of a test.
    #[cfg(feature = "testing")]
    Memory(MemoryStorage),
}

impl RoomStorage {
    pub(crate) fn of_object(storage: Storage) -> Self {
        Self(Backend::Durable(storage))
    }

    #[cfg(feature = "testing")]
    pub(crate) fn in_memory(storage: MemoryStorage) -> Self {
        Self(Backend::Memory(storage))
    }

    /// Returns the runtime's own storage. Undefined in a test.
    #[doc(hidden)]
    pub fn raw(&self) -> JsValue {
        match &self.0 {
            Backend::Durable(storage) => storage.as_raw().into(),
            #[cfg(feature = "testing")]
            Backend::Memory(_) => JsValue::UNDEFINED,
        }
    }

    /// Returns the value of `key`, if it has one.
    pub async fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        match &self.0 {
            Backend::Durable(storage) => storage.get(key).await,
            #[cfg(feature = "testing")]
            Backend::Memory(storage) => storage.get(key),
        }
    }

    /// Sets the value of `key`.
    pub async fn put<T: Serialize>(&self, key: &str, value: T) -> Result<()> {
        match &self.0 {
            Backend::Durable(storage) => storage.put(key, value).await,
            #[cfg(feature = "testing")]
            Backend::Memory(storage) => storage.put(key, &value),
        }
    }

    /// Removes `key`. Returns true if it had a value.
    pub async fn delete(&self, key: &str) -> Result<bool> {
        match &self.0 {
            Backend::Durable(storage) => storage.delete(key).await,
            #[cfg(feature = "testing")]
            Backend::Memory(storage) => Ok(storage.delete(key)),
        }
    }

    /// Returns the object's SQLite database. Tables whose names begin with `sockjs_` belong to this server.
    pub fn sql(&self) -> SqlStorage {
        match &self.0 {
            Backend::Durable(storage) => storage.sql(),
            #[cfg(feature = "testing")]
            Backend::Memory(_) => MemoryStorage::no_sql(),
        }
    }
}

impl std::fmt::Debug for RoomStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RoomStorage")
    }
}
