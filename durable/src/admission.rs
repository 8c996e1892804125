//! Admission by the application: it is asked in the Worker, before an object is touched.

use crate::info::path_and_query;
use crate::reply;
use sockjs_protocol::sockjs::transport::Transport;
use worker::web_sys::Request;
use worker::{Cf, js_sys};

/// The application's answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// Leaves the decision to the service's options: the default of [`Handler::on_request`](crate::Handler::on_request). The
    /// request goes on, but with `tickets` and a list of origins `/info` issues no ticket to a client that names no origin.
    Undecided,
    /// Lets the request in.
    Admit,
    /// Lets the request in. If it opens a connection, that keeps this: see
    /// [`Connection::claims`](crate::Connection::claims). At most 1 KiB of JSON; beyond, the client is answered 500. A float may
    /// change in its last bit on the way.
    AdmitAs(serde_json::Value),
    /// Answers the request. No object is asked.
    Reject(Rejection),
}

/// The answer to a client that is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    status: u16,
    text: String,
    headers: Vec<(String, String)>,
}

impl Rejection {
    /// A rejection with a status from 400 to 599 (403 for any other), and a text.
    pub fn new(status: u16, text: impl Into<String>) -> Self {
        let status = if (400..600).contains(&status) { status } else { 403 };
        Self { status, text: text.into(), headers: Vec::new() }
    }

    /// Adds a header, such as `Retry-After` or `WWW-Authenticate`. One that HTTP does not allow is logged and left out.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Status, text and headers.
    #[doc(hidden)]
    pub fn into_parts(self) -> (u16, String, Vec<(String, String)>) {
        (self.status, self.text, self.headers)
    }
}

/// The purpose of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestKind {
    /// `/info`, asked only with the option `tickets`: the client wants a ticket.
    Info,
    /// The messages of a session over HTTP. The request opens the session, or goes on with it.
    Receive,
    /// A new WebSocket.
    WebSocket,
    /// Messages for a session over HTTP, which should be open.
    Send,
}

/// A request that the application decides about.
///
/// It sees all of the request's headers, cookies and `Authorization` included. They are for this decision: the connection
/// and its object never get them. A browser sends cookies whichever page asks, so look at [`RequestInfo::origin`] before you
/// believe one, or set the option `allowed_origins`.
#[derive(Debug)]
pub struct RequestInfo<'a> {
    request: &'a Request,
    kind: RequestKind,
    prefix: &'a str,
    parameters: &'a [(String, String)],
    session: Option<&'a str>,
    transport: Option<Transport>,
}

impl<'a> RequestInfo<'a> {
    /// Describes `request`. Only for the Worker half.
    #[doc(hidden)]
    pub fn new(
        request: &'a Request,
        kind: RequestKind,
        prefix: &'a str,
        parameters: &'a [(String, String)],
        session: Option<&'a str>,
        transport: Option<Transport>,
    ) -> Self {
        Self { request, kind, prefix, parameters, session, transport }
    }

    /// The purpose of the request.
    pub fn kind(&self) -> RequestKind {
        self.kind
    }

    /// The HTTP method.
    pub fn method(&self) -> String {
        self.request.method()
    }

    /// The prefix of the service, with the names of its parameters.
    pub fn prefix(&self) -> &str {
        self.prefix
    }

    /// The value of a parameter of the prefix.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter(self.parameters, name)
    }

    /// The session id that the client chose, as it stands in the URL. `None` for a raw WebSocket and for `/info`.
    pub fn session_id(&self) -> Option<&str> {
        self.session
    }

    /// How the client connects. `None` for `/info`, and for a send, which several transports have in common.
    pub fn transport(&self) -> Option<Transport> {
        self.transport
    }

    /// Path of the request.
    pub fn pathname(&self) -> String {
        path_and_query(&self.request.url()).0.to_owned()
    }

    /// Query of the request, without the question mark. Without `tickets`, what a page adds to its SockJS URL comes along with
    /// every request; with them, it comes to `/info` alone.
    pub fn query(&self) -> String {
        path_and_query(&self.request.url()).1.to_owned()
    }

    /// The client's address, as Cloudflare saw it.
    pub fn remote_address(&self) -> Option<String> {
        self.header("cf-connecting-ip")
    }

    /// The origin of the page, if the browser names it.
    pub fn origin(&self) -> Option<String> {
        self.header("origin")
    }

    /// A header by its name. An empty one counts as missing.
    pub fn header(&self, name: &str) -> Option<String> {
        // What is no name of a header would be an exception.
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        is_name.then(|| reply::header_of(self.request, name)).flatten().filter(|value| !value.is_empty())
    }

    /// A cookie by its name, as it stands in the header. If several have that name, the first.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.header("cookie")?;
        let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }

    /// Cloudflare's own facts about the request, such as its country. `None` elsewhere.
    pub fn cf(&self) -> Option<Cf> {
        let has_cf = js_sys::Reflect::get(self.request, &"cf".into()).is_ok_and(|cf| cf.is_object());
        has_cf.then(|| worker::Request::from(Clone::clone(self.request)).cf().cloned()).flatten()
    }
}

pub(crate) fn parameter<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rejection_has_the_status_of_an_error() {
        for (status, answered) in [(401, 401), (599, 599), (200, 403), (302, 403), (0, 403)] {
            assert_eq!(Rejection::new(status, "no").into_parts().0, answered);
        }
        let (_, text, headers) = Rejection::new(429, "later").header("Retry-After", "5").into_parts();
        assert_eq!((text.as_str(), headers), ("later", vec![("Retry-After".to_owned(), "5".to_owned())]));
    }
}
