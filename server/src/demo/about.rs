//! `/demo/about.json`: tells the page the path of the gateway, which depends on variables.

use serde_json::json;
use sockjs_edge::Services;
use sockjs_edge::entry::Unserved;
use worker::{ResponseBuilder, Result, web_sys};

/// Returns the response if the request asks for it. The path is null if there is no gateway that the page can use.
pub(crate) fn about(unserved: &Unserved, services: &Services) -> Option<Result<web_sys::Response>> {
    (unserved.method() == "GET" && unserved.path() == "/demo/about.json").then(|| {
        let response = ResponseBuilder::new().with_header("Cache-Control", "no-store")?;
        Ok(response.from_json(&json!({ "gateway": gateway(services) }))?.into())
    })
}

/// A prefix with parameters stands for many paths, of which the page knows none.
fn gateway(services: &Services) -> Option<&str> {
    let mut gateways = services.configs().filter(|config| config.upstream.is_some());
    gateways.find_map(|config| (!config.prefix.contains('{')).then_some(&*config.prefix))
}
