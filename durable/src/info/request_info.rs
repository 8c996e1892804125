//! The request that the application decides about.

use crate::info::connection_info::path_and_query;
use crate::js::response;
use sockjs_protocol::sockjs::transport::Transport;
use worker::web_sys::Request;
use worker::{Cf, js_sys};

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
        is_name.then(|| response::header_of(self.request, name)).flatten().filter(|value| !value.is_empty())
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
