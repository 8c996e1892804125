//! Pushes: their target connections, their action, and their outcome.

use crate::inner::json::Reader;
use serde::Serialize;

/// Target connections of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PushTarget {
    /// Every connection of the service in the object.
    Room,
    /// The connections of the room that are in this group.
    Group(String),
    /// The connection with this id.
    Connection(String),
}

/// Longest name of a group, in bytes: it is part of a header, with the rest of the command.
const GROUP_NAME_MAX: usize = 128;

/// Longest connection id that is looked up, in bytes. Real ids have 36.
const CONNECTION_ID_MAX: usize = 128;

/// True if a group can have this name.
pub fn is_group_name(name: &str) -> bool {
    (1..=GROUP_NAME_MAX).contains(&name.len())
}

/// True if a connection can have this id.
pub fn is_connection_id(id: &str) -> bool {
    (1..=CONNECTION_ID_MAX).contains(&id.len())
}

/// Action of a push.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Push {
    /// Sends the body as a message.
    Message,
    /// Closes the connections.
    Close {
        /// Close code.
        code: u16,
        /// Close reason.
        reason: String,
    },
    /// Counts the open connections.
    Count,
    /// Lists open connections by their ids.
    List {
        /// The list begins with the first id after this one.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<String>,
        /// Most connections in the list.
        limit: usize,
    },
    /// Calls the application of the room with the body.
    Call,
}

/// Number of a push, counted by its sender. By it an object recognizes a repetition. The pushes of a sender are executed in the
/// order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PushNumber {
    /// Random id of the sender.
    pub sender: u64,
    /// 1 for the first push.
    pub number: u64,
}

/// Outcome of a push, as the status of the object's response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PushOutcome {
    /// The push was executed. The body is the number of connections, the list, or the application's answer.
    Done,
    /// A connection cannot be closed with this code or reason.
    BadClose,
    /// The message, the call or the answer is too large.
    TooLarge,
    /// The application rejected the call. The body has the reason.
    Rejected,
    /// The application failed.
    HandlerFailed,
    /// Nothing was done, since members of the room read too slowly, or too many pushes wait. A retry may succeed.
    HeldUp,
    /// The application did not answer in time.
    TimedOut,
}

impl PushOutcome {
    const ALL: [Self; 7] =
        [Self::Done, Self::BadClose, Self::TooLarge, Self::Rejected, Self::HandlerFailed, Self::HeldUp, Self::TimedOut];

    /// Returns the status of the response.
    pub const fn status(self) -> u16 {
        match self {
            Self::Done => 200,
            Self::BadClose => 400,
            Self::TooLarge => 413,
            Self::Rejected => 422,
            Self::HandlerFailed => 424,
            Self::HeldUp => 503,
            Self::TimedOut => 504,
        }
    }

    /// Returns the outcome with this status. `None` for any other response, such as that the object has no such service.
    pub fn of(status: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.status() == status)
    }
}

impl PushTarget {
    /// True if such a group or connection can exist.
    pub fn is_possible(&self) -> bool {
        match self {
            Self::Room => true,
            Self::Group(name) => is_group_name(name),
            Self::Connection(id) => is_connection_id(id),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut target = None;
        reader.kind(&mut |kind, reader| {
            target = Some(match kind {
                "room" => Self::Room,
                "group" => Self::Group(reader.text()?),
                "connection" => Self::Connection(reader.text()?),
                _ => return None,
            });
            Some(())
        })?;
        target
    }
}

impl PushNumber {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (mut sender, mut number) = (None, None);
        reader.object(&mut |name, reader| {
            match name {
                "sender" => sender = Some(reader.number()?),
                "number" => number = Some(reader.number()?),
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(Self { sender: sender?, number: number? })
    }
}

impl Push {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut push = None;
        reader.kind(&mut |kind, reader| {
            push = Some(match kind {
                "message" => Self::Message,
                "close" => {
                    let (mut code, mut reason) = (None, None);
                    reader.object(&mut |name, reader| {
                        match name {
                            "code" => code = Some(reader.number()?),
                            "reason" => reason = Some(reader.text()?),
                            _ => reader.skip()?,
                        }
                        Some(())
                    })?;
                    Self::Close { code: code?, reason: reason? }
                }
                "count" => Self::Count,
                "list" => {
                    let (mut after, mut limit) = (None, None);
                    reader.object(&mut |name, reader| {
                        match name {
                            "after" => after = Some(reader.text()?),
                            "limit" => limit = Some(reader.number()?),
                            _ => reader.skip()?,
                        }
                        Some(())
                    })?;
                    Self::List { after, limit: limit? }
                }
                "call" => Self::Call,
                _ => return None,
            });
            Some(())
        })?;
        push
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inner::envelope::{Action, Command, Version};

    #[test]
    fn pushes_keep_their_written_form() {
        let group = || PushTarget::Group("g".into());
        let number = Some(PushNumber { sender: 7, number: 3 });
        for (target, push, number, written) in [
            (PushTarget::Room, Push::Message, None, r#"{"target":"room","push":"message"}"#),
            (
                group(),
                Push::Message,
                number,
                r#"{"target":{"group":"g"},"push":"message","number":{"sender":7,"number":3}}"#,
            ),
            (PushTarget::Room, Push::Count, None, r#"{"target":"room","push":"count"}"#),
            (PushTarget::Room, Push::Call, None, r#"{"target":"room","push":"call"}"#),
            (
                group(),
                Push::List { after: Some("id".into()), limit: 9 },
                None,
                r#"{"target":{"group":"g"},"push":{"list":{"after":"id","limit":9}}}"#,
            ),
        ] {
            let command = Command::new("/echo", Action::Push { target, push, number });
            let written =
                [r#"{"version":3,"versions":[3,2],"service":"/echo","action":{"push":"#, written, "}}"].concat();
            assert_eq!(command.encode(Version::CURRENT).unwrap().unwrap(), written);
            assert_eq!(Command::decode(&written).unwrap(), command);
        }
    }

    #[test]
    fn names_and_ids_that_fit_no_header_belong_to_nobody() {
        for (length, is_possible) in [(0, false), (1, true), (128, true), (129, false)] {
            let name = "x".repeat(length);
            assert_eq!(PushTarget::Group(name.clone()).is_possible(), is_possible);
            assert_eq!(PushTarget::Connection(name).is_possible(), is_possible);
        }
        assert!(PushTarget::Room.is_possible());
    }

    #[test]
    fn an_outcome_has_a_status_of_its_own() {
        for outcome in PushOutcome::ALL {
            assert_eq!(PushOutcome::of(outcome.status()), Some(outcome));
        }
        assert_eq!(PushOutcome::of(404), None);
    }
}
