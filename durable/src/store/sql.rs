//! Rows of the database, read value by value: serde's code for a row, with names and types, would take a kilobyte or two.

use std::vec::IntoIter;
use worker::{Error, Result, SqlStorage, SqlStorageValue};

/// A row whose values are taken one after the other, in the order of the query.
pub(crate) struct Values(IntoIter<SqlStorageValue>);

/// Returns all rows of `query`.
pub(crate) fn rows(sql: &SqlStorage, query: &str) -> Result<Vec<Values>> {
    sql.exec(query, None)?.raw().map(|row| row.map(Values::from)).collect()
}

impl From<Vec<SqlStorageValue>> for Values {
    fn from(values: Vec<SqlStorageValue>) -> Self {
        Self(values.into_iter())
    }
}

impl Values {
    pub fn text(&mut self) -> Result<String> {
        self.text_or_null()?.ok_or_else(unexpected)
    }

    pub fn text_or_null(&mut self) -> Result<Option<String>> {
        match self.0.next() {
            Some(SqlStorageValue::String(text)) => Ok(Some(text)),
            Some(SqlStorageValue::Null) => Ok(None),
            _ => Err(unexpected()),
        }
    }

    pub fn number(&mut self) -> Result<u64> {
        self.number_or_null()?.ok_or_else(unexpected)
    }

    pub fn number_or_null(&mut self) -> Result<Option<u64>> {
        match self.0.next() {
            Some(SqlStorageValue::Integer(number)) => number.try_into().map(Some).map_err(|_| unexpected()),
            Some(SqlStorageValue::Null) => Ok(None),
            _ => Err(unexpected()),
        }
    }
}

/// Returns the error for a row that does not have the format of this version.
pub(crate) fn unexpected() -> Error {
    Error::RustError("a stored row does not have the format of this version".into())
}
