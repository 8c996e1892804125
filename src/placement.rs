//! Which object serves a request: the one place that decides.

use sockjs_protocol::options::Config;

/// Name of the object for a request.
///
/// With a session id it comes from the service and that id, never from the server segment, so that every request of a
/// session finds the same object from wherever it comes. WebSockets that share an id share the object and nothing else.
/// A raw WebSocket has no session id and gets an object of its own, named by `unique`.
///
/// No two requests that differ in service or session id get the same name: neither the id nor `unique` holds a slash.
pub(crate) fn object_name(config: &Config, session: Option<&str>, unique: impl FnOnce() -> String) -> String {
    let prefix = &config.prefix;
    match session {
        Some(session) => format!("{prefix}/s/{session}"),
        None => format!("{prefix}/w/{}", unique()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_service_and_session() {
        let echo = Config::new("/echo");
        let name = |config: &Config, session| object_name(config, session, || "0f".into());
        assert_eq!(name(&echo, Some("a%20b")), "/echo/s/a%20b");
        assert_eq!(name(&echo, None), "/echo/w/0f");
        assert_eq!(name(&Config::new(""), Some("a")), "/s/a");
        assert_ne!(name(&Config::new("/s"), Some("a")), name(&Config::new(""), Some("a")));
        assert_ne!(name(&echo, Some("0f")), name(&echo, None));
    }
}
