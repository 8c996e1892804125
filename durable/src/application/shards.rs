//! The handle of all objects of a room.

use crate::application::group::Recipients;
use crate::info::errors::{CloseError, ShardsError};
use sockjs_protocol::inner::envelope::Push;
use std::fmt;

/// All connections of a room, or of one of its groups, across all of its objects. With
/// [`Placement::Shards`](sockjs_protocol::service::options::Placement::Shards) a room has several; otherwise this is the same as
/// the room.
///
/// Calls of one object reach every other object of the room in the order in which they were made. Each object takes a message
/// when its members have read enough (see [`Room::ready`](crate::Room::ready)), and a slow object does not hold up the others. If
/// an object restarts before it answers, the message is sent again for up to 30 s, and its members get it once.
///
/// ```
/// # async fn announce(room: &sockjs_durable::Room) -> worker::Result<()> {
/// let all = room.all();
/// all.broadcast("the doors close").await?;
/// all.to("staff").broadcast(format!("{} are here", all.count().await?)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AllShards(pub(crate) Recipients);

impl AllShards {
    /// Returns the group with this name, across all objects.
    pub fn to(&self, group: impl Into<String>) -> Self {
        Self(self.0.group(group.into()))
    }

    /// Sends a message to every connection. Returns their number.
    ///
    /// # Errors
    ///
    /// If an object did not take the message: the error names the object. The connections in the other objects have the message.
    pub async fn broadcast(&self, message: impl AsRef<str>) -> Result<usize, ShardsError> {
        self.push(Push::Message, message.as_ref()).await
    }

    /// Returns the number of open connections.
    ///
    /// # Errors
    ///
    /// If an object did not answer.
    pub async fn count(&self) -> Result<usize, ShardsError> {
        self.push(Push::Count, "").await
    }

    /// Closes every connection, with 1000 or 3000-4999 and a reason of at most 123 bytes. Returns their number.
    ///
    /// # Errors
    ///
    /// A `CloseError` if code or reason are invalid; a `ShardsError` if an object failed.
    pub async fn close(&self, code: u16, reason: &str) -> worker::Result<usize> {
        CloseError::check(code, reason)?;
        Ok(self.push(Push::Close { code, reason: reason.to_owned() }, "").await?)
    }

    async fn push(&self, push: Push, message: &str) -> Result<usize, ShardsError> {
        let Recipients { members, host } = &self.0;
        host.upgrade().ok_or_else(ShardsError::gone)?.push_to_all(members.clone(), push, message.into()).await
    }
}

impl fmt::Debug for AllShards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllShards").field("of", &self.0.members).finish_non_exhaustive()
    }
}
