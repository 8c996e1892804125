//! The address of an object, and a request to it.

use futures::future::{Either, LocalBoxFuture, select};
use js_sys::futures::JsFuture;
use js_sys::{Function, Promise, Reflect};
use sockjs_protocol::inner::envelope::{COMMAND_HEADER, Command, OTHER_VERSION, Version};
use sockjs_protocol::service::options::Config;
use sockjs_protocol::time::Millis;
use std::fmt;
use std::pin::pin;
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::DurableObject;
use worker::{Delay, Error, ObjectNamespace, Result, Stub, web_sys};

/// Requests to objects need a URL, which nobody reads.
const URL: &str = "https://sockjs-edge.invalid/";

/// The address of an object.
#[derive(Debug, Clone)]
pub struct ObjectAddress {
    namespace: ObjectNamespace,
    key: Key,
    jurisdiction: Option<String>,
    location_hint: Option<String>,
    timeout: Millis,
}

/// The key that identifies an object.
#[derive(Debug, Clone)]
enum Key {
    Name(String),
    /// The platform's id, in hexadecimal digits.
    Id(String),
}

/// Reason why an object did not execute a command.
#[derive(Debug)]
pub enum AskError {
    /// No response in time. The object may have executed the command.
    TimedOut {
        /// True if the object recognizes a repeated number.
        knows_numbers: bool,
    },
    /// The request failed. Most likely the object was restarted, and it may have executed the command.
    Failed {
        /// The problem, as text.
        problem: String,
        /// True if the object recognizes a repeated number.
        knows_numbers: bool,
    },
    /// The request could not be sent, or the object is overloaded. It did nothing, and a retry will not help soon.
    NotTaken(String),
    /// The object is of the previous release, which does not have the command. It did nothing.
    Outdated,
}

impl AskError {
    /// True if a retry would fail, too.
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::NotTaken(_) | Self::Outdated)
    }

    /// True if a numbered command may be repeated.
    pub(crate) fn may_be_asked_again(&self) -> bool {
        match self {
            Self::TimedOut { knows_numbers } | Self::Failed { knows_numbers, .. } => *knows_numbers,
            Self::NotTaken(_) | Self::Outdated => false,
        }
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut { .. } => f.write_str("the object did not answer in time"),
            Self::Failed { problem, .. } => write!(f, "the object could not be reached: {problem}"),
            Self::NotTaken(problem) => write!(f, "the object cannot be asked: {problem}"),
            Self::Outdated => f.write_str("the object still runs the release before, which cannot do that"),
        }
    }
}

impl ObjectAddress {
    /// Returns the address of the object with this name.
    pub fn named(namespace: ObjectNamespace, name: String, config: &Config) -> Self {
        Self::found_by(Key::Name(name), namespace, config)
    }

    /// Returns the address of the object with an id of the platform.
    pub fn of_id(namespace: ObjectNamespace, id: String, config: &Config) -> Self {
        Self::found_by(Key::Id(id), namespace, config)
    }

    fn found_by(key: Key, namespace: ObjectNamespace, config: &Config) -> Self {
        let (jurisdiction, location_hint) = (config.jurisdiction.clone(), config.location_hint.clone());
        Self { namespace, key, jurisdiction, location_hint, timeout: config.object_timeout }
    }

    /// Returns the time limit of a response: an object that panicked never responds (workers-rs 0.8.7).
    pub fn timeout(&self) -> Millis {
        self.timeout
    }

    /// Returns a new stub: one that failed once may stay broken.
    ///
    /// # Errors
    ///
    /// If the runtime rejects the name or id.
    pub fn stub(&self) -> Result<Stub, JsValue> {
        let within =
            self.jurisdiction.as_deref().map(|jurisdiction| within(&self.namespace, jurisdiction)).transpose()?;
        let namespace = within.as_ref().unwrap_or(&self.namespace);
        let stub = match (&self.key, &self.location_hint) {
            (Key::Name(name), None) => namespace.get_by_name(name),
            (Key::Name(name), Some(hint)) => namespace.get_by_name_with_location_hint(name, hint),
            // The object exists already, in its place.
            (Key::Id(id), _) => namespace.id_from_string(id).and_then(|id| id.get_stub()),
        };
        stub.map_err(JsValue::from)
    }

    /// Calls the object once, in a version that it speaks. `body` is a string. Returns status and body of the response.
    ///
    /// # Errors
    ///
    /// If the object does not respond, or does not have the command.
    ///
    /// This is not an async function: the crate that awaits an async function compiles it and its callees again.
    pub fn ask<'a>(
        &'a self,
        command: &'a Command,
        body: &'a JsValue,
    ) -> LocalBoxFuture<'a, Result<(u16, String), AskError>> {
        Box::pin(self.negotiate(command, body))
    }

    async fn negotiate(&self, command: &Command, body: &JsValue) -> Result<(u16, String), AskError> {
        let (status, text) = self.ask_in(Version::CURRENT, command, body).await?;
        let other = if status == OTHER_VERSION { Version::CURRENT.after_refusal(text.as_bytes()) } else { None };
        match other {
            Some(version) => self.ask_in(version, command, body).await,
            None => Ok((status, text)),
        }
    }

    async fn ask_in(&self, version: Version, command: &Command, body: &JsValue) -> Result<(u16, String), AskError> {
        let knows_numbers = version != Version::V2;
        let not_taken = |error: JsValue| AskError::NotTaken(Error::from(error).to_string());
        let header = command
            .encode(version)
            .map_err(|error| AskError::NotTaken(error.to_string()))?
            .ok_or(AskError::Outdated)?;
        let response = self.send(&header, body).map_err(not_taken)?;
        match select(pin!(answer(response)), pin!(Delay::from(Duration::from_millis(self.timeout.0)))).await {
            Either::Left((Ok(answer), _)) => Ok(answer),
            Either::Left((Err(error), _)) if is_overloaded(&error) => Err(not_taken(error)),
            Either::Left((Err(error), _)) => {
                Err(AskError::Failed { problem: Error::from(error).to_string(), knows_numbers })
            }
            Either::Right(_) => Err(AskError::TimedOut { knows_numbers }),
        }
    }

    fn send(&self, header: &str, body: &JsValue) -> Result<Promise, JsValue> {
        let headers = web_sys::Headers::new()?;
        headers.set(COMMAND_HEADER, header)?;
        let init = web_sys::RequestInit::new();
        init.set_method("POST");
        init.set_headers_headers(&headers);
        init.set_body(body);
        let request = web_sys::Request::new_with_str_and_init(URL, &init)?;
        let stub = self.stub()?.into_rpc::<DurableObject>();
        stub.fetch_with_request(&request)
    }
}

async fn answer(response: Promise) -> Result<(u16, String), JsValue> {
    let response: web_sys::Response = JsFuture::from(response).await?.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?;
    Ok((response.status(), text.as_string().unwrap_or_default()))
}

/// True if the runtime advises against a retry:
/// <https://developers.cloudflare.com/durable-objects/best-practices/error-handling/>.
fn is_overloaded(error: &JsValue) -> bool {
    error.is_object() && Reflect::get(error, &JsValue::from_str("overloaded")).is_ok_and(|value| value.is_truthy())
}

/// Returns the part of a namespace in a jurisdiction: `worker` 0.8.7 does not wrap it.
fn within(namespace: &ObjectNamespace, jurisdiction: &str) -> Result<ObjectNamespace, JsValue> {
    let namespace: &JsValue = namespace.as_ref();
    let method: Function = Reflect::get(namespace, &JsValue::from_str("jurisdiction"))?.dyn_into()?;
    Ok(method.call1(namespace, &JsValue::from_str(jurisdiction))?.unchecked_into())
}
