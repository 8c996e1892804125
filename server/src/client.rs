//! The stock client, served below each prefix, so that pages and iframes need no other host, and have the same version.

use crate::static_file::SOCKJS_MIN_JS;
use sockjs_edge::entry::{Unserved, for_a_year};
use sockjs_edge::{Config, Services};
use sockjs_protocol::sockjs::transport::JAVASCRIPT;
use worker::{Result, web_sys};

/// Path of the client below a prefix.
const FILE: &str = concat!("/sockjs-", env!("SOCKJS_CLIENT_VERSION"), ".min.js");

/// Returns the path of the stock client of the service at `prefix`.
pub(crate) fn client_url(prefix: &str) -> String {
    [prefix, FILE].concat()
}

/// Returns the response with the client, if the request asks for it below one of the prefixes.
pub(crate) fn client(unserved: &Unserved, services: &Services) -> Option<Result<web_sys::Response>> {
    let prefix = unserved.path().strip_suffix(FILE)?;
    let known = services.configs().any(|config: &Config| config.prefix == prefix);
    (known && matches!(unserved.method(), "GET" | "HEAD"))
        .then(|| SOCKJS_MIN_JS.respond(unserved, JAVASCRIPT, for_a_year().into()))
}
