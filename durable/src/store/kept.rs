//! State and groups of a connection as strings, which are stored with a WebSocket, in a row, or with the Worker that holds it.

/// Most bytes of JSON of a connection's state and groups together: the runtime keeps 16 KiB in all with a WebSocket.
pub(crate) const KEPT_MAX: usize = 4096;

/// State and groups of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// State, as JSON.
    pub state: Option<String>,
    /// Names of the groups, as a JSON array.
    pub groups: Option<String>,
}

impl Kept {
    pub fn is_empty(&self) -> bool {
        self.state.is_none() && self.groups.is_none()
    }
}

/// Writes the names of groups as a JSON array.
pub(crate) fn written<'a>(groups: impl Iterator<Item = &'a str>) -> String {
    let groups: Vec<_> = groups.collect();
    // Serializing strings does not fail.
    serde_json::to_string(&groups).unwrap_or_default()
}
