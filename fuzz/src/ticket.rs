//! Tickets: a signed ticket is accepted at its place and time, and nothing else is.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use sockjs_protocol::sockjs::payload::text;
use sockjs_protocol::time::Millis;

#[allow(dead_code)]
#[path = "../../src/admission/ticket.rs"]
pub(crate) mod rules;

use rules::{Fault, Ticket};

const PREFIX: &str = "/chat/lobby";
const KEY: &str = "a key";
const NOW: Millis = Millis(1_000_000);
const MAX_AGE: Millis = Millis(500_000);

/// Checks `data`: a ticket as a client sends it; the JSON of one that is signed with the right key; and a change to a ticket: the
/// position, the new byte, and the ticket's content.
pub fn check(data: &[u8]) {
    let text = text(data.to_vec());
    assert_eq!(read(&text), Err(Fault::NotSigned), "nobody who does not know the key can write {text:?}");

    if let Ok(ticket) = read(&signed(data)) {
        assert!(!ticket.is_late(NOW, MAX_AGE) && ticket.is_late(Millis(u64::MAX), MAX_AGE));
        let again = ticket.sign(&[KEY.to_owned()]).unwrap();
        let read_again = read(&again);
        // A float may differ in its last bit: serde_json reads floats fast rather than exactly.
        if ticket.claims.as_ref().is_some_and(has_float) {
            assert!(read_again.is_ok());
        } else {
            assert_eq!(read_again, Ok(ticket));
        }
    }

    if let [at, byte, says @ ..] = data {
        changed(usize::from(*at), *byte, &String::from_utf8_lossy(says));
    }
}

fn has_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(values) => values.iter().any(has_float),
        Value::Object(values) => values.values().any(has_float),
        _ => false,
    }
}

fn changed(at: usize, byte: u8, says: &str) {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let mut parts = says.splitn(3, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let (id, origin, claims) = (part().to_owned(), some(part()), some(part()).map(Value::String));
    let ticket = Ticket::new(id, PREFIX, origin, NOW, claims);
    let written = ticket.sign(&[KEY.to_owned(), "an older key".to_owned()]).unwrap();
    if written.len() > 4096 {
        assert_eq!(read(&written), Err(Fault::NotSigned), "too long to be looked at");
        return;
    }
    assert_eq!(read(&written), Ok(ticket));
    let elsewhere = Ticket::read(&written, &[KEY.to_owned()], "/chat/hall", NOW, MAX_AGE);
    assert_eq!(elsewhere, Err(Fault::ElsewhereIssued));
    assert_eq!(Ticket::read(&written, &["another".to_owned()], PREFIX, NOW, MAX_AGE), Err(Fault::NotSigned));

    let at = at % written.len();
    let mut bytes = written.clone().into_bytes();
    bytes[at] = byte;
    // The text is ASCII: a higher byte stands for the character with that number.
    let other: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    assert_eq!(
        read(&other) == Ok(Ticket::read(&written, &[KEY.to_owned()], PREFIX, NOW, MAX_AGE).unwrap()),
        other == written
    );
    assert_eq!(read(&written[..at]), Err(Fault::NotSigned));
    assert_eq!(read(&format!("{written}{}", char::from(byte))), Err(Fault::NotSigned));
}

fn read(text: &str) -> Result<Ticket, Fault> {
    Ticket::read(text, &[KEY.to_owned()], PREFIX, NOW, MAX_AGE)
}

/// Signs `json` with the real key.
fn signed(json: &[u8]) -> String {
    let body = Base64UrlUnpadded::encode_string(json);
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    [body, Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes())].join(".")
}
