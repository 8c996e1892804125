//! The ways to a connection's receivers.

use crate::pending::Pending;
use crate::socket;
use sockjs_protocol::inner::envelope::{FrameRefusal, ToEdge, Version};
use sockjs_protocol::sockjs::frame::Frame;
use sockjs_protocol::sockjs::session::{ReceiverId, Seq};
use worker::{Result, WebSocket};

/// One frame for one receiver.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub seq: Option<Seq>,
    pub frame: Frame,
    /// Whether the response ends with it.
    pub end: bool,
}

impl Delivery {
    /// As it goes to the Worker.
    pub fn to_edge(&self) -> ToEdge {
        if self.frame == Frame::another_connection() {
            return ToEdge::Refusal { reason: FrameRefusal::Contended, frame: self.frame.encode() };
        }
        ToEdge::Frame { seq: self.seq, end: self.end, frame: self.frame.encode() }
    }
}

/// An inner socket to the Worker that holds a client's response.
#[derive(Debug, Clone)]
pub(crate) struct Inner {
    pub socket: WebSocket,
    /// Version that both sides speak on it.
    pub version: Version,
}

impl Inner {
    /// Sends a message. An error says that the socket is lost.
    pub fn send(&self, message: &ToEdge) -> Result<()> {
        self.socket.send_with_bytes(message.encode(self.version))
    }
}

/// What an attach request is answered with.
#[derive(Debug)]
pub(crate) enum Answer {
    /// 200 with this frame.
    Frame(Delivery),
    /// 101: the receiver has to wait on an inner socket.
    Upgrade,
}

/// The way to one receiver.
#[derive(Debug)]
pub(crate) enum Link {
    /// Its attach request is still to be answered.
    Pending(Pending),
    /// An inner socket to the Worker that holds its response.
    Inner(Inner),
    /// A socket, its own or an inner one, that is not accepted yet: what is to be sent on it first.
    Opening(Vec<Delivery>),
    /// The client's own WebSocket.
    Client(WebSocket),
}

/// The ways to all receivers of one connection: the one attached, one that contends, one that is ending.
#[derive(Debug, Default)]
pub(crate) struct Links(Vec<(ReceiverId, Link)>);

impl Links {
    /// Sets the way to `receiver`. One that comes again on another way has lost the one before.
    pub fn set(&mut self, receiver: ReceiverId, link: Link) {
        if let Some(Link::Inner(lost)) = self.take(receiver) {
            socket::close(&lost.socket, socket::REPLACED, "attached again");
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

    /// Forgets the way to `receiver` if that is still `socket`.
    pub fn lost(&mut self, receiver: ReceiverId, socket: &WebSocket) -> bool {
        let before = self.0.len();
        self.0.retain(|(id, link)| *id != receiver || !matches!(link, Link::Inner(own) if own.socket == *socket));
        self.0.len() < before
    }
}

impl Drop for Links {
    /// Of a session that is over, no socket stays open: whoever waits would wait for ever.
    fn drop(&mut self) {
        for (_, link) in &self.0 {
            if let Link::Inner(inner) = link {
                socket::close(&inner.socket, socket::REPLACED, "session over");
            }
        }
    }
}
