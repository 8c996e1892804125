//! Routing of requests to services and objects.

use sockjs_protocol::service::options::Config;
use sockjs_protocol::service::placement::{object_name, prefix_of};
use sockjs_protocol::service::prefix::parameters;
use sockjs_protocol::sockjs::transport::Transport;

#[allow(dead_code)]
#[path = "../../src/http/route.rs"]
mod rules;
// The module that the rules import from their parent.
use crate::iframe;

use rules::{Endpoint, Route, route};

const METHODS: [&str; 5] = ["GET", "POST", "OPTIONS", "HEAD", "PUT"];

/// Checks `data`: the number of a method, then the paths of two requests, one a line.
pub fn check(data: &[u8]) {
    let Some((method, paths)) = data.split_first() else { return };
    let Ok(paths) = str::from_utf8(paths) else { return };
    let method = METHODS[usize::from(*method) % METHODS.len()];
    let services = services();
    let mut named = paths.lines().take(2).map(|path| object(&services, method, path));
    if let (Some(Some((first, one))), Some(Some((second, other)))) = (named.next(), named.next()) {
        assert_eq!(first == second, one == other, "an object is for one session of one service: {one:?}, {other:?}");
    }
}

fn services() -> [Config; 6] {
    [
        Config::new("/echo"),
        Config::new("/disabled").websocket(false),
        Config::new("/jsonp").transports([Transport::JsonpPolling]),
        Config::new("/chat/{room}/on/{floor}"),
        Config::new("/chat/lobby"),
        Config::new(""),
    ]
}

/// Returns the object of a session's request, and the service and session that it stands for.
fn object(services: &[Config], method: &str, path: &str) -> Option<(String, (String, String))> {
    let (config, prefix, endpoint) = match route(method, path, services.iter()) {
        Route::Service(config, prefix, endpoint) => (config, prefix, endpoint),
        Route::NotFound | Route::Elsewhere => {
            for other in METHODS {
                assert!(
                    matches!(route(other, path, services.iter()), Route::NotFound | Route::Elsewhere),
                    "{other} {path:?}"
                );
            }
            return None;
        }
        Route::MethodNotAllowed { allow } => {
            for other in METHODS {
                let allowed = matches!(route(other, path, services.iter()), Route::Service(..));
                assert_eq!(allow.split(", ").any(|name| name == other), allowed, "{other} {path:?}");
            }
            return None;
        }
    };
    assert!(path.starts_with(prefix));
    for (name, value) in parameters(&config.prefix, prefix) {
        assert!(config.prefix.contains(&format!("{{{name}}}")) && !value.is_empty() && !value.contains('/'));
    }
    let segment = match endpoint {
        Endpoint::Receive(row, _) => row.segment,
        Endpoint::Send(row, _) => row.segment,
        Endpoint::WebSocket(_) => "websocket",
        _ => return None,
    };
    let (Endpoint::Receive(_, session) | Endpoint::Send(_, session) | Endpoint::WebSocket(session)) = endpoint else {
        return None;
    };
    assert!((1..=128).contains(&session.len()) && !session.contains(['/', '.']), "{session:?}");
    let server = path[prefix.len()..].split('/').nth(1).unwrap();
    let written = format!("{prefix}/{server}/{session}/{segment}");
    assert_eq!(path.strip_suffix('/').unwrap_or(path), written, "the path is no more than its parts");

    let name = object_name(config, prefix, Some(session), String::new);
    assert_eq!(prefix_of(&name), Some(prefix));
    for server in ["0", "another"] {
        let written = format!("{prefix}/{server}/{session}/{segment}/");
        // A literal prefix may begin at this path.
        if let Route::Service(same, _, Endpoint::Receive(_, id) | Endpoint::Send(_, id) | Endpoint::WebSocket(id)) =
            route(method, &written, services.iter())
            && same.prefix == config.prefix
        {
            assert_eq!(id, session);
        } else {
            panic!("the server decides about {written:?}");
        }
    }
    Some((name, (prefix.to_owned(), session.to_owned())))
}
