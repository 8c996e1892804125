//! What the page consists of.

use crate::facts::Facts;
use crate::headers::security_policy;
use crate::respond::Reply;
use crate::server::text::{self, Text};
use sockjs_protocol::sockjs::transport::{HTML, JAVASCRIPT};
use worker::{Result, web_sys};

/// Path, content type, content.
static FILES: &[(&str, &str, Text)] = &[
    ("/", HTML, text::PAGE_HTML),
    ("/demo/style.css", "text/css; charset=UTF-8", text::STYLE_CSS),
    ("/demo/icon.svg", "image/svg+xml", text::ICON_SVG),
    ("/demo/page.js", JAVASCRIPT, text::PAGE_JS),
    ("/demo/connection.js", JAVASCRIPT, text::CONNECTION_JS),
    ("/demo/echo.js", JAVASCRIPT, text::ECHO_JS),
    ("/demo/card.js", JAVASCRIPT, text::CARD_JS),
    ("/demo/plot.js", JAVASCRIPT, text::PLOT_JS),
    ("/demo/places.js", JAVASCRIPT, text::PLACES_JS),
    ("/demo/chat.js", JAVASCRIPT, text::CHAT_JS),
];

/// The file that `request` asks for.
pub(in crate::server) fn file(request: &web_sys::Request, facts: &Facts) -> Option<Result<Reply>> {
    let (_, content_type, content) = FILES.iter().find(|(known, ..)| *known == facts.path())?;
    matches!(&*facts.method, "GET" | "HEAD").then(|| {
        let more = vec![("Cache-Control", "no-cache".into()), security_policy(policy(facts.own()))];
        content.answer(request, content_type, more)
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
