//! STOMP 1.2 over SockJS, and over plain WebSockets at `/stomp/websocket`: messages to a destination reach all of its
//! subscribers. There are no transactions and acknowledgements, and absent clients miss messages.

mod broker;
mod frame;
#[cfg(test)]
mod tests;

use broker::{Broker, heart_beat};
use sockjs_edge::{Config, Liveness, Millis, Placement, Services};
use worker::{Context, Env, Request, Response, Result};

/// Beats that a client may miss before it counts as silent.
const MISSED: u64 = 4;

fn services(env: &Env) -> Services {
    // A STOMP client's WebSocket offers this protocol.
    let stomp = Config::new("/stomp").placement(Placement::Room).websocket_protocols(["v12.stomp"]);
    // Its own beats show that it is alive.
    let silence = Millis(MISSED * heart_beat(env).0).max(Millis::from_secs(90));
    let stomp = stomp.liveness(Liveness::Stomp).silence_timeout(silence);
    Services::new().add(stomp, Broker::new)
}

sockjs_edge::export!(SockJs, services, pages);

async fn pages(req: Request, _: Env, _: Context) -> Result<Response> {
    match req.path().as_str() {
        "/" => Response::from_html(include_str!("page.html")),
        _ => Response::error("not found", 404),
    }
}
