//! Authentication without cookies. At `/members` a client sends its token once, to `/info`, and from then on its ticket
//! identifies it. At `/lobby` everybody is admitted, and the first message has to be a token.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use sockjs_edge::{Admission, Config, Connection, Handler, Millis, Rejection, RequestInfo, Services, is_same_secret};
use worker::url::form_urlencoded;
use worker::{Env, Result};

struct Members;

impl Handler for Members {
    /// Asked in the Worker: whoever is refused here costs no object.
    async fn on_request(request: &RequestInfo<'_>, env: &Env) -> Admission {
        admission(&request.query(), &users(env))
    }

    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        let user = conn.claims().get("user").and_then(Value::as_str).unwrap_or("nobody");
        Ok(conn.send(format!("{user}: {message}"))?)
    }
}

/// Decides by plain values, so that a test needs no runtime.
fn admission(query: &str, users: &str) -> Admission {
    let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    match token.and_then(|(_, token)| user_of(&token, users)) {
        Some(user) => Admission::AdmitAs(json!({ "user": user })),
        None => Admission::Reject(Rejection::new(401, "a token is needed")),
    }
}

struct Lobby {
    users: String,
}

impl Handler for Lobby {
    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        if let Some(user) = conn.state::<String>()? {
            return Ok(conn.send(format!("{user}: {message}"))?);
        }
        match user_of(&message, &self.users) {
            Some(user) => {
                conn.set_state(&user)?;
                Ok(conn.send(format!("welcome, {user}"))?)
            }
            None => Ok(conn.close(4001, "a token is needed")?),
        }
    }
}

/// Returns the secret `USERS` with users and their tokens: `ada:token,bob:token`.
fn users(env: &Env) -> String {
    env.secret("USERS").map(|users| users.to_string()).unwrap_or_default()
}

fn user_of(token: &str, users: &str) -> Option<String> {
    let mut users = users.split(',').filter_map(|user| user.split_once(':'));
    users.find(|(_, known)| is_same_secret(token, known)).map(|(user, _)| user.to_owned())
}

fn services(_env: &Env) -> Services {
    Services::new()
        .add(Config::new("/members").tickets(true), |_env| Members)
        .add(Config::new("/lobby").first_message_timeout(Millis::from_secs(10)), |env| Lobby { users: users(env) })
}

sockjs_edge::export!(SockJs, services);
