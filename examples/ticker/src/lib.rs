//! Everybody at `/ticker` receives messages from outside: each `POST /tick` with the token, a tick of the cron trigger every
//! minute, and all pushes to `/push` by programs with the token, as described by docs/push.openapi.json.

#[cfg(test)]
mod tests;

use serde_json::json;
use sockjs_edge::{Config, Connection, Handler, Placement, Push, Services};
use worker::{Context, Date, Env, Request, Response, Result, ScheduleContext, ScheduledEvent, console_error, event};

struct Ticker;

impl Handler for Ticker {
    /// With its address, a single connection can be the target of a push.
    async fn on_open(&self, conn: &Connection) -> Result<()> {
        Ok(conn.send(json!({ "address": conn.address() }).to_string())?)
    }

    async fn on_message(&self, _: &Connection, _: String) -> Result<()> {
        Ok(()) // a ticker ignores messages
    }
}

fn services(_env: &Env) -> Services {
    let ticker = Config::new("/ticker").placement(Placement::Room);
    Services::new().add(ticker, |_env| Ticker)
}

sockjs_edge::export!(SockJs, services, routes);

async fn routes(req: Request, env: Env, _: Context) -> Result<Response> {
    match req.path().as_str() {
        "/" => Response::from_html(include_str!("page.html")),
        "/push" => Push::new(services, &env)?.serve(req, &[&token(&env)]).await,
        "/tick" if req.inner().method() != "POST" => Response::error("only POST", 405),
        "/tick" if !Push::is_authorized(&req, &[&token(&env)]) => Response::error("a bearer token is needed", 401),
        "/tick" => Response::from_json(&json!({ "heard": tick(&env, "route").await? })),
        _ => Response::error("not found", 404),
    }
}

#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    if let Err(error) = tick(&env, "cron").await {
        console_error!("tick: {error}");
    }
}

/// Returns the number of connections that the tick reached.
async fn tick(env: &Env, by: &str) -> Result<usize> {
    let tick = json!({ "tick": by, "at": Date::now().as_millis() });
    Ok(Push::new(services, env)?.room("/ticker")?.broadcast(tick.to_string()).await?)
}

/// Returns an empty token if the secret is not set; an empty token never matches.
fn token(env: &Env) -> String {
    env.secret("PUSH_TOKEN").map(|token| token.to_string()).unwrap_or_default()
}
