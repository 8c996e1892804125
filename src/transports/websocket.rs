//! A client's WebSocket: validated here, and forwarded to the object with its upgrade.

use crate::http::refusal::{HttpError, Refusal};
use crate::http::response::{HttpResponse, refused};
use crate::js::invocation::Invocation;
use crate::js::request_head::{RequestHead, headers};
use crate::metrics::Refusals;
use crate::object::destination::Destination;
use crate::object::stub::{ClientRequest, ObjectError, ObjectResponse};
use crate::transports::held_websocket::{HeldWebSocket, Opened, writes_heartbeats};
use crate::transports::upstream::piped;
use crate::{Config, WebSocketHolder};
use js_sys::Array;
use sockjs_durable::log;
use sockjs_protocol::inner::envelope::{Action, Command, FULL};
use sockjs_protocol::observe::metrics::Refused;
use sockjs_protocol::sockjs::transport::Transport;
use wasm_bindgen::JsValue;
use worker::worker_sys::ext::ResponseExt;
use worker::{Context, Env, Headers, ResponseBuilder, Result, web_sys};

const PROTOCOL: &str = "Sec-WebSocket-Protocol";

thread_local! {
    static HANDSHAKE: Array = ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", PROTOCOL]
        .into_iter()
        .map(JsValue::from_str)
        .collect();
}

/// Body of the refusal: a hibernating WebSocket can keep only a few bytes.
const TOO_LARGE: &str = "The URL and the headers are too long to be kept with a WebSocket.\n";

/// Answers a WebSocket request of `session`, or a raw one.
pub(crate) async fn websocket(
    session: Option<&str>,
    to: Destination<'_>,
    request: &web_sys::Request,
    request_head: &RequestHead,
    env: &Env,
    context: &Context,
) -> Result<HttpResponse> {
    let transport = if session.is_some() { Transport::WebSocket } else { Transport::WebSocketRaw };
    let [upgrade, connection, key, version, offered] = HANDSHAKE.with(|names| headers(request, names))?;
    let upgrade = upgrade.filter(|_| request_head.method == "GET");
    if let Err(refusal) = check(upgrade.as_deref(), connection.as_deref(), key.as_deref(), version.as_deref()) {
        to.refusals.note(Some(transport), refusal.reason);
        return refused(refusal);
    }
    let invocation = Invocation::of(context);
    if let Some(piped) = piped(transport, offered.as_deref(), &to, request, request_head, env, &invocation) {
        return piped.await;
    }
    let Destination { config, place, pass, refusals, object, address, is_proxied, .. } = to;
    let client = ClientRequest::of_websocket(request, address);
    let client = if config.upstream.is_some() { client.for_upstream(transport, is_proxied) } else { client };
    if config.websocket_holder == WebSocketHolder::Worker {
        let held = HeldWebSocket {
            object: object.clone(),
            client: client.clone(),
            service: config.prefix.clone(),
            parameters: place.parameters.clone(),
            pass: pass.clone(),
            session: session.map(Into::into),
            transport,
            beats: writes_heartbeats(config),
        };
        match held.open(config, &invocation).await {
            Ok(Opened::Held(response)) => return selected(response, offered.as_deref(), config),
            // Until the object has this version, it holds its WebSockets itself.
            Ok(Opened::Unknown) => {}
            Ok(Opened::Refused(answer)) => return refuse(Ok(answer), transport, config, &refusals),
            Err(failure) => return refuse(Err(failure), transport, config, &refusals),
        }
    }
    let action = Action::Connect { session: session.map(Into::into), transport };
    let command = Command::new(&config.prefix, action).with_parameters(&place.parameters).with_pass(pass);
    match object.connect(&client, &command).await {
        Ok(ObjectResponse::Upgrade(response)) => selected(response, offered.as_deref(), config),
        answer => refuse(answer, transport, config, &refusals),
    }
}

/// Adds the selected subprotocol to the response to the handshake.
fn selected(response: HttpResponse, offered: Option<&str>, config: &Config) -> Result<HttpResponse> {
    match offered.and_then(|offered| select(offered, &config.websocket_protocols)) {
        Some(protocol) => with_protocol(&response, protocol),
        None => Ok(response),
    }
}

/// Refuses a WebSocket that the object did not accept.
fn refuse(
    answer: std::result::Result<ObjectResponse, ObjectError>,
    transport: Transport,
    config: &Config,
    refusals: &Refusals,
) -> Result<HttpResponse> {
    match answer {
        Ok(answer) if answer.status() == 431 => {
            refusals.note(Some(transport), Refused::TooLarge);
            refused(HttpError::new(431, TOO_LARGE))
        }
        Ok(answer) if answer.status() == FULL => {
            refusals.note(Some(transport), Refused::Full);
            refused(unavailable())
        }
        Ok(answer) => {
            refusals.note(Some(transport), Refused::Unavailable);
            log::warn(
                "object",
                Some(&config.prefix),
                format!("unexpected status {} of the object for a WebSocket", answer.status()),
            );
            refused(unavailable())
        }
        Err(failure) => {
            refusals.note(Some(transport), Refused::Unavailable);
            log::warn("object", Some(&config.prefix), failure);
            refused(unavailable())
        }
    }
}

/// Validates the headers of a WebSocket handshake. The texts of the refusals are sockjs-node's.
fn check(
    upgrade: Option<&str>,
    connection: Option<&str>,
    key: Option<&str>,
    version: Option<&str>,
) -> std::result::Result<(), Refusal> {
    if !upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
        return Err(malformed("Can \"Upgrade\" only to \"WebSocket\"."));
    }
    // The header is absent on HTTP/2, and if the runtime hides it.
    let mut connection = connection.map(|connection| connection.split(',').map(str::trim));
    if connection.as_mut().is_some_and(|options| !options.any(|option| option.eq_ignore_ascii_case("upgrade"))) {
        return Err(malformed("\"Connection\" must be \"Upgrade\"."));
    }
    match (key, version) {
        (Some(_), Some("13")) => Ok(()),
        // From a Worker over a service binding there is no handshake on the wire. The runtime accepts none without it from the
        // network.
        (None, None) if connection.is_none() => Ok(()),
        (Some(_), Some(_)) => Err(malformed("Only supported WebSocket protocol is RFC 6455.")),
        _ => Err(malformed("Not a valid websocket request")),
    }
}

/// Returns the subprotocol of `spoken` to select, if the client's header `offered` has one.
pub(super) fn select<'a>(offered: &str, spoken: &'a [String]) -> Option<&'a str> {
    let offers = |protocol: &&String| offered.split(',').any(|offer| offer.trim() == *protocol);
    spoken.iter().find(offers).map(String::as_str)
}

/// Returns `upgrade` with the head that names the selected subprotocol.
fn with_protocol(upgrade: &HttpResponse, protocol: &str) -> Result<HttpResponse> {
    let headers = Headers::new();
    headers.set(PROTOCOL, protocol)?;
    let builder = ResponseBuilder::new().with_status(101).with_headers(headers);
    match upgrade.websocket() {
        Some(socket) => Ok(builder.with_websocket(socket.into()).empty().into()),
        None => refused(unavailable()),
    }
}

fn malformed(text: &'static str) -> Refusal {
    Refusal::new(Refused::Malformed, 400, text)
}

fn unavailable() -> HttpError {
    HttpError::new(503, "The connection cannot be opened now.\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_chooses_among_the_subprotocols_that_the_client_offers() {
        let spoken = ["v12.stomp", "v11.stomp"].map(String::from);
        assert_eq!(select("v10.stomp, v11.stomp,v12.stomp", &spoken), Some("v12.stomp"));
        assert_eq!(select("v11.stomp", &spoken), Some("v11.stomp"));
        assert_eq!(select("v1.stomp", &spoken), None);
        assert_eq!(select("V12.STOMP", &spoken), None);
        assert_eq!(select("v11.stomp", &[]), None);
    }

    #[test]
    fn handshakes() {
        let websocket = Some("websocket");
        let (key, version) = (Some("dGhlIHNhbXBsZSBub25jZQ=="), Some("13"));
        for (upgrade, connection) in [
            (websocket, Some("Upgrade")),
            (Some("WebSocket"), Some("keep-alive, upgrade")),
            (websocket, Some("Upgrade,HTTP2-Settings")),
            (websocket, None),
        ] {
            assert_eq!(check(upgrade, connection, key, version), Ok(()), "{upgrade:?} {connection:?}");
        }
        for (upgrade, connection, key, version, text) in [
            (None, Some("keep-alive"), None, None, "Can \"Upgrade\" only to \"WebSocket\"."),
            (Some("h2c"), Some("upgrade"), key, version, "Can \"Upgrade\" only to \"WebSocket\"."),
            (websocket, Some("close"), key, version, "\"Connection\" must be \"Upgrade\"."),
            (websocket, Some(""), key, version, "\"Connection\" must be \"Upgrade\"."),
            (websocket, Some("upgrade"), None, version, "Not a valid websocket request"),
            (websocket, Some("upgrade"), key, None, "Not a valid websocket request"),
            (websocket, Some("upgrade"), key, Some("8"), "Only supported WebSocket protocol is RFC 6455."),
        ] {
            assert_eq!(check(upgrade, connection, key, version), Err(malformed(text)));
        }
    }
}
