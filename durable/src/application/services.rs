//! The services of a Worker, shared by its two halves.

use crate::application::handler::{ErasedHandler, Handler};
use crate::info::admission::{Admission, Rejection};
use crate::info::request_info::RequestInfo;
use crate::js::runtime::{chain_panic_hook, is_node};
use crate::observe::log;
use crate::observe::report;
use crate::observe::report::{Collector, Unsent};
use futures::future::LocalBoxFuture;
use sockjs_protocol::observe::metrics::Tally;
use sockjs_protocol::service::options::{Config, ConfigError};
use sockjs_protocol::service::prefix::{match_prefix, parameter_name};
use sockjs_protocol::service::secrets::{SECRET_MIN, comma_list, is_any_short};
use sockjs_protocol::upstream::address::{Upstream, UpstreamProtocol};
use std::cell::RefCell;
use std::future::ready;
use std::rc::Rc;
use worker::{Env, Request, Result};

/// Default name of the Durable Object binding; see [`Services::binding`].
pub const DEFAULT_BINDING: &str = "SOCKJS";

/// Default name of the secret with the ticket keys; see [`Services::ticket_keys`].
pub const DEFAULT_TICKET_SECRET: &str = "SOCKJS_TICKET_KEYS";

/// The secret that signs claims for an upstream.
const UPSTREAM_SECRET: &str = "SOCKJS_UPSTREAM_SECRET";

/// The secret with the keys of GRIP, which this server shares with an upstream over HTTP.
const GRIP_KEYS_SECRET: &str = "SOCKJS_GRIP_KEYS";

/// The variable that marks a Worker behind `wrangler dev`; not for a deployment.
pub const DEVELOPMENT_VAR: &str = "SOCKJS_DEVELOPMENT";

/// The variable with the name of the node in a cluster. Each line of the log has the name.
#[doc(hidden)]
pub const NODE_VAR: &str = "SOCKJS_NODE";

/// Creates the handler of an object.
type Factory = Box<dyn Fn(&Env) -> Rc<dyn ErasedHandler>>;

/// Calls the handler type's `on_request`.
type Admit = for<'a> fn(&'a RequestInfo<'a>, &'a Env) -> LocalBoxFuture<'a, Admission>;

/// The services of a Worker: a handler and settings for each prefix.
///
/// One function builds them, and both the Worker and the object call it, so that both have the same services:
///
/// ```
/// # extern crate sockjs_durable as sockjs_edge;
/// # use sockjs_protocol::service::options::Config;
/// # use worker::Env;
/// use sockjs_edge::{Connection, Handler, Services};
///
/// struct Echo;
///
/// impl Handler for Echo {
///     async fn on_message(&self, connection: &Connection, message: String) -> worker::Result<()> {
///         connection.send(message)?;
///         Ok(())
///     }
/// }
///
/// fn services(_env: &Env) -> Services {
///     Services::new().add(Config::new("/echo"), |_env| Echo)
/// }
/// ```
pub struct Services {
    services: Vec<Service>,
    binding: String,
    development: bool,
    analytics: bool,
    /// Name of the secret, and its value.
    ticket_secret: String,
    ticket_keys: Vec<String>,
    /// Value of the secret [`UPSTREAM_SECRET`]. Empty if it is not set.
    upstream_secret: String,
    /// Keys in the secret [`GRIP_KEYS_SECRET`].
    grip_keys: Vec<String>,
    problem: Option<Problem>,
}

/// Reason why the services are misconfigured.
struct Problem {
    /// The problem, and how to fix it. Anybody can read it.
    advice: String,
    /// Details for the log only, such as the wrong value.
    detail: Option<String>,
}

/// One service.
pub(crate) struct Service {
    pub config: Rc<Config>,
    pub backend: Backend,
    admit: Admit,
}

/// The backend of a service's connections.
pub(crate) enum Backend {
    Handler(Factory),
    /// The server that the option `upstream` names.
    Upstream,
}

impl Services {
    /// Returns an empty list of services.
    pub fn new() -> Self {
        Self {
            services: Vec::new(),
            binding: DEFAULT_BINDING.into(),
            development: false,
            analytics: false,
            ticket_secret: DEFAULT_TICKET_SECRET.into(),
            ticket_keys: Vec::new(),
            upstream_secret: String::new(),
            grip_keys: Vec::new(),
            problem: None,
        }
    }

    /// Returns misconfigured services, for a mistake in the application's own settings. Every request is answered with 500 and
    /// `problem`, which is logged once in each isolate.
    ///
    /// Anybody can read `problem`: name the mistake, but no values. See [`Services::detail`].
    pub fn misconfigured(problem: impl Into<String>) -> Self {
        Self { problem: Some(Problem { advice: problem.into(), detail: None }), ..Self::new() }
    }

    /// Adds details to [`Services::misconfigured`] for the log only, such as the value of a variable.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        if let Some(problem) = &mut self.problem {
            problem.detail = Some(detail.into());
        }
        self
    }

    /// Adds a service. `factory` creates its handler, once for each object.
    pub fn add<H: Handler>(mut self, config: Config, factory: impl Fn(&Env) -> H + 'static) -> Self {
        self.services.push(Service {
            config: Rc::new(config),
            backend: Backend::Handler(Box::new(move |env| Rc::new(factory(env)))),
            admit: |request, env| Box::pin(H::on_request(request, env)),
        });
        self
    }

    /// Adds a service that is a front for the server at the option `upstream`, and needs no handler.
    ///
    /// If the server takes WebSockets, the Worker pipes a client's WebSocket to it without any object. A session over HTTP has an
    /// object that holds the WebSocket to the server, and cannot hibernate meanwhile: with
    /// [`Placement::Shards`](sockjs_protocol::service::options::Placement) few objects are awake. If the server is asked over
    /// HTTP, every connection has an object, which hibernates between two requests.
    ///
    /// Needs the feature `gateway`, which is on by default.
    ///
    /// ```
    /// # extern crate sockjs_durable as sockjs_edge;
    /// # use sockjs_protocol::service::options::{Config, Placement};
    /// # use sockjs_protocol::upstream::address::Upstream;
    /// # use worker::Env;
    /// use sockjs_edge::Services;
    ///
    /// fn services(_env: &Env) -> Services {
    ///     match Upstream::read("wss://backend.example.com/socket") {
    ///         Ok(upstream) => {
    ///             let config = Config::new("/sockjs").placement(Placement::Shards(8)).upstream(upstream);
    ///             Services::new().add_upstream(config)
    ///         }
    ///         Err(error) => Services::misconfigured(error.to_string()),
    ///     }
    /// }
    /// ```
    pub fn add_upstream(self, config: Config) -> Self {
        self.add_front(config, |_, _| Box::pin(ready(Admission::Undecided)))
    }

    /// Adds a service like [`Services::add_upstream`], with `H::on_request` to decide about admission. With the secret
    /// `SOCKJS_UPSTREAM_SECRET` its claims are sent to the upstream, signed in the header `SockJS-Claims`. No other method of `H`
    /// is called.
    ///
    /// Needs the feature `gateway`, which is on by default.
    pub fn add_upstream_with<H: Handler>(self, config: Config) -> Self {
        self.add_front(config, |request, env| Box::pin(H::on_request(request, env)))
    }

    fn add_front(mut self, config: Config, admit: Admit) -> Self {
        self.services.push(Service { config: Rc::new(config), backend: Backend::Upstream, admit });
        self
    }

    /// Sets the name of the Durable Object binding. Default [`DEFAULT_BINDING`].
    pub fn binding(mut self, name: impl Into<String>) -> Self {
        self.binding = name.into();
        self
    }

    /// Sets the name of the secret with the ticket keys: at least 32 characters each, separated by commas. The first key signs,
    /// and each key verifies. To rotate keys, put the new one in front, and remove the old one when the tickets that it signed
    /// have expired. Default [`DEFAULT_TICKET_SECRET`].
    pub fn ticket_keys(mut self, secret: impl Into<String>) -> Self {
        self.ticket_secret = secret.into();
        self
    }

    /// Returns the ticket keys. Empty if no service has tickets.
    #[doc(hidden)]
    pub fn keys(&self) -> &[String] {
        &self.ticket_keys
    }

    /// Returns the secret that signs claims for an upstream. Empty if it is not set.
    #[doc(hidden)]
    pub fn upstream_secret(&self) -> &str {
        &self.upstream_secret
    }

    /// Returns the keys of GRIP. The first one signs requests to an upstream over HTTP. With each key, programs may publish. Empty
    /// if no service has such an upstream.
    #[doc(hidden)]
    pub fn grip_keys(&self) -> &[String] {
        &self.grip_keys
    }

    /// Returns the name of the Durable Object binding.
    #[doc(hidden)]
    pub fn binding_name(&self) -> &str {
        &self.binding
    }

    /// True if this Worker runs behind `wrangler dev`, whose proxy compresses streams and so holds them back. It is set with the
    /// variable [`DEVELOPMENT_VAR`].
    #[doc(hidden)]
    pub fn is_development(&self) -> bool {
        self.development
    }

    /// True if a data set of Analytics Engine is bound as [`ANALYTICS_BINDING`](crate::ANALYTICS_BINDING).
    #[doc(hidden)]
    pub fn has_analytics(&self) -> bool {
        self.analytics
    }

    /// Returns the settings of each service, in the order in which they were added.
    #[doc(hidden)]
    pub fn configs(&self) -> impl Iterator<Item = &Config> {
        self.services.iter().map(|service| &*service.config)
    }

    /// True if the path of `request` is at or below the prefix of a service.
    pub fn handles(&self, request: &Request) -> bool {
        let path = request.path();
        self.configs().any(|config| match_prefix(&config.prefix, &path).is_some())
    }

    /// Calls `on_request` of the request's service.
    #[doc(hidden)]
    pub fn admit<'a>(&self, request: &'a RequestInfo<'a>, env: &'a Env) -> LocalBoxFuture<'a, Admission> {
        match self.find(request.prefix()) {
            Some(service) => (service.admit)(request, env),
            None => Box::pin(ready(Admission::Reject(Rejection::new(404, "no such service")))),
        }
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// The first invalid setting.
    pub fn check(&self) -> std::result::Result<(), ConfigError> {
        for service in &self.services {
            let advice = match (&service.backend, service.config.upstream.is_some()) {
                (Backend::Upstream, false) => "must be set for Services::add_upstream",
                (Backend::Handler(_), true) => {
                    "must not be set for a service with a handler: use Services::add_upstream"
                }
                (Backend::Upstream, true) if !cfg!(feature = "gateway") => "needs the feature gateway of sockjs-edge",
                (Backend::Upstream, true) | (Backend::Handler(_), false) => continue,
            };
            let prefix = service.config.prefix.clone();
            return Err(ConfigError { prefix, option: "upstream", advice: advice.into() });
        }
        for (at, config) in self.configs().enumerate() {
            config.check()?;
            let shape = |config: &Config| {
                let segments =
                    config.prefix.split('/').map(|segment| parameter_name(segment).map_or(segment, |_| "{}"));
                segments.collect::<Vec<_>>().join("/")
            };
            if self.configs().take(at).any(|earlier| shape(earlier) == shape(config)) {
                let advice = "is used by an earlier service".into();
                return Err(ConfigError { prefix: config.prefix.clone(), option: "prefix", advice });
            }
        }
        Ok(())
    }

    /// Checks the settings for the platform: outside of Cloudflare, requests to objects of a jurisdiction fail.
    fn check_for_node(&self) -> std::result::Result<(), ConfigError> {
        match self.configs().find(|config| is_node() && config.jurisdiction.is_some()) {
            Some(config) => {
                let advice = "is only for Cloudflare: leave it out".into();
                Err(ConfigError { prefix: config.prefix.clone(), option: "jurisdiction", advice })
            }
            None => Ok(()),
        }
    }

    /// Returns the problem from [`Services::misconfigured`], or that [`Services::check`] found when the isolate started. Nothing
    /// is served until it is fixed.
    #[doc(hidden)]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_ref().map(|problem| problem.advice.as_str())
    }

    /// Returns the services that `build` creates. `build` is called once in each isolate.
    pub fn shared(build: fn(&Env) -> Self, env: &Env) -> Rc<Self> {
        thread_local! {
            static SHARED: RefCell<Vec<(usize, Rc<Services>)>> = const { RefCell::new(Vec::new()) };
        }
        let key = build as usize;
        let known =
            SHARED.with_borrow(|all| all.iter().find(|(of, _)| *of == key).map(|(_, services)| services.clone()));
        known.unwrap_or_else(|| {
            let mut services = build(env);
            let wrong = services.problem.take().or_else(|| {
                let error = services.check().and_then(|()| services.check_for_node()).err()?;
                Some(Problem { advice: error.to_string(), detail: None })
            });
            services.problem = wrong;
            services.read_ticket_keys(env);
            services.read_upstream_secret(env);
            services.read_grip_keys(env);
            if let Ok(node) = env.var(NODE_VAR) {
                log::set_node(node.to_string());
            }
            for config in services.configs() {
                log::set_level(&config.prefix, config.log);
            }
            if let Some(Problem { advice, detail }) = &services.problem {
                let detail = detail.iter().map(|detail| format!(" ({detail})"));
                log::error("settings", None, advice.clone() + &detail.collect::<String>());
            }
            services.development = env.var(DEVELOPMENT_VAR).is_ok_and(|value| value.to_string() == "true");
            services.analytics = env.analytics_engine(report::ANALYTICS_BINDING).is_ok();
            let services = Rc::new(services);
            let first = SHARED.with_borrow_mut(|all| {
                all.push((key, services.clone()));
                all.len() == 1
            });
            if first {
                chain_panic_hook();
            }
            services
        })
    }

    /// Reports `tallies` and `unsent`, as [`report::report`] does.
    #[doc(hidden)]
    pub fn report<'a>(
        &'a self,
        env: &'a Env,
        tallies: Vec<Tally>,
        unsent: &'a Unsent,
    ) -> LocalBoxFuture<'a, Result<()>> {
        let is_reported = move |service: &str| self.find(service).is_some_and(|service| service.config.metrics);
        Box::pin(report::report(self.collector(env), tallies, is_reported, unsent))
    }

    /// Returns the sum of all reports in the format of Prometheus.
    #[doc(hidden)]
    pub fn totals<'a>(&'a self, env: &'a Env) -> LocalBoxFuture<'a, Result<String>> {
        Box::pin(report::totals(self.collector(env)))
    }

    fn collector<'a>(&'a self, env: &'a Env) -> Collector<'a> {
        Collector { env, binding: &self.binding, has_analytics: self.analytics }
    }

    fn read_ticket_keys(&mut self, env: &Env) {
        if !self.configs().any(|config| config.tickets) {
            return;
        }
        self.ticket_keys = keys_in(env, &self.ticket_secret);
        if self.ticket_keys.is_empty() || is_any_short(&self.ticket_keys) {
            let name = &self.ticket_secret;
            self.refuse(format!("tickets need a secret {name} with keys of at least {SECRET_MIN} characters"));
        }
    }

    fn read_upstream_secret(&mut self, env: &Env) {
        if !self.configs().any(|config| config.upstream.is_some()) {
            return;
        }
        self.upstream_secret = secret_of(env, UPSTREAM_SECRET);
        if is_any_short(&[&self.upstream_secret]) {
            self.refuse(format!("the secret {UPSTREAM_SECRET} must have at least {SECRET_MIN} characters"));
        }
    }

    fn read_grip_keys(&mut self, env: &Env) {
        let is_over_http = |upstream: &Upstream| upstream.protocol() == UpstreamProtocol::Http;
        if !self.configs().any(|config| config.upstream.as_ref().is_some_and(is_over_http)) {
            return;
        }
        self.grip_keys = keys_in(env, GRIP_KEYS_SECRET);
        if is_any_short(&self.grip_keys) {
            let expected = format!("must have keys of at least {SECRET_MIN} characters, with commas in between");
            self.refuse(format!("the secret {GRIP_KEYS_SECRET} {expected}"));
        }
    }

    /// Serves nothing, for this reason or an earlier one.
    fn refuse(&mut self, advice: String) {
        self.problem.get_or_insert(Problem { advice, detail: None });
    }

    pub(crate) fn find(&self, prefix: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.config.prefix == prefix)
    }
}

impl Default for Services {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns the value of the secret `name`. Empty if it is not set.
fn secret_of(env: &Env, name: &str) -> String {
    env.secret(name).map(|secret| secret.to_string()).unwrap_or_default()
}

/// Returns the keys in the secret `name`, which has commas in between.
fn keys_in(env: &Env, name: &str) -> Vec<String> {
    comma_list(&secret_of(env, name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::connection::Connection;

    struct Nothing;
    impl Handler for Nothing {
        async fn on_message(&self, _: &Connection, _: String) -> worker::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bad_setting_or_a_prefix_used_twice_is_named() {
        let services = Services::new().add(Config::new("/a"), |_| Nothing);
        assert_eq!(services.check(), Ok(()));
        let twice = services.add(Config::new("/a/"), |_| Nothing);
        assert_eq!(
            twice.check().unwrap_err().to_string(),
            r#"service "/a": option prefix is used by an earlier service"#
        );
        let bad = Services::new().add(Config::new("a"), |_| Nothing);
        assert_eq!(bad.check().unwrap_err().option, "prefix");
    }

    #[test]
    fn an_upstream_takes_the_place_of_a_handler() {
        let front = || Config::new("/a").upstream(Upstream::read("ws://10.0.0.5/").unwrap());
        assert_eq!(Services::new().add_upstream(front()).check(), Ok(()));
        for bad in [Services::new().add_upstream(Config::new("/a")), Services::new().add(front(), |_| Nothing)] {
            assert_eq!(bad.check().unwrap_err().option, "upstream");
        }
    }
}
