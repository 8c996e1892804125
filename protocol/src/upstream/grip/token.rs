//! JSON Web Tokens of GRIP, signed with HMAC-SHA256: `Grip-Sig` of requests to the upstream, `Authorization` of publishers.

use crate::inner::json::Reader;
use crate::time::Millis;
use crate::upstream::jwt::{self, ISSUER, mac};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::Mac as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Header of a request to the upstream with its token.
pub const SIGNATURE_HEADER: &str = "Grip-Sig";

/// Time for which a token for the upstream is valid.
const LIFETIME: Millis = Millis::from_secs(300);

/// Difference that clocks may have.
const SKEW: Millis = Millis::from_secs(60);

/// Longest token that is looked at, in bytes.
const TOKEN_MAX: usize = 4 << 10;

/// Claims of a token for the upstream.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: u64,
    exp: u64,
    /// `Connection-Id` of the request.
    sub: &'a str,
    /// SHA-256 of the body, in Base64 for URLs without padding.
    body: String,
}

/// Returns the token of a request of a connection with this body. Returns `None` without a key.
pub fn sign(key: &str, connection: &str, body: &[u8], now: Millis) -> Option<String> {
    let claims = Claims {
        iss: ISSUER,
        iat: now.0 / 1_000,
        exp: (now + LIFETIME).0 / 1_000,
        sub: connection,
        body: Base64UrlUnpadded::encode_string(&Sha256::digest(body)),
    };
    jwt::sign(key, &claims)
}

/// True if `token` is signed with one of `keys`, not expired, and none of [`sign`]. A token without `exp` is not valid: it would be so for ever.
pub fn is_valid<'k>(token: &str, keys: impl IntoIterator<Item = &'k str>, now: Millis) -> bool {
    let is_valid = || {
        let (signed, signature) = token.rsplit_once('.').filter(|_| token.len() <= TOKEN_MAX)?;
        let (header, claims) = signed.split_once('.')?;
        let signature = Base64UrlUnpadded::decode_vec(signature).ok()?;
        let algorithm = text_field(header, "alg")?;
        // Whoever sees a request to the upstream must not publish by its token.
        let is_own = text_field(claims, "iss").as_deref() == Some(ISSUER);
        // Each is compared, so that the place of the right one tells nothing.
        let is_signed = keys.into_iter().fold(false, |is_signed, key| {
            is_signed | mac(key, signed).is_some_and(|mac| mac.verify_slice(&signature).is_ok())
        });
        let expires = field(claims, "exp", &mut |reader| reader.raw().map(str::to_owned))?;
        // Some programs write seconds with a fraction.
        let expires: f64 = expires.parse().ok()?;
        Some(is_signed && !is_own && algorithm == "HS256" && expires * 1_000.0 + SKEW.0 as f64 > now.0 as f64)
    };
    is_valid().unwrap_or(false)
}

fn text_field(part: &str, name: &str) -> Option<String> {
    field(part, name, &mut |reader| reader.text())
}

/// Reads a field of a part of a token.
fn field<T>(part: &str, wanted: &str, read: &mut dyn FnMut(&mut Reader<'_>) -> Option<T>) -> Option<T> {
    let json = Base64UrlUnpadded::decode_vec(part).ok()?;
    let (json, mut value) = (std::str::from_utf8(&json).ok()?, None);
    Reader::whole(json, |reader| {
        reader.object(&mut |name, reader| {
            if name == wanted {
                value = Some(read(reader)?);
                return Some(());
            }
            reader.skip()
        })
    })?;
    value
}
