//! The list of the connections of a room, page by page.

use serde_json::Value;
use sockjs_protocol::inner::envelope::is_connection_id;
use sockjs_protocol::inner::json::Reader;

/// A page of the connections of a room.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Page {
    /// The connections.
    pub connections: Vec<RemoteInfo>,
    /// Start of the next page, for [`RemoteRoom::connections`](crate::RemoteRoom::connections). `None` at the end.
    pub next: Option<String>,
}

/// A connection in a list.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RemoteInfo {
    /// Address, for [`Push::connection`](crate::Push::connection).
    pub address: String,
    /// Name of the transport, such as `websocket`.
    pub transport: String,
    /// The time at which it was opened, in milliseconds since 1970.
    pub opened: u64,
    /// The groups of the room that it joined.
    pub groups: Vec<String>,
    /// Claims from [`Handler::on_request`](crate::Handler::on_request). Null if there are none.
    pub claims: Value,
}

impl RemoteInfo {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (mut address, mut transport, mut opened) = (None, None, None);
        let (mut groups, mut claims) = (Vec::new(), Value::Null);
        reader.object(&mut |name, reader| {
            match name {
                "address" => address = Some(reader.text()?),
                "transport" => transport = Some(reader.text()?),
                "opened" => opened = Some(reader.number()?),
                "groups" => reader.array(&mut |reader| {
                    groups.push(reader.text()?);
                    Some(())
                })?,
                "claims" => claims = reader.value()?,
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(Self { address: address?, transport: transport?, opened: opened?, groups, claims })
    }
}

/// A page whose connections are still JSON.
#[derive(Debug, Default, PartialEq)]
pub(super) struct RawPage {
    pub list: Vec<String>,
    pub next: Option<String>,
}

impl RawPage {
    pub(super) fn read(json: &str) -> Option<Self> {
        let mut page = Self::default();
        let mut field = |name: &str, reader: &mut Reader<'_>| {
            match name {
                "list" => reader.array(&mut |reader| {
                    page.list.push(reader.raw()?.to_owned());
                    Some(())
                })?,
                "next" if reader.null().is_some() => {}
                "next" => page.next = Some(reader.text()?),
                _ => reader.skip()?,
            }
            Some(())
        };
        Reader::whole(json, |reader| reader.object(&mut field))?;
        Some(page)
    }
}

/// A place in the list of the connections of a room.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Number of the object.
    pub shard: usize,
    /// Id of the last connection of that object that was listed.
    pub id: Option<String>,
}

impl Cursor {
    pub(super) fn write(&self) -> String {
        format!("{}:{}", self.shard, self.id.as_deref().unwrap_or_default())
    }

    pub(super) fn read(written: &str) -> Option<Self> {
        let (shard, id) = written.split_once(':')?;
        let id = Some(id.to_owned()).filter(|id| !id.is_empty());
        if !id.as_deref().is_none_or(is_connection_id) {
            return None;
        }
        Some(Self { shard: shard.parse().ok()?, id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_with_what_is_known_of_each_connection() {
        let json = r#"{"list":[{"address":"a@/x//room","transport":"websocket","opened":5,"groups":["g"],"claims":{"user":1}},
            {"address":"b@/x//room","transport":"xhr-polling","opened":6,"new":[]}],"next":"b"}"#;
        let page = RawPage::read(json).unwrap();
        assert_eq!((page.list.len(), page.next.as_deref()), (2, Some("b")));
        let [first, second] = [0, 1].map(|at| Reader::whole(&page.list[at], RemoteInfo::read).unwrap());
        assert_eq!((first.groups, first.claims), (vec!["g".to_owned()], serde_json::json!({ "user": 1 })));
        assert_eq!((&*second.address, second.opened, second.claims), ("b@/x//room", 6, Value::Null));
        assert_eq!(RawPage::read(r#"{"list":[],"next":null}"#), Some(RawPage::default()));
        assert_eq!(RawPage::read("[]"), None);
    }

    #[test]
    fn a_place_in_a_list_is_what_it_was_written_as() {
        for cursor in [Cursor { shard: 3, id: Some("a:b".into()) }, Cursor { shard: 12, id: None }] {
            assert_eq!(Cursor::read(&cursor.write()), Some(cursor));
        }
        for damaged in ["", "3", "x:a", "-1:a", &["3:", &"a".repeat(129)].concat()] {
            assert_eq!(Cursor::read(damaged), None);
        }
    }
}
