//! Versions of the inner protocol, and the choice between them.
//!
//! A deploy replaces the Worker at once, and an object up to a day later. Therefore each half speaks the current version and the
//! previous one, in requests as well as in responses:
//!
//! 1. The Worker writes a command in its current version, and lists all versions that it speaks.
//! 2. An object that can read the command answers in the highest version that both halves speak. Messages on an inner
//!    WebSocket stay in that version.
//! 3. Any other object only answers [`OTHER_VERSION`] with [`spoken`], the list of the versions that it speaks. The
//!    Worker repeats the command once, in the version that [`Version::after_refusal`] chooses. If there is no such
//!    version, the Worker ends the request.
//!
//! A build that adds a version drops the older of the two. Everything that only version 2 needs is in `v2.rs`. Once
//! [`Version::V2`] is removed, the compiler finds the remaining code that has to go.

use crate::inner::json::Reader;

/// Status of the response of an object that cannot read the version of a command.
pub const OTHER_VERSION: u16 = 426;

/// A version of the inner protocol that this build speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// The previous version. It has no negotiation: an object of that version refuses other versions without naming its
    /// own.
    V2 = 2,
    /// The current version.
    V3 = 3,
}

impl Version {
    /// Version that a Worker tries first.
    pub const CURRENT: Self = Self::V3;

    /// All versions that this build speaks.
    pub const ALL: [Self; 2] = [Self::V3, Self::V2];

    /// Returns the number that is written into messages.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the version with this number, if this build speaks it.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.number() == number)
    }

    /// Returns the version in which to repeat a command after a response with [`OTHER_VERSION`] and this body. Returns
    /// `None` if the object and this build have no version in common, or if the object has already refused that
    /// version.
    pub fn after_refusal(self, body: &[u8]) -> Option<Self> {
        let versions = std::str::from_utf8(body).ok().and_then(read_spoken);
        // An object that sends no list speaks version 2.
        let version = versions.unwrap_or(Some(Self::V2));
        version.filter(|version| *version != self)
    }
}

/// Writes the versions that this build speaks, as the body of a response with [`OTHER_VERSION`].
pub fn spoken() -> String {
    let numbers = Version::ALL.map(|version| version.number().to_string());
    format!(r#"{{"versions":[{}]}}"#, numbers.join(","))
}

/// Reads a list that [`spoken`] wrote. The inner `None` means that this build speaks none of the listed versions.
fn read_spoken(body: &str) -> Option<Option<Version>> {
    let mut versions = None;
    let mut field = |name: &str, reader: &mut Reader<'_>| {
        match name {
            "versions" => versions = Some(highest_common(reader)?),
            _ => reader.skip()?,
        }
        Some(())
    };
    Reader::whole(body, |reader| reader.object(&mut field))?;
    versions
}

/// Reads a list of version numbers, and returns the highest one that this build speaks.
pub(super) fn highest_common(reader: &mut Reader<'_>) -> Option<Option<Version>> {
    let mut highest = None;
    reader.array(&mut |reader| {
        let number: u64 = reader.number()?;
        highest = highest.max(number.try_into().ok().and_then(Version::of));
        Some(())
    })?;
    Some(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_repeated_in_the_highest_version_that_both_speak() {
        use Version::{V2, V3};
        for (body, first, repeated) in [
            (r#"{"versions":[3,2]}"#, V3, None),
            (r#"{"versions":[3,2]}"#, V2, Some(V3)),
            (r#"{"versions":[2,1]}"#, V3, Some(V2)),
            (r#"{"versions":[2,3,4],"more":[{}]}"#, V2, Some(V3)),
            (r#"{"versions":[4,5]}"#, V3, None),
            (r#"{"versions":[]}"#, V3, None),
            (r#"{"versions":[18446744073709551615,258]}"#, V3, None),
            // The wording of version 2.
            ("inner protocol version 3, expected 2", V3, Some(V2)),
            ("", V3, Some(V2)),
            // The wording of version 1, which it also sends to version 2.
            ("inner protocol version 2, expected 1", V2, None),
        ] {
            assert_eq!(first.after_refusal(body.as_bytes()), repeated, "{body}");
        }
        assert_eq!(V3.after_refusal(b"\xff"), Some(V2));
    }

    #[test]
    fn versions_keep_their_written_form() {
        assert_eq!(spoken(), r#"{"versions":[3,2]}"#);
        assert_eq!(read_spoken(&spoken()), Some(Some(Version::CURRENT)));
    }
}
