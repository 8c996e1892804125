//! Signatures of JSON Web Tokens (RFC 7519) with HMAC-SHA-256, which any library of such tokens verifies.

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::{Hmac, Mac as _};
use serde::Serialize;
use sha2::Sha256;

/// `{"alg":"HS256","typ":"JWT"}` in Base64 for URLs.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// Issuer of the tokens for the upstream.
pub(super) const ISSUER: &str = "sockjs-edge";

/// Returns the token with these claims. Returns `None` without a key.
pub(super) fn sign(key: &str, claims: &impl Serialize) -> Option<String> {
    let json = serde_json::to_vec(claims).ok()?;
    let signed = [HEADER, ".", &Base64UrlUnpadded::encode_string(&json)].concat();
    let signature = mac(key, &signed)?.finalize().into_bytes();
    Some([&*signed, ".", &Base64UrlUnpadded::encode_string(&signature)].concat())
}

/// Returns the signature of a token's first two parts. Returns `None` without a key.
pub(super) fn mac(key: &str, signed: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::new_from_slice(key.as_bytes()).ok().filter(|_| !key.is_empty())?;
    mac.update(signed.as_bytes());
    Some(mac)
}
