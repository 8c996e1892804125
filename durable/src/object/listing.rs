//! Lists of open connections, in pages.

use crate::application::host::{Host, Members};
use crate::application::members::members;
use crate::connection::entry::Entry;
use crate::object::Object;
use serde::Serialize;
use sockjs_protocol::time::Millis;
use std::collections::BinaryHeap;
use std::rc::Rc;
use worker::Result;

/// Most connections in a page.
const PAGE_MAX: usize = 1000;

/// Bytes of a page after which no further connection is added.
const PAGE_BYTES: usize = 1 << 20;

/// A connection in a list.
#[derive(Serialize)]
struct Listed<'a> {
    address: String,
    transport: &'a str,
    opened: Millis,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<&'a serde_json::Value>,
}

impl Object {
    /// Returns the first `limit` connections of `of` with ids greater than `after`, as JSON: a `list`, and the id after which the
    /// `next` page begins, or null.
    pub(super) fn list(self: &Rc<Self>, of: &Members, after: Option<&str>, limit: usize) -> Result<String> {
        let host: Rc<dyn Host> = self.clone();
        let limit = limit.clamp(1, PAGE_MAX);
        let mut first = BinaryHeap::new();
        for entry in members(&host, of) {
            if after.is_none_or(|after| *entry.info.id > *after) {
                first.push(ById(entry));
                if first.len() > limit {
                    first.pop();
                }
            }
        }
        let is_full = first.len() == limit;
        let location = Host::location(&**self).unwrap_or_default();
        let (mut list, mut next) = (String::new(), "null".to_owned());
        let found = first.into_sorted_vec();
        for (index, ById(entry)) in found.iter().enumerate() {
            let groups = entry.groups.borrow();
            let listed = Listed {
                address: format!("{}@{location}", entry.info.id),
                transport: entry.info.transport.name(),
                opened: entry.info.opened,
                groups: groups.names().collect(),
                claims: entry.info.claims.as_ref(),
            };
            if index > 0 {
                list.push(',');
            }
            list.push_str(&serde_json::to_string(&listed)?);
            let is_last = index + 1 == found.len();
            if (is_last && is_full) || (!is_last && list.len() >= PAGE_BYTES) {
                next = serde_json::to_string(&entry.info.id)?;
                break;
            }
        }
        Ok(format!(r#"{{"list":[{list}],"next":{next}}}"#))
    }
}

/// A connection, ordered by its id.
struct ById(Rc<Entry>);

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.info.id == other.0.info.id
    }
}

impl Eq for ById {}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.info.id.cmp(&other.0.info.id)
    }
}
