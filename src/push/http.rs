//! Push as plain HTTP, described by docs/push.openapi.json.

use crate::admission::secret::unauthorized;
use crate::http::body::{self, Unread};
use crate::http::headers::{Head, not_cached};
use crate::http::info::JSON;
use crate::http::refusal::HttpError;
use crate::http::response::fixed;
use crate::push::remote::{Push, PushError};
use serde::Serialize;
use serde_json::Value;
use sockjs_protocol::time::Millis;
use worker::{Request, Response, Result};

/// Largest body, in bytes.
const BODY_MAX: usize = 1 << 20;

/// Longest wait of a body for memory.
const BODY_WAIT: Millis = Millis::from_secs(5);

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
    /// Reads a body; an error says what is wrong with it.
    fn read(body: &[u8]) -> std::result::Result<Self, String> {
        let body = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        let mut fields = fields("the body", serde_json::from_str(body).map_err(|error| error.to_string())?)?;
        let close = match fields.remove("close") {
            None | Some(Value::Null) => None,
            Some(close) => Some(Close::read(close)?),
        };
        let (room, connection) = (text(&mut fields, "room")?, text(&mut fields, "connection")?);
        let message = text(&mut fields, "message")?;
        nothing_else(&fields)?;
        Ok(Self { room, connection, message, close })
    }
}

impl Close {
    fn read(close: Value) -> std::result::Result<Self, String> {
        let mut fields = fields("close", close)?;
        let code = fields.remove("code").and_then(|code| code.as_u64()).and_then(|code| code.try_into().ok());
        let code = code.ok_or("code must be a number")?;
        let reason = text(&mut fields, "reason")?.unwrap_or_default();
        nothing_else(&fields)?;
        Ok(Self { code, reason })
    }
}

type Fields = serde_json::Map<String, Value>;

fn fields(name: &str, value: Value) -> std::result::Result<Fields, String> {
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err([name, " must be an object"].concat()),
    }
}

/// Takes the string of a field. Returns `None` if the field is missing or null.
fn text(fields: &mut Fields, name: &str) -> std::result::Result<Option<String>, String> {
    match fields.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err([name, " must be a text"].concat()),
    }
}

fn nothing_else(fields: &Fields) -> std::result::Result<(), String> {
    fields.keys().next().map_or(Ok(()), |name| Err(["unknown field ", name].concat()))
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
    /// `{"connections": n}`, the number that it reached; 400, 401, 404 for a room or an address that there cannot be, 405, 413
    /// or 503 with `{"error": text}`. If a token has less than [`SECRET_MIN`](crate::SECRET_MIN) bytes, every request is answered
    /// 500; without tokens, 401.
    ///
    /// # Errors
    ///
    /// Returns an error only if a call of the runtime fails unexpectedly; the runtime then responds with 500.
    pub async fn serve(&self, request: Request, tokens: &[&str]) -> Result<Response> {
        match self.answer(&request, tokens).await {
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

    async fn answer(&self, request: &Request, tokens: &[&str]) -> std::result::Result<usize, HttpError> {
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

    async fn carry_out(&self, push_request: PushRequest) -> std::result::Result<usize, HttpError> {
        let refuse = |error: PushError| {
            let status = match error {
                PushError::NoRoom(_) | PushError::NoAddress(_) => 404,
                PushError::BadClose(_) => 400,
                PushError::TooLarge(_) => 413,
                PushError::Misconfigured(_) | PushError::Unavailable(_) => 503,
            };
            HttpError::new(status, error.to_string())
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

fn json(status: u16, body: &impl Serialize) -> Result<Response> {
    Ok(fixed(Head::typed(status, JSON).with(not_cached()), serde_json::to_string(body)?)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (br#"{"close":{"code":3000,"why":""}}"#, "unknown field why"),
        ] {
            assert_eq!(PushRequest::read(body).unwrap_err(), error);
        }
        assert!(PushRequest::read(b"{").is_err() && PushRequest::read(b"\"\xff\"").is_err());
    }
}
