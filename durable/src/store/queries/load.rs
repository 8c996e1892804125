//! Loads the stored sessions when the object wakes up: without their messages, and skipping damaged rows.

use super::{IN_PARTS, Store, readable};
use crate::info::connection_info::ConnectionInfo;
use crate::observe::log;
use crate::store::kept::Kept;
use crate::store::schema::{CLOSE_KIND, Column, GROUPS, MESSAGES, PARTS, SESSIONS};
use crate::store::sql::{Values, unexpected};
use sockjs_protocol::inner::json::Reader;
use sockjs_protocol::sockjs::session::{CloseKind, Extent, ReceiverId, Seq, Stored, Tombstone};
use sockjs_protocol::time::Millis;
use worker::Result;

/// A stored session.
#[derive(Debug, PartialEq)]
pub(crate) struct StoredSession {
    pub info: ConnectionInfo,
    pub kept: Kept,
    pub stored: Stored,
}

/// Consecutive messages that are stored. A missing extent means that its rows cannot be read.
struct StoredExtent {
    service: String,
    session: String,
    extent: Option<Extent>,
}

impl StoredExtent {
    fn name(&self) -> (&str, &str) {
        (&self.service, &self.session)
    }
}

impl Store {
    /// Loads every stored session, without its messages.
    pub fn load(&self) -> Result<Vec<StoredSession>> {
        if !self.has(SESSIONS)? {
            return Ok(Vec::new());
        }
        let extents = if self.has(MESSAGES)? { self.load_extents()? } else { Vec::new() };
        let column = |column: Column| if self.has_column(column) { column.name } else { "NULL" };
        let (kind, groups) = (column(CLOSE_KIND), column(GROUPS));
        let query = format!(
            "SELECT service, session, info, opener, delivered, close_code, close_reason, closed_at, {kind}, told, absent,
             heard, state, {groups} FROM sockjs_sessions_2"
        );
        readable(&self.sql, &query, "stored_session", |row| read(row, &extents))
    }

    /// Loads numbers and bytes of all messages. Rows with consecutive numbers are joined.
    fn load_extents(&self) -> Result<Vec<StoredExtent>> {
        // In an array, two quotes and a comma or bracket belong to each message, and one bracket to the array.
        let of_array = "max(0, length(CAST(messages AS BLOB)) - 3 * (last - first + 1) - 1)";
        let of_parts = "(SELECT sum(length(CAST(text AS BLOB))) FROM sockjs_parts_1 AS part
            WHERE part.service = row.service AND part.session = row.session AND number = first)";
        let bytes = match self.has(PARTS)? {
            true => format!("CASE messages WHEN '{IN_PARTS}' THEN {of_parts} ELSE {of_array} END"),
            false => of_array.to_owned(),
        };
        let query = format!(
            "SELECT service, session, min(first), max(last), sum(bytes) FROM (
               SELECT service, session, first, last, bytes,
                 sum(is_apart) OVER (PARTITION BY service, session ORDER BY first) AS run
               FROM (
                 SELECT service, session, first, last, {bytes} AS bytes,
                   first <> 1 + ifnull(lag(last) OVER (PARTITION BY service, session ORDER BY first), -1) AS is_apart
                 FROM sockjs_messages_1 AS row))
             GROUP BY service, session, run ORDER BY service, session, min(first)"
        );
        let read = |mut row: Values| {
            let (service, session) = (row.text()?, row.text()?);
            let extent = read_extent(row).inspect_err(|error| log::error("stored_message", Some(&service), error));
            Ok(StoredExtent { service, session, extent: extent.ok() })
        };
        readable(&self.sql, &query, "stored_message", read)
    }
}

fn read_extent(mut row: Values) -> Result<Extent> {
    let (first, last) = (Seq(row.number()?), Seq(row.number()?));
    Ok(Extent { first, last, bytes: usize::try_from(row.number()?).unwrap_or(usize::MAX) })
}

/// Reads a session with its own part of `extents`, which are sorted by service and session.
fn read(mut row: Values, extents: &[StoredExtent]) -> Result<StoredSession> {
    let (service, session) = (row.text()?, row.text()?);
    let name = (&*service, &*session);
    let first = extents.partition_point(|row| row.name() < name);
    let extents: Option<Vec<_>> =
        extents.iter().skip(first).take_while(|row| row.name() == name).map(|row| row.extent).collect();
    let info = Reader::whole(&row.text()?, ConnectionInfo::stored).ok_or_else(unexpected)?;
    let opener = ReceiverId(row.number()?);
    let delivered = row.number_or_null()?.map(Seq);
    // If rows cannot be read, the session finds its next message missing, and ends.
    let rows = extents.unwrap_or_else(|| {
        let first = delivered.map_or(Seq(0), |delivered| Seq(delivered.0.saturating_add(1)));
        vec![Extent { first, last: first, bytes: 0 }]
    });
    let (code, reason, at) = (row.number_or_null()?, row.text_or_null()?, row.number_or_null()?);
    let kind = row.text_or_null()?;
    let closed = code.map(|code| {
        let (code, reason) = (code.try_into().unwrap_or_default(), reason.unwrap_or_default());
        let kind = kind.as_deref().and_then(CloseKind::of).unwrap_or_else(|| Tombstone::kind_of(code, &reason));
        Tombstone { code, reason, kind, at: Millis(at.unwrap_or_default()) }
    });
    let told = row.number()? != 0;
    let absent = row.number_or_null()?.map(Millis);
    let heard = row.number()? != 0;
    let kept = Kept { state: row.text_or_null()?, groups: row.text_or_null()? };
    Ok(StoredSession { info, kept, stored: Stored { opener, closed, told, heard, absent, rows, delivered } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockjs_protocol::sockjs::transport::Transport;
    use worker::SqlStorageValue;

    fn info() -> ConnectionInfo {
        ConnectionInfo {
            held: false,
            id: "id".into(),
            service: "/echo".into(),
            session: Some("s".into()),
            transport: Transport::XhrPolling,
            pathname: "/echo/0/s/xhr".into(),
            query: "a=1".into(),
            remote_address: Some("192.0.2.1".into()),
            headers: vec![("host".into(), "example.com".into())],
            parameters: vec![],
            opened: Millis(5),
            ticket: None,
            claims: None,
        }
    }

    #[test]
    fn rows_keep_their_written_form() {
        let written = r#"{"id":"id","service":"/echo","session":"s","transport":"xhr-polling","pathname":"/echo/0/s/xhr","query":"a=1","remote_address":"192.0.2.1","headers":[["host","example.com"]],"opened":5}"#;
        assert_eq!(serde_json::to_string(&info()).unwrap(), written);

        let row = Values::from(vec![
            "/echo".into(),
            "s".into(),
            written.into(),
            7.into(),
            SqlStorageValue::Null,
            3000.into(),
            "Go away!".into(),
            9.into(),
            "application".into(),
            1.into(),
            8.into(),
            1.into(),
            "{}".into(),
            r#"["g"]"#.into(),
        ]);
        let of = |session: &str, first| StoredExtent {
            service: "/echo".into(),
            session: session.into(),
            extent: Some(Extent { first: Seq(first), last: Seq(first + 1), bytes: 5 }),
        };
        let read = read(row, &[of("r", 1), of("s", 5), of("s", 9), of("s2", 1)]).unwrap();
        let rows = [of("s", 5), of("s", 9)].into_iter().filter_map(|stored| stored.extent).collect();
        let closed =
            Some(Tombstone { code: 3000, reason: "Go away!".into(), kind: CloseKind::Application, at: Millis(9) });
        let stored = Stored {
            opener: ReceiverId(7),
            closed,
            told: true,
            heard: true,
            absent: Some(Millis(8)),
            rows,
            delivered: None,
        };
        let kept = Kept { state: Some("{}".into()), groups: Some(r#"["g"]"#.into()) };
        assert_eq!(read, StoredSession { info: info(), kept, stored });
    }
}
