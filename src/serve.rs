//! From a request to its answer.

use crate::headers::{Head, Refusal, method_not_allowed, not_cached, preflight, unencoded};
use crate::iframe::iframe_page;
use crate::info::{JSON, info};
use crate::object::Object;
use crate::place::{Destination, Place};
use crate::random;
use crate::receive::receive;
use crate::respond::{bodiless, cacheable, cors_of, fixed, in_a_year, refused};
use crate::route::{Endpoint, Route, route};
use crate::send::send;
use crate::websocket::websocket;
use crate::{Admission, Config, RequestInfo, Services};
use sockjs_protocol::transport::{HTML, PLAIN};
use worker::{Context, Env, Request, Response, Result, console_error};

/// Longest URL that is served: the object keeps it with the connection.
const URL_MAX: usize = 8 << 10;

/// Answers a request to the services that `services` builds; it is called once in each isolate, and the Durable Object
/// class must be exported with the same function.
///
/// What is under no service's prefix is answered with 404. Settings that cannot be served, and a Durable Object binding
/// that is missing, are answered with 500 and a text that says what to do.
///
/// # Errors
///
/// When the runtime refuses what no client should be able to cause; the runtime answers 500 then.
pub async fn serve(services: fn(&Env) -> Services, request: Request, env: &Env, context: &Context) -> Result<Response> {
    let services = Services::shared(services, env);
    if let Some(problem) = services.problem() {
        return refused(Refusal::new(500, problem.to_owned()));
    }
    // Not `Request::method`, which takes every method that it does not know for GET.
    let method = request.inner().method();
    if request.inner().url().len() > URL_MAX {
        return refused(Refusal::new(414, "The URL is too long.\n"));
    }
    let path = request.path();
    let (config, prefix, endpoint) = match route(&method, &path, services.configs()) {
        Route::NotFound => return refused(Refusal::not_found()),
        Route::MethodNotAllowed { allow } => return bodiless(method_not_allowed(allow)),
        Route::Service(config, prefix, endpoint) => (config, prefix, endpoint),
    };
    let Some(place) = Place::of(config, prefix) else { return refused(Refusal::not_found()) };
    let binding = services.binding_name();
    let Ok(namespace) = env.durable_object(binding) else {
        let advice = format!(
            "no Durable Object binding {binding}: add one to wrangler.toml, or name yours in Services::binding"
        );
        console_error!("sockjs: {advice}");
        return refused(Refusal::new(500, advice));
    };
    let to =
        |session| Destination { config, place: &place, object: Object::new(namespace, place.object(config, session)) };
    if let Some((transport, session)) = endpoint.connects() {
        let asked = RequestInfo::new(&request, &config.prefix, &place.parameters, session, transport);
        if let Admission::Reject(status, text) = services.admit(&asked, env).await {
            let status = if (400..600).contains(&status) { status } else { 403 };
            let refusal = Refusal::new(status, text);
            return fixed(
                refusal.head().with(not_cached()).with(cors_of(&request, config)?),
                refusal.text.into_owned(),
            );
        }
    }
    match endpoint {
        Endpoint::Greeting => fixed(Head::typed(200, PLAIN), *b"Welcome to SockJS!\n"),
        Endpoint::Info => {
            let head = Head::typed(200, JSON).with(not_cached()).with(cors_of(&request, config)?);
            fixed(head, info(config, random::u32())?)
        }
        Endpoint::InfoOptions => options("OPTIONS, GET", &request, config),
        Endpoint::Iframe => iframe(&request, config),
        Endpoint::TransportOptions => options("OPTIONS, POST", &request, config),
        Endpoint::Receive(row, session) => {
            let more = if services.is_development() { vec![unencoded()] } else { Vec::new() };
            receive(row, session, to(Some(session)), &request, context, more).await
        }
        Endpoint::Send(row, session) => send(row, session, to(Some(session)), request).await,
        Endpoint::WebSocket(session) => websocket(Some(session), to(Some(session)), &request).await,
        Endpoint::RawWebSocket => websocket(None, to(None), &request).await,
    }
}

fn options(methods: &'static str, request: &Request, config: &Config) -> Result<Response> {
    bodiless(preflight(methods, in_a_year()).with(cors_of(request, config)?))
}

fn iframe(request: &Request, config: &Config) -> Result<Response> {
    cacheable(request, HTML, iframe_page(&config.sockjs_url).as_bytes())
}
