//! The clients of a room, which send messages and record what they receive.

use crate::application::connection::Connection;
use crate::connection::entry::Entry;
use crate::info::connection_info::{CLIENT_HEADERS, ConnectionInfo};
use crate::js::clock::now;
use crate::testing::client_state::Client;
use crate::testing::instance::Instance;
use crate::testing::world::World;
use serde::Serialize;
use sockjs_protocol::service::prefix::parameters;
use sockjs_protocol::sockjs::close_code::{CloseCode, MESSAGE_TOO_LARGE, TOO_FAST};
use sockjs_protocol::sockjs::pacing::{InboxFull, Refusal};
use sockjs_protocol::sockjs::payload::{Messages, PayloadError, PayloadLimits};
use sockjs_protocol::sockjs::session::{Departure, Rules, Session};
use sockjs_protocol::sockjs::transport::Transport;
use std::fmt;
use std::rc::Rc;

/// A builder for a client, made by [`TestRoom::client`](super::TestRoom::client).
#[derive(Debug)]
pub struct ClientBuilder {
    world: Handle,
    transport: Transport,
    session: Option<String>,
    query: String,
    remote_address: Option<String>,
    headers: Vec<(String, String)>,
    claims: Option<serde_json::Value>,
}

/// A client of a [`TestRoom`](super::TestRoom). It reads everything that is sent to it, unless
/// [`TestClient::stop_reading`] was called.
#[derive(Debug)]
pub struct TestClient {
    world: Handle,
    client: Rc<Client>,
}

/// The world, with a short `Debug` output.
struct Handle(Rc<World>);

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.path.borrow())
    }
}

impl ClientBuilder {
    pub(super) fn new(world: Rc<World>) -> Self {
        let transport = Transport::WebSocket;
        Self {
            world: Handle(world),
            transport,
            session: None,
            query: String::new(),
            remote_address: None,
            headers: Vec::new(),
            claims: None,
        }
    }

    /// Sets the transport. Default: [`Transport::WebSocket`].
    ///
    /// # Panics
    ///
    /// Panics if the service does not offer the transport.
    pub fn transport(mut self, transport: Transport) -> Self {
        assert!(self.world.0.config.offers(transport), "the service does not offer {}", transport.name());
        self.transport = transport;
        self
    }

    /// Sets the session id. Default: an id that no other client has.
    pub fn session_id(mut self, id: impl Into<String>) -> Self {
        self.session = Some(id.into());
        self
    }

    /// Sets the query of the request, without the question mark.
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// Sets the client's address.
    pub fn remote_address(mut self, address: impl Into<String>) -> Self {
        self.remote_address = Some(address.into());
        self
    }

    /// Adds a header to the request.
    ///
    /// # Panics
    ///
    /// Panics if connections do not keep the header: see [`Connection::header`].
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        let name = name.to_ascii_lowercase();
        assert!(CLIENT_HEADERS.contains(&name.as_str()), "the header {name} is not among those that a connection gets");
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the claims that `on_request` makes about the client: see [`Admission::AdmitAs`](crate::Admission::AdmitAs).
    pub fn claims(mut self, claims: serde_json::Value) -> Self {
        self.claims = Some(claims);
        self
    }

    /// Opens the connection. `on_start` runs if the handler is new, then `on_open`.
    pub fn connect(self) -> TestClient {
        let Self { world, transport, session, query, remote_address, headers, claims } = self;
        let number = world.0.clients.borrow().len() + 1;
        let path = world.0.path.borrow().clone();
        let session = session.unwrap_or_else(|| format!("session-{number}"));
        let (session, pathname) = match transport.receive().map(|receive| receive.segment) {
            Some(segment) => (Some(session.clone()), format!("{path}/000/{session}/{segment}")),
            None if transport == Transport::WebSocketRaw => (None, format!("{path}/websocket")),
            None => (Some(session.clone()), format!("{path}/000/{session}/websocket")),
        };
        let values = parameters(&world.0.config.prefix, &path);
        let info = ConnectionInfo {
            held: false,
            id: format!("00000000-0000-4000-8000-{number:012}"),
            service: world.0.config.prefix.clone(),
            session,
            transport,
            pathname,
            query,
            remote_address,
            headers,
            parameters: values.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            opened: world.0.now.get(),
            ticket: None,
            claims,
        };
        let client = Rc::new(Client::new(&info));
        world.0.clients.borrow_mut().push(client.clone());
        world.0.event(|object| {
            let rules = Rules::new(&world.0.config, transport);
            world.0.disk.add(&info);
            object.add(info, Session::open(now(), rules, client.next_receiver()));
        });
        TestClient { world, client }
    }
}

impl TestClient {
    /// Sends a message, which `on_message` gets. A WebSocket client sends it as one frame, any other client as one
    /// request.
    ///
    /// # Panics
    ///
    /// Panics if the client has left, or has read that it was closed.
    #[track_caller]
    pub fn send(&self, message: impl AsRef<str>) {
        let message = message.as_ref();
        self.world.0.event(|object| {
            assert!(!self.client.has_left.get(), "this client has left: it cannot send {message:?}");
            if let Some((code, reason)) = &*self.client.closed.borrow() {
                panic!("this client was closed with {code} {reason:?}: it cannot send {message:?}");
            }
            if let Some(entry) = object.entry(&self.client.id) {
                object.receive(&entry, &self.client, message);
            }
        });
    }

    /// Sends a value as JSON.
    ///
    /// # Panics
    ///
    /// Panics as [`TestClient::send`] does, or if the value cannot be written as JSON.
    #[track_caller]
    pub fn send_json(&self, message: &impl Serialize) {
        match serde_json::to_string(message) {
            Ok(json) => self.send(json),
            Err(error) => panic!("the message is no JSON: {error}"),
        }
    }

    /// Takes the messages that the client has read since the last call, in order.
    pub fn received(&self) -> Vec<String> {
        self.world.0.event(|_| ());
        self.client.received.take()
    }

    /// Takes the messages that the client has read since the last call, parsed as JSON.
    ///
    /// # Panics
    ///
    /// Panics if a message is not JSON.
    #[track_caller]
    pub fn received_json(&self) -> Vec<serde_json::Value> {
        let messages = self.received().into_iter();
        messages
            .map(|message| match serde_json::from_str(&message) {
                Ok(value) => value,
                Err(error) => panic!("{message:?} is no JSON: {error}"),
            })
            .collect()
    }

    /// Returns the code and the reason with which the connection was closed, once the client has read them. Returns
    /// `None` while the connection is open, and if the client left by itself.
    pub fn closed(&self) -> Option<(u16, String)> {
        self.world.0.event(|_| ());
        self.client.closed.borrow().clone()
    }

    /// True if the connection is open on the server.
    pub fn is_open(&self) -> bool {
        let is_open = |entry: Rc<Entry>| entry.session.borrow().is_open();
        self.world.0.event(|object| object.entry(&self.client.id)).is_some_and(is_open)
    }

    /// Returns the connection, as the room gives it to a handler. It stops working after
    /// [`TestRoom::restart`](super::TestRoom::restart).
    ///
    /// # Panics
    ///
    /// Panics if the connection has ended.
    #[track_caller]
    pub fn connection(&self) -> Connection {
        let (entry, host) = self.world.0.event(|object| (object.entry(&self.client.id), object.host()));
        let Some(entry) = entry else { panic!("the connection of this client is over") };
        Connection { entry, host, is_own: false }
    }

    /// Leaves, as a page does that is closed. For a WebSocket, `on_close` gets `CloseReason::Client` with code 1005.
    /// For other transports the response breaks off, and `on_close` gets `CloseReason::Interrupted`.
    pub fn leave(&self) {
        self.depart(Some(CloseCode::NoStatus.number()));
    }

    /// Vanishes, as a client does that loses its network. For a WebSocket, `on_close` gets `CloseReason::Client` with
    /// code 1006. Clients of other transports do not request the next response, so `on_close` gets
    /// `CloseReason::TimedOut` after `disconnect_delay`.
    pub fn vanish(&self) {
        self.depart(None);
    }

    fn depart(&self, code: Option<u16>) {
        self.world.0.event(|object| {
            if self.client.has_left.replace(true) {
                return;
            }
            self.client.unread.borrow_mut().clear();
            let Some(entry) = object.entry(&self.client.id) else { return };
            entry.unread.set(0);
            let receiver = self.client.receiver();
            let mut session = entry.session.borrow_mut();
            match (entry.info.transport.is_websocket(), code) {
                (true, code) => {
                    let code = code.unwrap_or(CloseCode::Abnormal.number());
                    session.disconnected(now(), code, "");
                }
                (false, Some(_)) => session.detach(now(), receiver, Departure::ClientGone),
                (false, None) => session.detach(now(), receiver, Departure::Finished),
            }
            drop(session);
            object.touch_now(&entry);
        });
    }

    /// Stops reading. Messages to the client wait in its queue, `Connection::ready` waits, and the client's own
    /// messages wait for the same reason.
    pub fn stop_reading(&self) {
        self.world.0.event(|_| self.client.is_reading.set(false));
    }

    /// Reads everything that waits, and continues to read.
    pub fn resume_reading(&self) {
        self.world.0.event(|object| {
            self.client.is_reading.set(true);
            let entry = object.entry(&self.client.id);
            let unread = self.client.unread.take();
            for given in unread {
                let (to, seq, end) = (given.to, given.seq, given.end);
                self.client.read(given.frame);
                let Some(entry) = entry.as_ref().filter(|entry| !entry.info.transport.is_websocket()) else { continue };
                if let Some(seq) = seq {
                    entry.session.borrow_mut().ack(to, seq);
                }
                if end {
                    entry.session.borrow_mut().detach(now(), to, Departure::Finished);
                }
            }
            if let Some(entry) = entry {
                entry.unread.set(0);
                entry.buffered_on_socket();
                self.client.go_on(&entry);
                object.touch_now(&entry);
            }
        });
    }
}

impl Instance {
    /// Receives a message from a client.
    fn receive(self: &Rc<Self>, entry: &Rc<Entry>, client: &Client, message: &str) {
        let config = &self.world.config;
        let limits = PayloadLimits::of(config);
        let read = match client.transport {
            Transport::WebSocketRaw => Messages::of_raw(message.to_owned(), limits),
            _ => Messages::of_body(serde_json::Value::from(vec![message]).to_string(), limits),
        };
        let messages = match read {
            Ok(messages) => messages,
            Err(PayloadError::TooLarge) => {
                return self.violate(entry, CloseCode::TooLarge.number(), MESSAGE_TOO_LARGE);
            }
            Err(error) => panic!("a client cannot send {message:?}: {error}"),
        };
        if !entry.session.borrow().is_open() {
            return;
        }
        if !entry.takes(config, messages.len()) {
            return self.violate(entry, CloseCode::PolicyViolation.number(), TOO_FAST);
        }
        let messages = match &config.liveness {
            Some(liveness) => {
                let (messages, is_beat) = liveness.take_from(messages);
                entry.session.borrow_mut().heard(now(), is_beat);
                if is_beat {
                    self.touch_now(entry);
                    return;
                }
                messages
            }
            None => messages,
        };
        entry.session.borrow_mut().receive();
        if client.transport.is_websocket() {
            let received = entry.pacing.borrow_mut().receive(messages);
            if received == Err(InboxFull) {
                self.violate(entry, Refusal::CODE, &Refusal::Full.to_string());
            }
        } else {
            let id = client.sent.replace(client.sent.get() + 1);
            client.sends.borrow_mut().push_back((id, messages.clone()));
            let mut pacing = entry.pacing.borrow_mut();
            pacing.arrive(now(), id);
            pacing.bring(now(), id, messages);
        }
        self.touch_now(entry);
    }
}
