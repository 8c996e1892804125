//! Routes: sockjs-node's rules (`lib/listener.js`, `lib/webjs.js`) as one function of values.

use super::iframe::is_iframe;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::service::prefix::{Matched, match_prefix};
use sockjs_protocol::sockjs::transport::{RECEIVES, Receive, SENDS, Send, Transport};
use std::cmp::Reverse;

/// Longest session id that is served. Stock clients send 8 characters; it becomes part of an object's name and of a
/// header.
const SESSION_MAX: usize = 128;

/// Outcome of routing a request.
#[derive(Debug)]
pub(crate) enum Route<'a> {
    /// An endpoint of the service with these settings, at the prefix in the path.
    Service(&'a Config, &'a str, Endpoint<'a>),
    /// The path exists, with these methods: 405.
    MethodNotAllowed {
        /// Value of the `Allow` header.
        allow: &'static str,
    },
    /// The service has no such path: 404.
    NotFound,
    /// The path is under no service's prefix.
    Elsewhere,
}

/// An endpoint of a service. Session ids are as they stand in the URL.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Endpoint<'a> {
    Greeting,
    Info,
    InfoOptions,
    Iframe,
    Receive(&'static Receive, &'a str),
    Send(&'static Send, &'a str),
    /// The preflight of a receiving or sending request.
    TransportOptions,
    WebSocket(&'a str),
    RawWebSocket,
}

impl<'a> Endpoint<'a> {
    /// Returns the transport and the session of the connection that the request may open.
    pub fn connects(&self) -> Option<(Transport, Option<&'a str>)> {
        match self {
            Self::Receive(row, session) => Some((row.transport, Some(session))),
            Self::WebSocket(session) => Some((Transport::WebSocket, Some(session))),
            Self::RawWebSocket => Some((Transport::WebSocketRaw, None)),
            Self::Greeting
            | Self::Info
            | Self::InfoOptions
            | Self::Iframe
            | Self::Send(..)
            | Self::TransportOptions => None,
        }
    }

    /// Returns the session that the request may open, or start an object for.
    pub fn opens(&self) -> Opens<'a> {
        match self {
            Self::Receive(_, session) | Self::Send(_, session) => Opens::Session(session),
            Self::WebSocket(_) | Self::RawWebSocket => Opens::WebSocket,
            Self::Greeting | Self::Info | Self::InfoOptions | Self::Iframe | Self::TransportOptions => Opens::Nothing,
        }
    }
}

/// The connection that a request may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opens<'a> {
    Nothing,
    /// The session of this id, unless it is open already.
    Session(&'a str),
    /// A connection of its own.
    WebSocket,
}

/// Returns the service for `path`: the one with the longest matching prefix, and among those the most literal.
pub(crate) fn service<'a, 'p>(
    path: &'p str,
    configs: impl Iterator<Item = &'a Config>,
) -> Option<(&'a Config, Matched<'p>)> {
    let matching = configs.filter_map(|config| Some((config, match_prefix(&config.prefix, path)?)));
    matching.max_by_key(|(_, matched)| (matched.prefix.len(), Reverse(matched.parameters)))
}

/// Finds the endpoint for `method` and `path`.
pub(crate) fn route<'a>(method: &str, path: &'a str, configs: impl Iterator<Item = &'a Config>) -> Route<'a> {
    let Some((config, Matched { prefix, rest, .. })) = service(path, configs) else { return Route::Elsewhere };
    let Some(methods) = methods_of(config, rest) else { return Route::NotFound };
    let answered_as = if method == "HEAD" { "GET" } else { method };
    match methods.0.into_iter().flatten().find(|(known, _)| *known == answered_as) {
        Some((_, endpoint)) => Route::Service(config, prefix, endpoint),
        None => Route::MethodNotAllowed { allow: methods.1 },
    }
}

/// The endpoints of one path, by method, and the `Allow` header that lists the methods.
struct Methods<'a>([Option<(&'static str, Endpoint<'a>)>; 2], &'static str);

impl<'a> Methods<'a> {
    fn get(endpoint: Endpoint<'a>) -> Option<Self> {
        Some(Self([Some(("GET", endpoint)), None], "GET, HEAD"))
    }

    /// Scripts of other origins can POST only after a preflight; forms need none.
    fn by(method: &'static str, cors: bool, endpoint: Endpoint<'a>) -> Option<Self> {
        let preflight = Some(("OPTIONS", Endpoint::TransportOptions));
        match (method, cors) {
            ("POST", true) => Some(Self([Some(("POST", endpoint)), preflight], "POST, OPTIONS")),
            ("POST", false) => Some(Self([Some(("POST", endpoint)), None], "POST")),
            _ => Self::get(endpoint),
        }
    }
}

fn methods_of<'a>(config: &Config, rest: &'a str) -> Option<Methods<'a>> {
    // sockjs-node ends each of its patterns with `[/]?$`.
    match rest.strip_suffix('/').unwrap_or(rest) {
        "" => Methods::get(Endpoint::Greeting),
        "/info" => {
            let options = ("OPTIONS", Endpoint::InfoOptions);
            Some(Methods([Some(("GET", Endpoint::Info)), Some(options)], "OPTIONS, GET, HEAD"))
        }
        path if is_iframe(path) && !config.disable_cors => Methods::get(Endpoint::Iframe),
        "/websocket" if config.offers(Transport::WebSocketRaw) => Methods::get(Endpoint::RawWebSocket),
        path => {
            let (session, segment) = session_path(path)?;
            let offered = |transport: &Transport| config.offers(*transport);
            if let Some(receive) = RECEIVES.iter().find(|row| row.segment == segment && offered(&row.transport)) {
                Methods::by(receive.method, receive.cors, Endpoint::Receive(receive, session))
            } else if let Some(send) =
                SENDS.iter().find(|row| row.segment == segment && row.transports.iter().any(offered))
            {
                Methods::by("POST", send.cors, Endpoint::Send(send, session))
            } else if segment == "websocket" && config.offers(Transport::WebSocket) {
                Methods::get(Endpoint::WebSocket(session))
            } else {
                None
            }
        }
    }
}

/// Returns the session and the last segment of `/{server}/{session}/{segment}`. The server segment is for load balancers, and is
/// ignored here.
fn session_path(path: &str) -> Option<(&str, &str)> {
    let mut segments = path.strip_prefix('/')?.split('/');
    let (server, session, segment) = (segments.next()?, segments.next()?, segments.next()?);
    (segments.next().is_none() && is_id(server) && is_id(session) && session.len() <= SESSION_MAX)
        .then_some((session, segment))
}

/// Returns true if `segment` may name a server or a session. Dots and semicolons, escaped or not, are refused: with them a
/// browser can be made to save the response as a file with a name of the attacker's choice.
fn is_id(segment: &str) -> bool {
    let is_escape = |at: &[u8]| at.eq_ignore_ascii_case(b"%2e") || at.eq_ignore_ascii_case(b"%3b");
    !segment.is_empty() && !segment.contains(['.', ';']) && !segment.as_bytes().windows(3).any(is_escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> Vec<Config> {
        ["/echo", "/echo/deep", "/disabled", ""]
            .map(|prefix| Config::new(prefix).websocket(prefix != "/disabled"))
            .into()
    }

    /// Returns the route of `method` and `path` as one line.
    fn asked(method: &str, path: &str) -> String {
        match route(method, path, services()[..3].iter()) {
            Route::NotFound => "404".into(),
            Route::Elsewhere => "elsewhere".into(),
            Route::MethodNotAllowed { allow } => format!("405 {allow}"),
            Route::Service(_, prefix, endpoint) => format!(
                "{} {}",
                prefix,
                match endpoint {
                    Endpoint::Greeting => "greeting".into(),
                    Endpoint::Info => "info".into(),
                    Endpoint::InfoOptions => "info options".into(),
                    Endpoint::Iframe => "iframe".into(),
                    Endpoint::Receive(receive, session) => format!("{} of {session}", receive.segment),
                    Endpoint::Send(send, session) => format!("{} of {session}", send.segment),
                    Endpoint::TransportOptions => "transport options".into(),
                    Endpoint::WebSocket(session) => format!("websocket of {session}"),
                    Endpoint::RawWebSocket => "raw websocket".into(),
                }
            ),
        }
    }

    #[test]
    fn base_url_greeting() {
        for path in ["/echo", "/echo/"] {
            assert_eq!(asked("GET", path), "/echo greeting");
            assert_eq!(asked("POST", path), "405 GET, HEAD");
            assert_eq!(asked("OPTIONS", path), "405 GET, HEAD");
        }
        for path in ["/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a", "/a/"] {
            assert_eq!(asked("GET", &format!("/echo{path}")), "404", "{path}");
        }
        for path in ["", "/", "/ech", "/echoo", "/Echo", "//echo", "/other/info"] {
            assert_eq!(asked("GET", path), "elsewhere", "{path}");
        }
    }

    #[test]
    fn iframe_urls() {
        for page in ["iframe.html", "iframe-a.html", "iframe-0.1.2abc-dirty.2144.html"] {
            assert_eq!(asked("GET", &format!("/echo/{page}")), "/echo iframe");
            assert_eq!(asked("POST", &format!("/echo/{page}")), "405 GET, HEAD");
        }
    }

    #[test]
    fn iframe_invalid_urls() {
        for page in ["iframe.htm", "iframe", "IFRAME.HTML", "IFRAME", "iframe.HTML", "iframe.xml", "iframe-/.html"] {
            assert_eq!(asked("GET", &format!("/echo/{page}")), "404", "{page}");
        }
    }

    #[test]
    fn info() {
        assert_eq!(asked("GET", "/echo/info"), "/echo info");
        assert_eq!(asked("GET", "/echo/info/"), "/echo info");
        assert_eq!(asked("OPTIONS", "/echo/info"), "/echo info options");
        assert_eq!(asked("POST", "/echo/info"), "405 OPTIONS, GET, HEAD");
        assert_eq!(asked("HEAD", "/echo/info"), "/echo info");
        assert_eq!(asked("HEAD", "/echo/0/s/eventsource"), "/echo eventsource of s");
        assert_eq!(asked("HEAD", "/echo/0/s/xhr"), "405 POST, OPTIONS");
        assert_eq!(asked("GET", "/echo/info//"), "404");
    }

    #[test]
    fn session_urls() {
        for (path, session) in [
            ("/a/a", "a"),
            ("/_/_", "_"),
            ("/1/1", "1"),
            ("/abcdefgh_i-j%20/abcdefg_i-j%20", "abcdefg_i-j%20"),
            ("/000/S", "S"),
            ("/999/S", "S"),
            ("/a/%20%F0%9F%98%80", "%20%F0%9F%98%80"),
        ] {
            assert_eq!(asked("POST", &format!("/echo{path}/xhr")), format!("/echo xhr of {session}"));
            assert_eq!(asked("POST", &format!("/echo{path}/xhr/")), format!("/echo xhr of {session}"));
        }
        for path in ["//", "/a./a", "/a/a.", "/./.", "/", "///", "/a/", "//a", "/a/a/a", ""] {
            for method in ["GET", "POST"] {
                assert_eq!(asked(method, &format!("/echo{path}/xhr")), "404", "{path}");
            }
        }
        for id in ["a.", ".a", "a;", ";a", "a%2eb", "a%2E", "%2e%2e", "a%3bb", "%3B", "a;v=1", "%2%2e"] {
            for path in [format!("/{id}/s"), format!("/000/{id}")] {
                for segment in ["xhr", "xhr_send", "websocket"] {
                    assert_eq!(asked("POST", &format!("/echo{path}/{segment}")), "404", "{path}");
                }
            }
        }
        for segment in ["xhr;", "xhr;.bat", "xhr%3b.bat", "xhr.bat", "jsonp;setup.bat", "xhr%2ebat", "xhr/a.bat"] {
            assert_eq!(asked("POST", &format!("/echo/000/s/{segment}")), "404", "{segment}");
        }
        let long = "s".repeat(SESSION_MAX);
        assert_eq!(asked("POST", &format!("/echo/a/{long}/xhr")), format!("/echo xhr of {long}"));
        assert_eq!(asked("POST", &format!("/echo/a/{long}s/xhr")), "404");
    }

    #[test]
    fn transports() {
        assert_eq!(asked("POST", "/echo/0/s/xhr"), "/echo xhr of s");
        assert_eq!(asked("POST", "/echo/0/s/xhr_send"), "/echo xhr_send of s");
        for segment in ["xhr", "xhr_send"] {
            assert_eq!(asked("OPTIONS", &format!("/echo/0/s/{segment}")), "/echo transport options");
            assert_eq!(asked("GET", &format!("/echo/0/s/{segment}")), "405 POST, OPTIONS");
        }
        for segment in ["", "XHR", "xhr.", "unknown", "xhr//", "info"] {
            assert_eq!(asked("POST", &format!("/echo/0/s/{segment}")), "404", "{segment}");
        }
    }

    #[test]
    fn websockets() {
        assert_eq!(asked("GET", "/echo/0/s/websocket"), "/echo websocket of s");
        assert_eq!(asked("GET", "/echo/websocket"), "/echo raw websocket");
        assert_eq!(asked("GET", "/echo/websocket/"), "/echo raw websocket");
        assert_eq!(asked("POST", "/echo/0/s/websocket"), "405 GET, HEAD");
        assert_eq!(asked("POST", "/echo/websocket"), "405 GET, HEAD");
        assert_eq!(asked("GET", "/disabled/0/s/websocket"), "404");
        assert_eq!(asked("POST", "/disabled/0/s/websocket"), "404");
        assert_eq!(asked("GET", "/disabled/websocket"), "404");
    }

    #[test]
    fn parameters_are_part_of_the_prefix_and_the_literal_wins() {
        let configs = ["/chat/{room}", "/chat/lobby", "/"].map(Config::new);
        let service_of =
            |path| service(path, configs.iter()).map(|(config, matched)| (&*config.prefix, matched.prefix));
        assert_eq!(service_of("/chat/hall/0/s/xhr"), Some(("/chat/{room}", "/chat/hall")));
        assert_eq!(service_of("/chat/lobby/info"), Some(("/chat/lobby", "/chat/lobby")));
        assert_eq!(service_of("/chat/%6Cobby/info"), Some(("/chat/lobby", "/chat/%6Cobby")));
        assert_eq!(service_of("/chat"), Some(("", "")));
    }

    #[test]
    fn transports_that_are_not_offered_are_unknown() {
        fn known(transports: &[Transport], method: &str, path: &str) -> bool {
            let config = Config::new("").transports(transports.iter().copied());
            matches!(route(method, path, [config].iter()), Route::Service(..))
        }
        for (transport, method, segment) in [
            (Transport::WebSocket, "GET", "websocket"),
            (Transport::XhrStreaming, "POST", "xhr_streaming"),
            (Transport::EventSource, "GET", "eventsource"),
            (Transport::HtmlFile, "GET", "htmlfile"),
            (Transport::XhrPolling, "POST", "xhr"),
            (Transport::JsonpPolling, "GET", "jsonp"),
        ] {
            let path = format!("/0/s/{segment}");
            let others: Vec<_> = Transport::ALL.into_iter().filter(|other| *other != transport).collect();
            assert!(known(&[transport], method, &path) && !known(&others, method, &path), "{segment}");
        }
        assert!(known(&[Transport::WebSocketRaw], "GET", "/websocket"));
        assert!(!known(&[Transport::WebSocket], "GET", "/websocket"));
        assert!(known(&[Transport::EventSource], "POST", "/0/s/xhr_send"));
        assert!(!known(&[Transport::JsonpPolling, Transport::WebSocket], "POST", "/0/s/xhr_send"));
        assert!(known(&[Transport::JsonpPolling], "POST", "/0/s/jsonp_send"));
        assert!(!known(&[Transport::XhrPolling], "POST", "/0/s/jsonp_send"));
    }

    #[test]
    fn the_longest_prefix_wins_and_the_root_is_one() {
        assert_eq!(asked("GET", "/echo/deep"), "/echo/deep greeting");
        assert_eq!(asked("POST", "/echo/deep/0/s/xhr"), "/echo/deep xhr of s");
        assert_eq!(asked("POST", "/echo/deeper/s/xhr"), "/echo xhr of s");
        let services = services();
        let prefix_of = |path| match route("GET", path, services.iter()) {
            Route::Service(config, _, _) => Some(config.prefix.clone()),
            _ => None,
        };
        assert_eq!(prefix_of("/"), Some("".into()));
        assert_eq!(prefix_of("/info"), Some("".into()));
        assert_eq!(prefix_of("/echo/info"), Some("/echo".into()));
        assert_eq!(prefix_of("//"), None);
    }
}
