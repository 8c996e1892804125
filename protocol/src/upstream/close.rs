//! Close codes and reasons on their way between an upstream server and a client.
//!
//! | event | close for the client | close for the upstream |
//! |---|---|---|
//! | the upstream closed with a code | the same code; 1000 for 1005 | |
//! | the upstream was lost, or stopped answering | 1012 `Upstream lost` | |
//! | the upstream refused the connection | 4000 and the HTTP status, such as 4401 | |
//! | the upstream was not asked, since it is failing | 1013 `Upstream is failing` | |
//! | the client closed with a code | | the same code; 1000 for a code that no endpoint may send |
//! | the client was lost | | 1011 `Client lost` |
//! | this server closed the client | that code | the same code, or 1011 |
//!
//! A SockJS frame may carry any code, a WebSocket only some of them. [`Close::of_websocket`] gives the code for a WebSocket.

use crate::sockjs::close_code::CloseCode;
use std::borrow::Cow;

/// Longest reason, in bytes of UTF-8: a close frame of a WebSocket holds 125, two of which are the code.
pub const REASON_MAX: usize = 123;

/// Reason of [`CloseCode::ServiceRestart`] for a client whose upstream was lost.
pub const UPSTREAM_LOST: &str = "Upstream lost";

/// Reason of [`CloseCode::InternalError`] for an upstream whose client was lost.
pub const CLIENT_LOST: &str = "Client lost";

/// A close code with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// Close code, from 1000 to 4999.
    pub code: u16,
    /// Reason, of at most [`REASON_MAX`] bytes.
    pub reason: String,
}

impl Close {
    fn new(code: u16, reason: &str) -> Self {
        Self { code, reason: cut(reason).to_owned() }
    }

    /// Returns the close for a WebSocket: a code that no endpoint may send becomes 1011.
    pub fn of_websocket(self) -> Self {
        let code = if may_be_sent(self.code) { self.code } else { CloseCode::InternalError.number() };
        Self { code, ..self }
    }
}

/// The end of a connection to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamEnd<'a> {
    /// The upstream closed.
    Closed {
        /// Close code; 1005 if the upstream gave none.
        code: u16,
        /// Reason. Empty if the upstream gave none.
        reason: &'a str,
    },
    /// The connection broke, or the upstream stopped answering. Runtimes report a broken connection by a close event with
    /// code 1006 that is not clean (`wasClean` is false). Pass that event as this variant: 1012 invites clients to return.
    Lost,
}

impl UpstreamEnd<'_> {
    /// Returns the close for the client: in a SockJS frame as it is, on a WebSocket by [`Close::of_websocket`].
    ///
    /// A code outside of 1000 to 4999 becomes 1011, since the WebSocket protocol has no such codes.
    pub fn to_client(self) -> Close {
        const NO_STATUS: u16 = CloseCode::NoStatus.number();
        match self {
            Self::Closed { code: NO_STATUS, reason } => Close::new(CloseCode::Normal.number(), reason),
            Self::Closed { code: code @ 1000..=4999, reason } => Close::new(code, reason),
            Self::Closed { code: _, reason } => Close::new(CloseCode::InternalError.number(), reason),
            Self::Lost => Close::new(CloseCode::ServiceRestart.number(), UPSTREAM_LOST),
        }
    }
}

/// The end of a client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientEnd<'a> {
    /// The client closed.
    Closed {
        /// Close code; 1005 if the client gave none.
        code: u16,
        /// Reason. Empty if the client gave none.
        reason: &'a str,
    },
    /// The connection broke, or the client of an HTTP session stayed away.
    Lost,
    /// This server closed the connection.
    Ended {
        /// Close code that the client got.
        code: CloseCode,
        /// Reason that the client got.
        reason: &'a str,
    },
}

impl ClientEnd<'_> {
    /// Returns the close for the upstream. An endpoint may always send its code.
    ///
    /// If this server closed the client with a code that only SockJS knows, or with 1002, the code becomes 1011: 1002 would
    /// mean that the upstream broke the protocol.
    pub fn to_upstream(self) -> Close {
        match self {
            Self::Closed { code: 1006 | 1015, .. } | Self::Lost => {
                Close::new(CloseCode::InternalError.number(), CLIENT_LOST)
            }
            Self::Closed { code, reason } if may_be_sent(code) => Close::new(code, reason),
            Self::Closed { code: _, reason } => Close::new(CloseCode::Normal.number(), reason),
            Self::Ended { code: CloseCode::Interrupted, reason } => {
                Close::new(CloseCode::InternalError.number(), reason)
            }
            Self::Ended { code, reason } => Close::new(code.number(), reason).of_websocket(),
        }
    }
}

/// Cause for which an upstream connection could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The upstream answered with this HTTP status, and did not accept the connection.
    Status(u16),
    /// The upstream could not be reached.
    Unreachable,
    /// The upstream did not answer in time.
    TimedOut,
    /// The upstream selected a subprotocol that was not offered.
    Subprotocol,
    /// The upstream was not asked, since its last answers were failures.
    Paused,
}

impl Refusal {
    /// Returns the HTTP status for a client that got no answer yet.
    ///
    /// The upstream's own status is kept if it is an error. A redirection, or a success without an upgrade, becomes 502: a
    /// client could not follow the former and would misunderstand the latter.
    pub const fn status(self) -> u16 {
        match self {
            Self::Status(status @ 400..=599) => status,
            Self::Status(_) | Self::Unreachable | Self::Subprotocol => 502,
            Self::Paused => 503,
            Self::TimedOut => 504,
        }
    }

    /// Returns the close for a client that is already open: its code is 4000 and [`Refusal::status`]. For an upstream that was not
    /// asked, it is 1013, since the client may return.
    pub fn close(self) -> Close {
        let code = match self {
            Self::Paused => CloseCode::TryAgainLater.number(),
            _ => 4000 + self.status(),
        };
        Close::new(code, &self.reason())
    }

    /// Returns the reason, for people and logs.
    pub fn reason(self) -> Cow<'static, str> {
        match self {
            Self::Status(status) => format!("Upstream answered {status}").into(),
            Self::Unreachable => "Upstream cannot be reached".into(),
            Self::TimedOut => "Upstream did not answer in time".into(),
            Self::Subprotocol => "Upstream selected another subprotocol".into(),
            Self::Paused => "Upstream is failing".into(),
        }
    }
}

/// True if an endpoint may send `code` in a close frame: RFC 6455, section 7.4, and the IANA registry.
///
/// Common WebSocket libraries fail the connection at any other code.
pub const fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Returns the beginning of `reason` that fits a close frame. No character is cut apart.
pub fn cut(reason: &str) -> &str {
    reason.get(..reason.floor_char_boundary(REASON_MAX)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(code: u16, reason: &str) -> Close {
        Close { code, reason: reason.into() }
    }

    #[test]
    fn the_clients_close_is_the_upstreams() {
        for (code, seen) in [
            (1000, 1000),
            (1001, 1001),
            (1003, 1003),
            (1004, 1004),
            (1005, 1000),
            (1006, 1006),
            (1011, 1011),
            (1015, 1015),
            (2010, 2010),
            (3000, 3000),
            (4999, 4999),
            (0, 1011),
            (999, 1011),
            (5000, 1011),
            (65_535, 1011),
        ] {
            assert_eq!(UpstreamEnd::Closed { code, reason: "why" }.to_client(), close(seen, "why"), "{code}");
        }
        assert_eq!(UpstreamEnd::Lost.to_client(), close(1012, "Upstream lost"));
    }

    #[test]
    fn a_websocket_carries_no_code_that_its_libraries_refuse() {
        for (code, sent) in [
            (1000, 1000),
            (1002, 1002),
            (1004, 1011),
            (1006, 1011),
            (1012, 1012),
            (1014, 1014),
            (1015, 1011),
            (2010, 1011),
            (4401, 4401),
        ] {
            let seen = UpstreamEnd::Closed { code, reason: "why" }.to_client();
            assert_eq!(seen.of_websocket(), close(sent, "why"), "{code}");
        }
    }

    #[test]
    fn the_upstreams_close_is_the_clients_if_it_may_be_sent() {
        for (code, sent) in [
            (1000, 1000),
            (1001, 1001),
            (1004, 1000),
            (1005, 1000),
            (1009, 1009),
            (1013, 1013),
            (1016, 1000),
            (2999, 1000),
            (3000, 3000),
            (4999, 4999),
            (5000, 1000),
            (0, 1000),
        ] {
            assert_eq!(ClientEnd::Closed { code, reason: "bye" }.to_upstream(), close(sent, "bye"), "{code}");
        }
    }

    #[test]
    fn a_lost_client_is_no_normal_close() {
        let lost = close(1011, "Client lost");
        assert_eq!(ClientEnd::Lost.to_upstream(), lost);
        for code in [1006, 1015] {
            assert_eq!(ClientEnd::Closed { code, reason: "" }.to_upstream(), lost);
        }
    }

    #[test]
    fn a_close_of_this_server_blames_the_upstream_for_nothing() {
        for (code, sent) in [
            (CloseCode::TryAgainLater, 1013),
            (CloseCode::TooLarge, 1009),
            (CloseCode::BrokenFraming, 3000),
            (CloseCode::ServiceRestart, 1012),
            (CloseCode::Interrupted, 1011),
            (CloseCode::Abnormal, 1011),
            (CloseCode::AnotherConnection, 1011),
        ] {
            assert_eq!(ClientEnd::Ended { code, reason: "why" }.to_upstream(), close(sent, "why"), "{code:?}");
        }
    }

    #[test]
    fn a_refusal_keeps_its_status_before_and_after_the_opening() {
        for (refusal, status, code, reason) in [
            (Refusal::Status(401), 401, 4401, "Upstream answered 401"),
            (Refusal::Status(403), 403, 4403, "Upstream answered 403"),
            (Refusal::Status(404), 404, 4404, "Upstream answered 404"),
            (Refusal::Status(500), 500, 4500, "Upstream answered 500"),
            (Refusal::Status(599), 599, 4599, "Upstream answered 599"),
            (Refusal::Status(200), 502, 4502, "Upstream answered 200"),
            (Refusal::Status(302), 502, 4502, "Upstream answered 302"),
            (Refusal::Status(65_535), 502, 4502, "Upstream answered 65535"),
            (Refusal::Unreachable, 502, 4502, "Upstream cannot be reached"),
            (Refusal::Subprotocol, 502, 4502, "Upstream selected another subprotocol"),
            (Refusal::TimedOut, 504, 4504, "Upstream did not answer in time"),
            (Refusal::Paused, 503, 1013, "Upstream is failing"),
        ] {
            assert_eq!(refusal.status(), status);
            assert_eq!(refusal.close(), close(code, reason));
        }
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        for (reason, length) in [
            ("x".repeat(123), 123),
            ("x".repeat(124), 123),
            ("é".repeat(62), 122),
            (format!("x{}", "é".repeat(62)), 123),
            ("😀".repeat(40), 120),
            ("€".repeat(41), 123),
            (String::new(), 0),
        ] {
            let seen = UpstreamEnd::Closed { code: 1000, reason: &reason }.to_client().reason;
            assert_eq!(seen.len(), length);
            assert!(reason.starts_with(&seen));
        }
    }
}
