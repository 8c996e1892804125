//! From a request to its answer.

use crate::address;
use crate::admit::{Admitted, Asked};
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
use crate::receive::{head_of, receive};
use crate::respond::{Reply, bodiless, cacheable, cors_of, fixed, in_a_year, refused, refused_with};
use crate::route::{Endpoint, Route, route};
use crate::send::send;
use crate::websocket::websocket;
use crate::{Config, LogLevel, Services};
use serde_json::Value;
use sockjs_durable::log;
use sockjs_protocol::observe::log::Line;
use sockjs_protocol::sockjs::transport::{HTML, PLAIN};
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
    Serve::new(services).answer(request, env, context).await
}

/// [`serve`] for a route of the application that knows the client already, by a cookie or a login of its own.
///
/// ```ignore
/// let user = user_of(&request)?;
/// Serve::new(services).claims(json!({ "user": user })).answer(request, &env, &context).await
/// ```
#[derive(Debug, Clone)]
pub struct Serve {
    services: fn(&Env) -> Services,
    claims: Option<Value>,
}

impl Serve {
    /// Answers for what `services` builds.
    pub fn new(services: fn(&Env) -> Services) -> Self {
        Self { services, claims: None }
    }

    /// Lets the client in with these claims: [`Handler::on_request`](crate::Handler::on_request) is not asked. Its new
    /// connection keeps them. With the option `tickets`, those of the request for `/info` are signed into the ticket, and
    /// count for all that follows. Origins and tickets are checked all the same.
    pub fn claims(mut self, claims: Value) -> Self {
        self.claims = Some(claims);
        self
    }

    /// Answers a request, as [`serve`] does.
    ///
    /// # Errors
    ///
    /// Returns an error only if a call of the runtime fails unexpectedly; the runtime then responds with 500.
    pub async fn answer(self, request: Request, env: &Env, context: &Context) -> Result<Response> {
        let facts = Facts::of(request.inner())?;
        let claims = self.claims.as_ref();
        let reply = match answer(self.services, request.inner(), &facts, env, context, claims).await {
            Ok(Served::Reply(reply)) => Ok(reply),
            Ok(Served::NotFound | Served::Elsewhere) => refused(Refusal::not_found()),
            Err(error) => Err(error),
        };
        note(&facts, &reply);
        Ok(reply?.into())
    }
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
    claims: Option<&Value>,
) -> Result<Served> {
    let services = Services::shared(services, env);
    if let Some(problem) = services.problem() {
        return refused(Refusal::new(500, problem.to_owned())).map(Served::Reply);
    }
    let incoming = Incoming { services: &services, request, facts, env, context, claims };
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
    claims: Option<&'a Value>,
}

impl Incoming<'_> {
    /// Answers what is for the service of `config`, under this prefix.
    async fn answer(self, config: &Config, prefix: &str, endpoint: Endpoint<'_>) -> Result<Reply> {
        let Self { services, request, facts, env, context, claims } = self;
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
        let to = |session, admitted: Admitted| Destination {
            config,
            place: &place,
            pass: admitted.pass,
            frame_ancestors: admitted.frame_ancestors,
            refusals: refusals.clone(),
            object: Object::new(namespace, place.object(config, session), config),
        };
        let asked = Asked { request, facts, services, config, place: &place, env, claims };
        let refuse = |refusal: Refusal| {
            refusals.note(endpoint.connects().map(|(transport, _)| transport), refusal.reason);
            refused_with(refusal, not_cached().into_iter().chain(cors_of(facts, config)))
        };
        let admitted = match (endpoint.connects(), endpoint) {
            (Some((transport, session)), _) => asked.connection(transport, session).await?,
            (None, Endpoint::Send(_, session)) => asked.send(session).await?,
            (None, _) => Ok(Admitted::default()),
        };
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return refuse(refusal),
        };
        if let (Endpoint::Receive(row, _), "HEAD") = (endpoint, &*facts.method) {
            return bodiless(head_of(row, config, request, facts, admitted.frame_ancestors)?);
        }
        if let Err(refusal) = address::count(config, &place.prefix, endpoint.opens(), request, env).await? {
            return refuse(refusal);
        }
        match endpoint {
            Endpoint::Greeting => fixed(Head::typed(200, PLAIN), *b"Welcome to SockJS!\n"),
            Endpoint::Info => match asked.base_url().await? {
                Ok(base_url) => {
                    let head = Head::typed(200, JSON).with(not_cached()).with(cors_of(facts, config));
                    fixed(head, info(config, base_url.as_deref(), random::u32())?)
                }
                Err(refusal) => refuse(refusal),
            },
            Endpoint::InfoOptions => options("OPTIONS, GET", facts, config),
            Endpoint::Iframe => match asked.iframe()? {
                Ok(frame_ancestors) => iframe(request, config, frame_ancestors),
                Err(refusal) => refuse(refusal),
            },
            Endpoint::TransportOptions => options("OPTIONS, POST", facts, config),
            Endpoint::Receive(row, session) => {
                let more = if services.is_development() { vec![unencoded()] } else { Vec::new() };
                receive(row, session, to(Some(session), admitted), request, facts, context, more).await
            }
            Endpoint::Send(row, session) => send(row, session, to(Some(session), admitted), request, facts).await,
            Endpoint::WebSocket(session) => websocket(Some(session), to(Some(session), admitted), request, facts).await,
            Endpoint::RawWebSocket => websocket(None, to(None, admitted), request, facts).await,
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

fn iframe(request: &web_sys::Request, config: &Config, frame_ancestors: Option<String>) -> Result<Reply> {
    let policy = iframe_policy(&config.sockjs_url, frame_ancestors);
    cacheable(
        request,
        HTML,
        iframe_page(&config.sockjs_url).as_bytes(),
        vec![security_policy(policy), referrer_policy()],
    )
}
