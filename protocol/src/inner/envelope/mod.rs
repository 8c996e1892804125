//! The inner protocol between the Worker and the Durable Object.
//!
//! * A **request** to the object carries one [`Command`] as JSON in the header [`COMMAND_HEADER`]. A large send has a
//!   body: the JSON array that the client sent.
//! * The response to an attached receiver is a 200 with one [`ToEdge::Frame`], in a [`header`](crate::inner::header) or
//!   as the body, or a 101. After a 101, both sides exchange [`ToEdge`] and [`ToObject`] as binary messages on an inner
//!   WebSocket.
//!
//! Every command and message starts with the number of a [`Version`]. A deploy replaces the two halves at different
//! moments; `version.rs` describes how they agree on a version. A half that receives a version that it does not speak
//! ends the request or session cleanly instead of guessing.

mod command;
mod finish;
mod held;
mod inner;
mod push;
pub mod v2;
mod version;

pub use command::{Action, COMMAND_HEADER, Command, FULL, LATER, METRICS_OBJECT, Pass, fits};
pub use finish::{FINISHED, MISSING, encode_unwritten, finished_reason, groups, read_finished_reason, read_unwritten};
pub use held::{Batch, FromHolder, HELD_HEADER, Returned, ToHolder};
pub use inner::{FrameRefusal, ToEdge, ToObject, is_ask, number_of};
pub use push::{Push, PushNumber, PushOutcome, PushTarget, is_connection_id, is_group_name};

pub use version::{OTHER_VERSION, Version, spoken};

use std::fmt;

/// Reason why a command or message of the inner protocol is unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvelopeError {
    /// This build does not speak the version with this number.
    Version(u8),
    /// No version has such a message.
    Malformed,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                let spoken = Version::ALL.map(|version| version.number().to_string()).join(" or ");
                write!(f, "inner protocol version {version}, expected {spoken}")
            }
            Self::Malformed => f.write_str("malformed inner message"),
        }
    }
}

impl std::error::Error for EnvelopeError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_named_and_damage_is_refused() {
        assert_eq!(ToEdge::decode(b"\x01anything"), Err(EnvelopeError::Version(1)));
        assert_eq!(ToObject::decode(b"\x09"), Err(EnvelopeError::Version(9)));
        assert_eq!(Command::decode(r#"{"version":4,"new":true}"#), Err(EnvelopeError::Version(4)));
        let newer = r#"{"version":4,"versions":[4,3],"service":"/echo","action":"report"}"#;
        assert_eq!(Command::decode(newer), Err(EnvelopeError::Version(4)));
        for bytes in [
            &b""[..],
            b"\x03",
            b"\x03x",
            b"\x03rxc",
            b"\x03r",
            b"\x02rfc",
            b"\x03f\x02\0\0\0\0\0\0\0\0",
            b"\x03f\0\0",
            b"\x03pp",
            b"\x03qq",
        ] {
            assert_eq!(ToEdge::decode(bytes), Err(EnvelopeError::Malformed), "{bytes:?}");
        }
        for bytes in
            [&b"\x03a\0"[..], b"\x03a\0\0\0\0\0\0\0\0\0", b"\x03gg", b"\x03w", b"\x03w\x02", b"\x03w\x01", b"\x03w\0x"]
        {
            assert_eq!(ToObject::decode(bytes), Err(EnvelopeError::Malformed), "{bytes:?}");
        }
        for header in ["", "{}", r#"{"version":3}"#, r#"{"version":2}"#] {
            assert_eq!(Command::decode(header), Err(EnvelopeError::Malformed));
        }
    }
}
