//! Messages of a backend to the gateway, about the connection that they come on.

use super::{Content, ContentFields, GripError, channel, check_filters, check_json, content, fields, string};
use crate::inner::json::Reader;
use crate::time::Millis;

/// A message to the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// From now on, the client gets the messages that are published to the channel.
    Subscribe {
        /// Name of the channel, of 1 to 128 bytes.
        channel: String,
    },
    /// From now on, the client gets no more messages that are published to the channel.
    Unsubscribe {
        /// Name of the channel, of 1 to 128 bytes.
        channel: String,
    },
    /// The backend gets no more of the client's messages. The client stays connected to its channels.
    Detach,
    /// From now on, the client gets this message regularly. It replaces an earlier one. `None` ends that, as does a ping:
    /// SockJS's own heartbeats do the same.
    KeepAlive(Option<KeepAlive>),
    /// The client gets this message. Its delay is dropped: it comes at once.
    SendDelayed(Content),
    /// The delayed message is sent at once, as it was already.
    FlushDelayed,
}

/// A message that keeps a connection alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepAlive {
    /// The message.
    pub content: Content,
    /// Time between two messages. Default: 55 s.
    pub timeout: Millis,
    /// Moment from which the time counts.
    pub mode: KeepAliveMode,
}

/// Moment from which the time of a [`KeepAlive`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeepAliveMode {
    /// The last message to the client.
    #[default]
    Idle,
    /// The last message of the [`KeepAlive`], even if others were sent since.
    Interval,
}

const KEEP_ALIVE: Millis = Millis::from_secs(55);

const CONTENT: ContentFields = ContentFields { kind: "message-type", text: "content", base64: "content-bin" };

impl Control {
    /// Reads a message to the gateway, without its prefix. Returns `Ok(None)` for one that has no effect here: one of an
    /// unknown type, one that only names the connection or its filters (`session`, `set-meta`), a delayed ping.
    ///
    /// # Errors
    ///
    /// Returns the first field that is wrong. The message then has no effect, and the connection goes on.
    pub fn read(json: &str) -> Result<Option<Self>, GripError> {
        check_json(json)?;
        let names = ["type", "channel", "filters", "message-type", "content", "content-bin", "timeout", "mode"];
        let found = fields(json, names).ok_or(GripError::field("the message", "an object"))?;
        let [kind, name, filters, message_type, text, base64, timeout, mode] = found;
        let kind = string(kind, "type")?.ok_or(GripError::field("type", "a string"))?;
        Ok(Some(match &*kind {
            "subscribe" => {
                check_filters(filters, "filters")?;
                Self::Subscribe { channel: channel(name)? }
            }
            "unsubscribe" => Self::Unsubscribe { channel: channel(name)? },
            "detach" => Self::Detach,
            "keep-alive" if text.is_none() && base64.is_none() => Self::KeepAlive(None),
            "keep-alive" => {
                let timeout = seconds(timeout)?.unwrap_or(KEEP_ALIVE);
                let mode = match string(mode, "mode")?.as_deref() {
                    Some("interval") => KeepAliveMode::Interval,
                    _ => KeepAliveMode::Idle,
                };
                let content = content(&CONTENT, message_type, text, base64)?;
                Self::KeepAlive(content.map(|content| KeepAlive { content, timeout, mode }))
            }
            "send-delayed" => {
                // Nothing here needs the delay, but a wrong one is an error all the same.
                seconds(timeout)?;
                let Some(content) = content(&CONTENT, message_type, text, base64)? else { return Ok(None) };
                Self::SendDelayed(content)
            }
            "flush-delayed" => Self::FlushDelayed,
            _ => return Ok(None),
        }))
    }
}

/// Reads a number of seconds. Zero means the default, as for Pushpin.
fn seconds(json: Option<&str>) -> Result<Option<Millis>, GripError> {
    let Some(json) = json else { return Ok(None) };
    let seconds = Reader::whole(json, Reader::number::<u32>);
    match seconds.ok_or(GripError::field("timeout", "a whole number of seconds"))? {
        0 => Ok(None),
        seconds => Ok(Some(Millis::from_secs(seconds.into()))),
    }
}
