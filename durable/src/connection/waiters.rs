//! Requests and handlers that wait for something that happens to a connection.

use futures::channel::oneshot;
use sockjs_protocol::sockjs::pacing::SendAnswer;

/// Everyone who waits for something that happens to a connection.
#[derive(Default)]
pub(crate) struct Waiters {
    /// Requests with a send, by its id, until it can be answered.
    pub sends: Vec<(u64, oneshot::Sender<SendAnswer>)>,
    /// Handlers, until less waits for the client.
    pub ready: Vec<oneshot::Sender<()>>,
    /// Requests with a send that was refused, until the client took the close frame.
    pub close_read: Vec<oneshot::Sender<()>>,
    /// Handlers, until the connection is closing or closed.
    pub ended: Vec<oneshot::Sender<()>>,
}

impl Waiters {
    /// True if nobody waits for the client.
    pub fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.ready.is_empty() && self.close_read.is_empty()
    }

    /// Tells each send its answer, as far as `answer` has one.
    pub fn tell_sends(&mut self, mut answer: impl FnMut(u64) -> Option<SendAnswer>) {
        self.sends.retain_mut(|(id, waiter)| {
            let Some(answer) = answer(*id) else { return true };
            let (open, _) = oneshot::channel();
            // The request may have given up.
            let _ = std::mem::replace(waiter, open).send(answer);
            false
        });
    }

    /// Lets the handlers go on that wait for less to wait.
    pub fn tell_ready(&mut self) {
        tell(&mut self.ready);
    }

    /// Lets the requests go on that wait for the client to take the close frame.
    pub fn tell_close_read(&mut self) {
        tell(&mut self.close_read);
    }

    /// Lets the handlers go on that wait for the end.
    pub fn tell_ended(&mut self) {
        tell(&mut self.ended);
    }
}

fn tell(waiters: &mut Vec<oneshot::Sender<()>>) {
    for waiter in waiters.drain(..) {
        // Whoever waited may have given up.
        let _ = waiter.send(());
    }
}
