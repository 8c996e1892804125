//! SockJS beside an application's own routes, with two services. One of them is for members: a client of `/members` sends its
//! token in the query of its SockJS URL, since pages cannot add headers to a browser's WebSocket.

#[cfg(test)]
mod tests;

use sockjs_edge::{Admission, Config, Connection, Handler, Rejection, RequestInfo, Services, is_same_secret};
use worker::url::form_urlencoded;
use worker::{Context, Env, Request, Response, Result, Router, event};

struct Echo;

impl Handler for Echo {
    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        Ok(conn.send(message)?)
    }
}

struct Members;

impl Handler for Members {
    /// Runs in the Worker, for each receive and each send: a refused client causes no call of an object.
    async fn on_request(request: &RequestInfo<'_>, env: &Env) -> Admission {
        let expected = env.secret("MEMBERS_TOKEN").map(|token| token.to_string());
        admission(&request.query(), expected.ok().as_deref())
    }

    async fn on_message(&self, conn: &Connection, message: String) -> Result<()> {
        Ok(conn.send(format!("members only: {message}"))?)
    }
}

/// Decides from plain values, so that a test needs no runtime.
fn admission(query: &str, expected: Option<&str>) -> Admission {
    let Some(expected) = expected else { return refuse(403, "nobody is a member") };
    match query_value(query, "token") {
        Some(token) if is_same_secret(&token, expected) => Admission::Admit,
        Some(_) => refuse(403, "invalid token"),
        None => refuse(401, "a token is needed"),
    }
}

fn refuse(status: u16, why: &str) -> Admission {
    Admission::Reject(Rejection::new(status, why))
}

fn query_value(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn services(_env: &Env) -> Services {
    Services::new().add(Config::new("/echo"), |_env| Echo).add(Config::new("/members"), |_env| Members)
}

sockjs_edge::durable_object!(SockJs, services);

/// An application with its own fetch event sees every request first. If it need not, `export!` with a function for the remaining
/// requests is simpler.
#[event(fetch)]
async fn fetch(req: Request, env: Env, ctx: Context) -> Result<Response> {
    if Services::shared(services, &env).handles(&req) {
        return sockjs_edge::serve(services, req, &env, &ctx).await;
    }
    Router::new()
        .get("/", |_, _| Response::ok("an application with SockJS at /echo and /members\n"))
        .get("/hello/:name", |_, route| {
            let name = route.param("name").map_or("you", String::as_str);
            Response::ok(format!("hello, {name}\n"))
        })
        .run(req, env)
        .await
}
