//! Push as plain HTTP, described by docs/push.openapi.json.

use crate::admission::secret::unauthorized;
use crate::http::body::{self, Unread};
use crate::http::headers::{Head, not_cached};
use crate::http::info::JSON;
use crate::http::refusal::HttpError;
use crate::http::response::fixed;
use crate::push::remote::{Push, PushError};
use futures::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::IgnoredAny;
use sockjs_protocol::inner::json::Reader;
use sockjs_protocol::time::Millis;
use worker::{Request, Response, Result};

/// Largest body, in bytes.
const BODY_MAX: usize = 1 << 20;

/// Longest wait of a body for memory.
const BODY_WAIT: Millis = Millis::from_secs(5);

/// The number of connections that took a push, or the response that says why none did.
type Answer = std::result::Result<usize, HttpError>;

/// The body of a request: its target, and what to push.
#[derive(Debug, PartialEq)]
struct PushRequest {
    room: Option<String>,
    connection: Option<String>,
    message: Option<String>,
    close: Option<Close>,
}

#[derive(Debug, PartialEq)]
struct Close {
    code: u16,
    reason: String,
}

impl PushRequest {
    /// Reads a body; an error says what is wrong with it. Nothing is built of the body but its strings.
    fn read(body: &[u8]) -> std::result::Result<Self, String> {
        let body = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        serde_json::from_str::<IgnoredAny>(body).map_err(|error| error.to_string())?;
        let mut problem = None;
        let push_request = Reader::whole(body, |reader| {
            let (mut room, mut connection, mut message, mut close) = (None, None, None, None);
            let fields = Fields { length: body.len(), problem: &mut problem };
            fields.read("the body", reader, |fields, name, reader| match name {
                "room" => fields.text(name, reader).map(|text| room = text),
                "connection" => fields.text(name, reader).map(|text| connection = text),
                "message" => fields.text(name, reader).map(|text| message = text),
                "close" => Close::read(fields, reader).map(|read| close = read),
                _ => fields.unknown(name, reader),
            })?;
            Some(Self { room, connection, message, close })
        });
        // The body is JSON, so there is no other reason.
        push_request.ok_or_else(|| problem.unwrap_or_else(|| "the body cannot be read".into()))
    }
}

impl Close {
    /// Reads a close, or null.
    fn read(fields: &mut Fields<'_>, reader: &mut Reader<'_>) -> Option<Option<Self>> {
        if reader.null().is_some() {
            return Some(None);
        }
        let (mut code, mut reason) = (None, None);
        fields.again().read("close", reader, |fields, name, reader| match name {
            "code" => {
                code = reader.number();
                code.is_some().then_some(()).or_else(|| fields.is_wrong(NO_CODE.into()))
            }
            "reason" => fields.text(name, reader).map(|text| reason = text),
            _ => fields.unknown(name, reader),
        })?;
        let Some(code) = code else { return fields.is_wrong(NO_CODE.into()) };
        Some(Some(Self { code, reason: reason.unwrap_or_default() }))
    }
}

const NO_CODE: &str = "code must be a number";

/// Longest name of an unknown field that an answer repeats, in bytes.
const NAME_MAX: usize = 40;

/// Reads the fields of objects in a body, and keeps the first problem.
struct Fields<'a> {
    /// Bytes of the body.
    length: usize,
    problem: &'a mut Option<String>,
}

impl Fields<'_> {
    fn again(&mut self) -> Fields<'_> {
        Fields { length: self.length, problem: self.problem }
    }

    /// Reads the object `what`.
    fn read<'a>(
        mut self,
        what: &str,
        reader: &mut Reader<'a>,
        mut field: impl FnMut(&mut Self, &'a str, &mut Reader<'a>) -> Option<()>,
    ) -> Option<()> {
        reader
            .object(&mut |name, reader| field(&mut self, name, reader))
            .or_else(|| self.is_wrong([what, " must be an object"].concat()))
    }

    /// Reads the string of a field. Returns `Some(None)` if the field is null.
    fn text(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<Option<String>> {
        if reader.null().is_some() {
            return Some(None);
        }
        reader.text().map(Some).or_else(|| self.is_wrong([name, " must be a text"].concat()))
    }

    /// Refuses a field. Its name may be as long as the body.
    fn unknown(&mut self, name: &str, reader: &Reader<'_>) -> Option<()> {
        let ends_at = self.length.saturating_sub(reader.left());
        self.is_wrong(match name.len() {
            ..=NAME_MAX => ["unknown field ", name].concat(),
            _ => format!("unknown field, whose name ends before byte {ends_at}"),
        })
    }

    /// Notes what is wrong, unless something was before.
    fn is_wrong<T>(&mut self, problem: String) -> Option<T> {
        self.problem.get_or_insert(problem);
        None
    }
}

#[derive(Serialize)]
struct Done {
    connections: usize,
}

#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
}

impl Push {
    /// Answers a POST that pushes something, from any program that knows one of `tokens`. The application chooses the path.
    ///
    /// The request has `Authorization: Bearer <token>` and a JSON body: `room` (a path such as `/chat/lobby`) or
    /// `connection` (an address), and `message` (a text) or `close` (`code` and `reason`). Responds with 200 and
    /// `{"connections": n}`, the number that it reached; 400, 401, 404 for a room or an address that there cannot be, 405, 408,
    /// 413 or 503 with `{"error": text}`. If a token has less than [`SECRET_MIN`](crate::SECRET_MIN) bytes, every request is answered
    /// 500; without tokens, 401.
    ///
    /// # Errors
    ///
    /// Returns an error only if a call of the runtime fails unexpectedly; the runtime then responds with 500.
    pub async fn serve(&self, request: Request, tokens: &[&str]) -> Result<Response> {
        match self.answer_in_box(&request, tokens).await {
            Ok(connections) => json(200, &Done { connections }),
            Err(refusal) => {
                let allow = (refusal.status == 405).then(|| ("Allow", "POST".into()));
                let challenge = (refusal.status == 401).then(|| ("WWW-Authenticate", "Bearer".into()));
                let head = Head::typed(refusal.status, JSON).with(not_cached()).with(allow).with(challenge);
                Ok(fixed(head, serde_json::to_string(&Problem { error: &refusal.text })?)?.into())
            }
        }
    }

    /// Returns true if `request` has `Authorization: Bearer <token>` with one of `tokens`, for a route of the application's own. The
    /// comparison takes as long for a wrong token as for a right one. Tokens below [`SECRET_MIN`](crate::SECRET_MIN) bytes let nobody in.
    pub fn is_authorized(request: &Request, tokens: &[&str]) -> bool {
        unauthorized(request, tokens).is_none()
    }

    /// Does what `answer` does. This is no async function: what those call is compiled in the crate of whoever awaits them, beside
    /// what is here already.
    fn answer_in_box<'a>(&'a self, request: &'a Request, tokens: &'a [&str]) -> LocalBoxFuture<'a, Answer> {
        Box::pin(self.answer(request, tokens))
    }

    async fn answer(&self, request: &Request, tokens: &[&str]) -> Answer {
        if let Some(refusal) = unauthorized(request, tokens) {
            return Err(refusal);
        }
        if request.inner().method() != "POST" {
            return Err(HttpError::new(405, "only POST"));
        }
        let content_length = request.headers().get("Content-Length").ok().flatten();
        let body = match body::read(request.inner(), content_length.as_deref(), BODY_MAX, BODY_WAIT).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => return Err(HttpError::new(413, "the body is too large")),
            Err(Unread::TooSlow) => return Err(HttpError::new(408, "the body came too slowly")),
            Err(Unread::Busy) => return Err(HttpError::new(503, "too many bodies are being read")),
            Err(Unread::Broken) => return Err(HttpError::new(400, "the body broke off")),
        };
        let (body, _reservation) = body.into_parts();
        let (body, _) = body.read();
        let push_request = match PushRequest::read(&body) {
            Ok(push_request) => push_request,
            Err(error) => return Err(HttpError::new(400, error)),
        };
        self.carry_out(push_request).await
    }

    async fn carry_out(&self, push_request: PushRequest) -> Answer {
        let refuse = |error: PushError| {
            let status = match error {
                PushError::NoRoom(_) | PushError::NoAddress(_) => 404,
                PushError::BadClose(_) => 400,
                PushError::TooLarge(_) => 413,
                PushError::Misconfigured(_) | PushError::Unavailable(_) => 503,
            };
            HttpError::new(status, described(&error))
        };
        let done = match push_request {
            PushRequest { room: Some(room), connection: None, message: Some(message), close: None } => {
                self.room(&room).map_err(refuse)?.broadcast(message).await
            }
            PushRequest { room: Some(room), connection: None, message: None, close: Some(Close { code, reason }) } => {
                self.room(&room).map_err(refuse)?.close(code, &reason).await
            }
            PushRequest { room: None, connection: Some(address), message: Some(message), close: None } => {
                self.connection(&address).map_err(refuse)?.send(message).await.map(usize::from)
            }
            PushRequest {
                room: None,
                connection: Some(address),
                message: None,
                close: Some(Close { code, reason }),
            } => self.connection(&address).map_err(refuse)?.close(code, &reason).await.map(usize::from),
            _ => return Err(HttpError::new(400, "needs one of room and connection, and one of message and close")),
        };
        done.map_err(refuse)
    }
}

/// Returns what is wrong, without the path or the address: either stood in the body, and may be as long.
fn described(error: &PushError) -> String {
    match error {
        PushError::NoRoom(_) => "room is no room: a service there needs Placement::Room or Shards".into(),
        PushError::NoAddress(_) => "connection is no address of a connection".into(),
        _ => error.to_string(),
    }
}

fn json(status: u16, body: &impl Serialize) -> Result<Response> {
    Ok(fixed(Head::typed(status, JSON).with(not_cached()), serde_json::to_string(body)?)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_unescaped_and_the_last_of_a_field_counts() {
        let body = br#" { "message" : "a" , "message" : "\u00e9\n\"", "close" : null, "connection":null } "#;
        let message = Some("\u{e9}\n\"".into());
        let expected = PushRequest { room: None, connection: None, message, close: None };
        assert_eq!(PushRequest::read(body), Ok(expected));
    }

    #[test]
    fn an_order_has_the_described_fields_and_no_others() {
        let push_request = PushRequest::read(br#"{"room":"/chat/a","message":null,"close":{"code":3000}}"#).unwrap();
        let close = Some(Close { code: 3000, reason: String::new() });
        assert_eq!(push_request, PushRequest { room: Some("/chat/a".into()), connection: None, message: None, close });
        for (body, error) in [
            (&b"[]"[..], "the body must be an object"),
            (br#"{"room":1}"#, "room must be a text"),
            (br#"{"rooms":"/"}"#, "unknown field rooms"),
            (br#"{"close":3000}"#, "close must be an object"),
            (br#"{"close":{}}"#, "code must be a number"),
            (br#"{"close":{"code":70000}}"#, "code must be a number"),
            (br#"{"close":{"code":3000.5}}"#, "code must be a number"),
            (br#"{"close":{"code":[{"code":3000}]}}"#, "code must be a number"),
            (br#"{"room":[{"room":"/"}]}"#, "room must be a text"),
            (br#"{"close":{"code":3000,"why":""}}"#, "unknown field why"),
        ] {
            assert_eq!(PushRequest::read(body).unwrap_err(), error);
        }
        let long = |length| format!(r#"{{"room":"/","{}":1}}"#, "x".repeat(length));
        assert_eq!(PushRequest::read(long(40).as_bytes()).unwrap_err(), ["unknown field ", &"x".repeat(40)].concat());
        assert_eq!(
            PushRequest::read(long(41).as_bytes()).unwrap_err(),
            "unknown field, whose name ends before byte 56"
        );
        assert!(PushRequest::read(b"{").is_err() && PushRequest::read(b"\"\xff\"").is_err());
    }
}
