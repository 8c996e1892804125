//! Sending to connections, and closing them, from anywhere else: a route of the same Worker, a queue consumer, a cron, and
//! any other program over [`Push::serve`].

use crate::http::place::Place;
use crate::http::route::service;
use crate::object::stub::ObjectStub;
use crate::{CloseError, Services};
use futures::future::try_join_all;
use sockjs_protocol::inner::envelope::{Action, Command, Push as PushAction, PushTarget};
use sockjs_protocol::service::placement::{Located, located, object_names, prefix_of};
use std::fmt;
use std::rc::Rc;
use worker::{Env, ObjectNamespace};

/// The way to connections and rooms from outside of their objects.
///
/// ```no_run
/// # use sockjs_edge::{Push, PushError, Services};
/// # use worker::Env;
/// # fn services(_: &Env) -> Services { Services::new() }
/// async fn closing_time(env: &Env, address: &str) -> Result<(), PushError> {
///     let push = Push::new(services, env)?;
///     push.room("/chat/lobby")?.broadcast("the shop closes").await?;
///     push.connection(address)?.send("your order left").await?;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Push {
    services: Rc<Services>,
    namespace: ObjectNamespace,
}

/// Reason why nothing was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// The services cannot be served, for this reason.
    Misconfigured(String),
    /// No service is at this path, or each of its connections has an object of its own. A room needs
    /// [`Placement::Room`](crate::Placement::Room) or [`Placement::Shards`](crate::Placement::Shards).
    NoRoom(String),
    /// This string is no result of [`Connection::address`](crate::Connection::address).
    NoAddress(String),
    /// A connection cannot be closed with this code or reason: see [`CloseError`].
    BadClose(String),
    /// The message has more bytes than [`SendError::TooLarge`](crate::SendError::TooLarge) allows.
    TooLarge(String),
    /// The object did not take the message, or its answer was lost. Another try may succeed; some clients may then have the
    /// message twice.
    Unavailable(String),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misconfigured(problem) => f.write_str(problem),
            Self::NoRoom(path) => write!(f, "{path:?} is no room: a service there needs Placement::Room or Shards"),
            Self::NoAddress(address) => write!(f, "{address:?} is no address of a connection"),
            Self::BadClose(problem) | Self::TooLarge(problem) => f.write_str(problem),
            Self::Unavailable(problem) => write!(f, "the object did not take it: {problem}"),
        }
    }
}

impl std::error::Error for PushError {}

impl From<PushError> for worker::Error {
    fn from(error: PushError) -> Self {
        Self::RustError(error.to_string())
    }
}

impl Push {
    /// Returns the way to the connections of `services`.
    ///
    /// # Errors
    ///
    /// Returns [`PushError::Misconfigured`] if the services cannot be served, or their binding is missing.
    pub fn new(services: fn(&Env) -> Services, env: &Env) -> Result<Self, PushError> {
        let services = Services::shared(services, env);
        if let Some(problem) = services.problem() {
            return Err(PushError::Misconfigured(problem.to_owned()));
        }
        let binding = services.binding_name();
        let namespace = env
            .durable_object(binding)
            .map_err(|_| PushError::Misconfigured(format!("no Durable Object binding {binding}")))?;
        Ok(Self { services, namespace })
    }

    /// Returns the room at `path`: a prefix with values for its parameters, such as `/chat/lobby`.
    ///
    /// # Errors
    ///
    /// Returns [`PushError::NoRoom`] if there is no room at this path.
    pub fn room(&self, path: &str) -> Result<RemoteRoom, PushError> {
        let names = service(path, self.services.configs()).filter(|(_, matched)| matched.rest.is_empty()).and_then(
            |(config, matched)| {
                let place = Place::of(config, matched.prefix)?;
                Some((config, object_names(config, &place.prefix)?))
            },
        );
        let (config, names) = names.ok_or_else(|| PushError::NoRoom(path.to_owned()))?;
        let objects = names.into_iter().map(|name| ObjectStub::new(self.namespace.clone(), name, config)).collect();
        let service = config.prefix.clone();
        Ok(RemoteRoom(Remote { service, objects, target: PushTarget::Room }))
    }

    /// Returns the connection at `address`, a result of [`Connection::address`](crate::Connection::address).
    ///
    /// # Errors
    ///
    /// Returns [`PushError::NoAddress`] if this is no address. Whether the connection is still open shows when something is pushed.
    pub fn connection(&self, address: &str) -> Result<RemoteConnection, PushError> {
        let parts = address.split_once('@').and_then(|(id, object)| {
            let prefix = prefix_of(object)?;
            let (config, _) =
                service(prefix, self.services.configs()).filter(|(_, matched)| matched.rest.is_empty())?;
            Some((id.to_owned(), object.to_owned(), config))
        });
        let (id, object, config) = parts.ok_or_else(|| PushError::NoAddress(address.to_owned()))?;
        let namespace = self.namespace.clone();
        let object = match located(&object) {
            Located::Name(name) => ObjectStub::new(namespace, name.to_owned(), config),
            Located::Id(id) => ObjectStub::of_id(namespace, id.to_owned(), config),
        };
        let objects = vec![object];
        let service = config.prefix.clone();
        Ok(RemoteConnection(Remote { service, objects, target: PushTarget::Connection(id) }))
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Push")
    }
}

/// A room, from outside of its object.
#[derive(Debug)]
pub struct RemoteRoom(Remote);

impl RemoteRoom {
    /// Sends a message to every connection. Returns the number of connections that took it.
    ///
    /// # Errors
    ///
    /// [`PushError::Unavailable`]; some of the shards of a room may have taken it.
    pub async fn broadcast(&self, message: impl AsRef<str>) -> Result<usize, PushError> {
        self.0.push(PushAction::Message, message.as_ref()).await
    }

    /// Closes every connection, with 1000 or 3000-4999 and a reason of at most 123 bytes. Returns the number of connections.
    ///
    /// # Errors
    ///
    /// [`PushError::BadClose`], [`PushError::Unavailable`].
    pub async fn close(&self, code: u16, reason: &str) -> Result<usize, PushError> {
        check_close(code, reason)?;
        self.0.push(PushAction::Close { code, reason: reason.to_owned() }, "").await
    }
}

/// A connection, from outside of its object.
#[derive(Debug)]
pub struct RemoteConnection(Remote);

impl RemoteConnection {
    /// Sends a message. Returns false if the connection is over.
    ///
    /// # Errors
    ///
    /// [`PushError::TooLarge`]; [`PushError::Unavailable`], also when the connection's queue is full.
    pub async fn send(&self, message: impl AsRef<str>) -> Result<bool, PushError> {
        Ok(self.0.push(PushAction::Message, message.as_ref()).await? > 0)
    }

    /// Closes the connection, with 1000 or 3000-4999 and a reason of at most 123 bytes. Returns false if it is over.
    ///
    /// # Errors
    ///
    /// [`PushError::BadClose`], [`PushError::Unavailable`].
    pub async fn close(&self, code: u16, reason: &str) -> Result<bool, PushError> {
        check_close(code, reason)?;
        Ok(self.0.push(PushAction::Close { code, reason: reason.to_owned() }, "").await? > 0)
    }
}

fn check_close(code: u16, reason: &str) -> Result<(), PushError> {
    CloseError::check(code, reason).map_err(|error| PushError::BadClose(error.to_string()))
}

/// The target of a push.
#[derive(Debug)]
struct Remote {
    service: String,
    objects: Vec<ObjectStub>,
    target: PushTarget,
}

impl Remote {
    async fn push(&self, push: PushAction, message: &str) -> Result<usize, PushError> {
        let command = Command::new(&self.service, Action::Push { target: self.target.clone(), push });
        let pushes = self.objects.iter().map(|object| push_to(object, &command, message));
        Ok(try_join_all(pushes).await?.into_iter().sum())
    }
}

async fn push_to(object: &ObjectStub, command: &Command, message: &str) -> Result<usize, PushError> {
    match object.push(command, message).await {
        Ok((200, count)) => count.parse().map_err(|_| PushError::Unavailable(count)),
        Ok((413, text)) => Err(PushError::TooLarge(text)),
        Ok((_, text)) => Err(PushError::Unavailable(text)),
        Err(failure) => Err(PushError::Unavailable(failure.to_string())),
    }
}
