//! The deployable Worker, but for its exports: settings, bundled services, demo, and the answer to a request.
//!
//! | served | if |
//! |---|---|
//! | the services of every SockJS test server, such as `/echo` | `SOCKJS_TEST_SERVICES` is `true` |
//! | the gateway, a front for a server that exists already, at `SOCKJS_PREFIX` | `SOCKJS_UPSTREAM` is set |
//! | the demo: a page at `/` and its services | `SOCKJS_DEMO` is `true` |
//! | the stock client, below the prefix of each service | always |
//! | `/push`, `/metrics` | the secret with their tokens is set |
//!
//! Two crates export a class and a fetch event that serve this: `server/worker/`, which is deployed, and `tests/rigs/`, which adds
//! services that only the tests need.

mod client;
mod demo;
mod publish;
mod services;
mod settings;
mod static_file;

use client::{client, client_url};
use services::amplify::Amplify;
use services::broadcast::Broadcast;
use services::close::Close;
pub use services::echo::Echo;
use services::ticker::Ticker;
use settings::{Settings, is_demo_on, metrics_tokens, push_tokens};
use sockjs_edge::entry::{Unserved, answered, not_found};
use sockjs_edge::{Config, Metrics, Placement, Push, Services};
use sockjs_protocol::service::secrets::comma_list;
use wasm_bindgen::JsValue;
use worker::{Env, Result, web_sys, worker_sys};

/// Answers a request, as `sockjs_edge::export!` does. What no service answers may be the stock client, a file of the demo, or a
/// request of a program that knows a token.
pub fn fetch(
    services: fn(&Env) -> Services,
    request: web_sys::Request,
    env: Env,
    context: worker_sys::Context,
) -> JsValue {
    let otherwise = move |unserved| Box::pin(otherwise(services, unserved)) as _;
    answered(services, request, env, context, Box::new(otherwise))
}

async fn otherwise(services: fn(&Env) -> Services, unserved: Unserved) -> Result<web_sys::Response> {
    let file = match unserved.is_below_prefix {
        true => client(&unserved, &Services::shared(services, &unserved.env)),
        false if is_demo_on(&unserved.env) => {
            demo::file(&unserved).or_else(|| demo::about(&unserved, &Services::shared(services, &unserved.env)))
        }
        false => None,
    };
    if let Some(file) = file {
        return file;
    }
    let tokens = match unserved.path() {
        "/push" => push_tokens(&unserved.env),
        "/metrics" => metrics_tokens(&unserved.env),
        "/publish" | "/publish/" => return publish::answer(services, unserved).await,
        _ => String::new(),
    };
    let tokens: Vec<_> = comma_list(&tokens).collect();
    if tokens.is_empty() {
        return not_found();
    }
    let is_push = unserved.path() == "/push";
    let Unserved { request, env, .. } = unserved;
    let response = match is_push {
        true => Push::new(services, &env)?.serve(request.into(), &tokens).await?,
        false => Metrics::new(services, &env).serve(&request.into(), &tokens).await?,
    };
    Ok(response.into())
}

/// Returns the services that the variables turn on. With those of a SockJS test server come the ones that `add` adds; it is given
/// the settings of a prefix.
pub fn services(env: &Env, add: impl FnOnce(Services, &dyn Fn(&str) -> Config) -> Services) -> Services {
    let settings = match Settings::read(env) {
        Ok(settings) => settings,
        Err(problem) => {
            let services = Services::misconfigured(problem.to_string());
            return problem.detail().into_iter().fold(services, Services::detail);
        }
    };
    let mut services = Services::new();
    if let Some(gateway) = settings.gateway() {
        services = services.add_upstream(gateway);
    }
    if settings.demo {
        services = demo::add(services, |config| settings.apply(config));
    }
    if !settings.test_services {
        return services;
    }
    // What a service sets itself below wins.
    let config = |prefix: &str| settings.apply(Config::new(prefix).sockjs_url(client_url(prefix)));
    let services = services
        .add(config("/echo").response_limit(4096), |_| Echo)
        .add(config("/disabled_websocket_echo").websocket(false), |_| Echo)
        .add(config("/cookie_needed_echo").jsessionid(true), |_| Echo)
        .add(config("/close"), |_| Close)
        .add(config("/ticker").placement(Placement::Room), |_| Ticker)
        .add(config("/amplify"), |_| Amplify)
        .add(config("/broadcast").placement(Placement::Room), |_| Broadcast);
    add(services, &config)
}
