//! Comparison of the secrets that clients send. The time that it takes reveals nothing about the secret.

use crate::http::refusal::HttpError;
use sockjs_durable::log;
use sockjs_protocol::service::secrets::{SECRET_MIN, is_any_short};
use subtle::ConstantTimeEq;
use worker::Request;

/// Returns true if `given` is `secret`. A wrong string takes as long as the right one of the same length. An empty secret never
/// matches.
pub fn is_same_secret(given: &str, secret: &str) -> bool {
    !secret.is_empty() && bool::from(given.as_bytes().ct_eq(secret.as_bytes()))
}

/// Returns true if this `Authorization` header has one of `tokens` as a bearer token.
pub(crate) fn is_bearer(authorization: &str, tokens: &[&str]) -> bool {
    let Some((scheme, given)) = authorization.split_once(' ') else { return false };
    let given = given.trim();
    // Every token is compared, so that the time does not reveal the position of the right one.
    let is_known = tokens.iter().fold(false, |is_known, token| is_known | is_same_secret(given, token));
    scheme.eq_ignore_ascii_case("bearer") & is_known
}

/// Returns the response to a request without one of `tokens`, or if the tokens are too short.
pub(crate) fn unauthorized(request: &Request, tokens: &[&str]) -> Option<HttpError> {
    if is_any_short(tokens) {
        let advice = format!("the tokens must have at least {SECRET_MIN} characters each");
        log::error("settings", None, &advice);
        return Some(HttpError::new(500, advice));
    }
    let authorization = request.headers().get("Authorization").ok().flatten().unwrap_or_default();
    (!is_bearer(&authorization, tokens)).then(|| HttpError::new(401, "a bearer token is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_bearer_token_is_let_in() {
        assert!(is_bearer("Bearer secret", &["other", "secret"]));
        assert!(is_bearer("bearer  secret ", &["secret"]));
        for (header, tokens) in [
            ("", &["secret"][..]),
            ("secret", &["secret"]),
            ("Basic secret", &["secret"]),
            ("Bearer secre", &["secret"]),
            ("Bearer secrets", &["secret"]),
            ("Bearer ", &[""]),
            ("Bearer", &[""]),
            ("Bearer x", &[]),
        ] {
            assert!(!is_bearer(header, tokens), "{header:?} {tokens:?}");
        }
    }

    #[test]
    fn an_empty_secret_is_nobodys() {
        assert!(is_same_secret("a", "a"));
        assert!(!is_same_secret("", "") && !is_same_secret("a", "b") && !is_same_secret("a", "ab"));
    }
}
