//! A sending request: its messages are validated here and handed to the object.

use crate::Config;
use crate::http::body::{self, Body, Reservation, Unread, is_large, while_there};
use crate::http::headers::{Head, not_cached};
use crate::http::refusal::{HttpError, NotServed, Refusal};
use crate::http::response::{HttpResponse, bodiless, cookie_of, cors_of, fixed};
use crate::js::clock::now;
use crate::js::random;
use crate::js::request_head::RequestHead;
use crate::object::destination::Destination;
use crate::object::stub::ObjectStub;
use crate::transports::FORBIDDEN;
use crate::transports::turn::Turn;
use futures::future::poll_immediate;
use js_sys::Uint8Array;
use sockjs_durable::log;
use sockjs_protocol::inner::envelope::{Action, Command, LATER, Pass, fits};
use sockjs_protocol::observe::metrics::Refused;
use sockjs_protocol::sockjs::close_code::{CloseCode, TOO_MUCH};
use sockjs_protocol::sockjs::payload::{self, Messages, PayloadError, PayloadLimits};
use sockjs_protocol::sockjs::transport::Send;
use sockjs_protocol::time::Millis;
use std::pin::pin;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Result, web_sys};

#[wasm_bindgen(module = "/src/js/glue.js")]
extern "C" {
    /// Frees the bytes of an array that is not needed any more.
    fn release(body: &Uint8Array);
}

/// Time beyond `send_timeout` in which an object may still ask for a retry of a send.
const SLACK: Millis = Millis::from_secs(10);

/// Failure of a send that closes its session.
struct SendFailure {
    status: u16,
    code: CloseCode,
    counted_as: Refused,
}

const TOO_LARGE: SendFailure = SendFailure { status: 413, code: CloseCode::TooLarge, counted_as: Refused::TooLarge };
const UNAVAILABLE: SendFailure =
    SendFailure { status: 503, code: CloseCode::TryAgainLater, counted_as: Refused::Unavailable };

/// Answers the sending request `row` of `session`.
pub(crate) async fn send(
    row: &'static Send,
    session: &str,
    to: Destination<'_>,
    request: &web_sys::Request,
    request_head: &RequestHead,
) -> Result<HttpResponse> {
    let Destination { config, place, pass, refusals, object, .. } = to;
    // On errors, too, or a script of another origin could not read them.
    let mut common = if row.cors { cors_of(request_head, config) } else { Vec::new() };
    common.extend(not_cached());
    common.extend(cookie_of(request, config)?);
    let name = [&place.prefix, "/", session].concat();
    let to = To { session, config, pass, object, url: &request_head.url };
    let handed_over = match is_large(request_head.content_length.as_deref()) {
        false => hand_over(row, to, Turn::join(name), request, request_head).await,
        // Boxed, so that the future of small sends stays small. Without `while_there`, a client that left would block the
        // session's other sends.
        true => match while_there(request, Box::pin(hand_over_large(row, to, name, request, request_head))).await {
            Some(handed_over) => handed_over,
            None => Err(broken_off().into()),
        },
    };
    match handed_over {
        Ok(()) if row.body.is_empty() => bodiless(Head::typed(row.status, row.content_type).with(common)),
        Ok(()) => fixed(Head::typed(row.status, row.content_type).with(common), row.body),
        Err(NotServed::Refused(Refusal { reason, error })) => {
            refusals.note(None, reason);
            fixed(error.head().with(common), error.text.into_owned())
        }
        Err(NotServed::Failed(error)) => Err(error),
    }
}

async fn hand_over_large(
    row: &Send,
    to: To<'_>,
    name: String,
    request: &web_sys::Request,
    request_head: &RequestHead,
) -> std::result::Result<(), NotServed> {
    let alone = Turn::join_large(&name);
    let turn = Turn::join(name);
    if !alone.wait_large(to.config.send_timeout).await {
        return Err(to.refuse(UNAVAILABLE, TOO_MUCH.into()).await.into());
    }
    hand_over(row, to, turn, request, request_head).await
}

async fn hand_over(
    row: &Send,
    to: To<'_>,
    turn: Turn,
    request: &web_sys::Request,
    request_head: &RequestHead,
) -> std::result::Result<(), NotServed> {
    let config = to.config;
    let length = request_head.content_length.as_deref();
    let body = body::read(request, length, config.body_limit, config.send_timeout).await;
    // The reservation lasts as long as the messages do, also while the object holds them.
    let (outgoing, _reservation) = match outgoing(row, config, request_head, body) {
        Ok(Some(outgoing)) => outgoing,
        Ok(None) => return Ok(()),
        Err(Unsent::Closes(failure, reason)) => return Err(to.refuse(failure, reason).await.into()),
        Err(Unsent::Refused(refusal)) => return Err(refusal.into()),
    };
    turn.wait().await;
    Ok(to.send(outgoing, turn).await?)
}

/// Reason why the messages of a body are not handed over.
enum Unsent {
    /// The session is closed with this reason.
    Closes(SendFailure, String),
    Refused(Refusal),
}

/// Reads the messages of a body, with the reservation of their memory. A body that is only a sign of life has no messages: its
/// response is one already.
fn outgoing(
    row: &Send,
    config: &Config,
    request_head: &RequestHead,
    body: std::result::Result<Body, Unread>,
) -> std::result::Result<Option<(Outgoing, Reservation)>, Unsent> {
    let too_large =
        |what, limit, option| Unsent::Closes(TOO_LARGE, format!("The {what} is larger than {limit} bytes ({option})."));
    let body_too_large = || too_large("body", config.body_limit, "body_limit");
    let unavailable = |reason: &str| Unsent::Closes(UNAVAILABLE, reason.to_owned());
    let (bytes, reservation) = match body {
        Ok(body) => body.into_parts(),
        Err(Unread::TooLarge) => return Err(body_too_large()),
        Err(Unread::TooSlow) => return Err(unavailable("The body came too slowly.")),
        Err(Unread::Busy) => return Err(unavailable("The server is busy.")),
        // The client left in the middle, and will not read this.
        Err(Unread::Broken) => return Err(Unsent::Refused(broken_off())),
    };
    let content_type = request_head.content_type.as_deref().unwrap_or_default();
    let (bytes, mut array) = bytes.read();
    let length = bytes.len();
    let unreadable = |error: PayloadError| Unsent::Refused(Refusal::new(Refused::Malformed, 500, error.to_string()));
    let json = match payload::decode(json(row, content_type, bytes).map_err(unreadable)?) {
        Ok(json) => json,
        Err(not_utf8) => {
            array.take().as_ref().inspect(|array| release(array));
            let length = not_utf8.replaced_len();
            if length > config.body_limit {
                return Err(body_too_large());
            }
            if !reservation.grow(length) {
                return Err(unavailable("The server is busy."));
            }
            not_utf8.replaced()
        }
    };
    match Messages::of_body(json, PayloadLimits::of(config)) {
        Ok(messages) => {
            let count = messages.len();
            let messages = match &config.liveness {
                Some(liveness) => liveness.take_from(messages).0,
                None => messages,
            };
            if messages.is_empty() && count > 0 {
                return Ok(None);
            }
            let is_same = messages.len() == count && messages.is_verbatim() && messages.as_str().len() == length;
            Ok(Some((Outgoing::of(messages, array.filter(|_| is_same)), reservation)))
        }
        Err(PayloadError::TooLarge) => Err(too_large("message", config.message_limit, "message_limit")),
        Err(PayloadError::TooMany) => {
            Err(Unsent::Closes(TOO_LARGE, "The body has too many messages (messages_per_body).".into()))
        }
        Err(error @ (PayloadError::Expected | PayloadError::Broken)) => Err(unreadable(error)),
    }
}

/// The messages of a send, in the form that requests need. For a large body only the JavaScript array is kept.
struct Outgoing {
    count: usize,
    messages: Option<String>,
    body: Option<Uint8Array>,
}

impl Outgoing {
    /// Prepares `messages`. `array`, if any, also holds their JSON.
    fn of(messages: Messages, array: Option<Uint8Array>) -> Self {
        let count = messages.len();
        if fits(messages.as_str()) {
            return Self { count, messages: Some(messages.into_text()), body: None };
        }
        let body = array.unwrap_or_else(|| Uint8Array::from(messages.as_str().as_bytes()));
        Self { count, messages: None, body: Some(body) }
    }
}

/// The session that a send is for, and access to it.
struct To<'a> {
    session: &'a str,
    config: &'a Config,
    pass: Option<Pass>,
    object: ObjectStub,
    url: &'a str,
}

impl To<'_> {
    /// Hands the messages over, and asks again as long as the object holds them.
    async fn send(self, outgoing: Outgoing, turn: Turn) -> std::result::Result<(), Refusal> {
        let Outgoing { count, messages, body } = outgoing;
        // All attempts have the same id, by which the object recognizes the later ones.
        let (session, id) = (self.session.to_owned(), random::id());
        let bytes = body.as_ref().map_or(0, |body| body.length() as usize);
        let command = self.command(Action::Send { session, id, count, bytes, messages });
        // The object gives up before that, unless each attempt reaches a new one.
        let last_try = now() + self.config.send_timeout + SLACK;
        let mut turn = Some(turn);
        let outcome = loop {
            let mut answer = pin!(self.object.send(self.url, &command, body.as_ref()));
            // The first poll sends the request: from then on the object keeps the order.
            let at_once = poll_immediate(answer.as_mut()).await;
            turn.take();
            let answer = match at_once {
                Some(answer) => answer,
                None => answer.await,
            };
            break match answer {
                Ok(204) => Ok(()),
                Ok(LATER) if now() < last_try => continue,
                Ok(404) => Err(Refusal { reason: Refused::UnknownSession, error: HttpError::not_found() }),
                Ok(403) => Err(Refusal::new(Refused::Ticket, 403, FORBIDDEN)),
                Ok(status) => {
                    log::warn(
                        "object",
                        Some(&self.config.prefix),
                        format!("unexpected status {status} of the object for a send"),
                    );
                    Err(unavailable())
                }
                Err(failure) => {
                    log::warn("object", Some(&self.config.prefix), failure);
                    Err(unavailable())
                }
            };
        };
        if let Some(body) = &body {
            release(body);
        }
        outcome
    }

    /// Closes the session because of a send that cannot be accepted, and returns the refusal. From the refusal itself a stock
    /// client only learns that the connection is lost; the close frame has the reason.
    async fn refuse(self, kind: SendFailure, reason: String) -> Refusal {
        let refusal = Refusal::new(kind.counted_as, kind.status, format!("{reason}\n"));
        let (session, code) = (self.session.to_owned(), kind.code.number());
        let command = self.command(Action::Refuse { session, code, reason });
        if let Err(failure) = self.object.send(self.url, &command, None).await {
            log::warn("object", Some(&self.config.prefix), failure);
        }
        refusal
    }

    fn command(&self, action: Action) -> Command {
        Command::new(&self.config.prefix, action).with_pass(self.pass.clone())
    }
}

/// Returns the bytes of a body that hold its messages as JSON: none for a content type that sockjs-node does not read.
fn json(row: &Send, content_type: &str, body: Vec<u8>) -> std::result::Result<Vec<u8>, PayloadError> {
    let media_type = content_type.split(';').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-www-form-urlencoded" if row.form => Ok(form_field(body, b"d=")),
        "text/plain" | "" => Ok(body),
        // Some old browsers send `T`.
        "t" | "application/json" | "application/xml" | "text/xml" if !row.form => Ok(body),
        _ => Err(PayloadError::Expected),
    }
}

/// Returns the value of the first field of a form that begins with `name`. It is decoded in place, since a body may be large.
fn form_field(mut body: Vec<u8>, name: &[u8]) -> Vec<u8> {
    let mut fields = body.split(|byte| *byte == b'&');
    let mut start = 0;
    let field = fields.find_map(|field| {
        let at = start;
        start += field.len() + 1;
        field.starts_with(name).then(|| at + name.len()..at + field.len())
    });
    let Some(field) = field else { return Vec::new() };
    body.truncate(field.end);
    let (mut read, mut written) = (field.start, 0);
    while let Some(byte) = body.get(read).copied() {
        let escaped = (byte == b'%').then(|| body.get(read + 1..read + 3)).flatten().and_then(hex);
        read += if escaped.is_some() { 3 } else { 1 };
        let byte = escaped.unwrap_or(if byte == b'+' { b' ' } else { byte });
        if let Some(place) = body.get_mut(written) {
            *place = byte;
        }
        written += 1;
    }
    body.truncate(written);
    body
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u8::from_str_radix(digits, 16).ok()
}

fn broken_off() -> Refusal {
    Refusal::new(Refused::Malformed, 400, "The body broke off.\n")
}

fn unavailable() -> Refusal {
    Refusal::new(Refused::Unavailable, 503, "The session cannot take messages now.\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockjs_protocol::sockjs::transport::SENDS;

    fn row(segment: &str) -> &'static Send {
        SENDS.iter().find(|row| row.segment == segment).unwrap()
    }

    fn read(segment: &str, content_type: &str, body: &[u8]) -> std::result::Result<Vec<String>, PayloadError> {
        let json = payload::text(json(row(segment), content_type, body.to_vec())?);
        Messages::of_body(json, PayloadLimits::NONE).map(Iterator::collect)
    }

    fn messages(content_type: &str, body: Vec<u8>) -> std::result::Result<Vec<String>, PayloadError> {
        read("xhr_send", content_type, &body)
    }

    #[test]
    fn a_form_has_its_messages_in_field_d() {
        const FORM: &str = "application/x-www-form-urlencoded";
        let form = |content_type: &str, body: &[u8]| read("jsonp_send", content_type, body);
        assert_eq!(form(FORM, b"d=%5B%22a+b%22%5D").unwrap(), ["a b"]);
        assert_eq!(form("Application/X-WWW-Form-Urlencoded", b"d=[\"a\"]").unwrap(), ["a"]);
        assert_eq!(form("application/x-www-form-urlencoded; charset=UTF-8", b"x=1&d=[\"%2525\"]").unwrap(), ["%25"]);
        assert_eq!(form(FORM, b"d=%5B%22%ED%A0%80%22%5D").unwrap(), ["\u{fffd}"]);
        assert_eq!(form("text/plain", b"[\"%61bc\"]").unwrap(), ["%61bc"]);
        assert_eq!(form(FORM, b"ad=1&d=[\"%\",\"%2\",\"%zz%+1\"]&d=2").unwrap(), ["%", "%2", "%zz% 1"]);
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
            "TEXT/PLAIN",
            "Application/JSON ; charset=utf-8",
        ] {
            assert_eq!(messages(content_type, b"[\"a\"]".to_vec()).unwrap(), ["a"], "{content_type}");
        }
        for content_type in ["application/x-www-form-urlencoded", "text/html", "text", "text/plain2"] {
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
