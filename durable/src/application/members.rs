//! Messages for the members of a room, and the end of members that cannot take them.

use crate::application::connection::enqueue;
use crate::application::host::{Host, Members};
use crate::connection::entry::Entry;
use crate::info::errors::SendError;
use crate::js::clock::now;
use sockjs_protocol::sockjs::close_code::{CloseCode, TOO_SLOW};
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::CloseReason;
use std::rc::Rc;

/// Multiple of `queue_limit` that may wait for a member that the room waits for, if the application broadcasts without
/// [`Room::ready`](crate::Room::ready): a burst closes nobody who reads, and memory is bounded.
const UNPACED: usize = 4;

/// Goes through the open connections of a room, or of one of its groups. Whoever comes or goes meanwhile may be found or not.
pub(crate) fn members<'a>(host: &'a Rc<dyn Host>, of: &'a Members) -> impl Iterator<Item = Rc<Entry>> + 'a {
    let mut place = 0;
    std::iter::from_fn(move || {
        let (found, entry) = host.clone().member(of, place)?;
        place = found + 1;
        Some(entry)
    })
}

/// Sends a message to a member. It may exceed `queue_limit` as long as the room waits for it, which is until the room
/// `is_given_up`.
pub(crate) fn send_to_member(
    host: &Rc<dyn Host>,
    entry: &Rc<Entry>,
    message: &Message,
    queue_limit: usize,
    is_given_up: bool,
) -> Result<(), SendError> {
    let may_exceed = !is_given_up && entry.waiting() < queue_limit.saturating_mul(UNPACED);
    enqueue(host, entry, message.clone(), may_exceed)
}

/// Ends the session of a member that a message could not be sent to, since it would have a gap. Returns the problem, for the log.
pub(crate) fn end_member(entry: &Entry, error: SendError) -> &'static str {
    let (problem, code, text, why) = match error {
        SendError::StorageFailed => {
            ("storage failed", CloseCode::InternalError, "Storage failed", CloseReason::HandlerFailed)
        }
        // A closed member is no error of the broadcast.
        SendError::Closed | SendError::QueueFull | SendError::TooLarge => (
            "it used up room_patience, and its queue is full",
            CloseCode::TryAgainLater,
            TOO_SLOW,
            CloseReason::TooSlow,
        ),
    };
    entry.session.borrow_mut().end(now(), code.number(), text, why);
    problem
}
