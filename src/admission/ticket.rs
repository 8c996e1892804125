//! Tickets: `/info` issues a ticket in the URL that it returns, and so the client sends it with every request of its session.
//!
//! The form is `base64url(JSON) . base64url(HMAC-SHA256)`, in the query parameter `ticket`. The first key signs, and every key
//! verifies, so that keys can be rotated while tickets are in use.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use serde::Serialize;
use serde_json::Value;
use sha2::Sha256;
use sockjs_protocol::inner::json::Reader;
use sockjs_protocol::time::Millis;

/// The query parameter with the ticket.
pub(crate) const PARAMETER: &str = "ticket";

/// Version of the JSON.
const VERSION: u8 = 1;

/// Largest claims, in bytes of JSON: they are part of URLs as tickets, or go to the object with each request.
pub(crate) const CLAIMS_MAX: usize = 1024;

/// True if the claims do not exceed [`CLAIMS_MAX`].
pub(crate) fn are_short(claims: &Value) -> bool {
    serde_json::to_vec(claims).is_ok_and(|json| json.len() <= CLAIMS_MAX)
}

/// Longest ticket that is verified: the largest claims, and room for the rest.
const TICKET_MAX: usize = 4096;

/// Content of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Ticket {
    #[serde(rename = "v")]
    version: u8,
    /// A random id.
    #[serde(rename = "i")]
    pub id: String,
    /// The prefix, with values for parameters.
    #[serde(rename = "p")]
    prefix: String,
    /// The page's origin. `None` for a client without one.
    #[serde(rename = "o", skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    #[serde(rename = "t")]
    issued: Millis,
    /// Claims of the application about the client.
    #[serde(rename = "c", skip_serializing_if = "Option::is_none")]
    pub claims: Option<Value>,
}

/// Reason why a ticket is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Not signed by this server, or changed since.
    NotSigned,
    /// Issued for another service or room.
    ElsewhereIssued,
    /// Older than `ticket_max_age`, or issued in the future.
    TooOld,
}

impl Ticket {
    pub fn new(id: String, prefix: &str, origin: Option<String>, issued: Millis, claims: Option<Value>) -> Self {
        Self { version: VERSION, id, prefix: prefix.to_owned(), origin, issued, claims }
    }

    /// Returns the ticket as it is written in URLs. `keys` must not be empty.
    pub fn sign(&self, keys: &[String]) -> serde_json::Result<String> {
        let json = serde_json::to_vec(self)?;
        let body = Base64UrlUnpadded::encode_string(&json);
        let signature = keys.first().and_then(|key| mac(key, &body)).map(|mac| mac.finalize().into_bytes());
        Ok([body, Base64UrlUnpadded::encode_string(&signature.unwrap_or_default())].join("."))
    }

    /// Reads a ticket for `prefix` that is no older than `max_age`.
    pub fn read(text: &str, keys: &[String], prefix: &str, now: Millis, max_age: Millis) -> Result<Self, Fault> {
        let (body, signature) = text.split_once('.').filter(|_| text.len() <= TICKET_MAX).ok_or(Fault::NotSigned)?;
        let signature = Base64UrlUnpadded::decode_vec(signature).map_err(|_| Fault::NotSigned)?;
        let is_signed = |key: &String| mac(key, body).is_some_and(|mac| mac.verify_slice(&signature).is_ok());
        if !keys.iter().any(is_signed) {
            return Err(Fault::NotSigned);
        }
        let json = Base64UrlUnpadded::decode_vec(body).map_err(|_| Fault::NotSigned)?;
        let json = std::str::from_utf8(&json).map_err(|_| Fault::NotSigned)?;
        let ticket = Reader::whole(json, Self::signed).ok_or(Fault::NotSigned)?;
        match ticket {
            Self { version, .. } if version != VERSION => Err(Fault::NotSigned),
            _ if ticket.prefix != prefix => Err(Fault::ElsewhereIssued),
            // The clocks of data centres differ slightly.
            _ if now >= ticket.issued + max_age || ticket.issued > now + Millis::from_secs(60) => Err(Fault::TooOld),
            _ => Ok(ticket),
        }
    }

    /// Reads the signed JSON.
    fn signed(reader: &mut Reader<'_>) -> Option<Self> {
        let (mut version, mut id, mut prefix, mut origin) = (None, None, None, None);
        let (mut issued, mut claims) = (None, None);
        reader.object(&mut |name, reader| {
            match name {
                "v" => version = Some(reader.number()?),
                "i" => id = Some(reader.text()?),
                "p" => prefix = Some(reader.text()?),
                "o" => origin = Some(reader.text()?),
                "t" => issued = Some(Millis(reader.number()?)),
                "c" => claims = Some(reader.value()?),
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(Self { version: version?, id: id?, prefix: prefix?, origin, issued: issued?, claims })
    }

    /// Returns true if the ticket opens no new connection, and only serves the one that it opened.
    pub fn is_late(&self, now: Millis, lifetime: Millis) -> bool {
        now >= self.issued + lifetime
    }
}

impl Fault {
    pub const fn text(self) -> &'static str {
        match self {
            Self::NotSigned => "The ticket is not valid.\n",
            Self::ElsewhereIssued => "The ticket is for another service.\n",
            Self::TooOld => "The ticket is too old.\n",
        }
    }
}

/// Returns the HMAC of `body`. It accepts a key of any length, so the result is never `None`.
fn mac(key: &str, body: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
    mac.update(body.as_bytes());
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const HOUR: Millis = Millis::from_secs(3_600);

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    }

    fn ticket() -> Ticket {
        let claims = Some(json!({ "user": "zoë" }));
        Ticket::new("0f".into(), "/chat/lobby", Some("https://example.com".into()), Millis(1_000), claims)
    }

    fn read(text: &str, with: &[&str]) -> Result<Ticket, Fault> {
        Ticket::read(text, &keys(with), "/chat/lobby", Millis(2_000), HOUR)
    }

    #[test]
    fn tickets_keep_their_written_form() {
        let text = ticket().sign(&keys(&["a"])).unwrap();
        assert_eq!(
            text,
            concat!(
                "eyJ2IjoxLCJpIjoiMGYiLCJwIjoiL2NoYXQvbG9iYnkiLCJvIjoiaHR0cHM6Ly9leGFtcGxlLmNvbSIsInQiOjEwMDAsImMiOnsidXNlciI6Inpv",
                "w6sifX0.HwCgenDhn4jDkgrTvWm5sYfnv4sahhYYLSpIdgRMCLg"
            )
        );
    }

    #[test]
    fn a_ticket_says_what_was_signed_with_any_key_of_the_rotation() {
        let text = ticket().sign(&keys(&["new", "old"])).unwrap();
        assert_eq!(read(&text, &["new", "old"]), Ok(ticket()));
        assert_eq!(read(&text, &["newer", "new"]), Ok(ticket()));
        assert_eq!(read(&text, &["old"]), Err(Fault::NotSigned));
        assert_eq!(read(&text, &[]), Err(Fault::NotSigned));
    }

    #[test]
    fn a_ticket_is_for_its_place_and_its_time() {
        let (text, keys) = (ticket().sign(&keys(&["a"])).unwrap(), keys(&["a"]));
        let read = |prefix, now| Ticket::read(&text, &keys, prefix, Millis(now), HOUR);
        assert_eq!(read("/chat/hall", 2_000), Err(Fault::ElsewhereIssued));
        assert!(read("/chat/lobby", 1_000 + HOUR.0 - 1).is_ok());
        assert_eq!(read("/chat/lobby", 1_000 + HOUR.0), Err(Fault::TooOld));
        let future = Ticket { issued: Millis(100_000), ..ticket() }.sign(&keys).unwrap();
        assert_eq!(Ticket::read(&future, &keys, "/chat/lobby", Millis(0), HOUR), Err(Fault::TooOld));
        assert!(!ticket().is_late(Millis(2_000), Millis(5_000)) && ticket().is_late(Millis(6_000), Millis(5_000)));
    }

    #[test]
    fn another_version_is_none() {
        let text = Ticket { version: 2, ..ticket() }.sign(&keys(&["a"])).unwrap();
        assert_eq!(read(&text, &["a"]), Err(Fault::NotSigned));
    }

    proptest! {
        #[test]
        fn nothing_changed_is_believed(at in 0usize..200, to in any::<char>()) {
            let text = ticket().sign(&keys(&["a"])).unwrap();
            let changed: String = text.chars().enumerate().map(|(i, c)| if i == at { to } else { c }).collect();
            prop_assume!(changed != text);
            prop_assert_eq!(read(&changed, &["a"]), Err(Fault::NotSigned));
        }

        #[test]
        fn no_text_is_a_ticket(text in ".{0,100}(\\..{0,50})?") {
            prop_assert!(read(&text, &["a"]).is_err());
        }
    }
}
