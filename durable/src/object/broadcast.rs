//! Broadcasts to the members of a room.

use crate::application::host::{Host, Members};
use crate::application::members::{end_member, send_to_members};
use crate::connection::entry::Entry;
use crate::info::errors::SendError;
use crate::object::Object;
use crate::observe::log;
use std::rc::Rc;

/// The recipients of a message.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Reached {
    /// Number of members.
    pub members: usize,
    /// True if one of them survives a restart of the object.
    pub outlives: bool,
}

impl Object {
    /// Sends a message to the members of a room, or of one of its groups, except `except`. Returns the recipients. A member whose
    /// queue is full is closed.
    pub(super) fn broadcast_to_members(
        self: &Rc<Self>,
        to: &Members,
        message: &str,
        except: Option<&Rc<Entry>>,
    ) -> Reached {
        let service = &*to.service;
        let Some(config) = self.services.find(service).map(|service| &service.config) else {
            return Reached::default();
        };
        if message.len() > config.queue_limit {
            log::error("broadcast", Some(service), SendError::TooLarge);
            return Reached::default();
        }
        let message = self.memory.message(message);
        let host: Rc<dyn Host> = self.clone();
        let mut reached = Reached::default();
        let gives_up_on = |entry: &_| self.gates.gives_up_on(entry);
        send_to_members(&host, (to, except), &message, config.queue_limit, gives_up_on, |entry, sent| match sent {
            Ok(()) => {
                reached.members += 1;
                reached.outlives |= !entry.info.has_own_socket();
                self.gates.sent(config, entry);
            }
            Err(SendError::Closed) => {}
            Err(error) => {
                let problem = end_member(entry, error);
                log::warn("room", Some(service), format!("a member is closed: {problem}"));
                self.touch_later(entry);
            }
        });
        self.gates.broadcast(service, reached.members);
        reached
    }
}
