//! Facts of a connection that outlast its requests and restarts of its object.

use crate::inner::json::Reader;
use crate::upstream::grip::Grip;
use serde::Serialize;

/// Version of the JSON.
const VERSION: u8 = 1;

/// Facts of a connection that the upstream accepted, or is asked to accept. The object keeps them with the connection's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkState {
    version: u8,
    /// Headers of the request that opened the connection, for each request to the upstream.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// Names and values that the upstream set by `Set-Meta-*`, and gets back as `Meta-*`. The names are in lower case, without
    /// `meta-`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub meta: Vec<(String, String)>,
    /// Prefix of messages to the client, if the upstream turned on GRIP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// True once the upstream gets no more events.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_detached: bool,
}

impl LinkState {
    /// Returns the state of a connection that opens with these headers.
    pub fn new(headers: Vec<(String, String)>) -> Self {
        Self { version: VERSION, headers, meta: Vec::new(), prefix: None, is_detached: false }
    }

    /// Reads a state that was written as JSON. Returns `None` if it is of another version.
    pub fn read(json: &str) -> Option<Self> {
        let (mut version, mut state) = (0, Self::new(Vec::new()));
        Reader::whole(json, |reader| {
            reader.object(&mut |name, reader| {
                match name {
                    "version" => version = reader.number()?,
                    "headers" => state.headers = reader.pairs()?,
                    "meta" => state.meta = reader.pairs()?,
                    "prefix" => state.prefix = Some(reader.text()?),
                    "is_detached" => state.is_detached = reader.flag()?,
                    _ => reader.skip()?,
                }
                Some(())
            })
        })?;
        (version == VERSION).then_some(state)
    }

    /// Returns GRIP on this connection, if the upstream turned it on.
    pub fn grip(&self) -> Option<Grip> {
        Some(Grip { message_prefix: self.prefix.clone()? })
    }

    /// Sets the value of a name, or removes it if the value is empty. Returns true if that changed anything.
    pub fn set_meta(&mut self, name: &str, value: &str) -> bool {
        let known = self.meta.iter().position(|(known, _)| known == name);
        match (known.and_then(|at| self.meta.get_mut(at)), known) {
            (Some((_, known)), _) if known == value => false,
            (Some(_), Some(at)) if value.is_empty() => {
                self.meta.remove(at);
                true
            }
            (Some((_, known)), _) => {
                value.clone_into(known);
                true
            }
            (None, _) if value.is_empty() => false,
            (None, _) => {
                self.meta.push((name.to_owned(), value.to_owned()));
                true
            }
        }
    }
}
