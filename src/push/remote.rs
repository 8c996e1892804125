//! Sends to connections, and closes them, from outside of their object: from a route of the same Worker, a queue consumer, a cron
//! trigger, or any other program over [`Push::serve`].

use crate::http::place::Place;
use crate::http::route::service;
use crate::push::list::{Cursor, Page, RawPage, RemoteInfo};
use crate::{CloseError, Services, ShardProblem, ShardsError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sockjs_durable::peers::object_address::ObjectAddress;
use sockjs_durable::peers::publisher::Publisher;
use sockjs_protocol::inner::envelope::{
    Action, Command, Push as PushAction, PushOutcome, PushTarget, is_connection_id,
};
use sockjs_protocol::inner::json::Reader;
use sockjs_protocol::service::placement::{Located, located, object_names, prefix_of};
use std::fmt;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::{Env, ObjectNamespace};

/// Access to connections and rooms from outside of their objects.
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
    /// The services are misconfigured, for this reason.
    Misconfigured(String),
    /// No service is at this path, or each of its connections has an object of its own. A room needs
    /// [`Placement::Room`](crate::Placement::Room) or [`Placement::Shards`](crate::Placement::Shards).
    NoRoom(String),
    /// This string was not returned by [`Connection::address`](crate::Connection::address).
    NoAddress(String),
    /// A connection cannot be closed with this code or reason: see [`CloseError`].
    BadClose(String),
    /// The message has more bytes than [`SendError::TooLarge`](crate::SendError::TooLarge) allows.
    TooLarge(String),
    /// An object did not take the message, or its response was lost: the string says which. A retry may succeed. Connections in
    /// other objects of the room then get the message twice.
    Unavailable(String),
    /// The application rejected the call, for this reason.
    Rejected(String),
    /// The application failed in the call. The log has the error.
    HandlerFailed(String),
    /// The application did not answer the call in time.
    TimedOut(String),
    /// The application's answer to a call does not have the requested type.
    BadAnswer(String),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misconfigured(problem) => f.write_str(problem),
            Self::NoRoom(path) => write!(f, "{path:?} is no room: a service there needs Placement::Room or Shards"),
            Self::NoAddress(address) => write!(f, "{address:?} is no address of a connection"),
            Self::Unavailable(problem) => write!(f, "the object did not take it: {problem}"),
            Self::BadAnswer(problem) => write!(f, "the answer is not what was asked for: {problem}"),
            Self::BadClose(problem)
            | Self::TooLarge(problem)
            | Self::Rejected(problem)
            | Self::HandlerFailed(problem)
            | Self::TimedOut(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for PushError {}

impl From<PushError> for worker::Error {
    fn from(error: PushError) -> Self {
        Self::RustError(error.to_string())
    }
}

impl From<ShardsError> for PushError {
    fn from(error: ShardsError) -> Self {
        let is_too_large = |failure: &crate::ShardFailure| matches!(failure.problem, ShardProblem::TooLarge(_));
        match error.failures().iter().all(is_too_large) {
            true => Self::TooLarge(error.to_string()),
            false => Self::Unavailable(error.to_string()),
        }
    }
}

impl Push {
    /// Returns access to the connections of `services`.
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
        let address = |name: String| {
            let object = ObjectAddress::named(self.namespace.clone(), name.clone(), config);
            (name, Some(object))
        };
        let publisher = Publisher::new(config, names.into_iter().map(address).collect());
        Ok(RemoteRoom { publisher: Rc::new(publisher), target: PushTarget::Room })
    }

    /// Returns the connection at `address`, a result of [`Connection::address`](crate::Connection::address).
    ///
    /// # Errors
    ///
    /// Returns [`PushError::NoAddress`] if this is no address. Whether the connection is still open shows when something is pushed.
    pub fn connection(&self, address: &str) -> Result<RemoteConnection, PushError> {
        let parts = address.split_once('@').filter(|(id, _)| is_connection_id(id)).and_then(|(id, object)| {
            let prefix = prefix_of(object)?;
            let (config, _) =
                service(prefix, self.services.configs()).filter(|(_, matched)| matched.rest.is_empty())?;
            Some((id.to_owned(), object.to_owned(), config))
        });
        let (id, object, config) = parts.ok_or_else(|| PushError::NoAddress(address.to_owned()))?;
        let namespace = self.namespace.clone();
        let object = match located(&object) {
            Located::Name(name) => ObjectAddress::named(namespace, name.to_owned(), config),
            Located::Id(id) => ObjectAddress::of_id(namespace, id.to_owned(), config),
        };
        Ok(RemoteConnection { service: config.prefix.clone(), object, id })
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Push")
    }
}

/// A room, or one of its groups, from outside of its objects. Clones refer to the same room.
///
/// Calls of one handle, its clones and its groups reach every object of the room in the order in which they were made. If an
/// object restarts before it responds, the message is sent again for up to 30 s, and its members get it once.
///
/// Create a handle in each request: the runtime ends the work of a request together with that request, and a call that waited for
/// it fails after 30 s.
#[derive(Debug, Clone)]
pub struct RemoteRoom {
    publisher: Rc<Publisher>,
    target: PushTarget,
}

/// Bytes of a page after which no further object is asked.
const PAGE_BYTES: usize = 1 << 20;

/// Longest call, in bytes of JSON.
const CALL_MAX: usize = 1 << 20;

impl RemoteRoom {
    /// Returns a group of the room: the connections that [joined](crate::Connection::join) it.
    pub fn to(&self, group: impl Into<String>) -> Self {
        Self { publisher: self.publisher.clone(), target: PushTarget::Group(group.into()) }
    }

    /// Sends a message to every connection. Returns the number of connections that it goes to.
    ///
    /// # Errors
    ///
    /// [`PushError::TooLarge`]; [`PushError::Unavailable`]: some of the objects of a room may have taken it.
    pub async fn broadcast(&self, message: impl AsRef<str>) -> Result<usize, PushError> {
        self.publish(PushAction::Message, message.as_ref()).await
    }

    /// Closes every connection, with 1000 or 3000-4999 and a reason of at most 123 bytes. Returns the number of connections.
    ///
    /// # Errors
    ///
    /// [`PushError::BadClose`], [`PushError::Unavailable`].
    pub async fn close(&self, code: u16, reason: &str) -> Result<usize, PushError> {
        check_close(code, reason)?;
        self.publish(PushAction::Close { code, reason: reason.to_owned() }, "").await
    }

    /// Returns the number of open connections.
    ///
    /// # Errors
    ///
    /// [`PushError::Unavailable`] if an object does not answer.
    pub async fn count(&self) -> Result<usize, PushError> {
        self.publish(PushAction::Count, "").await
    }

    /// Lists open connections, up to 1,000 at once. `after` is [`Page::next`] of the page before. Connections that open or close
    /// between two pages may be missing; all others are listed once.
    ///
    /// # Errors
    ///
    /// [`PushError::NoAddress`] if `after` comes from no page of this room; [`PushError::Unavailable`] if an object does not answer.
    pub async fn connections(&self, after: Option<&str>, limit: usize) -> Result<Page, PushError> {
        let RawPage { list, next } = self.list(after, limit).await?;
        let read = |json: &String| Reader::whole(json, RemoteInfo::read).ok_or_else(bad_list);
        let connections = list.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Page { connections, next })
    }

    /// The same, with the connections as JSON.
    pub(super) async fn list(&self, after: Option<&str>, limit: usize) -> Result<RawPage, PushError> {
        let cursor = after.map(|after| Cursor::read(after).ok_or_else(|| PushError::NoAddress(after.to_owned())));
        let mut cursor = cursor.transpose()?.unwrap_or_default();
        let mut page = RawPage::default();
        if !self.target.is_possible() {
            return Ok(page);
        }
        while let Some(object) = self.publisher.object(cursor.shard) {
            let left = limit.clamp(1, 1_000).saturating_sub(page.list.len());
            if left == 0 || page.list.iter().map(String::len).sum::<usize>() >= PAGE_BYTES {
                page.next = Some(cursor.write());
                break;
            }
            let list = PushAction::List { after: cursor.id.take(), limit: left };
            let found = RawPage::read(&self.ask(object, list, "").await?).ok_or_else(bad_list)?;
            page.list.extend(found.list);
            cursor = match found.next {
                Some(id) => Cursor { shard: cursor.shard, id: Some(id) },
                None => Cursor { shard: cursor.shard + 1, id: None },
            };
        }
        Ok(page)
    }

    /// Calls the application: [`Handler::on_call`](crate::Handler::on_call) of the room answers, whatever the group. In a room
    /// with several objects the first one is called; it reaches the others with [`Room::all`](crate::Room::all). The call is made
    /// once.
    ///
    /// # Errors
    ///
    /// [`PushError::Rejected`], [`PushError::HandlerFailed`], [`PushError::TimedOut`] after 8 s; [`PushError::BadAnswer`] if the answer is
    /// no `Answer`; [`PushError::TooLarge`] above 1 MiB of JSON; [`PushError::Unavailable`] if the object does not answer: it may have
    /// called the application.
    pub async fn call<Answer: DeserializeOwned>(&self, call: &impl Serialize) -> Result<Answer, PushError> {
        let call = serde_json::to_string(call).map_err(|error| PushError::Rejected(error.to_string()))?;
        serde_json::from_str(&self.call_json(&call).await?).map_err(bad_answer)
    }

    /// The same with JSON.
    ///
    /// # Errors
    ///
    /// Those of [`RemoteRoom::call`].
    pub async fn call_json(&self, call: &str) -> Result<String, PushError> {
        if call.len() > CALL_MAX {
            return Err(PushError::TooLarge("the call is too large".into()));
        }
        match self.publisher.object(0) {
            Some(object) => self.ask(object, PushAction::Call, call).await,
            None => Err(PushError::Unavailable("the room has no object".into())),
        }
    }

    /// Checks a message before it is broadcast.
    pub(super) fn check_size(&self, message: &str) -> Result<(), PushError> {
        Ok(self.publisher.check_size(message)?)
    }

    async fn publish(&self, push: PushAction, message: &str) -> Result<usize, PushError> {
        Ok(self.publisher.push(self.target.clone(), push, message, None).await?)
    }

    async fn ask(&self, object: &ObjectAddress, push: PushAction, body: &str) -> Result<String, PushError> {
        ask(self.publisher.service(), object, self.target.clone(), push, body).await
    }
}

/// A connection, from outside of its object.
#[derive(Debug, Clone)]
pub struct RemoteConnection {
    service: String,
    object: ObjectAddress,
    id: String,
}

impl RemoteConnection {
    /// Sends a message. Returns false if the connection is over.
    ///
    /// # Errors
    ///
    /// [`PushError::TooLarge`]; [`PushError::Unavailable`], also when the connection's queue is full.
    pub async fn send(&self, message: impl AsRef<str>) -> Result<bool, PushError> {
        self.push(PushAction::Message, message.as_ref()).await
    }

    /// Closes the connection, with 1000 or 3000-4999 and a reason of at most 123 bytes. Returns false if it is over.
    ///
    /// # Errors
    ///
    /// [`PushError::BadClose`], [`PushError::Unavailable`].
    pub async fn close(&self, code: u16, reason: &str) -> Result<bool, PushError> {
        check_close(code, reason)?;
        self.push(PushAction::Close { code, reason: reason.to_owned() }, "").await
    }

    async fn push(&self, push: PushAction, message: &str) -> Result<bool, PushError> {
        let target = PushTarget::Connection(self.id.clone());
        let reached = ask(&self.service, &self.object, target, push, message).await?;
        Ok(reached.parse::<usize>().map_err(bad_answer)? > 0)
    }
}

fn check_close(code: u16, reason: &str) -> Result<(), PushError> {
    CloseError::check(code, reason).map_err(|error| PushError::BadClose(error.to_string()))
}

fn bad_list() -> PushError {
    PushError::BadAnswer("the object gave no list".into())
}

fn bad_answer(error: impl fmt::Display) -> PushError {
    PushError::BadAnswer(error.to_string())
}

/// Asks an object once, and again if what failed can be done twice.
async fn ask(
    service: &str,
    object: &ObjectAddress,
    target: PushTarget,
    push: PushAction,
    body: &str,
) -> Result<String, PushError> {
    let is_repeatable = match push {
        PushAction::Message | PushAction::Call => false,
        PushAction::Close { .. } | PushAction::Count | PushAction::List { .. } => true,
    };
    let command = Command::new(service, Action::Push { target, push, number: None });
    let body = JsValue::from_str(body);
    let mut answer = object.ask(&command, &body).await;
    if is_repeatable && answer.as_ref().is_err_and(|error| !error.is_lasting()) {
        answer = object.ask(&command, &body).await;
    }
    let (status, text) = answer.map_err(|error| PushError::Unavailable(error.to_string()))?;
    match PushOutcome::of(status) {
        Some(PushOutcome::Done) => Ok(text),
        Some(PushOutcome::BadClose) => Err(PushError::BadClose(text)),
        Some(PushOutcome::TooLarge) => Err(PushError::TooLarge(text)),
        Some(PushOutcome::Rejected) => Err(PushError::Rejected(text)),
        Some(PushOutcome::HandlerFailed) => Err(PushError::HandlerFailed(text)),
        Some(PushOutcome::TimedOut) => Err(PushError::TimedOut(text)),
        Some(PushOutcome::HeldUp) | None => Err(PushError::Unavailable(text)),
    }
}
