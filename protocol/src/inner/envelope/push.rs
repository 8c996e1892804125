//! Pushes: the connections that one is for, and its effect on them.

use crate::inner::json::Reader;
use serde::Serialize;

/// Connections that a push is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PushTarget {
    /// Every connection of the service in the object.
    Room,
    /// The connection with this id.
    Connection(String),
}

/// Effect of a push.
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
}

impl PushTarget {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut target = None;
        reader.kind(&mut |kind, reader| {
            target = Some(match kind {
                "room" => Self::Room,
                "connection" => Self::Connection(reader.text()?),
                _ => return None,
            });
            Some(())
        })?;
        target
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
                _ => return None,
            });
            Some(())
        })?;
        push
    }
}
