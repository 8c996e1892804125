//! The claims of a client, signed for the upstream.

use super::jwt::{self, ISSUER};
use crate::time::Millis;
use serde::Serialize;
use serde_json::Value;

/// Header of the request that opens a connection to the upstream, and of each request with events.
pub const CLAIMS_HEADER: &str = "sockjs-claims";

/// Time for which a token is valid. The upstream gets it at once; its clock may be behind or ahead.
const LIFETIME: Millis = Millis::from_secs(60);

/// Content of a token.
#[derive(Serialize)]
struct Token<'a> {
    iss: &'static str,
    /// Identifier of the connection.
    sub: &'a str,
    /// Seconds since 1970.
    exp: u64,
    /// Claims of the application. Apart from the others, so that they replace none.
    #[serde(skip_serializing_if = "Option::is_none")]
    claims: Option<&'a Value>,
}

/// Returns the value of [`CLAIMS_HEADER`] for a request that is sent `now`. Returns `None` without a secret.
pub fn sign(secret: &str, connection: &str, claims: Option<&Value>, now: Millis) -> Option<String> {
    let token = Token { iss: ISSUER, sub: connection, exp: (now + LIFETIME).0.div_ceil(1_000), claims };
    jwt::sign(secret, &token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64ct::{Base64UrlUnpadded, Encoding as _};
    use serde_json::json;

    #[test]
    fn a_token_keeps_its_written_form() {
        let claims = json!({ "user": "zoë", "exp": 9 });
        let token = sign("a secret of at least 32 characters", "8c0e", Some(&claims), Millis(1_500)).unwrap();
        let parts: Vec<_> = token.split('.').collect();
        let json = |part: &str| String::from_utf8(Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap();
        assert_eq!(json(parts[0]), r#"{"alg":"HS256","typ":"JWT"}"#);
        assert_eq!(json(parts[1]), r#"{"iss":"sockjs-edge","sub":"8c0e","exp":62,"claims":{"exp":9,"user":"zoë"}}"#);
        // By `openssl dgst -sha256 -hmac`.
        assert_eq!(parts[2], "oC-1jbguxDBG8ITwpKCyUDnbi3DYXxUCDhgUAIrOpZM");
        assert_eq!(parts.len(), 3);
    }

    #[test]
    fn a_client_without_claims_has_a_token_and_no_secret_signs_nothing() {
        let token = sign("secret", "8c0e", None, Millis(0)).unwrap();
        let payload = Base64UrlUnpadded::decode_vec(token.split('.').nth(1).unwrap()).unwrap();
        assert_eq!(String::from_utf8(payload).unwrap(), r#"{"iss":"sockjs-edge","sub":"8c0e","exp":60}"#);
        assert_eq!(sign("", "8c0e", None, Millis(0)), None);
    }
}
