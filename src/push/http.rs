//! Push as plain HTTP, described by docs/push.openapi.json.

use crate::admission::secret::unauthorized;
use crate::http::body::{self, Reservation, Unread};
use crate::http::headers::{Head, not_cached};
use crate::http::info::JSON;
use crate::http::refusal::HttpError;
use crate::http::response::fixed;
use crate::push::list::RawPage;
use crate::push::remote::{Push, PushError};
use futures::future::LocalBoxFuture;
use serde::Serialize;
use serde::de::IgnoredAny;
use sockjs_protocol::inner::json::Reader;
use sockjs_protocol::time::Millis;
use worker::{Request, Response, Result};

/// Largest body, in bytes.
const BODY_MAX: usize = 1 << 20;

/// Longest time that a body waits for memory.
const BODY_WAIT: Millis = Millis::from_secs(5);

/// The result, or the response that explains why nothing was done.
type Answer = std::result::Result<Done, HttpError>;

/// The body of a request: its target and its action.
#[derive(Debug, Default, PartialEq)]
struct PushRequest {
    room: Option<String>,
    group: Option<String>,
    connection: Option<String>,
    message: Option<String>,
    close: Option<Close>,
    /// True if the connections are to be counted.
    count: bool,
    list: Option<List>,
    /// JSON for the application.
    call: Option<String>,
}

#[derive(Debug, PartialEq)]
struct Close {
    code: u16,
    reason: String,
}

#[derive(Debug, PartialEq)]
struct List {
    after: Option<String>,
    limit: usize,
}

/// Default number of connections in a list.
const LIST_LIMIT: usize = 100;

impl PushRequest {
    /// Reads a body, or returns what is wrong with it. Only its strings are allocated.
    fn read(body: &[u8]) -> std::result::Result<Self, String> {
        let body = std::str::from_utf8(body).map_err(|error| error.to_string())?;
        serde_json::from_str::<IgnoredAny>(body).map_err(|error| error.to_string())?;
        let mut problem = None;
        let push_request = Reader::whole(body, |reader| {
            let mut read = Self::default();
            let fields = Fields { length: body.len(), problem: &mut problem };
            fields.read("the body", reader, |fields, name, reader| match name {
                "room" => fields.text(name, reader).map(|text| read.room = text),
                "group" => fields.text(name, reader).map(|text| read.group = text),
                "connection" => fields.text(name, reader).map(|text| read.connection = text),
                "message" => fields.text(name, reader).map(|text| read.message = text),
                "close" => Close::read(fields, reader).map(|close| read.close = close),
                "count" => fields.flag(name, reader).map(|flag| read.count = flag),
                "list" => List::read(fields, reader).map(|list| read.list = list),
                "call" => reader.raw().map(|json| read.call = Some(json.to_owned())),
                _ => fields.unknown(name, reader),
            })?;
            Some(read)
        });
        // The body is valid JSON, so there is no other reason.
        push_request.ok_or_else(|| problem.unwrap_or_else(|| "the body cannot be read".into()))
    }
}

impl List {
    /// Reads a list, or null.
    fn read(fields: &mut Fields<'_>, reader: &mut Reader<'_>) -> Option<Option<Self>> {
        if reader.null().is_some() {
            return Some(None);
        }
        let (mut after, mut limit) = (None, Some(LIST_LIMIT));
        fields.again().read("list", reader, |fields, name, reader| match name {
            "after" => fields.text(name, reader).map(|text| after = text),
            "limit" => {
                limit = reader.number().filter(|limit| (1..=1_000).contains(limit));
                limit
                    .is_some()
                    .then_some(())
                    .or_else(|| fields.is_wrong("limit must be a number from 1 to 1000".into()))
            }
            _ => fields.unknown(name, reader),
        })?;
        Some(Some(Self { after, limit: limit? }))
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

/// Longest name of an unknown field that a response repeats, in bytes.
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
        reader.text().map(Some).or_else(|| self.is_wrong([name, " must be a string"].concat()))
    }

    /// Reads true or false. Null is false.
    fn flag(&mut self, name: &str, reader: &mut Reader<'_>) -> Option<bool> {
        if reader.null().is_some() {
            return Some(false);
        }
        reader.flag().or_else(|| self.is_wrong([name, " must be true or false"].concat()))
    }

    /// Rejects a field. Its name may be as long as the body.
    fn unknown(&mut self, name: &str, reader: &Reader<'_>) -> Option<()> {
        let ends_at = self.length.saturating_sub(reader.left());
        self.is_wrong(match name.len() {
            ..=NAME_MAX => ["unknown field ", name].concat(),
            _ => format!("unknown field, whose name ends before byte {ends_at}"),
        })
    }

    /// Notes the problem, unless another one was noted before.
    fn is_wrong<T>(&mut self, problem: String) -> Option<T> {
        self.problem.get_or_insert(problem);
        None
    }
}

/// The result of a request.
enum Done {
    /// Number of connections that were reached, or counted.
    Connections(usize),
    List(RawPage),
    /// The application's JSON.
    Answer(String),
}

impl Done {
    fn json(self) -> Result<String> {
        Ok(match self {
            Self::Connections(connections) => format!(r#"{{"connections":{connections}}}"#),
            Self::List(RawPage { list, next }) => {
                let list = list.join(",");
                match next {
                    None => format!(r#"{{"list":[{list}]}}"#),
                    Some(next) => format!(r#"{{"list":[{list}],"next":{}}}"#, serde_json::to_string(&next)?),
                }
            }
            Self::Answer(answer) => format!(r#"{{"answer":{answer}}}"#),
        })
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
}

impl Push {
    /// Answers a POST that pushes or asks something, from any program that knows one of `tokens`. The application chooses the path.
    ///
    /// The request has `Authorization: Bearer <token>` and a JSON body. The target is `room` (a path such as `/chat/lobby`),
    /// optionally with a `group`, or `connection` (an address). The action is one of `message` (a string), `close` (`code` and
    /// `reason`), `count` (true), `list` (`limit` and `after`) and `call` (JSON for
    /// [`Handler::on_call`](crate::Handler::on_call)).
    ///
    /// Responds with 200 and `{"connections": n}`, `{"list": [...]}` or `{"answer": ...}`. Errors have the body `{"error": text}`
    /// and the status 400, 401, 404 for a room or an address that cannot exist, 405, 408, 413, 422 for a call that the
    /// application rejects, 500 if the application failed, 503, or 504 if it took too long. If a token has less than
    /// [`SECRET_MIN`](crate::SECRET_MIN) bytes, every response is 500; without tokens, 401.
    ///
    /// # Errors
    ///
    /// Returns an error only if a call of the runtime fails unexpectedly; the runtime then responds with 500.
    pub async fn serve(&self, request: Request, tokens: &[&str]) -> Result<Response> {
        match self.answer_in_box(&request, tokens).await {
            Ok(done) => json(Head::typed(200, JSON), done.json()?),
            Err(refusal) => refusal_response(&refusal),
        }
    }

    /// Returns true if `request` has `Authorization: Bearer <token>` with one of `tokens`, for the application's own routes. The
    /// comparison takes as long for a wrong token as for a right one. A token shorter than [`SECRET_MIN`](crate::SECRET_MIN)
    /// bytes never matches.
    pub fn is_authorized(request: &Request, tokens: &[&str]) -> bool {
        unauthorized(request, tokens).is_none()
    }

    /// Does the work of `answer`. This is not an async function: the crate that awaits an async function compiles it and its
    /// callees again.
    fn answer_in_box<'a>(&'a self, request: &'a Request, tokens: &'a [&str]) -> LocalBoxFuture<'a, Answer> {
        Box::pin(self.answer(request, tokens))
    }

    async fn answer(&self, request: &Request, tokens: &[&str]) -> Answer {
        if let Some(refusal) = unauthorized(request, tokens) {
            return Err(refusal);
        }
        check_method(request)?;
        let (body, _reservation) = read_body(request).await?;
        let push_request = match PushRequest::read(&body) {
            Ok(push_request) => push_request,
            Err(error) => return Err(HttpError::new(400, error)),
        };
        self.carry_out(push_request).await
    }

    async fn carry_out(&self, push_request: PushRequest) -> Answer {
        let PushRequest { room, group, connection, message, close, count, list, call } = push_request;
        let wanted = [message.is_some(), close.is_some(), count, list.is_some(), call.is_some()];
        if wanted.into_iter().filter(|is_wanted| *is_wanted).count() != 1 {
            return Err(HttpError::new(400, "needs one of message, close, count, list and call"));
        }
        if call.is_some() && group.is_some() {
            return Err(HttpError::new(400, "a call takes no group: the application answers for its room"));
        }
        let done = match (room, connection) {
            (Some(room), None) => {
                let room = self.room(&room).map_err(refused)?;
                let room = group.map_or(room.clone(), |group| room.to(group));
                match (message, close, list, call) {
                    (Some(message), ..) => room.broadcast(message).await.map(Done::Connections),
                    (_, Some(Close { code, reason }), ..) => room.close(code, &reason).await.map(Done::Connections),
                    (_, _, Some(List { after, limit }), _) => room.list(after.as_deref(), limit).await.map(Done::List),
                    (.., Some(call)) => room.call_json(&call).await.map(Done::Answer),
                    (None, None, None, None) => room.count().await.map(Done::Connections),
                }
            }
            (None, Some(address)) if group.is_none() => {
                let connection = self.connection(&address).map_err(refused)?;
                match (message, close) {
                    (Some(message), _) => connection.send(message).await,
                    (_, Some(Close { code, reason })) => connection.close(code, &reason).await,
                    (None, None) => return Err(HttpError::new(400, "a connection takes message or close")),
                }
                .map(|is_open| Done::Connections(usize::from(is_open)))
            }
            _ => return Err(HttpError::new(400, "needs one of room and connection, and a group only with a room")),
        };
        done.map_err(refused)
    }
}

/// Returns the response that explains why nothing was done.
pub(super) fn refused(error: PushError) -> HttpError {
    let status = match error {
        PushError::NoRoom(_) | PushError::NoAddress(_) => 404,
        PushError::BadClose(_) => 400,
        PushError::TooLarge(_) => 413,
        PushError::Rejected(_) => 422,
        PushError::HandlerFailed(_) | PushError::BadAnswer(_) => 500,
        PushError::Misconfigured(_) | PushError::Unavailable(_) => 503,
        PushError::TimedOut(_) => 504,
    };
    HttpError::new(status, described(&error))
}

/// Describes the problem without the path or the address: either came from the body, and may be as long.
fn described(error: &PushError) -> String {
    match error {
        PushError::NoRoom(_) => "room is no room: a service there needs Placement::Room or Shards".into(),
        PushError::NoAddress(_) => "connection is no address of a connection, or after comes from no list".into(),
        _ => error.to_string(),
    }
}

/// Refuses methods other than POST.
pub(super) fn check_method(request: &Request) -> std::result::Result<(), HttpError> {
    if request.inner().method() == "POST" { Ok(()) } else { Err(HttpError::new(405, "only POST")) }
}

/// Reads the body, at most [`BODY_MAX`] bytes. Keep the reservation as long as the body.
pub(super) async fn read_body(request: &Request) -> std::result::Result<(Vec<u8>, Reservation), HttpError> {
    let content_length = request.headers().get("Content-Length").ok().flatten();
    let body = match body::read(request.inner(), content_length.as_deref(), BODY_MAX, BODY_WAIT).await {
        Ok(body) => body,
        Err(Unread::TooLarge) => return Err(HttpError::new(413, "the body is too large")),
        Err(Unread::TooSlow) => return Err(HttpError::new(408, "the body came too slowly")),
        Err(Unread::Busy) => return Err(HttpError::new(503, "too many bodies are being read")),
        Err(Unread::Broken) => return Err(HttpError::new(400, "the body broke off")),
    };
    let (bytes, reservation) = body.into_parts();
    Ok((bytes.read().0, reservation))
}

/// Returns the response to a request that was refused.
pub(super) fn refusal_response(refusal: &HttpError) -> Result<Response> {
    let allow = (refusal.status == 405).then(|| ("Allow", "POST".into()));
    let challenge = (refusal.status == 401).then(|| ("WWW-Authenticate", "Bearer".into()));
    let head = Head::typed(refusal.status, JSON).with(allow).with(challenge);
    json(head, serde_json::to_string(&Problem { error: &refusal.text })?)
}

pub(super) fn json(head: Head, body: String) -> Result<Response> {
    Ok(fixed(head.with(not_cached()), body)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_unescaped_and_the_last_of_a_field_counts() {
        let body = br#" { "message" : "a" , "message" : "\u00e9\n\"", "close" : null, "connection":null } "#;
        let message = Some("\u{e9}\n\"".into());
        let expected = PushRequest { message, ..PushRequest::default() };
        assert_eq!(PushRequest::read(body), Ok(expected));
    }

    #[test]
    fn an_order_has_the_described_fields_and_no_others() {
        let push_request = PushRequest::read(br#"{"room":"/chat/a","message":null,"close":{"code":3000}}"#).unwrap();
        let close = Some(Close { code: 3000, reason: String::new() });
        assert_eq!(push_request, PushRequest { room: Some("/chat/a".into()), close, ..PushRequest::default() });
        let body = br#"{"room":"/a","group":"g","count":true,"list":{"after":"0:x"},"call": {"a" : [1]} }"#;
        let list = Some(List { after: Some("0:x".into()), limit: LIST_LIMIT });
        let (room, group, call) = (Some("/a".into()), Some("g".into()), Some(r#"{"a" : [1]}"#.into()));
        let expected = PushRequest { room, group, count: true, list, call, ..PushRequest::default() };
        assert_eq!(PushRequest::read(body), Ok(expected));
        for (body, error) in [
            (&b"[]"[..], "the body must be an object"),
            (br#"{"room":1}"#, "room must be a string"),
            (br#"{"rooms":"/"}"#, "unknown field rooms"),
            (br#"{"close":3000}"#, "close must be an object"),
            (br#"{"close":{}}"#, "code must be a number"),
            (br#"{"close":{"code":70000}}"#, "code must be a number"),
            (br#"{"close":{"code":3000.5}}"#, "code must be a number"),
            (br#"{"close":{"code":[{"code":3000}]}}"#, "code must be a number"),
            (br#"{"room":[{"room":"/"}]}"#, "room must be a string"),
            (br#"{"close":{"code":3000,"why":""}}"#, "unknown field why"),
            (br#"{"count":1}"#, "count must be true or false"),
            (br#"{"list":true}"#, "list must be an object"),
            (br#"{"list":{"limit":0}}"#, "limit must be a number from 1 to 1000"),
            (br#"{"list":{"limit":1001}}"#, "limit must be a number from 1 to 1000"),
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
