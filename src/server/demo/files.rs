//! What the page consists of.

use super::ECHO;
use crate::Services;
use crate::admit::Facts;
use crate::headers::{nosniff, revalidated, security_policy};
use crate::respond::unless_known;
use crate::server::client::client_url;
use sockjs_protocol::transport::{HTML, JAVASCRIPT};
use worker::{Request, Response, Result};

/// Path, content type, content.
static FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("page.html")),
    ("/demo/style.css", "text/css; charset=UTF-8", include_str!("style.css")),
    ("/demo/icon.svg", "image/svg+xml", include_str!("icon.svg")),
    ("/demo/page.js", JAVASCRIPT, include_str!("page.js")),
    ("/demo/connection.js", JAVASCRIPT, include_str!("connection.js")),
    ("/demo/echo.js", JAVASCRIPT, include_str!("echo.js")),
    ("/demo/card.js", JAVASCRIPT, include_str!("card.js")),
    ("/demo/plot.js", JAVASCRIPT, include_str!("plot.js")),
    ("/demo/places.js", JAVASCRIPT, include_str!("places.js")),
    ("/demo/chat.js", JAVASCRIPT, include_str!("chat.js")),
];

/// The file that `request` asks for. While settings cannot be served there is none: then every answer says so.
pub(in crate::server) fn file(request: &Request, services: &Services) -> Option<Result<Response>> {
    let path = request.path();
    let (_, content_type, content) = FILES.iter().find(|(known, ..)| *known == path)?;
    let method = request.inner().method();
    (matches!(&*method, "GET" | "HEAD") && services.problem().is_none()).then(|| {
        let content = content.replace("{client}", &client_url(ECHO));
        let more = vec![revalidated(), nosniff(), security_policy(policy(Facts::of(request)?.sender().own))];
        unless_known(request, content_type, content.as_bytes(), more)
    })
}

/// Nothing but from the Worker's own `origin`. `'self'` alone stands for no WebSockets in older browsers.
fn policy(origin: &str) -> String {
    let host = origin.split_once("://").map_or("", |(_, host)| host);
    let (name, port) = host.split_once(':').unwrap_or((host, "80"));
    // See places.js.
    let other = match name {
        "127.0.0.1" => format!(" http://localhost:{port}"),
        "localhost" => format!(" http://127.0.0.1:{port}"),
        _ => String::new(),
    };
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self' ws://{host} wss://{host}{other}; frame-src 'self'{other}; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_from_its_own_host_alone() {
        let own = policy("https://demo.example");
        assert!(own.contains("connect-src 'self' ws://demo.example wss://demo.example; frame-src 'self';"), "{own}");
        let local = policy("http://127.0.0.1:8787");
        assert!(local.contains("wss://127.0.0.1:8787 http://localhost:8787; frame-src 'self' http://localhost:8787;"));
    }
}
