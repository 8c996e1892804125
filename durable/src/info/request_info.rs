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
    /// `/info`: the client wants a ticket. Only with the option `tickets`.
    Info,
    /// A request for the messages of a session over HTTP, which opens the session or continues it.
    Receive,
    /// A new WebSocket.
    WebSocket,
    /// Messages for a session over HTTP, which should be open.
    Send,
}

/// A request that the application decides about.
///
/// It has all headers of the request, cookies and `Authorization` included. They are for this decision: the connection and its object
/// never get them. A browser sends cookies whichever page asks, so look at [`RequestInfo::origin`] before you believe one, or set the
/// option `allowed_origins`.
///
/// ```
/// # extern crate sockjs_durable as sockjs_edge;
/// use sockjs_edge::{Admission, Rejection, RequestInfo, RequestKind};
///
/// fn decide(request: &RequestInfo<'_>) -> Admission {
///     let is_ours = request.origin().is_some_and(|origin| origin == "https://example.com");
///     match request.kind() {
///         RequestKind::WebSocket | RequestKind::Info if !is_ours => Admission::Reject(Rejection::new(403, "not from this page")),
///         _ => Admission::Admit,
///     }
/// }
/// ```
#[derive(Debug)]
pub struct RequestInfo<'a> {
    request: &'a Request,
    kind: RequestKind,
    prefix: &'a str,
    parameters: &'a [(String, String)],
    session: Option<&'a str>,
    transport: Option<Transport>,
    address: Option<&'a str>,
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
        Self { request, kind, prefix, parameters, session, transport, address: None }
    }

    /// Notes the client's address, where its headers do not tell it. Only for the Worker half.
    #[doc(hidden)]
    pub fn of(self, address: Option<&'a str>) -> Self {
        Self { address, ..self }
    }

    /// Returns the purpose of the request.
    pub fn kind(&self) -> RequestKind {
        self.kind
    }

    /// Returns the HTTP method.
    pub fn method(&self) -> String {
        self.request.method()
    }

    /// Returns the prefix of the service, with the names of its parameters.
    pub fn prefix(&self) -> &str {
        self.prefix
    }

    /// Returns the value of a parameter of the prefix.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter(self.parameters, name)
    }

    /// Returns the parameters of the prefix, with their values.
    pub fn parameters(&self) -> &[(String, String)] {
        self.parameters
    }

    /// Returns the request as the runtime has it.
    #[doc(hidden)]
    pub fn raw(&self) -> &Request {
        self.request
    }

    /// Returns the session id that the client chose, as it stands in the URL. `None` for a raw WebSocket and for `/info`.
    pub fn session_id(&self) -> Option<&str> {
        self.session
    }

    /// Returns the transport. `None` for `/info`, and for a send, which several transports have in common.
    pub fn transport(&self) -> Option<Transport> {
        self.transport
    }

    /// Returns the path of the request.
    pub fn pathname(&self) -> String {
        path_and_query(&self.request.url()).0.to_owned()
    }

    /// Returns the query of the request, without the question mark. Without `tickets`, every request has the query that a page adds
    /// to its SockJS URL; with them, only `/info` has it.
    pub fn query(&self) -> String {
        path_and_query(&self.request.url()).1.to_owned()
    }

    /// Returns the client's IP address: as Cloudflare saw it, or in plain workerd as the option `trusted_proxies` says.
    pub fn remote_address(&self) -> Option<String> {
        self.address.map(str::to_owned).or_else(|| self.header("cf-connecting-ip"))
    }

    /// Returns the origin of the page, if the browser names it.
    pub fn origin(&self) -> Option<String> {
        self.header("origin")
    }

    /// Returns a header by its name. An empty one counts as missing.
    pub fn header(&self, name: &str) -> Option<String> {
        // The runtime throws at a name that is no name of a header.
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        is_name.then(|| response::header_of(self.request, name)).flatten().filter(|value| !value.is_empty())
    }

    /// Returns a cookie by its name, as it stands in the header. If several have that name, the first.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.header("cookie")?;
        let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    }

    /// Returns Cloudflare's facts about the request, such as its country. `None` outside Cloudflare.
    pub fn cf(&self) -> Option<Cf> {
        // That of plain workerd has the client's address alone, and `Cf` (worker 0.8.7) panics without the rest.
        let cf = js_sys::Reflect::get(self.request, &"cf".into()).ok().filter(wasm_bindgen::JsValue::is_object);
        let has_cf = cf.is_some_and(|cf| js_sys::Reflect::has(&cf, &"colo".into()).unwrap_or_default());
        has_cf.then(|| worker::Request::from(Clone::clone(self.request)).cf().cloned()).flatten()
    }
}

pub(crate) fn parameter<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
