//! Who may open a connection: asked in the Worker, before an object is touched.

use crate::info::{header_of, path_and_query};
use crate::reply;
use sockjs_protocol::transport::Transport;
use worker::web_sys::Request;

/// The answer to a request for a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// Let it in.
    Admit,
    /// Let it in, and keep this with its connection, if that is new: see [`Connection::claims`](crate::Connection::claims).
    /// At most 1 KiB of JSON; beyond, the client is answered 500. A float may change in its last bit on the way.
    AdmitAs(serde_json::Value),
    /// Answer it with this status, from 400 to 599 (403 for any other), and this text. No object is asked.
    Reject(u16, String),
}

/// A request for a connection: a receive over HTTP, the first or a later one, or a WebSocket's upgrade; with tickets, the
/// request of `/info` that asks for one.
#[derive(Debug)]
pub struct RequestInfo<'a> {
    request: &'a Request,
    prefix: &'a str,
    parameters: &'a [(String, String)],
    session: Option<&'a str>,
    transport: Option<Transport>,
}

impl<'a> RequestInfo<'a> {
    /// What `request` tells. Only for the Worker half.
    #[doc(hidden)]
    pub fn new(
        request: &'a Request,
        prefix: &'a str,
        parameters: &'a [(String, String)],
        session: Option<&'a str>,
        transport: Option<Transport>,
    ) -> Self {
        Self { request, prefix, parameters, session, transport }
    }

    /// The prefix of the service, with the names of its parameters.
    pub fn prefix(&self) -> &str {
        self.prefix
    }

    /// The value of a parameter of the prefix.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        parameter(self.parameters, name)
    }

    /// The session id that the client chose, as it stands in the URL; none for a raw WebSocket and for `/info`.
    pub fn session_id(&self) -> Option<&str> {
        self.session
    }

    /// How the client connects; none for `/info`.
    pub fn transport(&self) -> Option<Transport> {
        self.transport
    }

    /// Path of the request.
    pub fn pathname(&self) -> String {
        path_and_query(&self.request.url()).0.to_owned()
    }

    /// Query of the request, without the question mark. What a page adds to its SockJS URL comes along with every request.
    pub fn query(&self) -> String {
        path_and_query(&self.request.url()).1.to_owned()
    }

    /// The client's address, as Cloudflare saw it.
    pub fn remote_address(&self) -> Option<String> {
        reply::header_of(self.request, "cf-connecting-ip").filter(|address| !address.is_empty())
    }

    /// The origin of the page, if the browser tells.
    pub fn origin(&self) -> Option<String> {
        reply::header_of(self.request, "origin").filter(|origin| !origin.is_empty())
    }

    /// A header, if it is on sockjs-node's list (never a cookie).
    pub fn header(&self, name: &str) -> Option<String> {
        header_of(self.request, name)
    }
}

pub(crate) fn parameter<'p>(parameters: &'p [(String, String)], name: &str) -> Option<&'p str> {
    parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
