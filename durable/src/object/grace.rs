//! The grace of polls: the time for which an attach request waits for a frame before its poll is moved to an inner socket.

use crate::connection::entry::Entry;
use crate::connection::links::Link;
use crate::connection::poll::HeldPoll;
use crate::js::clock::now;
use crate::js::response;
use crate::object::Object;
use crate::object::timers::Timer;
use sockjs_protocol::sockjs::session::ReceiverId;
use sockjs_protocol::time::Millis;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

/// The polls of an object in their grace, with its end. Some may have a response already.
#[derive(Default)]
pub(super) struct Graces(RefCell<VecDeque<(Millis, Weak<Entry>, ReceiverId)>>);

impl Object {
    /// Moves `receiver` to an inner socket unless a frame becomes available within `grace`.
    pub(super) fn begin_grace(self: &Rc<Self>, entry: &Rc<Entry>, receiver: ReceiverId, grace: Millis) {
        let at = now() + grace;
        self.graces.0.borrow_mut().push_back((at, Rc::downgrade(entry), receiver));
        if self.timers.at(Timer::Grace).is_none() {
            self.set_timer(Timer::Grace, Some(at));
        }
    }

    /// Ends the graces that have expired, the oldest first.
    pub(super) fn end_graces(self: &Rc<Self>) {
        let next = loop {
            let Some((at, entry, receiver)) = self.graces.0.borrow_mut().pop_front() else { break None };
            let Some(entry) = entry.upgrade() else { continue };
            if !matches!(entry.links.borrow().get(receiver), Some(Link::Poll(_))) {
                continue;
            }
            if at > now() {
                self.graces.0.borrow_mut().push_front((at, Rc::downgrade(&entry), receiver));
                break Some(at);
            }
            let link = entry.links.borrow_mut().take(receiver);
            if let Some(Link::Poll(poll)) = link {
                entry.links.borrow_mut().set(receiver, Link::Opening(Vec::new()));
                self.upgrade_poll(&entry, poll);
            }
        };
        self.set_timer(Timer::Grace, next);
    }

    /// Answers a poll with 101 when the current code ends, since that code is about to supply the first frames.
    pub(super) fn upgrade_poll(self: &Rc<Self>, entry: &Rc<Entry>, mut poll: HeldPoll) {
        let (object, entry) = (Rc::downgrade(self), Rc::downgrade(entry));
        js_sys::futures::spawn_local(async move {
            let (Some(object), Some(entry)) = (object.upgrade(), entry.upgrade()) else { return };
            let ready = match entry.links.borrow_mut().take(poll.receiver.id) {
                Some(Link::Opening(ready)) => ready,
                Some(Link::Poll(_) | Link::Inner(_) | Link::Holder(_) | Link::Client(_)) | None => Vec::new(),
            };
            let upgraded = object.upgrade(&entry, poll.transport, poll.version, poll.receiver, &ready);
            poll.resolve(&upgraded.unwrap_or_else(response::failed));
        });
    }
}
