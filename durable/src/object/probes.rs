//! Probes: a receiver is written to, and its client has a moment to show that it is gone.

use crate::connection::entry::Entry;
use crate::connection::links::Link;
use crate::js::clock::now;
use crate::object::Object;
use crate::object::timers::Timer;
use sockjs_protocol::inner::envelope::ToEdge;
use sockjs_protocol::sockjs::session::ReceiverId;
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Time that the client of a first receiver has to show that it is gone, when a second one comes: a newline has to get there and a
/// reset back. Too short, and a client that comes back is turned away; long, it only delays the second receiver.
const PROBE_WAIT: Millis = Millis(200);

/// The receivers that were probed, and the moments at which they count as present.
#[derive(Default)]
pub(super) struct Probes(RefCell<VecDeque<(Millis, Rc<Entry>, ReceiverId)>>);

impl Object {
    /// Probes a receiver.
    pub(super) fn probe(self: &Rc<Self>, entry: &Rc<Entry>, receiver: ReceiverId) {
        let link = entry.links.borrow_mut().take(receiver);
        match link {
            // Still in its grace: its client can only be seen to leave once the response has a head.
            Some(Link::Poll(poll)) => {
                self.upgrade_poll(entry, poll);
                entry.links.borrow_mut().set(receiver, Link::Opening(Vec::new()));
            }
            Some(Link::Inner(inner)) => {
                let _ = inner.send(&ToEdge::Probe);
                entry.links.borrow_mut().set(receiver, Link::Inner(inner));
            }
            Some(link @ (Link::Client(_) | Link::Holder(_) | Link::Opening(_))) => {
                entry.links.borrow_mut().set(receiver, link)
            }
            // Nothing leads to it: it is lost, and is to say so itself.
            None => return self.lose(entry, receiver),
        }
        let at = now() + PROBE_WAIT;
        self.probes.0.borrow_mut().push_back((at, entry.clone(), receiver));
        self.set_timer_to_earlier(Timer::Probe, at);
    }

    /// Tells the sessions of receivers that had their time.
    pub(super) fn end_probes(self: &Rc<Self>) {
        let now = now();
        let next = loop {
            let first = self.probes.0.borrow_mut().pop_front();
            let Some((at, entry, receiver)) = first else { break None };
            if at > now {
                self.probes.0.borrow_mut().push_front((at, entry, receiver));
                break Some(at);
            }
            entry.session.borrow_mut().probed(now, receiver, true);
            self.touch_now(&entry);
        };
        self.set_timer(Timer::Probe, next);
        self.settle();
    }
}
