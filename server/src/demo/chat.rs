//! `/demo/chat/{room}`: a chat that keeps nothing but who is present.

use super::rooms::may_visit;
use serde_json::{Value, json};
use sockjs_edge::{Admission, CloseReason, Connection, Handler, Rejection, RequestInfo, RequestKind, Room};
use worker::{Env, Result};

/// In characters.
const NAME_MAX: usize = 24;
const TEXT_MAX: usize = 300;

pub(crate) struct Chat;

impl Handler for Chat {
    /// Each room is an object of its own: nobody gets many.
    async fn on_request(request: &RequestInfo<'_>, _: &Env) -> Admission {
        let room = request.parameter("room").unwrap_or_default();
        if request.kind() == RequestKind::Info || may_visit(&request.remote_address().unwrap_or_default(), room) {
            return Admission::Undecided;
        }
        Admission::Reject(Rejection::new(429, "too many rooms: try again later\n").header("Retry-After", "600"))
    }

    /// After a restart WebSockets are gone without a word.
    async fn on_start(&self, room: &Room) -> Result<()> {
        tell_who_is_present(room)
    }

    /// A client sends `{"name":"Ada"}`, `{"text":"hello"}` or `"leave"`: by itself the server notices only later that a poll
    /// does not come again.
    async fn on_message(&self, connection: &Connection, message: String) -> Result<()> {
        let order: Value = serde_json::from_str(&message).unwrap_or_default();
        let text = |name| order.get(name).and_then(Value::as_str);
        if let Some(name) = text("name") {
            connection.set_state(&shortened(name, NAME_MAX))?;
            tell_who_is_present(&connection.room())?;
        } else if let (Some(text), Some(from)) = (text("text"), person(connection)) {
            let said = json!({ "from": from, "text": shortened(text, TEXT_MAX) });
            connection.room().broadcast(serde_json::to_string(&said)?);
        } else if order == "leave" {
            connection.close(1000, "You left")?;
        }
        Ok(())
    }

    async fn on_close(&self, connection: &Connection, _: CloseReason) -> Result<()> {
        tell_who_is_present(&connection.room())
    }
}

fn tell_who_is_present(room: &Room) -> Result<()> {
    let present: Vec<_> = room.connections().filter_map(|connection| person(&connection)).collect();
    room.broadcast(serde_json::to_string(&json!({ "present": present }))?);
    Ok(())
}

/// Returns name and transport of the person at `connection`. Returns `None` before the name is known.
fn person(connection: &Connection) -> Option<Value> {
    let name: String = connection.state().ok()??;
    Some(json!({ "name": name, "transport": connection.transport().name() }))
}

fn shortened(text: &str, chars: usize) -> String {
    text.trim().chars().take(chars).collect()
}
