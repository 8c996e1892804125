//! STOMP 1.2 over SockJS, and over plain WebSockets at `/stomp/websocket`: what is sent to a destination reaches all who
//! are subscribed to it. Without transactions and acknowledgements: nothing is kept for who is not there.

mod broker;
mod frame;
#[cfg(test)]
mod tests;

use broker::Broker;
use sockjs_edge::{Config, Placement, Services};
use worker::{Context, Env, Request, Response, ResponseBuilder, Result};

fn services(_env: &Env) -> Services {
    let stomp = Config::new("/stomp")
        .placement(Placement::Room)
        .websocket_protocols(["v12.stomp"]) // what a STOMP client's WebSocket offers
        .sockjs_url("/sockjs.min.js");
    Services::new().add(stomp, Broker::new)
}

sockjs_edge::export!(SockJs, services, pages);

async fn pages(req: Request, _: Env, _: Context) -> Result<Response> {
    match req.path().as_str() {
        "/" => Response::from_html(include_str!("page.html")),
        "/sockjs.min.js" => script(include_str!("sockjs.min.js")),
        "/stomp.min.js" => script(include_str!("stomp.min.js")),
        _ => Response::error("not found", 404),
    }
}

fn script(source: &str) -> Result<Response> {
    Ok(ResponseBuilder::new().with_header("Content-Type", "text/javascript")?.fixed(source.into()))
}
