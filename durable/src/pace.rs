//! Driving [`Pacing`](sockjs_protocol::sockjs::pacing::Pacing): running handlers as far as their client keeps up, and going on when it
//! has read.
//!
//! A response tells by its acknowledgements that its client has read. A client's own WebSocket tells nothing, so its
//! `bufferedAmount` is looked at from time to time while somebody waits for it; where the runtime has none (before workerd
//! 1.20261117) nobody waits.

use crate::budget;
use crate::connection::{Connection, Entry, SendError};
use crate::log;
use crate::object::Object;
use crate::runtime::{in_one_moment, now, run, set_timeout};
use futures::channel::oneshot;
use sockjs_protocol::sockjs::close_code::CloseCode;
use sockjs_protocol::sockjs::pacing::{Ahead, Job, Refusal, SendAnswer};
use sockjs_protocol::sockjs::session::CloseReason;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::Closure;

/// First and longest time between two looks at a client's WebSocket, in milliseconds: each is twice the one before.
const LOOK_FIRST: u32 = 2;
const LOOK_LONGEST: u32 = 50;

/// Time between two looks at a session over HTTP, which tells by itself when its client has read. The timer keeps the object,
/// and the messages in its memory, from going to sleep after 10 s of silence.
const KEEP_AWAKE: u32 = 5_000;

/// Whoever waits for something that happens to a connection.
#[derive(Default)]
pub(crate) struct Waiters {
    /// Requests with a send, for its answer.
    pub sends: Vec<(u64, oneshot::Sender<SendAnswer>)>,
    /// Handlers, until less waits for the client.
    ready: Vec<oneshot::Sender<()>>,
    /// Requests with a send that was refused, until the client took the close frame.
    pub close_read: Vec<oneshot::Sender<()>>,
}

impl Waiters {
    fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.ready.is_empty() && self.close_read.is_empty()
    }
}

/// Connections that are looked at again after a time.
#[derive(Default)]
pub(crate) struct Looks {
    sockets: Look,
    sessions: Look,
}

#[derive(Default)]
struct Look {
    entries: RefCell<Vec<Rc<Entry>>>,
    after: Cell<u32>,
    on_timer: OnceCell<Closure<dyn FnMut()>>,
}

impl Connection {
    /// Waits until no more than half of `queue_limit` waits for the client. Await it before each message of a loop: then
    /// [`Connection::send`] does not fail with [`SendError::QueueFull`], however slowly the client reads. On a connection from
    /// [`Room::connections`](crate::Room::connections), only messages of up to half of `queue_limit` are sure to fit.
    ///
    /// ```ignore
    /// for line in report.lines() {
    ///     conn.ready().await?;
    ///     conn.send(line)?;
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] as soon as the connection is closing or closed, so that a loop ends when its client leaves. A handler
    /// that fails with it then loses nothing: what the client sent before it left is still handled.
    pub async fn ready(&self) -> Result<(), SendError> {
        loop {
            if !self.entry.session.borrow().is_open() {
                return Err(SendError::Closed);
            }
            let Some(object) = self.object.upgrade() else { return Err(SendError::Closed) };
            if !self.entry.is_behind(object.memory.is_short()) {
                self.entry.may_exceed.set(self.is_own || self.entry.may_exceed.get());
                return Ok(());
            }
            let (ready, wait) = oneshot::channel();
            self.entry.waiters.borrow_mut().ready.push(ready);
            object.touch(&self.entry);
            // It can only be cancelled with the connection, which is seen above.
            let _ = wait.await;
        }
    }
}

impl Object {
    /// Runs the handler as far as the client keeps up, and answers whoever waits for that.
    pub(crate) fn pace(self: &Rc<Self>, entry: &Rc<Entry>) {
        let holds_up = self.gates.look(entry) || self.waits_for_memory_of(entry);
        if entry.is_at_rest() {
            if holds_up {
                self.look_again(entry);
            }
            return;
        }
        loop {
            if !entry.info.transport.is_websocket() {
                entry.look();
            }
            let ahead = self.ahead_of(entry);
            if !entry.pacing.borrow_mut().begin(ahead) {
                if entry.pacing.borrow().waits_for_room(ahead) {
                    self.wait_at_gate(entry);
                }
                break;
            }
            let handlers = Box::pin(run_handlers(self.clone(), entry.clone()));
            run(&self.state, Box::pin(self.settling(handlers)));
        }
        budget::count(entry);
        if entry.share.is_lost() && entry.session.borrow().is_open() {
            self.overrun(entry);
            self.drain(entry);
        }
        entry.tell_waiters(self.memory.is_short());
        let waits = entry.pacing.borrow().is_waiting() && !entry.is_at_gate.get();
        if waits || holds_up || !entry.waiters.borrow().ready.is_empty() {
            self.look_again(entry);
        }
    }

    /// Reasons for the handler of `entry` to wait.
    fn ahead_of(&self, entry: &Entry) -> Ahead {
        let is_room_shut = self.is_room_shut(&entry.info.service);
        Ahead { is_room_shut, ..entry.ahead(self.memory.is_short()) }
    }

    /// Closes a connection whose client sent more than there is memory for.
    pub(crate) fn overrun(&self, entry: &Entry) {
        let (code, text) = (Refusal::CODE, Refusal::Full.to_string());
        entry.session.borrow_mut().end(now(), code, &text, CloseReason::Violation { code, reason: text.clone() });
    }

    pub(crate) fn look_again(self: &Rc<Self>, entry: &Rc<Entry>) {
        let is_socket = entry.info.transport.is_websocket();
        let look = if is_socket { &self.looks.sockets } else { &self.looks.sessions };
        let mut entries = look.entries.borrow_mut();
        if entry.is_looked_at.replace(true) {
            return;
        }
        entries.push(entry.clone());
        if entries.len() > 1 {
            return;
        }
        let after = match is_socket {
            true => look.after.get().clamp(LOOK_FIRST, LOOK_LONGEST),
            false => KEEP_AWAKE,
        };
        look.after.set(after.saturating_mul(2));
        let on_timer = look.on_timer.get_or_init(|| {
            let object = Rc::downgrade(self);
            Closure::new(move || {
                if let Some(object) = object.upgrade() {
                    in_one_moment(|| object.look_now(is_socket));
                }
            })
        });
        set_timeout(on_timer.as_ref(), after);
    }

    fn look_now(self: &Rc<Self>, is_socket: bool) {
        let look = if is_socket { &self.looks.sockets } else { &self.looks.sessions };
        let mut is_emptied = false;
        for entry in look.entries.take() {
            entry.is_looked_at.set(false);
            is_emptied |= is_socket && self.memory.is_short() && entry.buffered_on_socket() == 0;
            self.touch_now(&entry);
        }
        if is_emptied {
            // Where memory is short, each message waits for the one before: a client that reads is not to wait for late looks, too.
            look.after.set(0);
        }
        self.settle();
        if look.entries.borrow().is_empty() {
            look.after.set(0);
        }
    }
}

/// Calls the handler with one job after the other, as long as the client keeps up.
async fn run_handlers(object: Rc<Object>, entry: Rc<Entry>) {
    let connection = Connection { entry: entry.clone(), object: Rc::downgrade(&object), is_own: true };
    let is_started = object.start_of(&entry.info.service).await;
    loop {
        if entry.session.borrow().has_full_frame() {
            object.drain_with(&entry, true);
        }
        let ahead = object.ahead_of(&entry);
        let job = entry.pacing.borrow_mut().next(ahead);
        let Some(job) = job else { break };
        let handler = entry.handler.clone();
        let connection = connection.clone();
        let is_end = matches!(job, Job::Close(_));
        entry.may_exceed.set(true);
        let told = match job {
            Job::Close(reason) => handler.on_close(connection, reason).await,
            _ if !is_started => Err(worker::Error::RustError("its on_start failed".into())),
            Job::Open => handler.on_open(connection).await,
            Job::Message(message) => {
                if let Some(counted) = &entry.counted {
                    counted.received(message.len());
                }
                handler.on_message(connection, message).await
            }
        };
        entry.may_exceed.set(false);
        if let Err(error) = told {
            if !entry.session.borrow().is_open() {
                // Most likely it could not send any more. What the client sent before it left is still handled.
                log::warn("handler", Some(&entry.info.service), error);
            } else {
                log::error("handler", Some(&entry.info.service), error);
                let closed = CloseReason::HandlerFailed;
                entry.session.borrow_mut().close(now(), CloseCode::InternalError.number(), "Handler failed", closed);
                entry.pacing.borrow_mut().drop_messages();
                object.touch(&entry);
            }
        }
        if is_end {
            entry.session.borrow_mut().told();
            object.touch(&entry);
        }
        entry.pacing.borrow_mut().finish();
        if entry.has_waiters() {
            object.touch(&entry);
        }
    }
    if entry.pacing.borrow().is_waiting() {
        object.touch(&entry);
    }
}

impl Entry {
    /// Bytes that wait for the client: in the session, and on its own WebSocket.
    pub(crate) fn waiting(&self) -> usize {
        let in_session = self.session.borrow().waiting_cost();
        let waiting = || in_session.saturating_add(self.outgoing.cost());
        let is_to_be_asked = || self.outgoing.is_unknown() || self.pacing.borrow().is_behind(waiting());
        if self.info.transport.is_websocket() && is_to_be_asked() {
            self.buffered_on_socket();
        }
        waiting()
    }

    /// Reasons of the client's own for the application to wait.
    fn ahead(&self, is_memory_short: bool) -> Ahead {
        if is_memory_short {
            // Then each byte counts, and the estimate alone never becomes smaller.
            self.buffered_on_socket();
        }
        Ahead { bytes: self.waiting(), is_memory_short, ..Ahead::default() }
    }

    /// True if the application has to wait for the client.
    pub(crate) fn is_behind(&self, is_memory_short: bool) -> bool {
        let ahead = self.ahead(is_memory_short);
        self.pacing.borrow().is_behind(ahead)
    }

    /// Tells pacing how far the client read.
    fn look(&self) {
        let (has_unread, read) = {
            let session = self.session.borrow();
            (session.has_unread(), session.read_count())
        };
        self.pacing.borrow_mut().look(now(), has_unread, read);
    }

    /// True if the client sent nothing that is not handled, and nobody waits for anything.
    fn is_at_rest(&self) -> bool {
        self.share.is_empty() && self.pacing.borrow().is_at_rest() && self.waiters.borrow().is_empty()
    }

    fn has_waiters(&self) -> bool {
        !self.waiters.borrow().sends.is_empty() || self.share.is_lost()
    }

    fn tell_waiters(&self, is_memory_short: bool) {
        let mut waiters = self.waiters.borrow_mut();
        if waiters.is_empty() {
            return;
        }
        let Waiters { sends, ready, close_read } = &mut *waiters;
        let now = now();
        let mut pacing = self.pacing.borrow_mut();
        sends.retain_mut(|(id, waiter)| {
            let Some(answer) = pacing.answer(now, *id) else { return true };
            let (open, _) = oneshot::channel();
            // Whoever waited may have given up.
            let _ = std::mem::replace(waiter, open).send(answer);
            false
        });
        drop(pacing);
        if !ready.is_empty() && (!self.session.borrow().is_open() || !self.is_behind(is_memory_short)) {
            notify(ready);
        }
        if self.session.borrow().is_close_read() {
            notify(close_read);
        }
    }
}

fn notify(waiters: &mut Vec<oneshot::Sender<()>>) {
    for waiter in waiters.drain(..) {
        // Whoever waited may have given up.
        let _ = waiter.send(());
    }
}
