//! Links from the Workers of a cluster: inner sockets of a node that fell silent count as lost.
//!
//! A node that hangs, or whose machine lost its power or its network, closes nothing. The Worker of a node asks on each of its inner
//! sockets every 5 s whether the object is there (`cluster/links.js`). The runtime answers, also while the object sleeps, and keeps the
//! time of its last answer.

use crate::js::clock::now;
use crate::js::runtime::{auto_response_time, is_node};
use crate::js::sockets;
use crate::object::Object;
use sockjs_protocol::sockjs::session::Departure;
use sockjs_protocol::time::Millis;
use std::rc::Rc;
use worker::WebSocket;

/// Pause between two looks at all links. Whoever needs to know comes with an event.
const LOOK_EVERY: Millis = Millis::from_secs(5);

/// Time without a question after which a link is lost: three were due.
const SILENT_AFTER: Millis = Millis::from_secs(15);

impl Object {
    /// Gives up the receivers whose nodes fell silent. Their Workers attach them again if they can.
    pub(super) fn give_up_silent_links(self: &Rc<Self>) {
        if !is_node() {
            return;
        }
        let now = now();
        if self.links_seen.get() + LOOK_EVERY > now {
            return;
        }
        self.links_seen.set(now);
        let entries = self.table.borrow().entries();
        for entry in entries {
            let silent: Vec<_> =
                entry.links.borrow().inner_sockets().filter(|(_, socket)| self.is_silent(now, socket)).collect();
            for (receiver, socket) in silent {
                entry.links.borrow_mut().lost(receiver, &socket);
                self.table.borrow_mut().remove_socket(&socket);
                sockets::close(&socket, sockets::REPLACED, "no answer");
                entry.session.borrow_mut().detach(now, receiver, Departure::Broken);
                self.touch_now(&entry);
            }
        }
    }

    /// True if the node at the other end asked before, and not for a while.
    fn is_silent(&self, now: Millis, socket: &WebSocket) -> bool {
        // The error is that the socket is lost, which its close event tells. The time is a positive whole number of milliseconds.
        let asked = auto_response_time(self.state.as_raw(), socket.as_ref()).ok().flatten();
        asked.is_some_and(|at| Millis(at as u64) + SILENT_AFTER < now)
    }
}
