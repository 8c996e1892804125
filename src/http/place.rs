//! The place of a connection: the prefix of its service, with the values of the parameters in it.

use crate::Config;
use crate::js::random;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sockjs_protocol::service::placement::object_name;
use sockjs_protocol::service::prefix::parameters;

/// Longest value of a parameter, in bytes; it becomes part of an object's name and of a header.
const VALUE_MAX: usize = 128;

/// Escapes everything except the characters that no client escapes, so that each value has exactly one form.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The place of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The prefix with the values of its parameters, escaped in one form, however the client escaped them.
    pub prefix: String,
    /// Names and values.
    pub parameters: Vec<(String, String)>,
}

impl Place {
    /// Reads `prefix` as written in a URL. Returns `None` if a value is not UTF-8 or too long.
    pub fn of(config: &Config, prefix: &str) -> Option<Self> {
        let mut place = Self { prefix: config.prefix.clone(), parameters: Vec::new() };
        for (name, value) in parameters(&config.prefix, prefix) {
            let value = percent_decode_str(value).decode_utf8().ok()?;
            if value.len() > VALUE_MAX {
                return None;
            }
            let written = utf8_percent_encode(&value, ESCAPED).to_string();
            place.prefix = place.prefix.replace(&format!("{{{name}}}"), &written);
            place.parameters.push((name.to_owned(), value.into_owned()));
        }
        Some(place)
    }

    /// Returns the name of the object for a connection of `session`, or for a raw WebSocket.
    pub fn object(&self, config: &Config, session: Option<&str>) -> String {
        object_name(config, &self.prefix, session, random::name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_one_name_however_it_is_escaped() {
        let chat = Config::new("/chat/{room}");
        for written in ["/chat/caf%C3%A9%2F1", "/chat/%63af%c3%A9%2f1"] {
            let place = Place::of(&chat, written).unwrap();
            assert_eq!(place.prefix, "/chat/caf%C3%A9%2F1");
            assert_eq!(place.parameters, [("room".into(), "café/1".into())]);
        }
        assert_eq!(Place::of(&chat, "/chat/%ff"), None, "no text");
        assert_eq!(Place::of(&chat, &format!("/chat/{}", "x".repeat(129))), None);
        let literal = Place::of(&Config::new("/echo"), "/echo").unwrap();
        assert_eq!(literal, Place { prefix: "/echo".into(), parameters: vec![] });
    }
}
