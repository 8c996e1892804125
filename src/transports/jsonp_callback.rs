//! The callback of jsonp and htmlfile: the page's function that the response calls, named by parameter `c` or `callback`.

use crate::http::refusal::Refusal;
use sockjs_protocol::observe::metrics::Refused;
use sockjs_protocol::sockjs::transport::is_callback;

/// Returns the callback in `url`. It is validated first, since it becomes part of a script.
pub(crate) fn callback_of(url: &str) -> Result<String, Refusal> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let parameter = |wanted| form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
    match parameter("c").or_else(|| parameter("callback")) {
        None => Err(Refusal::new(Refused::Malformed, 500, "\"callback\" parameter required")),
        Some((_, callback)) if is_callback(&callback) => Ok(callback.into_owned()),
        Some(_) => Err(Refusal::new(Refused::Malformed, 500, "invalid \"callback\" parameter")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_c_or_callback_and_percent_decoded() {
        for (query, callback) in [
            ("?c=%63allback", "callback"),
            ("?callback=_jp.abc", "_jp.abc"),
            ("?callback=a&c=b", "b"),
            ("?t=1&c=x&i=2", "x"),
        ] {
            assert_eq!(callback_of(&format!("http://h/echo/0/s/jsonp{query}")).unwrap(), callback);
        }
    }

    #[test]
    fn it_is_refused_in_sockjs_nodes_words() {
        let refused = |query: &str| callback_of(&format!("http://h/p{query}")).unwrap_err();
        for query in ["", "?", "?d=1"] {
            assert_eq!(refused(query), Refusal::new(Refused::Malformed, 500, "\"callback\" parameter required"));
        }
        for query in ["?c=", "?c=%20", "?c=*", "?c=abc(", "?c=abc%28", "?c=a%00", "?c=a+b"] {
            assert_eq!(
                refused(query),
                Refusal::new(Refused::Malformed, 500, "invalid \"callback\" parameter"),
                "{query}"
            );
        }
    }
}
