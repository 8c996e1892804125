//! Messages for all members of a room.

use crate::application::connection::enqueue;
use crate::application::host::Host;
use crate::connection::entry::Entry;
use crate::info::errors::SendError;
use crate::js::clock::now;
use crate::object::Object;
use crate::observe::log;
use sockjs_protocol::sockjs::close_code::{CloseCode, TOO_SLOW};
use sockjs_protocol::sockjs::session::CloseReason;
use std::rc::Rc;

/// So many times `queue_limit` may wait for a member that the room waits for, if the application broadcasts without
/// [`Room::ready`]: a burst closes nobody who reads, and memory is bounded.
const UNPACED: usize = 4;

impl Object {
    /// Sends a message to the members of a room, but for the one with the id `except`. Returns the number of members that it goes
    /// to. A member whose queue takes no more is closed.
    pub(super) fn broadcast_to_room(self: &Rc<Self>, service: &str, message: &str, except: Option<&str>) -> usize {
        let Some(config) = self.services.find(service).map(|service| &service.config) else { return 0 };
        if message.len() > config.queue_limit {
            log::error("broadcast", Some(service), SendError::TooLarge);
            return 0;
        }
        let message = self.memory.message(message);
        let host: Rc<dyn Host> = self.clone();
        let mut to = self.open_connections(service);
        to.retain(|entry| {
            if except == Some(&entry.info.id) {
                return false;
            }
            let may_exceed =
                !self.gates.gives_up_on(entry) && entry.waiting() < config.queue_limit.saturating_mul(UNPACED);
            match enqueue(&host, entry, message.clone(), may_exceed) {
                Ok(()) => true,
                Err(SendError::Closed) => false,
                Err(error) => {
                    self.end_member(entry, error);
                    false
                }
            }
        });
        self.gates.broadcast(service, config, &to);
        to.len()
    }

    /// Ends a member that a message could not be sent to: it would have a gap.
    fn end_member(self: &Rc<Self>, entry: &Rc<Entry>, error: SendError) {
        let (problem, code, text, why) = match error {
            SendError::StorageFailed => {
                ("storage failed", CloseCode::InternalError.number(), "Storage failed", CloseReason::HandlerFailed)
            }
            // A closed member is no error of the broadcast.
            SendError::Closed | SendError::QueueFull | SendError::TooLarge => (
                "it used up room_patience, and its queue is full",
                CloseCode::TryAgainLater.number(),
                TOO_SLOW,
                CloseReason::TooSlow,
            ),
        };
        log::warn("room", Some(&entry.info.service), format!("a member is closed: {problem}"));
        entry.session.borrow_mut().end(now(), code, text, why);
        self.touch_later(entry);
    }
}
