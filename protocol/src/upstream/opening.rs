//! The moment at which a client of the gateway gets `o`.
//!
//! Stock clients give a transport some 0.6 s before they try the next one. With a slow upstream they would try all of them
//! in vain. So the client mostly gets `o` early, and its first messages wait.

use crate::time::Millis;
use std::fmt;

/// Moment at which a client of the gateway gets `o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UpstreamOpen {
    /// At once. A client that the upstream refuses is open for a moment, and then gets a close frame.
    Before,
    /// After the upstream accepted the connection. A refusal keeps its HTTP status.
    After,
    /// After the upstream accepted the connection, or after 200 ms.
    #[default]
    Auto,
}

impl UpstreamOpen {
    /// Every variant.
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::Auto];

    /// Returns the name, as it stands in a variable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Auto => "auto",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    ///
    /// Returns the expected form, to be put behind "expected", if there is no such name.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        Self::ALL.into_iter().find(|open| open.name() == text).ok_or("before, after or auto")
    }
}

impl fmt::Display for UpstreamOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Time after which [`UpstreamOpen::Auto`] opens the client's connection without the upstream: a third of what a stock
/// client gives a transport, since the rest is needed on the way.
pub const AUTO: Millis = Millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_shown() {
        for (open, name) in
            [(UpstreamOpen::Before, "before"), (UpstreamOpen::After, "after"), (UpstreamOpen::Auto, "auto")]
        {
            assert_eq!((UpstreamOpen::read(name), open.to_string().as_str()), (Ok(open), name));
        }
        assert_eq!(UpstreamOpen::default(), UpstreamOpen::Auto);
        for text in ["", "Auto", "never", "auto "] {
            assert_eq!(UpstreamOpen::read(text), Err("before, after or auto"));
        }
    }
}
