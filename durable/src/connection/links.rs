//! The ways to a connection's receivers.

use crate::connection::poll::HeldPoll;
use crate::js::sockets;
use sockjs_protocol::inner::envelope::{FrameRefusal, ToEdge, ToHolder, Version};
use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::session::{ReceiverId, Seq};
use worker::{Result, WebSocket};

/// One frame for one receiver.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub seq: Option<Seq>,
    pub frame: Frame,
    /// True if the response ends with it.
    pub end: bool,
}

impl Delivery {
    /// Returns it in the form in which it goes to the Worker.
    pub fn to_edge(&self) -> ToEdge {
        if self.frame == Frame::another_connection() {
            return ToEdge::Refusal { reason: FrameRefusal::Contended, frame: self.frame.encode() };
        }
        ToEdge::Frame { seq: self.seq, end: self.end, frame: self.frame.encode() }
    }
}

/// An inner socket to the Worker that holds a client's response.
#[derive(Debug, Clone)]
pub(crate) struct InnerSocket {
    pub socket: WebSocket,
    /// Version that both sides speak on it.
    pub version: Version,
}

impl InnerSocket {
    /// Sends a message. An error says that the socket is lost.
    pub fn send(&self, message: &ToEdge) -> Result<()> {
        self.socket.send_with_bytes(message.encode(self.version))
    }
}

/// An inner socket to the Worker that holds a client's WebSocket.
#[derive(Debug, Clone)]
pub(crate) struct HolderSocket(pub WebSocket);

impl HolderSocket {
    /// Sends a message. An error says that the socket is lost.
    pub fn send(&self, message: &ToHolder<'_>) -> Result<()> {
        self.0.send_with_str(message.encode())
    }
}

/// The way to one receiver.
#[derive(Debug)]
pub(crate) enum Link {
    /// A poll whose attach request is still to be answered.
    Poll(HeldPoll),
    /// An inner socket to the Worker that holds its response.
    Inner(InnerSocket),
    /// An inner socket to the Worker that holds its client's WebSocket.
    Holder(HolderSocket),
    /// A socket, its own or an inner one, that is not accepted yet. Its first frames are kept.
    Opening(Vec<Delivery>),
    /// The client's own WebSocket.
    Client(WebSocket),
}

impl Link {
    /// Returns the inner socket.
    fn inner(&self) -> Option<&WebSocket> {
        match self {
            Self::Inner(inner) => Some(&inner.socket),
            Self::Holder(HolderSocket(socket)) => Some(socket),
            Self::Poll(_) | Self::Opening(_) | Self::Client(_) => None,
        }
    }
}

/// The ways to all receivers of one connection: the one attached, one that contends, one that is ending.
#[derive(Debug, Default)]
pub(crate) struct Links(Vec<(ReceiverId, Link)>);

impl Links {
    /// Sets the way to `receiver`. One that comes again on another way has lost the one before.
    pub fn set(&mut self, receiver: ReceiverId, link: Link) {
        if let Some(lost) = self.take(receiver).as_ref().and_then(Link::inner) {
            sockets::close(lost, sockets::REPLACED, "attached again");
        }
        self.0.push((receiver, link));
    }

    pub fn get(&self, receiver: ReceiverId) -> Option<&Link> {
        self.0.iter().find(|(id, _)| *id == receiver).map(|(_, link)| link)
    }

    pub fn take(&mut self, receiver: ReceiverId) -> Option<Link> {
        let at = self.0.iter().position(|(id, _)| *id == receiver)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Returns the inner socket to the Worker that holds the client's WebSocket.
    pub fn holder(&self) -> Option<&HolderSocket> {
        self.0.iter().find_map(|(_, link)| if let Link::Holder(holder) = link { Some(holder) } else { None })
    }

    /// Returns the inner sockets, with their receivers.
    pub fn inner_sockets(&self) -> impl Iterator<Item = (ReceiverId, WebSocket)> {
        self.0.iter().filter_map(|(receiver, link)| Some((*receiver, link.inner()?.clone())))
    }

    /// Forgets the way to `receiver` if that is still `socket`.
    pub fn lost(&mut self, receiver: ReceiverId, socket: &WebSocket) -> bool {
        let before = self.0.len();
        self.0.retain(|(id, link)| *id != receiver || link.inner() != Some(socket));
        self.0.len() < before
    }
}

impl Drop for Links {
    /// Of a session that is over, no socket stays open: whoever waits would wait for ever.
    fn drop(&mut self) {
        for (_, link) in &self.0 {
            if let Some(inner) = link.inner() {
                sockets::close(inner, sockets::REPLACED, "session over");
            }
        }
    }
}
