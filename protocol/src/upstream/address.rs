//! Address of an upstream: a URL or a service binding, with placeholders for the parameters of the service's prefix.
//!
//! | address | protocol | asked at |
//! |---|---|---|
//! | `ws://host:port/path?query`, `wss://…` | WebSocket | that host |
//! | `http://host:port/path?query`, `https://…` | WebSocket-over-HTTP | that host |
//! | `service:NAME/path?query` | WebSocket | the service binding `NAME` |
//! | `service+http:NAME/path?query` | WebSocket-over-HTTP | the service binding `NAME` |
//!
//! Path and query may have placeholders, as in `wss://chat.example/rooms/{room}`. Clients choose the values. So no value can
//! change anything but its own segment: scheme, host, port and the other segments are always those of the address.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;
use std::net::Ipv6Addr;

/// Protocol that an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// WebSocket: one upstream WebSocket for each connection.
    WebSocket,
    /// WebSocket-over-HTTP: requests with events in their bodies.
    Http,
}

/// Address of an upstream.
///
/// ```
/// use sockjs_protocol::upstream::address::Upstream;
///
/// let upstream = Upstream::read("wss://chat.example/rooms/{room}")?;
/// let room = |room: &str| [("room".to_owned(), room.to_owned())];
/// assert_eq!(upstream.url(&room("a/b")).as_deref(), Some("https://chat.example/rooms/a%2Fb"));
/// assert_eq!(upstream.url(&room("..")), None);
/// # Ok::<(), sockjs_protocol::upstream::address::AddressError>(())
/// ```
///
/// [`fmt::Display`] writes the address as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    text: String,
    protocol: UpstreamProtocol,
    service: Option<String>,
    /// Scheme, host and port, as `fetch` takes them.
    origin: String,
    path: Vec<Part>,
    query: Vec<Part>,
}

/// A part of a path or query.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Parameter(String),
}

/// Error of a string that is not the address of an upstream.
///
/// No variant holds the string: it may have a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// The string begins with no known scheme.
    Scheme,
    /// The host is missing, or has a character that no host has.
    Host,
    /// The port is no number from 1 to 65535.
    Port,
    /// User name or password stand in front of the host.
    Credentials,
    /// A placeholder stands in the host, in the port or in the name of a service binding.
    HostPlaceholder,
    /// The name of the service binding is missing, or has a character that no name has.
    Service,
    /// A fragment stands at the end.
    Fragment,
    /// Path or query have a character that has to be percent-encoded.
    Path,
    /// A segment of the path is `.` or `..`.
    DotSegment,
    /// A placeholder is malformed.
    Placeholder,
}

impl AddressError {
    /// Returns the form that was expected, to be put behind "expected".
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Scheme => {
                "ws://, wss://, http://, https://, service: or service+http: in front (example: wss://chat.example/socket)"
            }
            Self::Host => {
                "a host of letters, digits, dots and hyphens, or an IPv6 address in brackets (example: ws://10.0.0.5:8080/)"
            }
            Self::Port => "a port from 1 to 65535 (example: ws://10.0.0.5:8080/)",
            Self::Credentials => {
                "no user name and no password in front of the host, since addresses are logged: the upstream gets the \
                 Authorization header of the client's request"
            }
            Self::HostPlaceholder => {
                "placeholders only in path and query, since a client must not choose the host (example: \
                 wss://chat.example/rooms/{room})"
            }
            Self::Service => {
                "the name of a service binding, of letters, digits, _ and - (example: service:BACKEND/socket)"
            }
            Self::Fragment => "no fragment: HTTP does not transmit it. Write %23 for a # in path or query",
            Self::Path => {
                "only characters of URLs in path and query, others percent-encoded (example: %20 instead of a space)"
            }
            Self::DotSegment => "a path without the segments . and .. (example: /b instead of /a/../b)",
            Self::Placeholder => {
                "placeholders of letters, digits, _ and - in braces, as in the service's prefix (example: /rooms/{room})"
            }
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}", self.expected())
    }
}

impl std::error::Error for AddressError {}

/// Error of a placeholder for which the service's prefix has no parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownParameter {
    /// Name of the placeholder.
    pub name: String,
}

impl fmt::Display for UnknownParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        write!(
            f,
            "placeholder {{{name}}}: expected a parameter of the service's prefix. Add /{{{name}}} to the prefix, or take the \
             placeholder out of the address"
        )
    }
}

impl std::error::Error for UnknownParameter {}

/// Bytes of a value that are percent-encoded: all but those that mean nothing anywhere in a URL (RFC 3986, section 2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Characters besides letters and digits that stand for themselves in a path or query (RFC 3986, section 3.3). `%` begins
/// an escape.
const LITERAL: &str = "-._~!$&'()*+,;=:@/%";

impl Upstream {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// Returns the first rule that `text` breaks.
    pub fn read(text: &str) -> Result<Self, AddressError> {
        let (protocol, place, rest) = scheme(text)?;
        if rest.contains('#') {
            return Err(AddressError::Fragment);
        }
        let end = rest.find(['/', '?', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end).ok_or(AddressError::Host)?;
        if authority.contains('@') {
            return Err(AddressError::Credentials);
        }
        if authority.contains(['{', '}']) {
            return Err(AddressError::HostPlaceholder);
        }
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        let (service, origin) = match place {
            Place::Host(scheme) => {
                check_host(authority)?;
                (None, format!("{scheme}://{authority}"))
            }
            Place::Service => {
                check_service(authority)?;
                // A URL needs a host, and a binding has only its name.
                (Some(authority.to_owned()), format!("http://{}", authority.to_ascii_lowercase()))
            }
        };
        let path = parts(path, LITERAL)?;
        // No value consists of dots alone, so a segment with a placeholder is never one of dots.
        if has_dot_segment(&fill(&path, &|_| Some("x".into())).unwrap_or_default()) {
            return Err(AddressError::DotSegment);
        }
        let query = parts(query.unwrap_or_default(), &[LITERAL, "?"].concat())?;
        Ok(Self { text: text.to_owned(), protocol, service, origin, path, query })
    }

    /// Returns the protocol that the upstream speaks.
    pub fn protocol(&self) -> UpstreamProtocol {
        self.protocol
    }

    /// Returns the name of the service binding, or `None` if the upstream is a host.
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// Returns the names of the placeholders, as often as they occur.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.path.iter().chain(&self.query).filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Parameter(name) => Some(&**name),
        })
    }

    /// Checks that each placeholder has the name of a parameter of the service's prefix.
    ///
    /// # Errors
    ///
    /// Returns the first placeholder that is not among `names`.
    pub fn check_parameters<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<(), UnknownParameter> {
        let names: Vec<&str> = names.into_iter().collect();
        match self.placeholders().find(|name| !names.contains(name)) {
            None => Ok(()),
            Some(name) => Err(UnknownParameter { name: name.to_owned() }),
        }
    }

    /// Returns the URL to fetch, with the values of `parameters` percent-encoded. Its scheme is `http` or `https` for
    /// WebSockets, too, since `fetch` opens them that way.
    ///
    /// Returns `None` if a placeholder has no value, or one that some servers do not take for a part of one segment:
    ///
    /// * an empty value, which changes the number of segments;
    /// * `.` or `..`, alone or set off by `/`, `\` or `;` as in `a/../b`. URLs know no escape for a dot, and some servers
    ///   decode the others before they resolve dots;
    /// * a value with control characters.
    pub fn url(&self, parameters: &[(String, String)]) -> Option<String> {
        let value = |name: &str| {
            let (_, value) = parameters.iter().find(|(known, _)| known == name)?;
            may_fill(value).then(|| utf8_percent_encode(value, ENCODED).to_string())
        };
        let mut url = [&*self.origin, &fill(&self.path, &value)?].concat();
        if !self.query.is_empty() {
            url.push('?');
            url.push_str(&fill(&self.query, &value)?);
        }
        Some(url)
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Destination of the requests to an upstream.
enum Place {
    /// At a host, under this scheme.
    Host(&'static str),
    Service,
}

fn scheme(text: &str) -> Result<(UpstreamProtocol, Place, &str), AddressError> {
    use UpstreamProtocol::{Http, WebSocket};
    for (scheme, protocol, place) in [
        ("ws://", WebSocket, Place::Host("http")),
        ("wss://", WebSocket, Place::Host("https")),
        ("http://", Http, Place::Host("http")),
        ("https://", Http, Place::Host("https")),
        ("service:", WebSocket, Place::Service),
        ("service+http:", Http, Place::Service),
    ] {
        if let Some(rest) = text.strip_prefix(scheme) {
            return Ok((protocol, place, rest));
        }
    }
    Err(AddressError::Scheme)
}

fn check_host(authority: &str) -> Result<(), AddressError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(AddressError::Host)?;
            address.parse::<Ipv6Addr>().map_err(|_| AddressError::Host)?;
            ("ipv6", port)
        }
        None => authority.split_at_checked(authority.find(':').unwrap_or(authority.len())).unwrap_or_default(),
    };
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    // A dot at the end marks a complete name.
    if !host.strip_suffix('.').unwrap_or(host).split('.').all(is_label) {
        return Err(AddressError::Host);
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        None => Err(AddressError::Host),
        Some(digits) => {
            let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
            let number = digits.parse::<u16>().unwrap_or_default();
            if is_number && number > 0 { Ok(()) } else { Err(AddressError::Port) }
        }
    }
}

fn check_service(name: &str) -> Result<(), AddressError> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_name { Ok(()) } else { Err(AddressError::Service) }
}

/// Splits a path or query into literal parts, of letters, digits and `literals`, and placeholders.
fn parts(text: &str, literals: &str) -> Result<Vec<Part>, AddressError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find('{').unwrap_or(rest.len());
        let (literal, after) = rest.split_at_checked(end).ok_or(AddressError::Path)?;
        check_literal(literal, literals)?;
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        rest = match after.strip_prefix('{') {
            None => after,
            Some(after) => {
                let (name, after) = after.split_once('}').ok_or(AddressError::Placeholder)?;
                check_service(name).map_err(|_| AddressError::Placeholder)?;
                parts.push(Part::Parameter(name.to_owned()));
                after
            }
        };
    }
    Ok(parts)
}

fn check_literal(literal: &str, literals: &str) -> Result<(), AddressError> {
    if literal.contains('}') {
        return Err(AddressError::Placeholder);
    }
    let is_escape = |escape: &str| {
        let mut digits = escape.chars();
        let mut next = || digits.next().is_some_and(|digit| digit.is_ascii_hexdigit());
        next() && next()
    };
    let is_literal = |c: char| c.is_ascii_alphanumeric() || literals.contains(c);
    let is_good = literal.chars().all(is_literal) && literal.split('%').skip(1).all(is_escape);
    if is_good { Ok(()) } else { Err(AddressError::Path) }
}

fn fill(parts: &[Part], value: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    parts.iter().try_fold(String::new(), |mut filled, part| {
        match part {
            Part::Literal(literal) => filled.push_str(literal),
            Part::Parameter(name) => filled.push_str(&value(name)?),
        }
        Some(filled)
    })
}

/// True if every server takes the percent-encoded value for a part of one segment.
fn may_fill(value: &str) -> bool {
    !value.is_empty()
        && !value.chars().any(char::is_control)
        && !value.split(['/', '\\', ';']).any(|part| matches!(part, "." | ".."))
}

/// True if a URL parser resolves a segment of the path. It takes `%2e` for a dot.
fn has_dot_segment(path: &str) -> bool {
    path.split('/').any(|segment| matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | ".."))
}
