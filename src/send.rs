//! A sending request: its messages are checked here and handed to the object.

use crate::body::{self, TooLarge};
use crate::facts::Facts;
use crate::headers::{Head, Refusal, not_cached};
use crate::object::Object;
use crate::place::Destination;
use crate::receive::FORBIDDEN;
use crate::respond::{Reply, bodiless, cookie_of, cors_of, fixed};
use crate::{Config, random};
use percent_encoding::percent_decode;
use sockjs_durable::log;
use sockjs_protocol::envelope::{Action, Command, Pass, encode_batch, fits};
use sockjs_protocol::payload::{self, PayloadError};
use sockjs_protocol::transport::Send;
use worker::{Result, web_sys};

/// Answers the sending request `row` of `session`.
pub(crate) async fn send(
    row: &'static Send,
    session: &str,
    to: Destination<'_>,
    request: &web_sys::Request,
    facts: &Facts,
) -> Result<Reply> {
    let Destination { config, pass, refusals, object, .. } = to;
    // On errors too, or a script of another origin could not read them.
    let mut common = if row.cors { cors_of(facts, config) } else { Vec::new() };
    common.extend(not_cached());
    common.extend(cookie_of(request, config)?);
    match hand_over(row, session, config, pass, object, request, facts).await? {
        Ok(()) if row.body.is_empty() => bodiless(Head::typed(row.status, row.content_type).with(common)),
        Ok(()) => fixed(Head::typed(row.status, row.content_type).with(common), row.body),
        Err(refusal) => {
            refusals.note(None, refusal.reason);
            fixed(refusal.head().with(common), refusal.text.into_owned())
        }
    }
}

async fn hand_over(
    row: &Send,
    session: &str,
    config: &Config,
    pass: Option<Pass>,
    object: Object,
    request: &web_sys::Request,
    facts: &Facts,
) -> Result<std::result::Result<(), Refusal>> {
    let body = match body::read(request, facts.content_length.as_deref(), config.body_limit).await {
        Ok(Ok(body)) => body,
        Ok(Err(TooLarge)) => return Ok(Err(too_large("body", config.body_limit))),
        // Its client left in the middle, and will not read this.
        Err(_) => return Ok(Err(Refusal::new(400, "The body broke off.\n"))),
    };
    let messages = match messages(row, facts.content_type.as_deref().unwrap_or_default(), body) {
        Ok(messages) => messages,
        Err(error) => return Ok(Err(Refusal::new(500, error.to_string()))),
    };
    if messages.iter().any(|message| message.len() > config.message_limit) {
        return Ok(Err(too_large("message", config.message_limit)));
    }
    if config.messages_per_body.is_some_and(|most| messages.len() > most as usize) {
        return Ok(Err(Refusal::new(413, "The body has too many messages.\n")));
    }
    // One id for both tries: by it the object knows the second.
    let (session, id) = (session.to_owned(), random::id());
    let (messages, batch) =
        if fits(&messages) { (Some(messages), None) } else { (None, Some(encode_batch(&messages))) };
    let command = Command::new(&config.prefix, Action::Send { session, id, messages }).with_pass(pass);
    Ok(match object.send(&facts.url, &command, batch.as_deref()).await {
        Ok(204) => Ok(()),
        Ok(404) => Err(Refusal::not_found()),
        Ok(403) => Err(Refusal::new(403, FORBIDDEN)),
        Ok(status) => {
            log::warn("object", Some(&config.prefix), format!("a send was answered with {status}"));
            Err(unavailable())
        }
        Err(failure) => {
            log::warn("object", Some(&config.prefix), failure);
            Err(unavailable())
        }
    })
}

/// The messages in a body. A body of a type that sockjs-node does not read counts as none.
fn messages(row: &Send, content_type: &str, body: Vec<u8>) -> std::result::Result<Vec<String>, PayloadError> {
    match content_type.split(';').next().unwrap_or_default() {
        "application/x-www-form-urlencoded" if row.form => {
            let fields = body.split(|byte| *byte == b'&');
            let field = fields.filter_map(|field| field.strip_prefix(b"d=")).next().unwrap_or_default();
            let field: Vec<u8> = field.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
            payload::messages(&payload::text(percent_decode(&field).collect()))
        }
        "text/plain" | "" => payload::messages(&payload::text(body)),
        // `T` is what some old browsers make of it.
        "T" | "application/json" | "application/xml" | "text/xml" if !row.form => {
            payload::messages(&payload::text(body))
        }
        _ => Err(PayloadError::Expected),
    }
}

fn too_large(what: &str, limit: usize) -> Refusal {
    Refusal::new(413, format!("The {what} is larger than {limit} bytes.\n"))
}

fn unavailable() -> Refusal {
    Refusal::new(503, "The session cannot take messages now.\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockjs_protocol::transport::SENDS;

    fn row(segment: &str) -> &'static Send {
        SENDS.iter().find(|row| row.segment == segment).unwrap()
    }

    fn messages(content_type: &str, body: Vec<u8>) -> std::result::Result<Vec<String>, PayloadError> {
        super::messages(row("xhr_send"), content_type, body)
    }

    #[test]
    fn a_form_has_its_messages_in_field_d() {
        const FORM: &str = "application/x-www-form-urlencoded";
        let form = |content_type: &str, body: &[u8]| super::messages(row("jsonp_send"), content_type, body.to_vec());
        assert_eq!(form(FORM, b"d=%5B%22a+b%22%5D").unwrap(), ["a b"]);
        assert_eq!(form("application/x-www-form-urlencoded; charset=UTF-8", b"x=1&d=[\"%2525\"]").unwrap(), ["%25"]);
        assert_eq!(form(FORM, b"d=%5B%22%ED%A0%80%22%5D").unwrap(), ["\u{fffd}"]);
        assert_eq!(form("text/plain", b"[\"%61bc\"]").unwrap(), ["%61bc"]);
        for (body, error) in [
            (&b""[..], PayloadError::Expected),
            (b"d=", PayloadError::Expected),
            (b"p=p", PayloadError::Expected),
            (b"d=[\"x", PayloadError::Broken),
        ] {
            assert_eq!(form(FORM, body), Err(error));
        }
        assert_eq!(form("application/json", b"[]"), Err(PayloadError::Expected));
    }

    #[test]
    fn content_types() {
        for content_type in [
            "text/plain",
            "T",
            "application/json",
            "application/xml",
            "",
            "application/json;charset=utf-8",
            "text/xml",
            "text/xml; charset=utf-8",
        ] {
            assert_eq!(messages(content_type, b"[\"a\"]".to_vec()).unwrap(), ["a"], "{content_type}");
        }
        for content_type in ["application/x-www-form-urlencoded", "text/html", "TEXT/PLAIN", " "] {
            assert_eq!(messages(content_type, b"[\"a\"]".to_vec()), Err(PayloadError::Expected), "{content_type}");
        }
    }

    #[test]
    fn errors_have_sockjs_nodes_words() {
        let error = |body: &[u8]| messages("", body.to_vec()).unwrap_err().to_string();
        assert_eq!(error(b""), "Payload expected.");
        assert_eq!(error(b"[\"x"), "Broken JSON encoding.");
        assert_eq!(messages("", b"[]".to_vec()).unwrap(), Vec::<String>::new());
    }
}
