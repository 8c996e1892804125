//! The deployable Worker: its fetch event, its class, and the bundled services.
//!
//! The demo is always on. The other services are those that every SockJS test server offers; they are on only when the
//! variable `SOCKJS_TEST_SERVICES` is `true`.

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

use crate::{Config, Metrics, Placement, Push, Services};
use amplify::Amplify;
use broadcast::Broadcast;
use client::{client, client_url};
use close::Close;
use echo::Echo;
use settings::{Settings, metrics_tokens, push_tokens};
use ticker::Ticker;
use worker::{Context, Env, Request, Response, Result, event};

crate::durable_object!(SockJs, services);

#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> Result<Response> {
    let tokens = if request.path() == "/push" { push_tokens(&env) } else { String::new() };
    if !tokens.is_empty() {
        let tokens: Vec<&str> = tokens.split(',').map(str::trim).collect();
        return Push::new(services, &env)?.serve(request, &tokens).await;
    }
    let tokens = if request.path() == "/metrics" { metrics_tokens(&env) } else { String::new() };
    if !tokens.is_empty() {
        let tokens: Vec<&str> = tokens.split(',').map(str::trim).collect();
        return Metrics::new(services, &env).serve(&request, &tokens).await;
    }
    let known = Services::shared(services, &env);
    match client(&request, &known).or_else(|| demo::file(&request, &known)) {
        Some(file) => file,
        None => crate::serve(services, request, &env, &context).await,
    }
}

fn services(env: &Env) -> Services {
    let settings = match Settings::read(env) {
        Ok(settings) => settings,
        Err(problem) => return Services::misconfigured(problem.to_string()),
    };
    let demo = demo::add(Services::new(), |config| settings.apply(config));
    if !settings.test_services {
        return demo;
    }
    // What a service sets itself below wins.
    let config = |prefix: &str| settings.apply(Config::new(prefix).sockjs_url(client_url(prefix)));
    let services = demo
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
