//! `/society/{room}`, one object for each room, and `/nation`, a room of eight: their applications do with groups, with all objects of
//! the room and with calls whatever a client says.
//!
//! A message is an [`Order`] as JSON, and its answer is JSON, too. Whatever is broadcast is a text.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sockjs_edge::{CallError, Connection, Handler, Push, RemoteRoom, Room};
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;
use worker::{Delay, Env, Error, Result};

/// An order of a client.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Join(String),
    Leave(String),
    State(String),
    /// Answered with groups and state.
    Me,
    /// Answered with its address.
    Address,
    /// Answered with a number that each instance of the object has for itself.
    Instance,
    /// Sends a text to a group, or to all; to others than the sender if `others` is true.
    Say {
        group: Option<String>,
        text: String,
        #[serde(default)]
        others: bool,
    },
    /// Sends a text to all objects of the room, or to a group of them.
    All {
        group: Option<String>,
        text: String,
    },
    CountAll,
    /// Ids of the members of a group, or of all.
    Members(Option<String>),
    /// Ends the object.
    Restart,
}

pub(crate) struct Society {
    instance: f64,
}

impl Society {
    pub fn new() -> Self {
        Self { instance: worker::js_sys::Math::random() }
    }
}

impl Handler for Society {
    async fn on_open(&self, connection: &Connection) -> Result<()> {
        let query = connection.query();
        if let Some(group) = query.strip_prefix("group=") {
            connection.join(group)?;
        }
        Ok(())
    }

    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let room = connection.room();
        let answer = match serde_json::from_str(&message)? {
            Order::Join(group) => outcome(connection.join(&group)),
            Order::Leave(group) => outcome(connection.leave(&group)),
            Order::State(state) => outcome(connection.set_state(&state)),
            Order::Me => json!({ "groups": connection.groups(), "state": connection.state::<String>()? }),
            Order::Say { group: None, text, others: false } => json!(room.broadcast(text)),
            Order::Say { group: None, text, others: true } => json!(room.broadcast_except(text, connection)),
            Order::Say { group: Some(group), text, others: false } => json!(room.to(group).broadcast(text)),
            Order::Say { group: Some(group), text, others: true } => {
                json!(room.to(group).broadcast_except(text, connection))
            }
            Order::All { group: None, text } => outcome(room.all().broadcast(text).await),
            Order::All { group: Some(group), text } => outcome(room.all().to(group).broadcast(text).await),
            Order::Address => json!(connection.address()),
            Order::Instance => json!(self.instance),
            Order::CountAll => outcome(room.all().count().await),
            Order::Members(group) => {
                let members: Vec<String> = match group {
                    None => room.connections().map(|member| member.id().to_owned()).collect(),
                    Some(group) => room.to(group).connections().map(|member| member.id().to_owned()).collect(),
                };
                json!(members)
            }
            Order::Restart => return room.restart(),
        };
        Ok(connection.send(answer.to_string())?)
    }

    /// Calls: `{"count":null}`, `{"echo":...}`, `{"fail":null}`, `{"no_json":null}`, `{"sleep":ms}`, `{"say":"..."}`.
    async fn on_call(&self, room: &Room, call: String) -> Result<String, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "snake_case")]
        enum Call {
            Count,
            Echo(Value),
            Fail,
            NoJson,
            Sleep(u64),
            Say(String),
        }
        let answer = match serde_json::from_str(&call)? {
            Call::Count => json!(room.count()),
            Call::Echo(value) => value,
            Call::Fail => return Err(Error::RustError("it failed as it was told".into()).into()),
            Call::NoJson => return Ok("no JSON".into()),
            Call::Sleep(ms) => {
                Delay::from(Duration::from_millis(ms)).await;
                json!("slept")
            }
            Call::Say(text) => json!(room.broadcast(text)),
        };
        Ok(answer.to_string())
    }
}

fn outcome<T: Serialize, E: ToString>(done: std::result::Result<T, E>) -> Value {
    match done {
        Ok(value) => json!({ "done": value }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

/// `/crier`: pushes to a room from outside, as a route or a cron does, by one handle for each room. A message such as
/// `{"room":"/nation","text":"hello"}` has its outcome as the answer.
pub(crate) struct Crier {
    env: Env,
    rooms: RefCell<HashMap<String, RemoteRoom>>,
}

#[derive(Deserialize)]
struct Cry {
    room: String,
    text: String,
}

impl Crier {
    pub fn new(env: Env) -> Self {
        Self { env, rooms: RefCell::default() }
    }

    fn room(&self, path: &str) -> Result<RemoteRoom> {
        if let Some(room) = self.rooms.borrow().get(path) {
            return Ok(room.clone());
        }
        let room = Push::new(crate::services, &self.env)?.room(path)?;
        self.rooms.borrow_mut().insert(path.to_owned(), room.clone());
        Ok(room)
    }
}

impl Handler for Crier {
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let Cry { room, text } = serde_json::from_str(&message)?;
        let answer = outcome(self.room(&room)?.broadcast(text).await);
        Ok(connection.send(answer.to_string())?)
    }
}
