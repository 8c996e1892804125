//! The table of transports. The differences between transports are data; the same code serves all of them.

use crate::sockjs::frame::quote;
use serde::{Deserialize, Serialize};

/// Kind of connection that a client uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Transport {
    /// A WebSocket with SockJS frames.
    #[serde(rename = "websocket")]
    WebSocket,
    /// A WebSocket without frames, at `<prefix>/websocket`.
    #[serde(rename = "websocket-raw")]
    WebSocketRaw,
    /// Frames as lines of an endless response to a POST.
    #[serde(rename = "xhr-streaming")]
    XhrStreaming,
    /// Frames as server-sent events.
    #[serde(rename = "eventsource")]
    EventSource,
    /// Frames as scripts of an endless page.
    #[serde(rename = "htmlfile")]
    HtmlFile,
    /// One frame to each POST.
    #[serde(rename = "xhr-polling")]
    XhrPolling,
    /// One frame to each script that a page loads.
    #[serde(rename = "jsonp-polling")]
    JsonpPolling,
}

impl Transport {
    /// All transports, in the order in which a client should try them.
    pub const ALL: [Self; 7] = [
        Self::WebSocket,
        Self::WebSocketRaw,
        Self::XhrStreaming,
        Self::EventSource,
        Self::HtmlFile,
        Self::XhrPolling,
        Self::JsonpPolling,
    ];

    /// Returns the name in sockjs-node (`transports`, `connection.protocol`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::WebSocketRaw => "websocket-raw",
            Self::XhrStreaming => "xhr-streaming",
            Self::EventSource => "eventsource",
            Self::HtmlFile => "htmlfile",
            Self::XhrPolling => "xhr-polling",
            Self::JsonpPolling => "jsonp-polling",
        }
    }

    /// Returns the transport with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.name() == name)
    }

    /// True if the client uses a WebSocket of its own rather than a sequence of HTTP requests.
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::WebSocket | Self::WebSocketRaw)
    }

    /// Returns the HTTP request that receives the frames; `None` for WebSockets.
    pub fn receive(self) -> Option<&'static Receive> {
        RECEIVES.iter().find(|row| row.transport == self)
    }
}

/// An HTTP request that receives frames: `<prefix>/<server>/<session>/<segment>`.
#[derive(Debug)]
pub struct Receive {
    /// The transport that the request belongs to.
    pub transport: Transport,
    /// Last segment of the path.
    pub segment: &'static str,
    /// The HTTP method, in upper case.
    pub method: &'static str,
    /// The response's Content-Type.
    pub content_type: &'static str,
    /// True if the response ends after one frame.
    pub one_frame: bool,
    /// True if scripts of other origins read the response. It then needs CORS headers and, for a POST, a preflight.
    pub cors: bool,
    /// Bytes before the first frame, as a chunk of their own.
    pub prelude: Prelude,
    /// Bytes around each frame.
    pub wrapping: Wrapping,
}

/// Bytes that a response sends before the first frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prelude {
    /// No bytes.
    None,
    /// 2048 `h` and a newline: Internet Explorer hides the first 2 KiB of a response from scripts.
    TwoKilobytes,
    /// An empty line, for old Opera.
    EmptyLine,
    /// The beginning of a page that passes its frames to a function of its parent. It is longer than 1 KiB for Safari.
    Page,
}

/// Bytes that a response puts around each frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// The frame as a line.
    Line,
    /// The frame as a server-sent event. The client decodes percent-escapes, so `%` is escaped, as are line ends.
    Event,
    /// The frame in a script of a page.
    Script,
    /// The frame in a call of the page's own function. The comment in front keeps Flash from treating the script as a movie.
    Call,
}

impl Receive {
    /// True if the request names a function of the page: see [`is_callback`].
    pub fn needs_callback(&self) -> bool {
        self.prelude == Prelude::Page || self.wrapping == Wrapping::Call
    }

    /// Returns the bytes before the first frame, if there are any. `callback` is used only where it is needed.
    pub fn prelude(&self, callback: &str) -> Option<String> {
        match self.prelude {
            Prelude::None => None,
            Prelude::TwoKilobytes => Some("h".repeat(2048) + "\n"),
            Prelude::EmptyLine => Some("\r\n".into()),
            Prelude::Page => {
                let page = PAGE.replace("{callback}", callback);
                Some(format!("{page:<PAGE_MIN$}\r\n\r\n"))
            }
        }
    }

    /// Returns one encoded frame as it is sent over the wire, in exactly one HTTP chunk. `callback` is used only where it is
    /// needed.
    pub fn wrap(&self, callback: &str, frame: &str) -> String {
        match self.wrapping {
            Wrapping::Line => [frame, "\n"].concat(),
            Wrapping::Event => ["data: ", &percent_escape(frame), "\r\n\r\n"].concat(),
            Wrapping::Script => ["<script>\np(", &script_string(frame), ");\n</script>\r\n"].concat(),
            Wrapping::Call => ["/**/", callback, "(", &script_string(frame), ");\r\n"].concat(),
        }
    }

    /// Returns the body for a poll whose session could not be reached. It carries no message, and the client polls again.
    pub fn no_frame(&self, callback: &str) -> String {
        match self.wrapping {
            // A script that calls nothing is an error for the page.
            Wrapping::Call => self.wrap(callback, "h"),
            _ => String::new(),
        }
    }
}

/// The page of htmlfile. Its text is part of the protocol.
const PAGE: &str = r#"<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.{callback};
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>
"#;

/// Bytes of a page that Safari needs before it shows any of them.
const PAGE_MIN: usize = 1040;

/// True if `name` is a safe function name in a script. Must be checked before any other use of `name`.
pub fn is_callback(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// Escapes `frame` for a receiver that decodes percent-escapes and must see no line end.
fn percent_escape(frame: &str) -> String {
    frame.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A").replace('\0', "%00")
}

/// Returns `frame` as a JavaScript string inside a script of a page, where `</script>` and `<!--` would be markup.
fn script_string(frame: &str) -> String {
    quote(frame).replace('<', "\\u003c")
}

/// An HTTP request that sends messages: `<prefix>/<server>/<session>/<segment>`, always a POST.
#[derive(Debug)]
pub struct Send {
    /// The transports that send through this request.
    pub transports: &'static [Transport],
    /// Last segment of the path.
    pub segment: &'static str,
    /// Status of an accepted send.
    pub status: u16,
    /// Body of an accepted send.
    pub body: &'static str,
    /// The response's Content-Type. Firefox parses a response without one as XML.
    pub content_type: &'static str,
    /// True if scripts of other origins send the request. It then needs CORS headers and a preflight.
    pub cors: bool,
    /// True if the messages may come as field `d` of a form.
    pub form: bool,
}

/// `application/javascript`, as the protocol's tests spell it.
pub const JAVASCRIPT: &str = "application/javascript; charset=UTF-8";
/// `text/plain`, as the protocol's tests spell it.
pub const PLAIN: &str = "text/plain; charset=UTF-8";
/// `text/html`, as the protocol's tests spell it.
pub const HTML: &str = "text/html; charset=UTF-8";
/// Content-Type of server-sent events. They are UTF-8 by definition, and old browsers accept no charset.
pub const EVENTS: &str = "text/event-stream";

/// All requests that receive frames.
pub static RECEIVES: &[Receive] = &[
    Receive {
        transport: Transport::XhrStreaming,
        segment: "xhr_streaming",
        method: "POST",
        content_type: JAVASCRIPT,
        one_frame: false,
        cors: true,
        prelude: Prelude::TwoKilobytes,
        wrapping: Wrapping::Line,
    },
    Receive {
        transport: Transport::EventSource,
        segment: "eventsource",
        method: "GET",
        content_type: EVENTS,
        one_frame: false,
        cors: true,
        prelude: Prelude::EmptyLine,
        wrapping: Wrapping::Event,
    },
    Receive {
        transport: Transport::HtmlFile,
        segment: "htmlfile",
        method: "GET",
        content_type: HTML,
        one_frame: false,
        cors: false,
        prelude: Prelude::Page,
        wrapping: Wrapping::Script,
    },
    Receive {
        transport: Transport::XhrPolling,
        segment: "xhr",
        method: "POST",
        content_type: JAVASCRIPT,
        one_frame: true,
        cors: true,
        prelude: Prelude::None,
        wrapping: Wrapping::Line,
    },
    Receive {
        transport: Transport::JsonpPolling,
        segment: "jsonp",
        method: "GET",
        content_type: JAVASCRIPT,
        one_frame: true,
        cors: false,
        prelude: Prelude::None,
        wrapping: Wrapping::Call,
    },
];

/// All requests that send messages.
pub static SENDS: &[Send] = &[
    Send {
        transports: &[Transport::XhrStreaming, Transport::EventSource, Transport::HtmlFile, Transport::XhrPolling],
        segment: "xhr_send",
        status: 204,
        body: "",
        content_type: PLAIN,
        cors: true,
        form: false,
    },
    Send {
        transports: &[Transport::JsonpPolling],
        segment: "jsonp_send",
        status: 200,
        body: "ok",
        content_type: PLAIN,
        cors: false,
        form: true,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn row(segment: &str) -> &'static Receive {
        RECEIVES.iter().find(|row| row.segment == segment).unwrap()
    }

    #[test]
    fn a_transport_is_stored_under_the_name_it_shows() {
        for transport in Transport::ALL {
            assert_eq!(serde_json::to_string(&transport).unwrap(), format!("\"{}\"", transport.name()));
        }
    }

    #[test]
    fn each_transport_wraps_a_frame_in_its_own_way() {
        let frame = r#"a["x%25</script>"]"#;
        for (segment, wrapped) in [
            ("xhr", "a[\"x%25</script>\"]\n"),
            ("xhr_streaming", "a[\"x%25</script>\"]\n"),
            ("eventsource", "data: a[\"x%2525</script>\"]\r\n\r\n"),
            ("htmlfile", "<script>\np(\"a[\\\"x%25\\u003c/script>\\\"]\");\n</script>\r\n"),
            ("jsonp", "/**/cb(\"a[\\\"x%25\\u003c/script>\\\"]\");\r\n"),
        ] {
            assert_eq!(row(segment).wrap("cb", frame), wrapped, "{segment}");
        }
    }

    #[test]
    fn preludes_are_what_old_browsers_need() {
        assert_eq!(row("xhr").prelude(""), None);
        assert_eq!(row("jsonp").prelude("cb"), None);
        assert_eq!(row("xhr_streaming").prelude("").unwrap(), "h".repeat(2048) + "\n");
        assert_eq!(row("eventsource").prelude("").unwrap(), "\r\n");
        let page = row("htmlfile").prelude("cb").unwrap();
        assert!(page.len() > 1024 && page.starts_with("<!doctype html>\n<html><head>\n"), "{page}");
        assert!(page.contains("    var c = parent.cb;\n") && page.ends_with(" \r\n\r\n"), "{page}");
    }

    #[test]
    fn a_poll_without_a_frame_makes_the_client_poll_again() {
        assert_eq!(row("xhr").no_frame(""), "");
        assert_eq!(row("jsonp").no_frame("cb"), "/**/cb(\"h\");\r\n");
    }

    #[test]
    fn a_callback_is_a_name_and_nothing_else() {
        for name in ["c", "_jp.abc", "a-b.C_9", &"x".repeat(32)] {
            assert!(is_callback(name), "{name}");
        }
        for name in ["", " ", "*", "abc(", "abc%28", "é", "a/b", &"x".repeat(33)] {
            assert!(!is_callback(name), "{name}");
        }
    }
}
