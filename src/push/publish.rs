//! Publishing by GRIP: `POST /publish/` sends messages to the connections of a channel, which is a group of a room.

use crate::CloseError;
use crate::admission::secret::is_bearer;
use crate::http::headers::Head;
use crate::http::info::JSON;
use crate::http::refusal::HttpError;
use crate::js::clock::now;
use crate::push::http::{check_method, json, read_body, refusal_response, refused};
use crate::push::remote::{Push, RemoteRoom};
use futures::future::LocalBoxFuture;
use serde::Serialize;
use sockjs_durable::log;
use sockjs_protocol::service::secrets::{SECRET_MIN, is_any_short};
use sockjs_protocol::upstream::grip::publish::{Item, ItemAction, Publication};
use sockjs_protocol::upstream::grip::token::is_valid;
use worker::{Request, Response, Result};

/// Result of a request.
#[derive(Serialize)]
struct Published {
    /// Messages and closes that go to connections.
    connections: usize,
    /// Items without an effect on SockJS clients.
    skipped: usize,
}

/// Message or close for the connections of a channel.
enum Act {
    Send(String),
    Close { code: u16, reason: String },
}

impl Act {
    fn message(&self) -> Option<&str> {
        match self {
            Self::Send(message) => Some(message),
            Self::Close { .. } => None,
        }
    }
}

impl Push {
    /// Answers a POST that publishes to channels of a room, as the libraries of GRIP send it: of the room that the query names, as in
    /// `?room=/chat/lobby`, or else of `room`. The application chooses the path; the libraries choose `/publish/`.
    ///
    /// The request has `Authorization: Bearer`, and one of `keys` or a JSON Web Token that is signed with one of them. Its body
    /// has `items`, each with a `channel` and a `ws-message`, whose `action` is `send` or `close`. Responds with 200 and
    /// `{"connections": n, "skipped": m}`: the number of messages and closes that go to connections, and the number of items without an
    /// effect on SockJS clients. Responds with 400, 401, 404 if there is no such room, 405, 408, 413 or 503, and `{"error": text}`. Of a
    /// body with a wrong item, or a message that is too large, nothing is published; with 503 some items may be.
    ///
    /// # Errors
    ///
    /// Returns an error only if a call of the runtime fails unexpectedly; the runtime then responds with 500.
    pub async fn serve_grip(&self, request: Request, room: &str, keys: &[&str]) -> Result<Response> {
        match self.publish_in_box(&request, room, keys).await {
            Ok(published) => json(Head::typed(200, JSON), serde_json::to_string(&published)?),
            Err(refusal) => refusal_response(&refusal),
        }
    }

    /// Boxed, so that it is compiled here and not in the crate that awaits it.
    fn publish_in_box<'a>(
        &'a self,
        request: &'a Request,
        room: &'a str,
        keys: &'a [&str],
    ) -> LocalBoxFuture<'a, std::result::Result<Published, HttpError>> {
        Box::pin(self.publish(request, room, keys))
    }

    async fn publish(&self, request: &Request, room: &str, keys: &[&str]) -> std::result::Result<Published, HttpError> {
        check_key(request, keys)?;
        check_method(request)?;
        let url = request.inner().url();
        let (_, query) = url.split_once('?').unwrap_or_default();
        let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "room");
        let room = self.room(named.as_ref().map_or(room, |(_, room)| room)).map_err(refused)?;
        let (body, _reservation) = read_body(request).await?;
        let publication = Publication::read(&body).map_err(|error| HttpError::new(400, error.to_string()))?;
        if publication.items.iter().any(|item| item.prev_id.is_some()) {
            log::warn(
                "publish",
                None,
                "prev-id has no effect: clients get items in the order in which they are sent here",
            );
        }
        let mut acts = Vec::new();
        let mut published = Published { connections: 0, skipped: publication.skipped };
        for item in publication.items {
            let Item { number, channel, action, .. } = item;
            let wrong = |error| HttpError::new(400, format!("items[{number}].ws-message: {error}"));
            match act_of(action).map_err(wrong)? {
                Some(act) => acts.push((channel, act)),
                None => published.skipped += 1,
            }
        }
        let mut messages = acts.iter().filter_map(|(_, act)| act.message());
        messages.try_for_each(|message| room.check_size(message)).map_err(refused)?;
        for (channel, act) in acts {
            published.connections += carry_out(&room.to(channel), act).await?;
        }
        Ok(published)
    }
}

async fn carry_out(channel: &RemoteRoom, act: Act) -> std::result::Result<usize, HttpError> {
    let done = match act {
        Act::Send(message) => channel.broadcast(message).await,
        Act::Close { code, reason } => channel.close(code, &reason).await,
    };
    done.map_err(refused)
}

/// Returns what an item asks for. Returns `None` for an item without an effect here.
fn act_of(action: ItemAction) -> std::result::Result<Option<Act>, String> {
    match action {
        ItemAction::Send(content) => {
            content.into_text().map(|text| Some(Act::Send(text))).map_err(|error| error.to_string())
        }
        ItemAction::Close { code, reason } => {
            let code = code.unwrap_or(1000);
            CloseError::check(code, &reason).map_err(|error| error.to_string())?;
            Ok(Some(Act::Close { code, reason }))
        }
        // Clients of SockJS have nothing to fetch.
        ItemAction::Hint => Ok(None),
        ItemAction::Refresh => Err("expected the action send or close: refresh is not supported".into()),
    }
}

/// Checks that a request has a key, or a token that is signed with one.
fn check_key(request: &Request, keys: &[&str]) -> std::result::Result<(), HttpError> {
    if is_any_short(keys) {
        let advice = format!("the keys must have at least {SECRET_MIN} characters each");
        log::error("settings", None, &advice);
        return Err(HttpError::new(500, advice));
    }
    let authorization = request.headers().get("Authorization").ok().flatten().unwrap_or_default();
    let token = authorization.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let is_signed = token.is_some_and(|(_, token)| is_valid(token.trim(), keys.iter().copied(), now()));
    if is_signed || is_bearer(&authorization, keys) {
        return Ok(());
    }
    Err(HttpError::new(401, "a bearer token is needed: a key, or a token that is signed with one"))
}
