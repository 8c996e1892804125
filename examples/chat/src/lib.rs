//! Chat rooms at `/chat/{room}`, with the members who are present or typing, and a history for newcomers. `GET /present/{room}`
//! asks a room for its members.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sockjs_edge::{
    CallError, CloseReason, Config, Connection, Handler, Placement, Push, PushError, Room, Services, WebSocketHolder,
};
use std::cell::RefCell;
use std::collections::VecDeque;
use worker::{Context, Env, Request, Response, Result};

/// Most messages in a room's history; the constants below limit their length and that of nicknames.
const HISTORY: usize = 50;
const TEXT_MAX: usize = 1000;
const NICKNAME_MAX: usize = 30;

/// The group of the clients that display who is typing: pages in the background leave it.
const WATCHERS: &str = "watchers";

/// A message of a client: `{"nickname":"Ada"}`, `{"text":"hello"}`, `{"watching":true}` or `"typing"`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    Nickname(String),
    Text(String),
    Watching(bool),
    Typing,
}

/// A call from a route.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Question {
    Present,
}

/// A message to the members.
#[derive(Clone, Serialize, Deserialize)]
struct Said {
    from: String,
    text: String,
}

/// One room. Its fields are a copy of the stored data: the object hibernates, and wakes up with a new copy.
#[derive(Default)]
struct Chat {
    history: RefCell<VecDeque<Said>>,
    /// The members in the last presence message.
    present: RefCell<Vec<String>>,
}

impl Handler for Chat {
    async fn on_start(&self, room: &Room) -> Result<()> {
        let (history, present) = (room.storage()?.get("history").await?, room.storage()?.get("present").await?);
        self.history.replace(history.unwrap_or_default());
        self.present.replace(present.unwrap_or_default());
        self.tell_who_is_present(room).await
    }

    async fn on_open(&self, conn: &Connection) -> Result<()> {
        conn.send(json!({ "history": *self.history.borrow() }).to_string())?;
        Ok(conn.send(json!({ "present": *self.present.borrow() }).to_string())?)
    }

    /// After a restart the WebSockets, which the Worker holds, come back one by one.
    async fn on_return(&self, conn: &Connection) -> Result<()> {
        self.tell_who_is_present(&conn.room()).await
    }

    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        match (serde_json::from_str(&message)?, nickname(conn)) {
            (Order::Nickname(name), _) => {
                conn.set_state(&shortened(&name, NICKNAME_MAX))?;
                self.tell_who_is_present(&conn.room()).await
            }
            (Order::Text(text), Some(from)) => {
                let text = shortened(&text, TEXT_MAX);
                self.say(&conn.room(), Said { from, text }).await
            }
            (Order::Text(_), None) => Ok(conn.send(json!({ "error": "a nickname first" }).to_string())?),
            (Order::Watching(true), _) => Ok(conn.join(WATCHERS)?),
            (Order::Watching(false), _) => Ok(conn.leave(WATCHERS)?),
            (Order::Typing, from) => {
                conn.room().to(WATCHERS).broadcast_except(json!({ "typing": from }).to_string(), conn);
                Ok(())
            }
        }
    }

    async fn on_close(&self, conn: &Connection, _: CloseReason) -> Result<()> {
        self.tell_who_is_present(&conn.room()).await
    }

    async fn on_call(&self, room: &Room, call: String) -> Result<String, CallError> {
        let Question::Present = serde_json::from_str(&call)?;
        Ok(serde_json::to_string(&present(room))?)
    }
}

impl Chat {
    /// Broadcasts the members, computed from the connections so that they are right after a restart. Sends only changes, since
    /// the room wakes up at each heartbeat.
    async fn tell_who_is_present(&self, room: &Room) -> Result<()> {
        let present = present(room);
        if *self.present.borrow() == present {
            return Ok(());
        }
        room.broadcast(json!({ "present": present }).to_string());
        self.present.replace(present.clone());
        room.storage()?.put("present", present).await
    }

    async fn say(&self, room: &Room, said: Said) -> Result<()> {
        room.broadcast(json!(said).to_string());
        let history = {
            let mut history = self.history.borrow_mut();
            history.push_back(said);
            while history.len() > HISTORY {
                history.pop_front();
            }
            history.clone()
        };
        room.storage()?.put("history", history).await
    }
}

/// Returns the nicknames of the members that have one, in alphabetical order.
fn present(room: &Room) -> Vec<String> {
    let mut present: Vec<String> = room.connections().filter_map(|connection| nickname(&connection)).collect();
    present.sort();
    present
}

/// Returns the nickname, which is stored with the connection.
fn nickname(conn: &Connection) -> Option<String> {
    conn.state().ok()?
}

fn shortened(text: &str, chars: usize) -> String {
    text.trim().chars().take(chars).collect()
}

fn services(_env: &Env) -> Services {
    let chat = Config::new("/chat/{room}").placement(Placement::Room).websocket_holder(WebSocketHolder::Worker);
    Services::new().add(chat, |_env| Chat::default())
}

sockjs_edge::export!(SockJs, services, pages);

async fn pages(req: Request, env: Env, _: Context) -> Result<Response> {
    let path = req.path();
    match (path.as_str(), path.strip_prefix("/present/")) {
        ("/", _) => Response::from_html(include_str!("page.html")),
        (_, Some(room)) => match Push::new(services, &env)?.room(&format!("/chat/{room}")) {
            Ok(room) => Response::from_json(&room.call::<Vec<String>>(&Question::Present).await?),
            Err(PushError::NoRoom(_)) => Response::error("no such room", 404),
            Err(error) => Err(error.into()),
        },
        _ => Response::error("not found", 404),
    }
}
