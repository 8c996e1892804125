//! The tables of the object, and the version of each.
//!
//! | table | row | written | deleted |
//! |---|---|---|---|
//! | `sockjs_sessions_2` | a session: the facts of its opening, its state and groups, and its close frame, if any | at its open and its close; by `set_state`, `join` and `leave`; at the first message of a client that has to send one in time; when its client goes and comes back, if it may outlast memory; when the application was notified of the close; when a row of messages is delivered in part, or its messages count as lost | when nothing of it is needed any more |
//! | `sockjs_rooms_1` | a room: the time of its application's alarm | when the alarm is set | when it is due |
//! | `sockjs_open_1` | with `metrics`, the number of open connections of a service and transport | when it is reported, if it changed | when it is zero |
//! | `sockjs_totals_1` | in the object that adds up all reports: their sum, in the format of `sockjs_protocol::observe::metrics` | a second after a report | never |
//! | `sockjs_senders_1` | at `outbox`, a sender of pushes, with the number of its last push | together with the messages of the push, if a recipient survives a restart | a minute after the last push of all senders, by the alarm; its own, when there are many |
//! | `sockjs_messages_1` | neighbouring messages, as a JSON array | after `persist_after` without a receiver; at `outbox` before they are sent; earlier if memory is short | when delivered |
//! | `sockjs_parts_1` | a part of a message whose JSON does not fit into a row | with its row, which holds `in parts` | with its row |
//!
//! The number in a table's name is the version of its format. Each table is created by the first write to it, so that a refused
//! request leaves nothing behind. No table has a row id, so that each row is billed once.

/// A table of this server. It is created by the first write: creating one is billed as two rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableSchema {
    pub name: &'static str,
    /// The statement that creates it.
    pub create: &'static str,
}

pub(crate) const SESSIONS: TableSchema = TableSchema {
    name: "sockjs_sessions_2",
    create: "CREATE TABLE sockjs_sessions_2 (
  service TEXT NOT NULL, session TEXT NOT NULL,
  info TEXT NOT NULL, opener INTEGER NOT NULL, delivered INTEGER,
  close_code INTEGER, close_reason TEXT, closed_at INTEGER, told INTEGER NOT NULL DEFAULT 0, absent INTEGER, heard INTEGER NOT NULL DEFAULT 0, state TEXT, close_kind TEXT, room_groups TEXT,
  PRIMARY KEY (service, session)) WITHOUT ROWID",
};

/// A column of [`SESSIONS`] that is missing if the previous release created the table. That release ignores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub name: &'static str,
    /// The statement that adds it.
    pub add: &'static str,
}

/// The kind of a close.
pub(crate) const CLOSE_KIND: Column =
    Column { name: "close_kind", add: "ALTER TABLE sockjs_sessions_2 ADD COLUMN close_kind TEXT" };

/// The groups of a connection, as a JSON array.
pub(crate) const GROUPS: Column =
    Column { name: "room_groups", add: "ALTER TABLE sockjs_sessions_2 ADD COLUMN room_groups TEXT" };

pub(crate) const ADDED_COLUMNS: [Column; 2] = [CLOSE_KIND, GROUPS];

pub(crate) const ROOMS: TableSchema = TableSchema {
    name: "sockjs_rooms_1",
    create: "CREATE TABLE sockjs_rooms_1 (service TEXT PRIMARY KEY, alarm INTEGER NOT NULL) WITHOUT ROWID",
};

pub(crate) const MESSAGES: TableSchema = TableSchema {
    name: "sockjs_messages_1",
    create: "CREATE TABLE sockjs_messages_1 (
  service TEXT NOT NULL, session TEXT NOT NULL, first INTEGER NOT NULL,
  last INTEGER NOT NULL, messages TEXT NOT NULL,
  PRIMARY KEY (service, session, first)) WITHOUT ROWID",
};

pub(crate) const OPEN: TableSchema = TableSchema {
    name: "sockjs_open_1",
    create: "CREATE TABLE sockjs_open_1 (
  service TEXT NOT NULL, transport TEXT NOT NULL, open INTEGER NOT NULL, PRIMARY KEY (service, transport)) WITHOUT ROWID",
};

pub(crate) const TOTALS: TableSchema = TableSchema {
    name: "sockjs_totals_1",
    create: "CREATE TABLE sockjs_totals_1 (id INTEGER PRIMARY KEY, totals TEXT NOT NULL) WITHOUT ROWID",
};

pub(crate) const PARTS: TableSchema = TableSchema {
    name: "sockjs_parts_1",
    create: "CREATE TABLE sockjs_parts_1 (
  service TEXT NOT NULL, session TEXT NOT NULL, number INTEGER NOT NULL, part INTEGER NOT NULL, text TEXT NOT NULL,
  PRIMARY KEY (service, session, number, part)) WITHOUT ROWID",
};

pub(crate) const SENDERS: TableSchema = TableSchema {
    name: "sockjs_senders_1",
    create: "CREATE TABLE sockjs_senders_1 (
  sender INTEGER PRIMARY KEY, number INTEGER NOT NULL, reached INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID",
};

pub(crate) const TABLES: [TableSchema; 7] = [SESSIONS, ROOMS, MESSAGES, PARTS, OPEN, TOTALS, SENDERS];
