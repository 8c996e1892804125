//! Storage of a room in the memory of a test.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use worker::{Result, SqlStorage};

/// Keys and values, as JSON. Clones share the storage.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryStorage(Rc<RefCell<BTreeMap<String, Value>>>);

impl MemoryStorage {
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        match self.0.borrow().get(key) {
            Some(value) => Ok(Some(T::deserialize(value)?)),
            None => Ok(None),
        }
    }

    pub fn put<T: Serialize>(&self, key: &str, value: &T) -> Result<()> {
        self.0.borrow_mut().insert(key.to_owned(), serde_json::to_value(value)?);
        Ok(())
    }

    /// Removes a key. True if it had a value.
    pub fn delete(&self, key: &str) -> bool {
        self.0.borrow_mut().remove(key).is_some()
    }

    #[expect(clippy::panic, reason = "only a test comes here")]
    pub fn no_sql() -> SqlStorage {
        panic!("RoomStorage::sql: a test has no SQLite; its storage is get, put and delete")
    }
}
