//! Placement of connections in objects. No other code names the objects of connections.

use crate::service::options::{Config, Placement};

/// Returns the name of the object for a connection of the service `config` at `prefix`, as it is in the URL.
///
/// * [`Placement::Room`]: all connections at the prefix share one object.
/// * [`Placement::Shards`]: the session id selects the object.
/// * [`Placement::Session`]: the name consists of the prefix and the session id. It does not contain the server segment
///   of the URL, so every request of a session finds the same object wherever the request comes from. WebSockets with
///   the same session id share the object and nothing else.
///
/// A raw WebSocket has no session id: `unique` takes its place.
///
/// No two services share an object: a prefix never contains a double slash, and neither an id nor `unique` contains a
/// slash.
pub fn object_name(config: &Config, prefix: &str, session: Option<&str>, unique: impl FnOnce() -> String) -> String {
    match (config.placement, session) {
        (Placement::Room, _) => room_name(prefix),
        (Placement::Shards(count), Some(session)) => shard_name(prefix, shard_of(session, count)),
        (Placement::Shards(count), None) => shard_name(prefix, shard_of(&unique(), count)),
        (Placement::Session, Some(session)) => format!("{prefix}//session/{session}"),
        (Placement::Session, None) => format!("{prefix}//raw/{}", unique()),
    }
}

/// Returns the names of the objects that together hold all connections at `prefix`. Returns `None` if each session has
/// its own object.
pub fn object_names(config: &Config, prefix: &str) -> Option<Vec<String>> {
    match config.placement {
        Placement::Session => None,
        Placement::Room => Some(vec![room_name(prefix)]),
        Placement::Shards(count) => Some((0..count).map(|shard| shard_name(prefix, shard)).collect()),
    }
}

/// An object, as the address of a connection identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located<'a> {
    /// Name of the object.
    Name(&'a str),
    /// Id that the platform derived from the object's name.
    Id(&'a str),
}

/// Returns the part of a connection's address that identifies its object. The name of a session's own object contains
/// the session id, with which anybody could send, so such an object is identified by its `id`.
pub fn locate(name: &str, id: &str) -> String {
    match name.split_once("//session/") {
        Some((prefix, _)) => [prefix, "//id/", id].concat(),
        None => name.to_owned(),
    }
}

/// Reads the result of [`locate`], or a name as older versions wrote it.
pub fn located(written: &str) -> Located<'_> {
    match written.split_once("//id/") {
        Some((_, id)) => Located::Id(id),
        None => Located::Name(written),
    }
}

/// Returns the prefix, as it is in the URL, from the name of an object or from the result of [`locate`].
pub fn prefix_of(name: &str) -> Option<&str> {
    name.split_once("//").map(|(prefix, _)| prefix)
}

fn room_name(prefix: &str) -> String {
    format!("{prefix}//room")
}

fn shard_name(prefix: &str, shard: u16) -> String {
    format!("{prefix}//shard/{shard}")
}

/// Hashes a session id with FNV-1a and a final mixing step for the high bits. The hash must never change; that of the
/// standard library may.
fn shard_of(id: &str, count: u16) -> u16 {
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mixed = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    // The remainder is below `count`.
    u16::try_from((mixed >> 32) % u64::from(count.max(1))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(config: &Config, session: Option<&str>) -> String {
        object_name(config, &config.prefix, session, || "0f".into())
    }

    #[test]
    fn a_session_has_an_object_of_its_own() {
        let echo = Config::new("/echo");
        assert_eq!(name(&echo, Some("a%20b")), "/echo//session/a%20b");
        assert_eq!(name(&echo, None), "/echo//raw/0f");
        assert_eq!(name(&Config::new(""), Some("a")), "//session/a");
        assert_ne!(name(&Config::new("/s"), Some("a")), name(&Config::new(""), Some("a")));
        assert_ne!(name(&echo, Some("0f")), name(&echo, None));
        assert_eq!(object_names(&echo, "/echo"), None);
    }

    #[test]
    fn an_address_tells_no_session_id() {
        let id = "5f".repeat(32);
        let written = locate(&name(&Config::new("/echo"), Some("secret")), &id);
        assert_eq!(written, format!("/echo//id/{id}"));
        assert_eq!((located(&written), prefix_of(&written)), (Located::Id(&id), Some("/echo")));
        for named in ["/chat/lobby//room", "/t//shard/4", "/echo//raw/0f"] {
            assert_eq!((locate(named, &id).as_str(), located(named)), (named, Located::Name(named)));
        }
        assert_eq!(located("/echo//session/secret"), Located::Name("/echo//session/secret"), "of an older version");
    }

    #[test]
    fn all_connections_of_a_room_share_one() {
        let room = Config::new("/chat/{room}").placement(Placement::Room);
        let lobby = |session| object_name(&room, "/chat/lobby", session, || "0f".into());
        assert_eq!(lobby(Some("a")), "/chat/lobby//room");
        assert_eq!(lobby(Some("b")), lobby(None));
        assert_ne!(lobby(None), object_name(&room, "/chat/hall", None, || "0f".into()));
        assert_eq!(object_names(&room, "/chat/lobby"), Some(vec![lobby(None)]));
        assert_eq!(prefix_of(&lobby(None)), Some("/chat/lobby"));
    }

    #[test]
    fn shards_are_named_by_the_session_id_for_ever() {
        let shards = Config::new("/t").placement(Placement::Shards(16));
        // Deployed systems use these names: changing one drops live sessions.
        assert_eq!(name(&shards, Some("abcdefgh")), "/t//shard/4");
        assert_eq!(name(&shards, Some("hijklmno")), "/t//shard/2");
        let names = object_names(&shards, "/t").unwrap();
        assert_eq!(names.len(), 16);
        let mut used = vec![0; 16];
        for id in 0..1_600 {
            let shard = names.iter().position(|known| *known == name(&shards, Some(&format!("id{id}")))).unwrap();
            used[shard] += 1;
        }
        assert!(used.iter().all(|count| (50..200).contains(count)), "{used:?}");
    }
}
