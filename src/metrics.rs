//! The counts of the Worker, and the counters of all objects for Prometheus.
//!
//! The Worker counts refusals, and WebSockets that it pipes to an upstream. Both are counted in the isolate, and no object is
//! started for them. The first one to count has its invocation report all counts, ten seconds later: a Worker's waiting is not
//! billed.

use crate::admission::secret::unauthorized;
use crate::http::headers::{Head, not_cached};
use crate::http::refusal::HttpError;
use crate::http::response::{fixed, refused};
use crate::js::invocation::Invocation;
use crate::{Config, LogLevel, Millis, Services, Transport};
use js_sys::Date;
use sockjs_durable::log;
use sockjs_durable::report::{self, Unsent};
use sockjs_protocol::observe::log::Line;
use sockjs_protocol::observe::metrics::{Counts, Refused, Tally, UpstreamCounts, merge};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;
use worker::{Context, Delay, Env, Request, Response, Result};

/// The content type of Prometheus' text format.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An invocation that did not report by then never will.
const GIVEN_UP: Millis = Millis::from_secs(30);

thread_local! {
    static COUNTED: RefCell<Vec<Tally>> = const { RefCell::new(Vec::new()) };
    static UNSENT: Unsent = Unsent::default();
    /// Time at which an invocation began to wait with a report; 0 if none does.
    static WAITING: Cell<Millis> = const { Cell::new(Millis(0)) };
}

/// Counts and logs refusals for one request, and its connection to an upstream, if anyone wants to know.
#[derive(Clone)]
pub(crate) struct Refusals(Option<Rc<Listener>>);

/// The recipient of the counts.
struct Listener {
    service: String,
    is_counted: bool,
    services: Rc<Services>,
    env: Env,
    invocation: Invocation,
}

impl Refusals {
    pub fn new(config: &Config, services: &Rc<Services>, env: &Env, context: &Context) -> Self {
        let is_counted = config.metrics || services.has_analytics();
        let is_wanted = is_counted || log::is_wanted(LogLevel::Info, Some(&config.prefix));
        Self(is_wanted.then(|| {
            let (service, invocation) = (config.prefix.clone(), Invocation::of(context));
            Rc::new(Listener { service, is_counted, services: services.clone(), env: env.clone(), invocation })
        }))
    }

    /// A request was refused; none stands for what several transports have in common.
    pub fn note(&self, transport: Option<Transport>, reason: Refused) {
        if let Some(listener) = &self.0 {
            listener.note(transport, reason);
        }
    }

    /// Counts what happened to the connection to an upstream.
    pub fn note_upstream(&self, transport: Transport, upstream: UpstreamCounts) {
        if let Some(listener) = self.0.as_ref().filter(|listener| listener.is_counted) {
            listener.count(Some(transport), Counts { upstream, ..Counts::default() });
        }
    }
}

impl Listener {
    fn note(&self, transport: Option<Transport>, reason: Refused) {
        let service = &self.service;
        if log::is_wanted(LogLevel::Info, Some(service)) {
            let line = Line::new(LogLevel::Info, "refused").text("service", service);
            let line = transport.into_iter().fold(line, |line, transport| line.text("transport", transport.name()));
            log::write(LogLevel::Info, line.text("reason", reason.name()));
        }
        if self.is_counted {
            let mut counts = Counts::default();
            counts.refuse(reason, 1);
            self.count(transport, counts);
        }
    }

    fn count(&self, transport: Option<Transport>, counts: Counts) {
        let tally = Tally { service: self.service.clone(), transport, counts };
        COUNTED.with_borrow_mut(|counted| merge(counted, &[tally]));
        self.report_later();
    }

    fn report_later(&self) {
        let now = Millis(Date::now() as u64);
        if now - WAITING.get() < GIVEN_UP {
            return;
        }
        WAITING.set(now);
        let (services, env) = (self.services.clone(), self.env.clone());
        self.invocation.stay_for(Box::pin(async move {
            Delay::from(Duration::from_millis(report::REPORT_EVERY.0)).await;
            WAITING.set(Millis(0));
            let unsent = UNSENT.with(Rc::clone);
            if let Err(error) = services.report(&env, COUNTED.take(), &unsent).await {
                log::error("metrics", None, error);
            }
        }));
    }
}

/// The counters of services with the option `metrics`.
///
/// ```no_run
/// # use sockjs_edge::{Metrics, Services};
/// # use worker::{Context, Env, Request, Response, Result};
/// # fn services(_: &Env) -> Services { Services::new() }
/// async fn otherwise(request: Request, env: Env, _context: Context) -> Result<Response> {
///     match &*request.path() {
///         "/metrics" => Metrics::new(services, &env).serve(&request, &[&env.secret("METRICS_TOKEN")?.to_string()]).await,
///         _ => Response::error("Not found", 404),
///     }
/// }
/// # sockjs_edge::export!(SockJs, services, otherwise);
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Metrics {
    services: Rc<Services>,
    env: Env,
}

impl Metrics {
    /// Returns the counters of `services`.
    pub fn new(services: fn(&Env) -> Services, env: &Env) -> Self {
        Self { services: Services::shared(services, env), env: env.clone() }
    }

    /// Returns the counters in the text format of Prometheus, at most 15 s old.
    ///
    /// # Errors
    ///
    /// Returns an error if the services cannot be served, or if the object with the totals does not answer.
    pub async fn text(&self) -> Result<String> {
        self.services.totals(&self.env).await
    }

    /// Answers a scraper that knows one of `tokens`, at a path of the application's choice.
    ///
    /// The request is a GET with `Authorization: Bearer <token>`. Answered 200 with [`Metrics::text`]; 401, 405, or 503 if that
    /// is not available. If a token has less than [`SECRET_MIN`](crate::SECRET_MIN) bytes, every request is answered 500; without
    /// tokens, 401.
    ///
    /// # Errors
    ///
    /// Returns an error only if a call of the runtime fails unexpectedly; the runtime then responds with 500.
    pub async fn serve(&self, request: &Request, tokens: &[&str]) -> Result<Response> {
        if let Some(refusal) = unauthorized(request, tokens) {
            let challenge = (refusal.status == 401).then(|| ("WWW-Authenticate", "Bearer".into()));
            return Ok(fixed(refusal.head().with(challenge), format!("{}\n", refusal.text))?.into());
        }
        if request.inner().method() != "GET" {
            let refusal = HttpError::new(405, "only GET\n");
            return Ok(fixed(refusal.head().with([("Allow", "GET".into())]), refusal.text.into_owned())?.into());
        }
        let reply = match self.text().await {
            Ok(text) => fixed(Head::typed(200, TEXT).with(not_cached()), text),
            Err(error) => refused(HttpError::new(503, format!("the metrics cannot be had now: {error}\n"))),
        };
        Ok(reply?.into())
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}
