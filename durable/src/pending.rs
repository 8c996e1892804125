//! A poll that waits for a frame within its grace: its request to the object is not answered yet.
//!
//! No task waits with it. Who has a frame for it answers it there and then, and one timer of the object ends the grace of
//! all. A task and a timer for each would be made and taken back without having done anything.

use crate::connection::Entry;
use crate::link::{Answer, Link};
use crate::object::Object;
use crate::reply::{self, Later, Reply, problem};
use crate::runtime::now;
use sockjs_protocol::inner::envelope::Version;
use sockjs_protocol::sockjs::session::{Receiver, ReceiverId};
use sockjs_protocol::sockjs::transport::Transport;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;
use worker::Delay;

/// The answer that a poll waits for. Dropped, it says that there is none.
pub(crate) struct Pending {
    later: Later,
    object: Weak<Object>,
    entry: Weak<Entry>,
    transport: Transport,
    version: Version,
    receiver: Receiver,
    is_answered: bool,
}

impl Pending {
    pub fn new(
        later: Later,
        object: &Rc<Object>,
        entry: &Rc<Entry>,
        transport: Transport,
        version: Version,
        receiver: Receiver,
    ) -> Self {
        let (object, entry) = (Rc::downgrade(object), Rc::downgrade(entry));
        Self { later, object, entry, transport, version, receiver, is_answered: false }
    }

    /// Answers it; gives the answer back if that cannot be.
    pub fn send(mut self, answer: Answer) -> Result<(), Answer> {
        match answer {
            Answer::Frame(delivery) => match reply::frame(&delivery, self.version) {
                Ok(reply) => self.resolve(&reply),
                Err(_) => return Err(Answer::Frame(delivery)),
            },
            Answer::Upgrade => {
                // Not now: whoever asks for it is about to say what the first frames are.
                js_sys::futures::spawn_local(async move {
                    if let Some(reply) = self.upgrade() {
                        self.resolve(&reply);
                    }
                });
            }
        }
        Ok(())
    }

    fn upgrade(&self) -> Option<Reply> {
        let (object, entry) = (self.object.upgrade()?, self.entry.upgrade()?);
        let ready = match entry.links.borrow_mut().take(self.receiver.id) {
            Some(Link::Opening(ready)) => ready,
            _ => Vec::new(),
        };
        Some(object.upgrade(&entry, self.transport, self.version, self.receiver, &ready).unwrap_or_else(reply::failed))
    }

    fn resolve(&mut self, reply: &Reply) {
        self.is_answered = true;
        self.later.resolve(reply);
    }
}

impl Drop for Pending {
    /// Another request of the same receiver took its place, or the session ended for good.
    fn drop(&mut self) {
        if !self.is_answered
            && let Ok(reply) = problem("receiver replaced", 503)
        {
            self.later.resolve(&reply);
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

/// The polls of an object that are in their grace, and when it ends. Some may be answered already.
#[derive(Default)]
pub(crate) struct Graces {
    waiting: RefCell<VecDeque<(Millis, Weak<Entry>, ReceiverId)>>,
    has_timer: Cell<bool>,
}

impl Object {
    /// Puts `receiver` on an inner socket if no frame comes for it within `grace`.
    pub(crate) fn begin_grace(self: &Rc<Self>, entry: &Rc<Entry>, receiver: ReceiverId, grace: Millis) {
        self.graces.waiting.borrow_mut().push_back((now() + grace, Rc::downgrade(entry), receiver));
        if !self.graces.has_timer.replace(true) {
            self.run(self.clone().end_graces(grace), "grace");
        }
    }

    async fn end_graces(self: Rc<Self>, first: Millis) -> worker::Result<()> {
        let mut wait = first;
        loop {
            Delay::from(Duration::from_millis(wait.0)).await;
            let next = self.end_due();
            let Some(at) = next else { break };
            wait = at - now();
        }
        self.graces.has_timer.set(false);
        Ok(())
    }

    /// Ends those that are due; gives when the next one is.
    fn end_due(&self) -> Option<Millis> {
        loop {
            let (at, entry, receiver) = self.graces.waiting.borrow_mut().pop_front()?;
            let Some(entry) = entry.upgrade() else { continue };
            if !matches!(entry.links.borrow().get(receiver), Some(Link::Pending(_))) {
                continue;
            }
            if at > now() {
                self.graces.waiting.borrow_mut().push_front((at, Rc::downgrade(&entry), receiver));
                return Some(at);
            }
            let link = entry.links.borrow_mut().take(receiver);
            if let Some(Link::Pending(pending)) = link {
                entry.links.borrow_mut().set(receiver, Link::Opening(Vec::new()));
                let _ = pending.send(Answer::Upgrade);
            }
        }
    }
}
