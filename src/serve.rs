//! From a request to its answer.

use crate::access::{FOREIGN, frame_ancestors, may_frame};
use crate::address;
use crate::admit::Asked;
use crate::facts::Facts;
use crate::headers::{
    Head, Refusal, method_not_allowed, not_cached, preflight, referrer_policy, security_policy, unencoded,
};
use crate::iframe::{iframe_page, iframe_policy};
use crate::info::{JSON, info};
use crate::metrics::Refusals;
use crate::object::Object;
use crate::place::{Destination, Place};
use crate::random;
use crate::receive::receive;
use crate::respond::{bodiless, cacheable, cors_of, fixed, in_a_year, refused};
use crate::route::{Endpoint, Route, route, service};
use crate::send::send;
use crate::websocket::websocket;
use crate::{Config, LogLevel, Services};
use sockjs_durable::log;
use sockjs_protocol::log::Line;
use sockjs_protocol::transport::{HTML, PLAIN};
use std::rc::Rc;
use worker::{Context, Env, Request, Response, Result};

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
    if !log::is_wanted(LogLevel::Debug, None) {
        return answer(services, request, env, context).await;
    }
    // Without its query, where a ticket is.
    let line =
        Line::new(LogLevel::Debug, "request").text("method", &request.inner().method()).text("path", &request.path());
    let response = answer(services, request, env, context).await;
    let status = response.as_ref().map_or(500, Response::status_code);
    log::write(LogLevel::Debug, line.number("status", status.into()));
    response
}

async fn answer(services: Rc<Services>, request: Request, env: &Env, context: &Context) -> Result<Response> {
    if let Some(problem) = services.problem() {
        return refused(Refusal::new(500, problem.to_owned()));
    }
    let facts = Facts::of(&request)?;
    if facts.url.len() > URL_MAX {
        return refused(Refusal::new(414, "The URL is too long.\n"));
    }
    let path = request.path();
    let (config, prefix, endpoint) = match route(&facts.method, &path, services.configs()) {
        Route::NotFound => return refused(Refusal::not_found()),
        Route::MethodNotAllowed { allow } => return bodiless(method_not_allowed(allow)),
        Route::Service(config, prefix, endpoint) => (config, prefix, endpoint),
    };
    // Escaped in another way, a value may be what another service has for its own.
    let place = Place::of(config, prefix).filter(|place| {
        service(&place.prefix, services.configs()).is_some_and(|(found, _)| found.prefix == config.prefix)
    });
    let Some(place) = place else { return refused(Refusal::not_found()) };
    let binding = services.binding_name();
    let Ok(namespace) = env.durable_object(binding) else {
        let advice = format!(
            "no Durable Object binding {binding}: add one to wrangler.toml, or name yours in Services::binding"
        );
        log::error("settings", Some(&config.prefix), &advice);
        return refused(Refusal::new(500, advice));
    };
    let refusals = Refusals::new(config, &services, env, context);
    let to = |session, pass| Destination {
        config,
        place: &place,
        pass,
        refusals: refusals.clone(),
        object: Object::new(namespace, place.object(config, session), config),
    };
    let asked = Asked { request: &request, facts: &facts, services: &services, config, place: &place, env };
    let pass = match endpoint.connects() {
        Some((transport, session)) => match asked.connection(transport, session).await? {
            Ok(pass) => {
                let is_websocket = transport.is_websocket();
                let counted = address::count(config, &place.prefix, session, is_websocket, &request, env).await?;
                counted.map(|()| pass)
            }
            refused => refused,
        },
        None if matches!(endpoint, Endpoint::Send(..)) => asked.send()?,
        None => Ok(None),
    };
    let pass = match pass {
        Ok(pass) => pass,
        Err(refusal) => {
            refusals.note(endpoint.connects().map(|(transport, _)| transport), refusal.reason);
            return refused_to_script(refusal, &facts, config);
        }
    };
    match endpoint {
        Endpoint::Greeting => fixed(Head::typed(200, PLAIN), *b"Welcome to SockJS!\n"),
        Endpoint::Info => {
            let base_url = match asked.base_url().await? {
                Ok(base_url) => base_url,
                Err(refusal) => {
                    refusals.note(None, refusal.reason);
                    return refused_to_script(refusal, &facts, config);
                }
            };
            let head = Head::typed(200, JSON).with(not_cached()).with(cors_of(&facts, config));
            fixed(head, info(config, base_url.as_deref(), random::u32())?)
        }
        Endpoint::InfoOptions => options("OPTIONS, GET", &facts, config),
        Endpoint::Iframe => iframe(&request, &facts, config),
        Endpoint::TransportOptions => options("OPTIONS, POST", &facts, config),
        Endpoint::Receive(row, session) => {
            let more = if services.is_development() { vec![unencoded()] } else { Vec::new() };
            receive(row, session, to(Some(session), pass), &request, &facts, context, more).await
        }
        Endpoint::Send(row, session) => send(row, session, to(Some(session), pass), request, &facts).await,
        Endpoint::WebSocket(session) => websocket(Some(session), to(Some(session), pass), &request).await,
        Endpoint::RawWebSocket => websocket(None, to(None, pass), &request).await,
    }
}

fn options(methods: &'static str, facts: &Facts, config: &Config) -> Result<Response> {
    bodiless(preflight(methods, in_a_year()).with(cors_of(facts, config)))
}

/// An error that a script of an allowed page can read.
fn refused_to_script(refusal: Refusal, facts: &Facts, config: &Config) -> Result<Response> {
    let head = refusal.head().with(not_cached()).with(cors_of(facts, config));
    fixed(head, refusal.text.into_owned())
}

fn iframe(request: &Request, facts: &Facts, config: &Config) -> Result<Response> {
    if !may_frame(config, facts.sender()) {
        return refused(Refusal::new(403, FOREIGN));
    }
    let policy = iframe_policy(&config.sockjs_url, frame_ancestors(config));
    cacheable(
        request,
        HTML,
        iframe_page(&config.sockjs_url).as_bytes(),
        vec![security_policy(policy), referrer_policy()],
    )
}
