//! Messages for the members of a room, and the end of members that cannot take them.

use crate::application::connection::enqueue;
use crate::application::host::Host;
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

/// Sends a message to `members`, but for the one with the id `except`, and leaves in `members` those that it goes to. A member may
/// exceed `queue_limit` as long as the room waits for it, which is until it `gives_up_on` the member. Calls `end` for a member that
/// cannot take the message.
pub(crate) fn send_to_members(
    host: &Rc<dyn Host>,
    members: &mut Vec<Rc<Entry>>,
    (message, except): (&Message, Option<&str>),
    queue_limit: usize,
    gives_up_on: impl Fn(&Entry) -> bool,
    end: impl Fn(&Rc<Entry>, SendError),
) {
    members.retain(|entry| {
        if except == Some(&entry.info.id) {
            return false;
        }
        let may_exceed = !gives_up_on(entry) && entry.waiting() < queue_limit.saturating_mul(UNPACED);
        match enqueue(host, entry, message.clone(), may_exceed) {
            Ok(()) => true,
            Err(SendError::Closed) => false,
            Err(error) => {
                end(entry, error);
                false
            }
        }
    });
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
