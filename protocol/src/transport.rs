//! The table of transports. What differs between them is data; the code that serves them is one.

use serde::{Deserialize, Serialize};

/// How a client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Transport {
    /// A WebSocket with SockJS frames.
    #[serde(rename = "websocket")]
    WebSocket,
    /// A WebSocket without frames, at `<prefix>/websocket`.
    #[serde(rename = "websocket-raw")]
    WebSocketRaw,
    /// One frame to each POST.
    #[serde(rename = "xhr-polling")]
    XhrPolling,
}

impl Transport {
    /// Its name in sockjs-node (`transports`, `connection.protocol`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::WebSocketRaw => "websocket-raw",
            Self::XhrPolling => "xhr-polling",
        }
    }

    /// Whether the client is on a WebSocket of its own rather than on a sequence of HTTP requests.
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::WebSocket | Self::WebSocketRaw)
    }
}

/// An HTTP request that receives frames: `<prefix>/<server>/<session>/<segment>`.
#[derive(Debug)]
pub struct Receive {
    /// The transport it belongs to.
    pub transport: Transport,
    /// Last segment of the path.
    pub segment: &'static str,
    /// The HTTP method, in upper case.
    pub method: &'static str,
    /// The response's Content-Type.
    pub content_type: &'static str,
    /// Whether the response ends after one frame.
    pub one_frame: bool,
    /// What follows each frame on the wire.
    pub suffix: &'static str,
}

impl Receive {
    /// One encoded frame as it goes on the wire: exactly one HTTP chunk.
    pub fn wrap(&self, frame: &str) -> String {
        [frame, self.suffix].concat()
    }
}

/// An HTTP request that sends messages: `<prefix>/<server>/<session>/<segment>`, always a POST.
#[derive(Debug)]
pub struct Send {
    /// Last segment of the path.
    pub segment: &'static str,
    /// Status of an accepted send.
    pub status: u16,
    /// The response's Content-Type. Firefox takes a response without one for XML.
    pub content_type: &'static str,
}

/// `application/javascript`, as the protocol's tests spell it.
pub const JAVASCRIPT: &str = "application/javascript; charset=UTF-8";
/// `text/plain`, as the protocol's tests spell it.
pub const PLAIN: &str = "text/plain; charset=UTF-8";

/// Every receiving request.
pub static RECEIVES: &[Receive] = &[Receive {
    transport: Transport::XhrPolling,
    segment: "xhr",
    method: "POST",
    content_type: JAVASCRIPT,
    one_frame: true,
    suffix: "\n",
}];

/// Every sending request.
pub static SENDS: &[Send] = &[Send { segment: "xhr_send", status: 204, content_type: PLAIN }];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transport_is_stored_under_the_name_it_shows() {
        for transport in [Transport::WebSocket, Transport::WebSocketRaw, Transport::XhrPolling] {
            assert_eq!(serde_json::to_string(&transport).unwrap(), format!("\"{}\"", transport.name()));
        }
    }

    #[test]
    fn xhr_ends_each_frame_with_a_newline() {
        let [xhr] = RECEIVES else { panic!("one row") };
        assert_eq!(xhr.wrap("o"), "o\n");
    }
}
