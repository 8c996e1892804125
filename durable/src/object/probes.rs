//! Probes: the object writes to a receiver, so that a client that is gone causes an error.

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

/// Time for the first receiver's client to show that it is gone when a second receiver attaches: a newline has to reach it and a
/// reset has to come back. If this is too short, a client that reconnects is rejected; if long, it only delays the second
/// receiver.
const PROBE_WAIT: Millis = Millis(200);

/// The probed receivers, and the times at which they count as present.
#[derive(Default)]
pub(super) struct Probes(RefCell<VecDeque<(Millis, Rc<Entry>, ReceiverId)>>);

impl Object {
    /// Probes a receiver.
    pub(super) fn probe(self: &Rc<Self>, entry: &Rc<Entry>, receiver: ReceiverId) {
        let link = entry.links.borrow_mut().take(receiver);
        match link {
            // Still in its grace: the departure of its client can only be detected once the response has a head.
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
            // There is no link: the receiver is lost.
            None => return self.lose(entry, receiver),
        }
        let at = now() + PROBE_WAIT;
        self.probes.0.borrow_mut().push_back((at, entry.clone(), receiver));
        self.set_timer_to_earlier(Timer::Probe, at);
    }

    /// Notifies the sessions of probed receivers whose time is over.
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
