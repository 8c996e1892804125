//! The body of `POST /publish/`, by which any program sends messages to the connections of a channel.
//!
//! ```json
//! {"items": [{"channel": "news", "id": "7", "prev-id": "6", "formats": {"ws-message": {"content": "hello"}}}]}
//! ```
//!
//! The formats of an item may also stand in the item itself, as older libraries write them. Only `ws-message` is for
//! WebSockets, and so for SockJS.

use super::{Content, ContentFields, GripError, channel, check_filters, check_json, content, fields, string};
use crate::inner::json::Reader;

/// Most items in one body.
pub const ITEMS_MAX: usize = 1_000;

/// Items of one body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publication {
    /// Items for SockJS clients, in the order in which they are published.
    pub items: Vec<Item>,
    /// Number of items that are not for SockJS clients: they have no `ws-message`, or a ping.
    pub skipped: usize,
}

/// An item that is published to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Number of the item in the body, from 0.
    pub number: usize,
    /// Name of the channel, of 1 to 128 bytes.
    pub channel: String,
    /// Id of the item before this one.
    pub prev_id: Option<String>,
    /// Effect on the connections of the channel.
    pub action: ItemAction,
}

/// Effect of an item on the connections of its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemAction {
    /// The connections get a message.
    Send(Content),
    /// Nothing: the item only says that there is something new to fetch.
    Hint,
    /// The backend gets a request without events for each connection, and may respond with messages.
    Refresh,
    /// The connections are closed.
    Close {
        /// Close code, or `None` if the program gives none. Any number may come.
        code: Option<u16>,
        /// Reason. Empty if the program gives none.
        reason: String,
    },
}

const CONTENT: ContentFields =
    ContentFields { kind: "ws-message.type", text: "ws-message.content", base64: "ws-message.content-bin" };

impl Publication {
    /// Reads a body.
    ///
    /// # Errors
    ///
    /// Returns the first field that is wrong. Nothing of the body is published then.
    pub fn read(body: &[u8]) -> Result<Self, GripError> {
        let body = std::str::from_utf8(body).map_err(|error| GripError::Json(error.to_string()))?;
        check_json(body)?;
        let [items] = fields(body, ["items"]).ok_or(GripError::field("the body", "an object"))?;
        let not_a_list = || GripError::field("items", "a list of items");
        let items = items.ok_or_else(not_a_list)?;
        let (mut publication, mut problem) = (Self::default(), None);
        let read = Reader::whole(items, |reader| {
            reader.array(&mut |reader| {
                let item = reader.raw()?;
                publication.add(item).map_err(|error| problem = Some(error)).ok()
            })
        });
        match (read, problem) {
            (Some(()), _) => Ok(publication),
            (None, Some(error)) => Err(error),
            (None, None) => Err(not_a_list()),
        }
    }

    fn add(&mut self, item: &str) -> Result<(), GripError> {
        let number = self.items.len() + self.skipped;
        if number == ITEMS_MAX {
            return Err(GripError::field("items", "at most 1000 items: send the rest in another request"));
        }
        let read = Item::read(item, number).map_err(|error| match error {
            GripError::Field { field, expected, .. } => GripError::Field { item: Some(number), field, expected },
            GripError::Json(_) => error,
        });
        match read? {
            Some(item) => self.items.push(item),
            None => self.skipped += 1,
        }
        Ok(())
    }
}

impl Item {
    /// Reads an item. Returns `Ok(None)` if it is not for SockJS clients.
    fn read(json: &str, number: usize) -> Result<Option<Self>, GripError> {
        let names = ["channel", "id", "prev-id", "formats", "ws-message"];
        let [name, id, prev_id, formats, own] = fields(json, names).ok_or(GripError::field("", "an object"))?;
        let message = match formats {
            None => own,
            Some(formats) => {
                let [message] = fields(formats, ["ws-message"]).ok_or(GripError::field("formats", "an object"))?;
                message
            }
        };
        let channel = channel(name)?;
        // Nothing here needs the id, but a wrong one is an error all the same.
        string(id, "id")?;
        let prev_id = string(prev_id, "prev-id")?;
        let Some(message) = message else { return Ok(None) };
        Ok(ItemAction::read(message)?.map(|action| Self { number, channel, prev_id, action }))
    }
}

impl ItemAction {
    fn read(json: &str) -> Result<Option<Self>, GripError> {
        let names = ["action", "type", "content", "content-bin", "content-filters", "code", "reason"];
        let found = fields(json, names).ok_or(GripError::field("ws-message", "an object"))?;
        let [action, kind, text, base64, filters, code, reason] = found;
        Ok(Some(match string(action, "ws-message.action")?.as_deref() {
            None | Some("send") => {
                check_filters(filters, "ws-message.content-filters")?;
                let Some(content) = content(&CONTENT, kind, text, base64)? else { return Ok(None) };
                Self::Send(content)
            }
            Some("hint") => Self::Hint,
            Some("refresh") => Self::Refresh,
            Some("close") => {
                let wrong = GripError::field("ws-message.code", "a whole number up to 65535");
                let code = code.map(|code| Reader::whole(code, Reader::number).ok_or(wrong)).transpose()?;
                Self::Close { code, reason: string(reason, "ws-message.reason")?.unwrap_or_default() }
            }
            Some(_) => return Err(GripError::field("ws-message.action", "send, hint, refresh or close")),
        }))
    }
}
