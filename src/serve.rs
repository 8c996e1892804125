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
use crate::respond::{Reply, bodiless, cacheable, cors_of, fixed, in_a_year, refused};
use crate::route::{Endpoint, Route, route};
use crate::send::send;
use crate::websocket::websocket;
use crate::{Config, LogLevel, Services};
use sockjs_durable::log;
use sockjs_protocol::log::Line;
use sockjs_protocol::transport::{HTML, PLAIN};
use std::cell::RefCell;
use std::rc::Rc;
use worker::{Context, Env, ObjectNamespace, Request, Response, Result, web_sys};

/// Longest URL that is served: the object keeps it with the connection.
const URL_MAX: usize = 8 << 10;

/// Answers a request to the services that `services` builds, for a Worker with an `#[event(fetch)]` of its own;
/// [`export!`](crate::export) is quicker. `services` is called once in each isolate, and the Durable Object class must be
/// exported with the same function.
///
/// What is under no service's prefix is answered with 404. Settings that cannot be served, and a Durable Object binding
/// that is missing, are answered with 500 and a text that says what to do.
///
/// # Errors
///
/// When the runtime refuses what no client should be able to cause; the runtime answers 500 then.
pub async fn serve(services: fn(&Env) -> Services, request: Request, env: &Env, context: &Context) -> Result<Response> {
    let facts = Facts::of(request.inner())?;
    let reply = match answer(services, request.inner(), &facts, env, context).await {
        Ok(Served::Reply(reply)) => Ok(reply),
        Ok(Served::NotFound | Served::Elsewhere) => refused(Refusal::not_found()),
        Err(error) => Err(error),
    };
    note(&facts, &reply);
    Ok(reply?.into())
}

/// What the services make of a request.
pub(crate) enum Served {
    Reply(Reply),
    /// Its service knows no such path.
    NotFound,
    /// It is under no service's prefix.
    Elsewhere,
}

/// Has the services answer a request.
pub(crate) async fn answer(
    services: fn(&Env) -> Services,
    request: &web_sys::Request,
    facts: &Facts,
    env: &Env,
    context: &Context,
) -> Result<Served> {
    let services = Services::shared(services, env);
    if let Some(problem) = services.problem() {
        return refused(Refusal::new(500, problem.to_owned())).map(Served::Reply);
    }
    let incoming = Incoming { services: &services, request, facts, env, context };
    match route(&facts.method, facts.path(), services.configs()) {
        Route::Elsewhere => Ok(Served::Elsewhere),
        Route::NotFound => Ok(Served::NotFound),
        Route::MethodNotAllowed { allow } => bodiless(method_not_allowed(allow)).map(Served::Reply),
        Route::Service(config, prefix, endpoint) => incoming.answer(config, prefix, endpoint).await.map(Served::Reply),
    }
}

/// Logs how a request was answered.
pub(crate) fn note(facts: &Facts, reply: &Result<Reply>) {
    if log::is_wanted(LogLevel::Debug, None) {
        // Without its query, where a ticket is.
        let line = Line::new(LogLevel::Debug, "request").text("method", &facts.method).text("path", facts.path());
        let status = reply.as_ref().map_or(500, Reply::status);
        log::write(LogLevel::Debug, line.number("status", status.into()));
    }
}

/// A request, and what there is to answer it with.
#[derive(Clone, Copy)]
struct Incoming<'a> {
    services: &'a Rc<Services>,
    request: &'a web_sys::Request,
    facts: &'a Facts,
    env: &'a Env,
    context: &'a Context,
}

impl Incoming<'_> {
    /// Answers what is for the service of `config`, under this prefix.
    async fn answer(self, config: &Config, prefix: &str, endpoint: Endpoint<'_>) -> Result<Reply> {
        let Self { services, request, facts, env, context } = self;
        if facts.url.len() > URL_MAX {
            return refused(Refusal::new(414, "The URL is too long.\n"));
        }
        let Some(place) = Place::of(config, prefix) else { return refused(Refusal::not_found()) };
        let binding = services.binding_name();
        let Ok(namespace) = namespace(env, binding) else {
            let advice = format!(
                "no Durable Object binding {binding}: add one to wrangler.toml, or name yours in Services::binding"
            );
            log::error("settings", Some(&config.prefix), &advice);
            return refused(Refusal::new(500, advice));
        };
        let refusals = Refusals::new(config, services, env, context);
        let to = |session, pass| Destination {
            config,
            place: &place,
            pass,
            refusals: refusals.clone(),
            object: Object::new(namespace, place.object(config, session), config),
        };
        let asked = Asked { request, facts, services, config, place: &place, env };
        let pass = match endpoint.connects() {
            Some((transport, session)) => match asked.connection(transport, session).await? {
                Ok(pass) => {
                    let is_websocket = transport.is_websocket();
                    let counted = address::count(config, &place.prefix, session, is_websocket, request, env).await?;
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
                return refused_to_script(refusal, facts, config);
            }
        };
        match endpoint {
            Endpoint::Greeting => fixed(Head::typed(200, PLAIN), *b"Welcome to SockJS!\n"),
            Endpoint::Info => {
                let base_url = match asked.base_url().await? {
                    Ok(base_url) => base_url,
                    Err(refusal) => {
                        refusals.note(None, refusal.reason);
                        return refused_to_script(refusal, facts, config);
                    }
                };
                let head = Head::typed(200, JSON).with(not_cached()).with(cors_of(facts, config));
                fixed(head, info(config, base_url.as_deref(), random::u32())?)
            }
            Endpoint::InfoOptions => options("OPTIONS, GET", facts, config),
            Endpoint::Iframe => iframe(request, facts, config),
            Endpoint::TransportOptions => options("OPTIONS, POST", facts, config),
            Endpoint::Receive(row, session) => {
                let more = if services.is_development() { vec![unencoded()] } else { Vec::new() };
                receive(row, session, to(Some(session), pass), request, facts, context, more).await
            }
            Endpoint::Send(row, session) => send(row, session, to(Some(session), pass), request, facts).await,
            Endpoint::WebSocket(session) => websocket(Some(session), to(Some(session), pass), request).await,
            Endpoint::RawWebSocket => websocket(None, to(None, pass), request).await,
        }
    }
}

thread_local! {
    /// The binding that was asked for last: it is the same for all requests.
    static NAMESPACE: RefCell<Option<(String, ObjectNamespace)>> = const { RefCell::new(None) };
}

/// The objects behind `binding`.
fn namespace(env: &Env, binding: &str) -> Result<ObjectNamespace> {
    NAMESPACE.with_borrow_mut(|known| match known {
        Some((name, namespace)) if name == binding => Ok(namespace.clone()),
        _ => {
            let namespace = env.durable_object(binding)?;
            known.replace((binding.to_owned(), namespace.clone()));
            Ok(namespace)
        }
    })
}

fn options(methods: &'static str, facts: &Facts, config: &Config) -> Result<Reply> {
    bodiless(preflight(methods, in_a_year()).with(cors_of(facts, config)))
}

/// An error that a script of an allowed page can read.
fn refused_to_script(refusal: Refusal, facts: &Facts, config: &Config) -> Result<Reply> {
    let head = refusal.head().with(not_cached()).with(cors_of(facts, config));
    fixed(head, refusal.text.into_owned())
}

fn iframe(request: &web_sys::Request, facts: &Facts, config: &Config) -> Result<Reply> {
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
