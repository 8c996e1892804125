//! The stock client, served below each prefix, so that pages and iframes need no other host, and have the same version.

use super::text::SOCKJS_MIN_JS;
use crate::facts::Facts;
use crate::headers::cached;
use crate::respond::{Reply, in_a_year};
use crate::{Config, Services};
use sockjs_protocol::sockjs::transport::JAVASCRIPT;
use worker::{Result, web_sys};

/// What comes after a prefix.
const FILE: &str = concat!("/sockjs-", env!("SOCKJS_CLIENT_VERSION"), ".min.js");

/// Where the client of a service is.
pub(super) fn client_url(prefix: &str) -> String {
    [prefix, FILE].concat()
}

/// The client, if `request` asks for it below one of the prefixes.
pub(super) fn client(request: &web_sys::Request, facts: &Facts, services: &Services) -> Option<Result<Reply>> {
    let prefix = facts.path().strip_suffix(FILE)?;
    let known = services.configs().any(|config: &Config| config.prefix == prefix);
    (known && matches!(&*facts.method, "GET" | "HEAD"))
        .then(|| SOCKJS_MIN_JS.answer(request, JAVASCRIPT, cached(in_a_year()).into()))
}
