//! The deployable Worker: its fetch event, its class, and the bundled services.
//!
//! The demo is served if the variable `SOCKJS_DEMO` is `true`, and the services that every SockJS test server offers if
//! `SOCKJS_TEST_SERVICES` is.

mod amplify;
mod broadcast;
mod client;
mod close;
mod demo;
mod echo;
#[cfg(feature = "rigs")]
mod rigs;
mod settings;
mod text;
mod ticker;

use crate::entry::{Unserved, answered};
use crate::facts::Facts;
use crate::headers::Refusal;
use crate::respond::{Reply, refused};
use crate::{Config, Metrics, Placement, Push, Services};
use amplify::Amplify;
use broadcast::Broadcast;
use client::{client, client_url};
use close::Close;
use echo::Echo;
use settings::{Settings, is_demo_on, metrics_tokens, push_tokens, tokens_of};
use ticker::Ticker;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Env, Result, web_sys, worker_sys};

crate::durable_object!(SockJs, services);

/// As `export!` does it, but that the client is below the services' prefixes.
#[wasm_bindgen(js_name = fetch)]
#[allow(missing_docs)]
pub fn fetch_event(request: web_sys::Request, env: Env, context: worker_sys::Context) -> JsValue {
    answered(services, request, env, context, otherwise)
}

/// What is no service's: the files, and what is for programs that know a token.
async fn otherwise(unserved: Unserved, facts: &Facts) -> Result<Reply> {
    let Unserved { request, is_below_prefix, env, .. } = unserved;
    let file = match is_below_prefix {
        true => client(&request, facts, &Services::shared(services, &env)),
        false if is_demo_on(&env) => demo::file(&request, facts),
        false => None,
    };
    if let Some(file) = file {
        return file;
    }
    let tokens = match facts.path() {
        "/push" => push_tokens(&env),
        "/metrics" => metrics_tokens(&env),
        _ => String::new(),
    };
    let tokens = tokens_of(&tokens);
    if tokens.is_empty() {
        return refused(Refusal::not_found());
    }
    let response = match facts.path() {
        "/push" => Push::new(services, &env)?.serve(request.into(), &tokens).await?,
        _ => Metrics::new(services, &env).serve(&request.into(), &tokens).await?,
    };
    Ok(response.into())
}

fn services(env: &Env) -> Services {
    let settings = match Settings::read(env) {
        Ok(settings) => settings,
        Err(problem) => {
            let services = Services::misconfigured(problem.to_string());
            return problem.detail().into_iter().fold(services, Services::detail);
        }
    };
    let mut services = Services::new();
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
    #[cfg(feature = "rigs")]
    let services = rigs::add(services, config);
    services
}
