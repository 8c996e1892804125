//! `POST /publish/`: messages of the backend to channels of the gateway, as the libraries of GRIP send them.

use sockjs_edge::entry::{Unserved, not_found};
use sockjs_edge::{Push, Services};
use sockjs_protocol::upstream::address::{Upstream, UpstreamProtocol};
use worker::{Env, Result, web_sys};

/// Answers a request to publish. Without keys, or without an upstream over HTTP, there is no such path.
pub(crate) async fn answer(services: fn(&Env) -> Services, unserved: Unserved) -> Result<web_sys::Response> {
    let Unserved { request, env, .. } = unserved;
    let known = Services::shared(services, &env);
    let keys: Vec<_> = known.grip_keys().iter().map(String::as_str).collect();
    let Some(room) = prefix(&known).filter(|_| !keys.is_empty()) else {
        return not_found();
    };
    Ok(Push::new(services, &env)?.serve_grip(request.into(), &room, &keys).await?.into())
}

/// Returns the gateway's prefix, if its upstream is asked over HTTP.
fn prefix(services: &Services) -> Option<String> {
    let is_over_http = |upstream: &Upstream| upstream.protocol() == UpstreamProtocol::Http;
    let gateway = services.configs().find(|config| config.upstream.as_ref().is_some_and(is_over_http))?;
    Some(gateway.prefix.clone())
}
