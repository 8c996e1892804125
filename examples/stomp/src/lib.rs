//! STOMP 1.2 over SockJS, and over plain WebSockets at `/stomp/websocket`: what is sent to a destination reaches all who
//! are subscribed to it. Without transactions and acknowledgements: nothing is kept for who is not there.

mod broker;
mod frame;
#[cfg(test)]
mod tests;

use broker::Broker;
use sockjs_edge::{Config, Placement, Services};
use worker::{Context, Env, Request, Response, Result};

fn services(_env: &Env) -> Services {
    // A STOMP client's WebSocket offers this protocol.
    let stomp = Config::new("/stomp").placement(Placement::Room).websocket_protocols(["v12.stomp"]);
    Services::new().add(stomp, Broker::new)
}

sockjs_edge::export!(SockJs, services, pages);

async fn pages(req: Request, _: Env, _: Context) -> Result<Response> {
    match req.path().as_str() {
        "/" => Response::from_html(include_str!("page.html")),
        _ => Response::error("not found", 404),
    }
}
