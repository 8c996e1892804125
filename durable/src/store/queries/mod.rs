//! Queries of the object's tables: one row for each stored session, and one for each run of waiting messages.
//!
//! WebSockets that the object holds store nothing: the data for waking up is attached to their sockets. For a WebSocket that the
//! Worker holds, a row is written at once with `outbox`, and otherwise with the first message that waits for long. `load` reads
//! the sessions of an object that wakes up.

mod load;

pub(crate) use load::StoredSession;

use crate::info::connection_info::ConnectionInfo;
use crate::observe::log;
use crate::store::kept::Kept;
use crate::store::schema::{
    ADDED_COLUMNS, CLOSE_KIND, Column, GROUPS, MESSAGES, OPEN, PARTS, ROOMS, SENDERS, SESSIONS, TABLES, TOTALS,
    TableSchema,
};
use crate::store::sql::{Values, rows};
use sockjs_protocol::inner::envelope::PushNumber;
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::meter::Meter;
use sockjs_protocol::sockjs::payload::{Messages, PayloadLimits};
use sockjs_protocol::sockjs::session::{Change, READ, Row, Seq, Tombstone};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use worker::{Error, Result, SqlStorage, SqlStorageValue};

/// Bytes of JSON in a row: SQLite in a Durable Object accepts 2 MB, including everything else in the row.
const ROW_MAX: usize = 1_900_000;

/// Bytes of a part of a message that does not fit into a row.
const PART_MAX: usize = 900_000;

/// Placeholder in the row of a message that is stored in parts. The previous build has no parts. It must not read the row as one
/// without messages, since its client would not notice the gap. The placeholder is invalid JSON, so that it ends the session.
const IN_PARTS: &str = "in parts";

/// The object's tables.
pub(crate) struct Store {
    sql: SqlStorage,
    /// The existing tables; `None` until they are read.
    known: RefCell<Option<FoundTables>>,
}

/// The last completed push of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastPush {
    pub number: PushNumber,
    /// Connections that it reached.
    pub reached: usize,
    pub at: Millis,
}

/// The existing tables.
#[derive(Debug, Default)]
struct FoundTables {
    tables: Vec<TableSchema>,
    /// Columns of the sessions' table that the previous release does not create.
    columns: Vec<Column>,
}

impl Store {
    pub fn new(sql: SqlStorage) -> Self {
        Self { sql, known: RefCell::default() }
    }

    /// Notes that everything was deleted, including the tables.
    pub fn reset(&self) {
        self.known.replace(None);
    }

    /// Reads messages of the session of `info`, from the number `first` on, until the rows hold [`READ`] bytes.
    pub fn read(&self, info: &ConnectionInfo, first: Seq, meter: &Meter) -> Result<Vec<Row>> {
        let (service, session) = (info.service.as_str(), info.session_name());
        let session = &*session;
        let query = "SELECT first, messages FROM sockjs_messages_1 WHERE service = ? AND session = ? AND last >= ?
                     ORDER BY first";
        let values = [Param::Text(service), Param::Text(session), Param::Number(first.0)];
        let (mut read, mut bytes) = (Vec::new(), 0);
        for row in self.exec(query, &values)?.raw() {
            let mut row = Values::from(row?);
            let (first, json) = (Seq(row.number()?), row.text()?);
            let messages = match json == IN_PARTS {
                true => vec![Message::metered(&self.load_parts(service, session, first)?, meter)],
                false => Messages::of_body(json, PayloadLimits::NONE)
                    .map_err(|error| Error::RustError(error.to_string()))?
                    .map(|message| Message::metered(&message, meter))
                    .collect(),
            };
            let row = Row { first, messages };
            bytes += row.extent().bytes;
            read.push(row);
            if bytes >= READ {
                break;
            }
        }
        Ok(read)
    }

    /// Reads a message that is stored in parts.
    fn load_parts(&self, service: &str, session: &str, number: Seq) -> Result<String> {
        let query = "SELECT text FROM sockjs_parts_1 WHERE service = ? AND session = ? AND number = ? ORDER BY part";
        let values = [Param::Text(service), Param::Text(session), Param::Number(number.0)];
        self.exec(query, &values)?.raw().map(|row| Values::from(row?).text()).collect()
    }

    /// Reads the service whose application's alarm is set, and its time.
    pub fn load_room_alarm(&self) -> Result<Option<(String, Millis)>> {
        if !self.has(ROOMS)? {
            return Ok(None);
        }
        let read = |mut row: Values| Ok((row.text()?, Millis(row.number()?)));
        Ok(readable(&self.sql, "SELECT service, alarm FROM sockjs_rooms_1", "stored_alarm", read)?.into_iter().next())
    }

    /// Writes the time of the application's alarm.
    pub fn set_room_alarm(&self, service: &str, at: Option<Millis>) -> Result<()> {
        self.make(ROOMS)?;
        match at {
            Some(at) => self.exec(
                "INSERT OR REPLACE INTO sockjs_rooms_1 (service, alarm) VALUES (?, ?)",
                &[Param::Text(service), Param::Number(at.0)],
            )?,
            None => self.exec("DELETE FROM sockjs_rooms_1 WHERE service = ?", &[Param::Text(service)])?,
        };
        Ok(())
    }

    /// Reads the numbers of open connections, by service and transport, as of the last report.
    pub fn load_open(&self) -> Result<Vec<(String, Transport, i64)>> {
        if !self.has(OPEN)? {
            return Ok(Vec::new());
        }
        let read = |mut row: Values| {
            // It is only written when it is positive.
            let (service, name, count) = (row.text()?, row.text()?, i64::try_from(row.number()?).unwrap_or(i64::MAX));
            // A later version may have a transport that is unknown here.
            let transport = Transport::ALL.into_iter().find(|known| known.name() == name);
            Ok(transport.map(|transport| (service, transport, count)))
        };
        let query = "SELECT service, transport, open FROM sockjs_open_1";
        Ok(readable(&self.sql, query, "stored_count", read)?.into_iter().flatten().collect())
    }

    /// Writes a number of open connections.
    pub fn set_open(&self, service: &str, transport: Transport, open: i64) -> Result<()> {
        self.make(OPEN)?;
        let (service, transport) = (Param::Text(service), Param::Text(transport.name()));
        if let Ok(open @ 1..) = u64::try_from(open) {
            let query = "INSERT OR REPLACE INTO sockjs_open_1 (service, transport, open) VALUES (?, ?, ?)";
            self.exec(query, &[service, transport, Param::Number(open)])?;
        } else {
            self.exec("DELETE FROM sockjs_open_1 WHERE service = ? AND transport = ?", &[service, transport])?;
        }
        Ok(())
    }

    /// Reads the sum of all reports.
    pub fn load_totals(&self) -> Result<Option<String>> {
        if !self.has(TOTALS)? {
            return Ok(None);
        }
        let totals = readable(&self.sql, "SELECT totals FROM sockjs_totals_1", "stored_totals", |mut row| row.text())?;
        Ok(totals.into_iter().next())
    }

    /// Writes the sum of all reports.
    pub fn save_totals(&self, totals: &str) -> Result<()> {
        self.make(TOTALS)?;
        self.exec("INSERT OR REPLACE INTO sockjs_totals_1 (id, totals) VALUES (1, ?)", &[Param::Text(totals)])?;
        Ok(())
    }

    /// Reads the last push of each sender.
    pub fn load_senders(&self) -> Result<Vec<LastPush>> {
        if !self.has(SENDERS)? {
            return Ok(Vec::new());
        }
        let query = "SELECT sender, number, reached, at FROM sockjs_senders_1";
        readable(&self.sql, query, "stored_sender", |mut row| {
            let number = PushNumber { sender: row.number()?, number: row.number()? };
            let reached = usize::try_from(row.number()?).unwrap_or(usize::MAX);
            Ok(LastPush { number, reached, at: Millis(row.number()?) })
        })
    }

    /// Writes the last push of a sender. Deletes those whose last push was before `forgotten`.
    pub fn save_sender(&self, last: LastPush, forgotten: Option<Millis>) -> Result<()> {
        self.make(SENDERS)?;
        let LastPush { number: PushNumber { sender, number }, reached, at } = last;
        self.exec(
            "INSERT OR REPLACE INTO sockjs_senders_1 (sender, number, reached, at) VALUES (?, ?, ?, ?)",
            &[Param::Number(sender), Param::Number(number), Param::Number(reached as u64), Param::Number(at.0)],
        )?;
        if let Some(forgotten) = forgotten {
            self.exec("DELETE FROM sockjs_senders_1 WHERE at <= ?", &[Param::Number(forgotten.0)])?;
        }
        Ok(())
    }

    /// Deletes all senders.
    pub fn forget_senders(&self) -> Result<()> {
        self.exec("DELETE FROM sockjs_senders_1", &[])?;
        Ok(())
    }

    /// True if the table exists.
    fn has(&self, table: TableSchema) -> Result<bool> {
        if let Some(known) = &*self.known.borrow() {
            return Ok(known.tables.contains(&table));
        }
        let query = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name LIKE 'sockjs%'";
        let mut known = FoundTables::default();
        for mut row in rows(&self.sql, query)? {
            let (name, statement) = (row.text()?, row.text()?);
            known.tables.extend(TABLES.into_iter().find(|table| table.name == name));
            if name == SESSIONS.name {
                known.columns.extend(ADDED_COLUMNS.into_iter().filter(|column| statement.contains(column.name)));
            }
        }
        let has = known.tables.contains(&table);
        self.known.replace(Some(known));
        Ok(has)
    }

    /// Creates the sessions' table, or adds the column if a previous release created the table without it.
    fn make_column(&self, column: Column) -> Result<()> {
        self.make(SESSIONS)?;
        if !self.has_column(column) {
            self.exec(column.add, &[])?;
            self.known.borrow_mut().iter_mut().for_each(|known| known.columns.push(column));
        }
        Ok(())
    }

    /// True if the sessions' table has the column.
    fn has_column(&self, column: Column) -> bool {
        self.known.borrow().as_ref().is_some_and(|known| known.columns.contains(&column))
    }

    /// Creates the table if it does not exist.
    fn make(&self, table: TableSchema) -> Result<()> {
        if !self.has(table)? {
            self.exec(table.create, &[])?;
            if let Some(known) = &mut *self.known.borrow_mut() {
                if table == SESSIONS {
                    known.columns.extend(ADDED_COLUMNS);
                }
                known.tables.push(table);
            }
        }
        Ok(())
    }

    /// Writes the application's data of the session of `info`, which is not stored yet.
    pub fn set_kept(&self, info: &ConnectionInfo, kept: &Kept) -> Result<()> {
        if kept.state.is_some() {
            self.set_state(info, kept.state.as_deref())?;
        }
        if kept.groups.is_some() {
            self.set_groups(info, kept.groups.as_deref())?;
        }
        Ok(())
    }

    /// Writes the application's state of the session of `info`, as JSON.
    pub fn set_state(&self, info: &ConnectionInfo, state: Option<&str>) -> Result<()> {
        self.make(SESSIONS)?;
        self.set_column("UPDATE sockjs_sessions_2 SET state = ? WHERE service = ? AND session = ?", info, state)
    }

    /// Writes the groups of the connection of `info`, as a JSON array.
    pub fn set_groups(&self, info: &ConnectionInfo, groups: Option<&str>) -> Result<()> {
        self.make_column(GROUPS)?;
        self.set_column("UPDATE sockjs_sessions_2 SET room_groups = ? WHERE service = ? AND session = ?", info, groups)
    }

    fn set_column(&self, query: &str, info: &ConnectionInfo, text: Option<&str>) -> Result<()> {
        let text = text.map_or(Param::Null, Param::Text);
        let session = &*info.session_name();
        self.exec(query, &[text, Param::Text(&info.service), Param::Text(session)])?;
        Ok(())
    }

    /// Writes one change of the session of `info`.
    pub fn apply(&self, info: &ConnectionInfo, change: &Change) -> Result<()> {
        let service = Param::Text(&info.service);
        let session = info.session_name();
        let session = Param::Text(&session);
        self.make(SESSIONS)?;
        match change {
            Change::Open { opener } => {
                let info = serde_json::to_string(info)?;
                // An unreadable session may have left messages.
                self.delete_messages(service, session, None)?;
                self.exec(
                    "INSERT OR REPLACE INTO sockjs_sessions_2 (service, session, info, opener) VALUES (?, ?, ?, ?)",
                    &[service, session, Param::Text(&info), Param::Number(opener.0)],
                )?;
            }
            Change::Append(row) => {
                self.make(MESSAGES)?;
                let (first, last) = (Param::Number(row.first.0), Param::Number(row.last().0));
                // Messages that were lost in transit count again, although the row that they came from may still exist.
                self.exec(
                    "UPDATE sockjs_sessions_2 SET delivered = ?3 - 1 WHERE service = ?1 AND session = ?2 AND delivered >= ?3",
                    &[service, session, first],
                )?;
                let json = array(&row.messages);
                let large = row.messages.first().filter(|_| json.len() > ROW_MAX);
                let json = if large.is_some() { IN_PARTS.to_owned() } else { json };
                self.exec(
                    // A row that an earlier delivery shortened must not replace the longer one.
                    "INSERT INTO sockjs_messages_1 VALUES (?, ?, ?, ?, ?) ON CONFLICT (service, session, first) DO UPDATE
                     SET last = excluded.last, messages = excluded.messages WHERE excluded.last > last",
                    &[service, session, first, last, Param::Text(&json)],
                )?;
                if let Some(large) = large {
                    self.make(PARTS)?;
                    for (part, text) in parts(large.as_str()).enumerate() {
                        self.exec(
                            "INSERT OR REPLACE INTO sockjs_parts_1 VALUES (?, ?, ?, ?, ?)",
                            &[service, session, first, Param::Number(part as u64), Param::Text(text)],
                        )?;
                    }
                }
            }
            Change::Discard { through } => {
                if self.has(MESSAGES)? {
                    self.exec(
                        "UPDATE sockjs_sessions_2 SET delivered = ?3 WHERE service = ?1 AND session = ?2 AND EXISTS (SELECT 1
                         FROM sockjs_messages_1 WHERE service = ?1 AND session = ?2 AND first <= ?3 AND last > ?3)",
                        &[service, session, Param::Number(through.0)],
                    )?;
                }
                self.delete_messages(service, session, Some(*through))?;
            }
            Change::Close { tombstone: Tombstone { code, reason, kind, at }, told } => {
                self.make_column(CLOSE_KIND)?;
                self.exec(
                    "UPDATE sockjs_sessions_2 SET close_code = ?, close_reason = ?, close_kind = ?, closed_at = ?, told = ?
                     WHERE service = ? AND session = ?",
                    &[
                        Param::Number((*code).into()),
                        Param::Text(reason),
                        Param::Text(kind.name()),
                        Param::Number(at.0),
                        Param::Number((*told).into()),
                        service,
                        session,
                    ],
                )?;
            }
            Change::Absent(since) => {
                let since = since.map_or(Param::Null, |since| Param::Number(since.0));
                self.exec(
                    "UPDATE sockjs_sessions_2 SET absent = ? WHERE service = ? AND session = ?",
                    &[since, service, session],
                )?;
            }
            Change::Heard => {
                self.exec(
                    "UPDATE sockjs_sessions_2 SET heard = 1 WHERE service = ? AND session = ?",
                    &[service, session],
                )?;
            }
            Change::Told => {
                self.exec(
                    "UPDATE sockjs_sessions_2 SET told = 1 WHERE service = ? AND session = ?",
                    &[service, session],
                )?;
            }
            Change::Forget => {
                self.delete_messages(service, session, None)?;
                self.exec("DELETE FROM sockjs_sessions_2 WHERE service = ? AND session = ?", &[service, session])?;
            }
        }
        Ok(())
    }

    /// Deletes the message rows that hold nothing beyond `through`, or all.
    fn delete_messages(&self, service: Param<'_>, session: Param<'_>, through: Option<Seq>) -> Result<()> {
        let through = through.map_or(Param::AboveAll, |through| Param::Number(through.0));
        if self.has(PARTS)? {
            self.exec(
                "DELETE FROM sockjs_parts_1 WHERE service = ? AND session = ? AND number <= ?",
                &[service, session, through],
            )?;
        }
        if self.has(MESSAGES)? {
            self.exec(
                "DELETE FROM sockjs_messages_1 WHERE service = ? AND session = ? AND last <= ?",
                &[service, session, through],
            )?;
        }
        Ok(())
    }

    fn exec(&self, query: &str, values: &[Param<'_>]) -> Result<worker::SqlCursor> {
        self.sql.exec(query, values.iter().map(|value| value.stored()).collect::<Vec<_>>())
    }
}

/// A value in a statement.
#[derive(Clone, Copy)]
enum Param<'a> {
    Null,
    Text(&'a str),
    /// JavaScript represents it exactly: the largest values are message numbers, a time in ms times 1024.
    Number(u64),
    /// Greater than any number, and than any string in place of one.
    AboveAll,
}

impl Param<'_> {
    fn stored(self) -> SqlStorageValue {
        const MAX: u64 = (1 << 53) - 1;
        match self {
            Self::Null => SqlStorageValue::Null,
            Self::Text(text) => text.into(),
            Self::Number(number) => SqlStorageValue::Integer(i64::try_from(number.min(MAX)).unwrap_or_default()),
            Self::AboveAll => SqlStorageValue::Blob(Vec::new()),
        }
    }
}

/// Returns the messages as a JSON array with minimal escaping.
fn array(messages: &[Message]) -> String {
    let texts: Vec<&str> = messages.iter().map(Message::as_str).collect();
    // Serializing strings does not fail.
    serde_json::to_string(&texts).unwrap_or_default()
}

/// Splits `text` into parts that fit into a row.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (part, after) = rest.split_at_checked(rest.floor_char_boundary(PART_MAX))?;
        rest = after;
        (!part.is_empty()).then_some(part)
    })
}

/// Returns the result of `read` for each row of a query. An unreadable row, which may be damaged or of another version, is logged
/// as `event` and skipped, so that the others can be used.
fn readable<T>(
    sql: &SqlStorage,
    query: &str,
    event: &str,
    mut read: impl FnMut(Values) -> Result<T>,
) -> Result<Vec<T>> {
    let rows = sql.exec(query, None)?.raw().map(|row| read(Values::from(row?)));
    Ok(rows.filter_map(|row| row.inspect_err(|error| log::error(event, None, error)).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_written_form() {
        let text = array(&[Message::new("a"), Message::new("\u{2028}\"")]);
        assert_eq!(text, "[\"a\",\"\u{2028}\\\"\"]");
    }

    /// Written by the previous build, which uses the same JSON reader.
    #[test]
    fn a_row_whose_message_is_in_parts_cannot_be_read_as_one_without_messages() {
        assert!(Messages::of_body(IN_PARTS.into(), PayloadLimits::NONE).is_err());
    }

    /// The previous build escapes more.
    #[test]
    fn rows_of_the_build_before_are_read() {
        let messages =
            Messages::of_body(r#"["\u2028\u200c\ufff0","\ud83d\ude00\"","\u0001"]"#.into(), PayloadLimits::NONE);
        assert_eq!(messages.unwrap().collect::<Vec<_>>(), ["\u{2028}\u{200c}\u{fff0}", "😀\"", "\u{1}"]);
    }

    #[test]
    fn a_message_is_cut_into_parts_between_characters() {
        let text = ["x", &"é".repeat(PART_MAX)].concat();
        let cut: Vec<_> = parts(&text).collect();
        assert!(cut.len() == 3 && cut.iter().all(|part| part.len() <= PART_MAX));
        assert_eq!(cut.concat(), text);
        assert_eq!(parts("").count(), 0);
    }
}
