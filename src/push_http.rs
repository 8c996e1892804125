//! Push as plain HTTP, described by docs/push.openapi.json.

use crate::body::{self, Unread};
use crate::headers::{Head, Refusal, not_cached};
use crate::info::JSON;
use crate::push::{Push, PushError};
use crate::respond::fixed;
use crate::secret::{SECRET_MIN, is_any_short, is_bearer};
use serde::Serialize;
use serde_json::Value;
use sockjs_durable::log;
use sockjs_protocol::time::Millis;
use worker::{Request, Response, Result};

/// Largest body, in bytes.
const BODY_MAX: usize = 1 << 20;

/// Longest wait of a body for memory.
const BODY_WAIT: Millis = Millis::from_secs(5);

/// What is pushed.
#[derive(Debug, PartialEq)]
struct Order {
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

impl Order {
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

/// The text of a field, which need not be there.
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
    /// `connection` (an address), and `message` (a text) or `close` (`code` and `reason`). Answered 200 with
    /// `{"connections": n}`, the number that it reached; 400, 401, 404 for a room or an address that there cannot be, 405, 413
    /// or 503 with `{"error": text}`. If a token has less than [`SECRET_MIN`](crate::SECRET_MIN) bytes, every request is answered
    /// 500; without tokens, 401.
    ///
    /// # Errors
    ///
    /// When the runtime refuses what no client should be able to cause.
    pub async fn serve(&self, request: Request, tokens: &[&str]) -> Result<Response> {
        match self.answer(&request, tokens).await? {
            Ok(connections) => json(200, &Done { connections }),
            Err(refusal) => {
                let allow = (refusal.status == 405).then(|| ("Allow", "POST".into()));
                let challenge = (refusal.status == 401).then(|| ("WWW-Authenticate", "Bearer".into()));
                let head = Head::typed(refusal.status, JSON).with(not_cached()).with(allow).with(challenge);
                Ok(fixed(head, serde_json::to_string(&Problem { error: &refusal.text })?)?.into())
            }
        }
    }

    /// Whether `request` has `Authorization: Bearer <token>` with one of `tokens`, for a route of the application's own. It
    /// takes as long for a wrong token as for a right one. Tokens below [`SECRET_MIN`](crate::SECRET_MIN) bytes let nobody in.
    pub fn is_authorized(request: &Request, tokens: &[&str]) -> bool {
        unauthorized(request, tokens).is_none()
    }

    async fn answer(&self, request: &Request, tokens: &[&str]) -> Result<std::result::Result<usize, Refusal>> {
        if let Some(refusal) = unauthorized(request, tokens) {
            return Ok(Err(refusal));
        }
        if request.inner().method() != "POST" {
            return Ok(Err(Refusal::new(405, "only POST")));
        }
        let content_length = request.headers().get("Content-Length")?;
        let body = match body::read(request.inner(), content_length.as_deref(), BODY_MAX, BODY_WAIT).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => return Ok(Err(Refusal::new(413, "the body is too large"))),
            Err(Unread::TooSlow) => return Ok(Err(Refusal::new(408, "the body came too slowly"))),
            Err(Unread::Busy) => return Ok(Err(Refusal::new(503, "too many bodies are being read"))),
            Err(Unread::Broken) => return Ok(Err(Refusal::new(400, "the body broke off"))),
        };
        let (body, _reservation) = body.into_parts();
        let (body, _) = body.read();
        let order = match Order::read(&body) {
            Ok(order) => order,
            Err(error) => return Ok(Err(Refusal::new(400, error))),
        };
        Ok(self.carry_out(order).await)
    }

    async fn carry_out(&self, order: Order) -> std::result::Result<usize, Refusal> {
        let refuse = |error: PushError| {
            let status = match error {
                PushError::NoRoom(_) | PushError::NoAddress(_) => 404,
                PushError::BadClose(_) => 400,
                PushError::TooLarge(_) => 413,
                _ => 503,
            };
            Refusal::new(status, error.to_string())
        };
        let done = match order {
            Order { room: Some(room), connection: None, message: Some(message), close: None } => {
                self.room(&room).map_err(refuse)?.broadcast(message).await
            }
            Order { room: Some(room), connection: None, message: None, close: Some(Close { code, reason }) } => {
                self.room(&room).map_err(refuse)?.close(code, &reason).await
            }
            Order { room: None, connection: Some(address), message: Some(message), close: None } => {
                self.connection(&address).map_err(refuse)?.send(message).await.map(usize::from)
            }
            Order { room: None, connection: Some(address), message: None, close: Some(Close { code, reason }) } => {
                self.connection(&address).map_err(refuse)?.close(code, &reason).await.map(usize::from)
            }
            _ => return Err(Refusal::new(400, "needs one of room and connection, and one of message and close")),
        };
        done.map_err(refuse)
    }
}

/// Returns the refusal of a request that has none of `tokens`, or of tokens that are no secrets.
pub(crate) fn unauthorized(request: &Request, tokens: &[&str]) -> Option<Refusal> {
    if is_any_short(tokens) {
        let advice = format!("the tokens must have at least {SECRET_MIN} characters each");
        log::error("settings", None, &advice);
        return Some(Refusal::new(500, advice));
    }
    let authorization = request.headers().get("Authorization").ok().flatten().unwrap_or_default();
    (!is_bearer(&authorization, tokens)).then(|| Refusal::new(401, "a bearer token is needed"))
}

fn json(status: u16, body: &impl Serialize) -> Result<Response> {
    Ok(fixed(Head::typed(status, JSON).with(not_cached()), serde_json::to_string(body)?)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_the_described_fields_and_no_others() {
        let order = Order::read(br#"{"room":"/chat/a","message":null,"close":{"code":3000}}"#).unwrap();
        let close = Some(Close { code: 3000, reason: String::new() });
        assert_eq!(order, Order { room: Some("/chat/a".into()), connection: None, message: None, close });
        for (body, error) in [
            (&b"[]"[..], "the body must be an object"),
            (br#"{"room":1}"#, "room must be a text"),
            (br#"{"rooms":"/"}"#, "unknown field rooms"),
            (br#"{"close":3000}"#, "close must be an object"),
            (br#"{"close":{}}"#, "code must be a number"),
            (br#"{"close":{"code":70000}}"#, "code must be a number"),
            (br#"{"close":{"code":3000,"why":""}}"#, "unknown field why"),
        ] {
            assert_eq!(Order::read(body).unwrap_err(), error);
        }
        assert!(Order::read(b"{").is_err() && Order::read(b"\"\xff\"").is_err());
    }
}
