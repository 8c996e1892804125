//! Which object serves a request: the one place that decides.

use sockjs_protocol::options::{Config, Placement};

/// Name of the object for a request.
///
/// In a room, every connection of the service shares one. Otherwise a session's comes from the service and the session id,
/// never from the server segment, so that every request of a session finds the same object from wherever it comes.
/// WebSockets that share an id share the object and nothing else. A raw WebSocket has no session id and gets an object of
/// its own, named by `unique`.
///
/// No two services share an object: no prefix holds the double slash, and neither an id nor `unique` holds a slash.
pub(crate) fn object_name(config: &Config, session: Option<&str>, unique: impl FnOnce() -> String) -> String {
    let prefix = &config.prefix;
    match (config.placement, session) {
        (Placement::Room, _) => format!("{prefix}//room"),
        (_, Some(session)) => format!("{prefix}//session/{session}"),
        (_, None) => format!("{prefix}//raw/{}", unique()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(config: &Config, session: Option<&str>) -> String {
        object_name(config, session, || "0f".into())
    }

    #[test]
    fn a_session_has_an_object_of_its_own() {
        let echo = Config::new("/echo");
        assert_eq!(name(&echo, Some("a%20b")), "/echo//session/a%20b");
        assert_eq!(name(&echo, None), "/echo//raw/0f");
        assert_eq!(name(&Config::new(""), Some("a")), "//session/a");
        assert_ne!(name(&Config::new("/s"), Some("a")), name(&Config::new(""), Some("a")));
        assert_ne!(name(&echo, Some("0f")), name(&echo, None));
    }

    #[test]
    fn all_connections_of_a_room_share_one() {
        let room = Config::new("/chat").placement(Placement::Room);
        assert_eq!(name(&room, Some("a")), "/chat//room");
        assert_eq!(name(&room, Some("b")), name(&room, None));
        assert_ne!(name(&room, None), name(&Config::new("/chat"), Some("room")));
    }
}
