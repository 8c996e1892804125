//! The handler of a service: each event calls the application's function for it.
//!
//! A function that returns no promise is finished when it returns, and nothing is deferred.

use crate::application::application;
use crate::connection::ConnectionHandle;
use crate::outcome::{failure, method, parsed, property, settled};
use crate::room::RoomHandle;
use js_sys::{Array, Function, Object, Reflect};
use sockjs_edge::{Admission, CallError, CloseReason, Connection, Handler, Rejection, RequestInfo, RequestKind, Room};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::{Env, Error, Result, web_sys};

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = connectionOf)]
    fn connection_of(handle: ConnectionHandle, life: &Object) -> std::result::Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = roomOf)]
    fn room_of(handle: RoomHandle, life: &Object) -> std::result::Result<JsValue, JsValue>;

    #[wasm_bindgen(catch, js_name = requestOf)]
    fn request_of(request: &web_sys::Request, facts: &JsValue) -> std::result::Result<JsValue, JsValue>;
}

/// The handler of a service in one object.
pub struct JsHandler {
    handler: JsValue,
    on_message: Option<Function>,
    on_open: Option<Function>,
    on_close: Option<Function>,
    members: Rc<Members>,
}

thread_local! {
    /// The latest instance of each service in each object. Objects that JavaScript has of an earlier instance are stale. The
    /// runtime does not notify an instance of its end (workerd 1.20261117).
    static LATEST: RefCell<HashMap<String, Weak<Members>>> = RefCell::default();
}

/// The connections of a service in one object, on the JavaScript side. Each is a single JavaScript object while the instance
/// lives.
#[derive(Default)]
pub struct Members {
    /// Gets the property `isOver` when another instance replaces this one.
    life: Object,
    /// The service and its object, after the start.
    name: RefCell<String>,
    connections: RefCell<HashMap<String, JsValue>>,
    room: RefCell<Option<JsValue>>,
}

impl Members {
    /// Returns the JavaScript object of a connection.
    pub fn connection(self: &Rc<Self>, connection: &Connection) -> std::result::Result<JsValue, JsValue> {
        if let Some(known) = self.connections.borrow().get(connection.id()) {
            return Ok(known.clone());
        }
        let made = connection_of(ConnectionHandle::new(connection.clone(), self.clone()), &self.life)?;
        self.connections.borrow_mut().insert(connection.id().to_owned(), made.clone());
        Ok(made)
    }

    /// Returns the JavaScript object of the room.
    pub fn room(self: &Rc<Self>, room: &Room) -> std::result::Result<JsValue, JsValue> {
        if let Some(known) = &*self.room.borrow() {
            return Ok(known.clone());
        }
        let made = room_of(RoomHandle::new(room.clone(), self.clone()), &self.life)?;
        self.room.replace(Some(made.clone()));
        Ok(made)
    }

    /// Notes that this is the latest instance of a service in an object.
    fn start(self: &Rc<Self>, room: &Room) {
        let name = format!("{} {}", room.prefix(), room.location().unwrap_or_default());
        self.name.replace(name.clone());
        let before = LATEST.with_borrow_mut(|latest| latest.insert(name, Rc::downgrade(self)));
        if let Some(before) = before.and_then(|before| before.upgrade()).filter(|before| !Rc::ptr_eq(before, self)) {
            before.end();
        }
    }

    /// Notes that the instance is gone. JavaScript objects own handles, and handles own this value: without this call nothing
    /// would be freed.
    fn end(&self) {
        // A plain object accepts any property.
        let _ = Reflect::set(&self.life, &JsValue::from_str("isOver"), &JsValue::TRUE);
        self.connections.take();
        self.room.take();
    }

    /// Returns the JavaScript object of a connection that is over, and removes it.
    fn forget(&self, connection: &Connection) -> Option<JsValue> {
        self.connections.borrow_mut().remove(connection.id())
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        // The entry of another instance is alive.
        let _ = LATEST.try_with(|latest| {
            let mut latest = latest.borrow_mut();
            if latest.get(&*self.name.borrow()).is_some_and(|known| known.strong_count() == 0) {
                latest.remove(&*self.name.borrow());
            }
        });
    }
}

impl Drop for JsHandler {
    fn drop(&mut self) {
        self.members.end();
    }
}

impl JsHandler {
    /// Returns the handler of a registered service, for a new object.
    pub fn new(service: &JsValue, env: &Env) -> Self {
        // The first event reports an error from here: nobody could handle it earlier.
        let made = match method(service, "create") {
            Some(create) => create.call1(service, env).unwrap_or_else(|error| {
                worker::console_error!("{}", failure(error));
                JsValue::UNDEFINED
            }),
            None => property(service, "handler"),
        };
        Self {
            on_message: method(&made, "onMessage"),
            on_open: method(&made, "onOpen"),
            on_close: method(&made, "onClose"),
            handler: made,
            members: Rc::default(),
        }
    }

    /// Calls a function for a connection.
    async fn tell(&self, function: Option<&Function>, connection: &Connection, more: Option<JsValue>) -> Result<()> {
        let Some(function) = function else { return Ok(()) };
        let connection = self.members.connection(connection).map_err(failure)?;
        let result = match more {
            Some(more) => function.call2(&self.handler, &connection, &more),
            None => function.call1(&self.handler, &connection),
        };
        settled(result).await.map_err(failure)?;
        Ok(())
    }

    /// Calls a function for the room, if the application has it.
    async fn tell_room(&self, name: &str, room: &Room) -> Result<()> {
        let Some(function) = method(&self.handler, name) else { return Ok(()) };
        let room = self.members.room(room).map_err(failure)?;
        settled(function.call1(&self.handler, &room)).await.map_err(failure)?;
        Ok(())
    }
}

impl Handler for JsHandler {
    async fn on_request(request: &RequestInfo<'_>, env: &Env) -> Admission {
        let services = Array::from(&property(&application(), "services"));
        let prefix = request.prefix();
        let service =
            services.iter().find(|service| property(service, "prefix").as_string().as_deref() == Some(prefix));
        let Some(service) = service else {
            return Admission::Reject(Rejection::new(500, "no such service"));
        };
        let Some(function) = method(&service, "onRequest") else { return Admission::Undecided };
        let decided = match request_of(request.raw(), &facts(request)) {
            Ok(info) => settled(function.call2(&service, &info, env)).await,
            Err(error) => Err(error),
        };
        match decided {
            Ok(decided) => admission(decided).await,
            Err(error) => {
                worker::console_error!("onRequest: {}", failure(error));
                Admission::Reject(Rejection::new(500, "the application failed"))
            }
        }
    }

    async fn on_start(&self, room: &Room) -> Result<()> {
        if self.handler.is_undefined() {
            return Err(Error::RustError("create() of the service made no handler".into()));
        }
        self.members.start(room);
        self.tell_room("onStart", room).await
    }

    async fn on_open(&self, connection: &Connection) -> Result<()> {
        self.tell(self.on_open.as_ref(), connection, None).await
    }

    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        self.tell(self.on_message.as_ref(), connection, Some(JsValue::from_str(&message))).await
    }

    async fn on_close(&self, connection: &Connection, reason: CloseReason) -> Result<()> {
        let done = match &self.on_close {
            Some(function) => self.tell(Some(function), connection, Some(reason_of(&reason))).await,
            None => Ok(()),
        };
        if let Some(known) = self.members.forget(connection)
            && let Some(end) = method(&known, "end_")
        {
            // The function belongs to the package, and throws nothing.
            let _ = end.call0(&known);
        }
        done
    }

    async fn on_return(&self, connection: &Connection) -> Result<()> {
        self.tell(method(&self.handler, "onReturn").as_ref(), connection, None).await
    }

    async fn on_returned(&self, room: &Room) -> Result<()> {
        self.tell_room("onReturned", room).await
    }

    async fn on_alarm(&self, room: &Room) -> Result<()> {
        self.tell_room("onAlarm", room).await
    }

    async fn on_call(&self, room: &Room, call: String) -> std::result::Result<String, CallError> {
        let Some(function) = method(&self.handler, "onCall") else {
            return Err(CallError::rejected("this service answers no calls"));
        };
        let room = self.members.room(room).map_err(failure)?;
        match settled(function.call2(&self.handler, &room, &parsed(&call))).await {
            Ok(answer) => {
                let json = js_sys::JSON::stringify(&answer).map_err(|error| CallError::Failed(failure(error)))?;
                Ok(json.as_string().unwrap_or_else(|| "null".into()))
            }
            Err(error) if property(&error, "isCallRejected").is_truthy() => {
                Err(CallError::rejected(property(&error, "message").as_string().unwrap_or_default()))
            }
            Err(error) => Err(CallError::Failed(failure(error))),
        }
    }
}

/// Returns the facts about a request that are not in its URL and headers.
fn facts(request: &RequestInfo<'_>) -> JsValue {
    let kind = match request.kind() {
        RequestKind::Info => "info",
        RequestKind::Receive => "receive",
        RequestKind::WebSocket => "websocket",
        _ => "send",
    };
    let facts = serde_json::json!({
        "kind": kind,
        "prefix": request.prefix(),
        "params": request.parameters().iter().cloned().collect::<HashMap<_, _>>(),
        "sessionId": request.session_id(),
        "transport": request.transport().map(|transport| transport.name()),
        "remoteAddress": request.remote_address(),
    });
    parsed(&facts.to_string())
}

/// Reads the result of `onRequest`.
async fn admission(decided: JsValue) -> Admission {
    if decided.is_undefined() || decided.is_null() {
        return Admission::Undecided;
    }
    if let Some(is_let_in) = decided.as_bool() {
        return if is_let_in { Admission::Admit } else { Admission::Reject(Rejection::new(403, "refused")) };
    }
    if let Some(response) = decided.dyn_ref::<web_sys::Response>() {
        return Admission::Reject(rejection(response).await);
    }
    let claims = property(&decided, "claims");
    let json = js_sys::JSON::stringify(&claims).ok().and_then(|json| json.as_string());
    match json.and_then(|json| serde_json::from_str(&json).ok()) {
        Some(claims) => Admission::AdmitAs(claims),
        None => {
            worker::console_error!("onRequest returned neither a Response, a boolean, nor an object with claims");
            Admission::Reject(Rejection::new(500, "the application failed"))
        }
    }
}

async fn rejection(response: &web_sys::Response) -> Rejection {
    let text = match response.text() {
        Ok(text) => js_sys::futures::JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
        Err(_) => None,
    };
    let mut rejection = Rejection::new(response.status(), text.unwrap_or_default());
    for pair in Array::from(response.headers().as_ref()).iter() {
        let pair = Array::from(&pair);
        if let (Some(name), Some(value)) = (pair.get(0).as_string(), pair.get(1).as_string()) {
            rejection = rejection.header(name, value);
        }
    }
    rejection
}

/// Returns the reason of a close as a JavaScript object: `kind`, and the code and reason of the client or the application.
fn reason_of(reason: &CloseReason) -> JsValue {
    let (kind, code, text) = match reason {
        CloseReason::Client { code, reason } => ("client", Some(*code), Some(reason.as_str())),
        CloseReason::Application { code, reason } => ("application", Some(*code), Some(reason.as_str())),
        CloseReason::Violation { code, reason } => ("violation", Some(*code), Some(reason.as_str())),
        other => (other.kind().name(), None, None),
    };
    let object = Object::new();
    let set = |name: &str, value: &JsValue| {
        // A new object accepts any property.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    };
    set("kind", &JsValue::from_str(kind));
    if let (Some(code), Some(text)) = (code, text) {
        set("code", &JsValue::from_f64(code.into()));
        set("reason", &JsValue::from_str(text));
    }
    object.into()
}
