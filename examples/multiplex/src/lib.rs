//! Channels over one connection, for the npm package `websocket-multiplex`: `sub,topic` opens one, `uns,topic` ends it, and
//! `msg,topic,payload` carries messages in both directions. As in that package, messages without a comma, a known topic or an
//! open channel are ignored.
//!
//! Ann, Bob and Carl are the channels of that package's own example.

#[cfg(test)]
mod tests;

use sockjs_edge::{Config, Connection, Handler, Services};
use worker::{Context, Env, Request, Response, Result};

struct Multiplex;

impl Handler for Multiplex {
    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        let mut parts = message.splitn(3, ','); // the payload may have commas
        let (Some(kind), Some(topic)) = (parts.next(), parts.next()) else { return Ok(()) };
        // Stored with the connection, since this handler's fields are lost when the object hibernates.
        let mut topics: Vec<String> = conn.state()?.unwrap_or_default();
        let channel = Channel { conn, topic };
        match (kind, topics.iter().position(|open| open == topic)) {
            ("sub", None) if channel.opened()? => topics.push(topic.into()),
            ("msg", Some(_)) => return channel.said(parts.next().unwrap_or_default()),
            ("uns", Some(at)) => drop(topics.remove(at)),
            _ => return Ok(()),
        }
        conn.set_state(&topics)
    }
}

struct Channel<'a> {
    conn: &'a Connection,
    topic: &'a str,
}

impl Channel<'_> {
    /// Handles a client's request for this channel. Returns true if the channel is open now.
    fn opened(&self) -> Result<bool> {
        match self.topic {
            "ann" => self.send("Ann says hi!")?,
            "bob" => self.send("Bob doesn't agree.")?,
            "carl" => {
                self.send("Carl says goodbye!")?;
                self.end()?;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn said(&self, payload: &str) -> Result<()> {
        match self.topic {
            "ann" => self.send(&format!("Ann nods: {payload}")),
            _ => self.send(&format!("Bob says no to: {payload}")),
        }
    }

    fn send(&self, payload: &str) -> Result<()> {
        Ok(self.conn.send(format!("msg,{},{payload}", self.topic))?)
    }

    fn end(&self) -> Result<()> {
        Ok(self.conn.send(format!("uns,{}", self.topic))?)
    }
}

fn services(_env: &Env) -> Services {
    Services::new().add(Config::new("/multiplex"), |_env| Multiplex)
}

sockjs_edge::export!(SockJs, services, pages);

async fn pages(req: Request, _: Env, _: Context) -> Result<Response> {
    match req.path().as_str() {
        "/" => Response::from_html(include_str!("page.html")),
        _ => Response::error("not found", 404),
    }
}
