//! Dispatch: finds the service and endpoint of a request, has its client admitted, and calls the module that answers.

use crate::admission::address::{self, SeenSession};
use crate::admission::admit::{Admitted, Admitter};
use crate::http::headers::{
    Head, method_not_allowed, not_cached, preflight, referrer_policy, security_policy, unencoded,
};
use crate::http::iframe::{iframe_page, iframe_policy};
use crate::http::info::{JSON, info};
use crate::http::place::Place;
use crate::http::refusal::{HttpError, NotServed, Refusal};
use crate::http::response::{HttpResponse, bodiless, cacheable, cors_of, fixed, in_a_year, refused, refused_with};
use crate::http::route::{Endpoint, Route, route};
use crate::js::random;
use crate::js::request_head::RequestHead;
use crate::metrics::Refusals;
use crate::object::destination::Destination;
use crate::object::stub::ObjectStub;
use crate::transports::receive::{head_of, receive};
use crate::transports::send::send;
use crate::transports::websocket::websocket;
use crate::{Config, LogLevel, Services};
use serde_json::Value;
use sockjs_durable::log;
use sockjs_protocol::observe::log::Line;
use sockjs_protocol::sockjs::transport::{HTML, PLAIN};
use std::cell::RefCell;
use std::rc::Rc;
use worker::{Context, Env, ObjectNamespace, Request, Response, Result, web_sys};

/// Longest URL that is served: the object stores it with the connection.
const URL_MAX: usize = 8 << 10;

/// Answers a request to the services that `services` builds, for a Worker with an `#[event(fetch)]` of its own.
/// [`export!`](crate::export) takes less processor time.
///
/// ```no_run
/// use sockjs_edge::{Services, durable_object, serve};
/// use worker::{Context, Env, Request, Response, Result, event};
///
/// #[event(fetch)]
/// async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
///     match services(&env).handles(&request) {
///         true => serve(services, request, &env, &context).await,
///         false => Response::ok("a page of the application"),
///     }
/// }
///
/// fn services(_env: &Env) -> Services {
///     Services::new()
/// }
///
/// durable_object!(SockJs, services);
/// # fn main() {}
/// ```
///
/// `services` is called once in each isolate, and the Durable Object class must be exported with the same function. A path under no
/// service's prefix is answered with 404. Settings that cannot be served, and a missing Durable Object binding, are answered with
/// 500 and a text that says what to do.
///
/// # Errors
///
/// Returns an error only if a call of the runtime fails unexpectedly; the runtime then responds with 500.
pub async fn serve(services: fn(&Env) -> Services, request: Request, env: &Env, context: &Context) -> Result<Response> {
    Serve::new(services).answer(request, env, context).await
}

/// The same as [`serve`], for a route of the application that already knows the client, by a cookie or a login of its own.
///
/// ```no_run
/// # use sockjs_edge::{Serve, Services};
/// # use worker::{Context, Env, Request, Response, Result};
/// # fn user_of(_: &Request) -> Result<String> { Ok(String::new()) }
/// # fn services(_: &Env) -> Services { Services::new() }
/// async fn chat(request: Request, env: Env, context: Context) -> Result<Response> {
///     let claims = serde_json::json!({ "user": user_of(&request)? });
///     Serve::new(services).claims(claims).answer(request, &env, &context).await
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Serve {
    services: fn(&Env) -> Services,
    claims: Option<Value>,
}

impl Serve {
    /// Serves what `services` builds.
    pub fn new(services: fn(&Env) -> Services) -> Self {
        Self { services, claims: None }
    }

    /// Admits the client with these claims: [`Handler::on_request`](crate::Handler::on_request) is not called. The client's new
    /// connection keeps the claims. With the option `tickets`, the claims of the request for `/info` are signed into the ticket,
    /// and apply to all later requests. Origins and tickets are checked all the same.
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
        let request_head = RequestHead::of(request.inner())?;
        let claims = self.claims.as_ref();
        let reply = match answer(self.services, request.inner(), &request_head, env, context, claims).await {
            Ok(Served::Response(reply)) => Ok(reply),
            Ok(Served::NotFound | Served::Elsewhere) => refused(HttpError::not_found()),
            Err(error) => Err(error),
        };
        note(&request_head, &reply);
        Ok(reply?.into())
    }
}

/// Outcome of a request to the services.
pub(crate) enum Served {
    Response(HttpResponse),
    /// The service has no such path.
    NotFound,
    /// The path is under no service's prefix.
    Elsewhere,
}

/// Answers a request to the services. If the settings cannot be served, the response is the problem. A header marks it, so that
/// the start of a bundle can tell it from an error of the application (`cluster/tools/settings.js`).
pub(crate) async fn answer(
    services: fn(&Env) -> Services,
    request: &web_sys::Request,
    request_head: &RequestHead,
    env: &Env,
    context: &Context,
    claims: Option<&Value>,
) -> Result<Served> {
    let services = Services::shared(services, env);
    if let Some(problem) = services.problem() {
        let headers = vec![("SockJS-Edge-Problem".into(), "settings".into())];
        return refused(HttpError { headers, ..HttpError::new(500, problem.to_owned()) }).map(Served::Response);
    }
    let incoming = Incoming { services: &services, request, request_head, env, context, claims };
    match route(&request_head.method, request_head.path(), services.configs()) {
        Route::Elsewhere => Ok(Served::Elsewhere),
        Route::NotFound => Ok(Served::NotFound),
        Route::MethodNotAllowed { allow } => bodiless(method_not_allowed(allow)).map(Served::Response),
        Route::Service(config, prefix, endpoint) => {
            incoming.answer(config, prefix, endpoint).await.map(Served::Response)
        }
    }
}

/// Logs the response to a request.
pub(crate) fn note(request_head: &RequestHead, reply: &Result<HttpResponse>) {
    if log::is_wanted(LogLevel::Debug, None) {
        // Without the query, which may have a ticket.
        let line = Line::new(LogLevel::Debug, "request")
            .text("method", &request_head.method)
            .text("path", request_head.path());
        let status = reply.as_ref().map_or(500, HttpResponse::status);
        log::write(LogLevel::Debug, line.number("status", status.into()));
    }
}

/// A request, with the values that are needed to answer it.
#[derive(Clone, Copy)]
struct Incoming<'a> {
    services: &'a Rc<Services>,
    request: &'a web_sys::Request,
    request_head: &'a RequestHead,
    env: &'a Env,
    context: &'a Context,
    claims: Option<&'a Value>,
}

impl Incoming<'_> {
    /// Answers a request to the service of `config`, under this prefix.
    async fn answer(self, config: &Config, prefix: &str, endpoint: Endpoint<'_>) -> Result<HttpResponse> {
        let Self { services, request, request_head, env, context, claims } = self;
        if request_head.url.len() > URL_MAX {
            return refused(HttpError::new(414, "The URL is too long.\n"));
        }
        let Some(place) = Place::of(config, prefix) else { return refused(HttpError::not_found()) };
        let binding = services.binding_name();
        let Ok(namespace) = namespace(env, binding) else {
            let advice = format!(
                "no Durable Object binding {binding}: add one to wrangler.toml, or name yours in Services::binding"
            );
            log::error("settings", Some(&config.prefix), &advice);
            return refused(HttpError::new(500, advice));
        };
        let refusals = Refusals::new(config, services, env, context);
        let (address, is_proxied) = address::outside_cloudflare(request, config)?;
        let address = address.as_deref();
        let to = |session, admitted: Admitted| Destination {
            config,
            place: &place,
            pass: admitted.pass,
            frame_ancestors: admitted.frame_ancestors,
            refusals: refusals.clone(),
            seen: None,
            object: ObjectStub::new(namespace, place.object(config, session), config),
            address: address.map(str::to_owned),
            is_proxied,
            upstream_secret: services.upstream_secret(),
        };
        let admitter = Admitter { request, request_head, services, config, place: &place, env, address, claims };
        let refuse = |not_served: NotServed| match not_served {
            NotServed::Refused(Refusal { reason, error }) => {
                refusals.note(endpoint.connects().map(|(transport, _)| transport), reason);
                refused_with(error, not_cached().into_iter().chain(cors_of(request_head, config)))
            }
            NotServed::Failed(error) => Err(error),
        };
        let admitted = match (endpoint.connects(), endpoint) {
            (Some((transport, session)), _) => admitter.connection(transport, session).await,
            (None, Endpoint::Send(_, session)) => admitter.send(session).await,
            (None, _) => Ok(Admitted::default()),
        };
        let admitted = match admitted {
            Ok(admitted) => admitted,
            Err(not_served) => return refuse(not_served),
        };
        if let (Endpoint::Receive(row, _), "HEAD") = (endpoint, &*request_head.method) {
            return bodiless(head_of(row, config, request, request_head, admitted.frame_ancestors)?);
        }
        let seen = match address::count(config, &place.prefix, endpoint.opens(), request, address, env).await {
            Ok(seen) => seen,
            Err(not_served) => return refuse(not_served),
        };
        match endpoint {
            Endpoint::Greeting => fixed(Head::typed(200, PLAIN), *b"Welcome to SockJS!\n"),
            Endpoint::Info => match admitter.base_url().await {
                Ok(base_url) => {
                    let head = Head::typed(200, JSON).with(not_cached()).with(cors_of(request_head, config));
                    fixed(head, info(config, base_url.as_deref(), random::u32())?)
                }
                Err(not_served) => refuse(not_served),
            },
            Endpoint::InfoOptions => options("OPTIONS, GET", request_head, config),
            Endpoint::Iframe => match admitter.iframe() {
                Ok(frame_ancestors) => iframe(request, config, frame_ancestors),
                Err(not_served) => refuse(not_served),
            },
            Endpoint::TransportOptions => options("OPTIONS, POST", request_head, config),
            Endpoint::Receive(row, session) => {
                let more = if services.is_development() { vec![unencoded()] } else { Vec::new() };
                let destination = Destination { seen, ..to(Some(session), admitted) };
                receive(row, session, destination, request, request_head, context, more).await
            }
            Endpoint::Send(row, session) => {
                let response = send(row, session, to(Some(session), admitted), request, request_head).await?;
                // The session was never opened, or it is over.
                seen.filter(|_| response.status() == 404).inspect(SeenSession::forget);
                Ok(response)
            }
            Endpoint::WebSocket(session) => {
                websocket(Some(session), to(Some(session), admitted), request, request_head, env, context).await
            }
            Endpoint::RawWebSocket => websocket(None, to(None, admitted), request, request_head, env, context).await,
        }
    }
}

thread_local! {
    /// The binding that was used last: it is the same for all requests.
    static NAMESPACE: RefCell<Option<(String, ObjectNamespace)>> = const { RefCell::new(None) };
}

/// Returns the namespace of `binding`.
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

fn options(methods: &'static str, request_head: &RequestHead, config: &Config) -> Result<HttpResponse> {
    bodiless(preflight(methods, in_a_year()).with(cors_of(request_head, config)))
}

fn iframe(request: &web_sys::Request, config: &Config, frame_ancestors: Option<String>) -> Result<HttpResponse> {
    let policy = iframe_policy(&config.sockjs_url, frame_ancestors);
    cacheable(
        request,
        HTML,
        iframe_page(&config.sockjs_url).as_bytes(),
        vec![security_policy(policy), referrer_policy()],
    )
}
