//! `/info`: the first request of a client.

use serde::Serialize;
use sockjs_protocol::service::options::Config;
use sockjs_protocol::sockjs::transport::Transport;

/// Content type of the response, spelled as in the protocol's tests.
pub(crate) const JSON: &str = "application/json; charset=UTF-8";

#[derive(Serialize)]
struct InfoBody<'a> {
    /// Older clients read this instead of `transports`.
    websocket: bool,
    transports: Vec<&'static str>,
    /// Obsolete, but required by the protocol's tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    origins: Option<[&'static str; 1]>,
    cookie_needed: bool,
    entropy: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<&'a str>,
}

/// Returns the response of a service that sends its clients to `base_url`, with 32 random bits.
pub(crate) fn info(config: &Config, base_url: Option<&str>, entropy: u32) -> serde_json::Result<String> {
    let offered = Transport::ALL.into_iter().filter(|transport| config.offers(*transport));
    serde_json::to_string(&InfoBody {
        websocket: config.offers(Transport::WebSocket),
        transports: offered.map(Transport::name).collect(),
        origins: (!config.disable_cors).then_some(["*:*"]),
        cookie_needed: config.jsessionid,
        entropy,
        base_url,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_tells_what_a_client_may_try() {
        let text = info(&Config::new("/echo"), None, 4_294_967_295).unwrap();
        let transports =
            r#""websocket","websocket-raw","xhr-streaming","eventsource","htmlfile","xhr-polling","jsonp-polling""#;
        let rest = r#""origins":["*:*"],"cookie_needed":false,"entropy":4294967295"#;
        assert_eq!(text, format!(r#"{{"websocket":true,"transports":[{transports}],{rest}}}"#));
    }

    #[test]
    fn info_tells_what_is_configured() {
        let config = Config::new("").jsessionid(true).disable_cors(true);
        let text = info(&config, Some("https://h/echo"), 0).unwrap();
        assert!(text.ends_with(r#"],"cookie_needed":true,"entropy":0,"base_url":"https://h/echo"}"#), "{text}");
    }

    #[test]
    fn info_without_websockets_says_so() {
        let text = info(&Config::new("/echo").websocket(false), None, 0).unwrap();
        assert!(text.starts_with(r#"{"websocket":false,"transports":["xhr-streaming""#), "{text}");
        let text = info(&Config::new("/echo").transports([Transport::XhrPolling]), None, 0).unwrap();
        assert!(text.starts_with(r#"{"websocket":false,"transports":["xhr-polling"],"#), "{text}");
    }
}
