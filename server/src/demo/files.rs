//! The files of the demo's page.

use crate::static_file::{self, StaticFile};
use sockjs_edge::entry::Unserved;
use sockjs_protocol::sockjs::transport::{HTML, JAVASCRIPT};
use worker::{Result, web_sys};

/// Path, content type, content.
static FILES: &[(&str, &str, StaticFile)] = &[
    ("/", HTML, static_file::PAGE_HTML),
    ("/demo/style.css", "text/css; charset=UTF-8", static_file::STYLE_CSS),
    ("/demo/icon.svg", "image/svg+xml", static_file::ICON_SVG),
    ("/demo/page.js", JAVASCRIPT, static_file::PAGE_JS),
    ("/demo/connection.js", JAVASCRIPT, static_file::CONNECTION_JS),
    ("/demo/echo.js", JAVASCRIPT, static_file::ECHO_JS),
    ("/demo/card.js", JAVASCRIPT, static_file::CARD_JS),
    ("/demo/plot.js", JAVASCRIPT, static_file::PLOT_JS),
    ("/demo/places.js", JAVASCRIPT, static_file::PLACES_JS),
    ("/demo/chat.js", JAVASCRIPT, static_file::CHAT_JS),
    ("/demo/visitors.js", JAVASCRIPT, static_file::VISITORS_JS),
    ("/demo/gateway.js", JAVASCRIPT, static_file::GATEWAY_JS),
    ("/demo/cost.js", JAVASCRIPT, static_file::COST_JS),
    ("/demo/prices.js", JAVASCRIPT, static_file::PRICES_JS),
];

/// Returns the response with the file that the request asks for, if there is one.
pub(crate) fn file(unserved: &Unserved) -> Option<Result<web_sys::Response>> {
    let (_, content_type, content) = FILES.iter().find(|(known, ..)| *known == unserved.path())?;
    matches!(unserved.method(), "GET" | "HEAD").then(|| {
        let policy = ("Content-Security-Policy", policy(unserved.origin()).into());
        content.respond(unserved, content_type, vec![("Cache-Control", "no-cache".into()), policy])
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
