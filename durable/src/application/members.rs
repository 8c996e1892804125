//! Sends messages to the members of a room, and ends members that cannot take them.

use crate::application::connection::enqueue;
use crate::application::host::{Host, Members};
use crate::connection::entry::Entry;
use crate::info::errors::SendError;
use crate::js::clock::now;
use sockjs_protocol::sockjs::close_code::{CloseCode, STORAGE_FAILED, TOO_SLOW};
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::CloseReason;
use std::rc::Rc;

/// Multiple of `queue_limit` that may wait for a member for which the room waits, if the application broadcasts without
/// [`Room::ready`](crate::Room::ready). A burst then closes no client that reads, and memory is bounded.
const UNPACED: usize = 4;

/// Iterates over the open connections of a room, or of one of its groups. Connections that open or close meanwhile may be
/// included.
pub(crate) fn members<'a>(host: &'a Rc<dyn Host>, of: &'a Members) -> impl Iterator<Item = Rc<Entry>> + 'a {
    let mut place = 0;
    std::iter::from_fn(move || next_member(host, of, &mut place))
}

/// Returns the first open connection at `place` or after it, and moves `place` behind it.
pub(crate) fn next_member(host: &Rc<dyn Host>, of: &Members, place: &mut usize) -> Option<Rc<Entry>> {
    loop {
        let (found, entry) = host.clone().member(of, *place)?;
        *place = found + 1;
        if entry.session.borrow().is_open() {
            return Some(entry);
        }
    }
}

/// Sends a message to `to` except `except`, and calls `sent` with the outcome for each member. A member may exceed `queue_limit`
/// as long as the room waits for it, that is, until it `gives_up_on` the member.
pub(crate) fn send_to_members(
    host: &Rc<dyn Host>,
    (to, except): (&Members, Option<&Rc<Entry>>),
    message: &Message,
    queue_limit: usize,
    gives_up_on: impl Fn(&Entry) -> bool,
    mut sent: impl FnMut(&Rc<Entry>, Result<(), SendError>),
) {
    for entry in members(host, to) {
        if except.is_some_and(|except| Rc::ptr_eq(except, &entry)) {
            continue;
        }
        let may_exceed = !gives_up_on(&entry) && entry.waiting() < queue_limit.saturating_mul(UNPACED);
        sent(&entry, enqueue(host, &entry, message.clone(), may_exceed));
    }
}

/// Ends the session of a member that missed a message, since its stream would have a gap. Returns the problem for the log.
pub(crate) fn end_member(entry: &Entry, error: SendError) -> &'static str {
    let (problem, code, text, why) = match error {
        SendError::StorageFailed => {
            ("storage failed", CloseCode::InternalError, STORAGE_FAILED, CloseReason::HandlerFailed)
        }
        // For a broadcast, a closed member is not an error.
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
