//! Requests and handlers that wait for an event of a connection.

use futures::channel::oneshot;
use sockjs_protocol::sockjs::pacing::SendAnswer;

/// All waiters of one connection.
#[derive(Default)]
pub(crate) struct Waiters {
    /// Sends, by id, until their responses are ready.
    pub sends: Vec<(u64, oneshot::Sender<SendAnswer>)>,
    /// Handlers, until less data waits for the client.
    pub ready: Vec<oneshot::Sender<()>>,
    /// Refused sends, until the client has read the close frame.
    pub close_read: Vec<oneshot::Sender<()>>,
    /// Handlers, until the connection is closing or closed.
    pub ended: Vec<oneshot::Sender<()>>,
}

impl Waiters {
    /// True if nobody waits for the client.
    pub fn is_empty(&self) -> bool {
        self.sends.is_empty() && self.ready.is_empty() && self.close_read.is_empty()
    }

    /// Completes each send for which `answer` returns an answer.
    pub fn tell_sends(&mut self, mut answer: impl FnMut(u64) -> Option<SendAnswer>) {
        self.sends.retain_mut(|(id, waiter)| {
            let Some(answer) = answer(*id) else { return true };
            let (open, _) = oneshot::channel();
            // The request may have given up.
            let _ = std::mem::replace(waiter, open).send(answer);
            false
        });
    }

    /// Wakes the handlers that wait until less data waits for the client.
    pub fn tell_ready(&mut self) {
        tell(&mut self.ready);
    }

    /// Wakes the requests that wait for the client to read the close frame.
    pub fn tell_close_read(&mut self) {
        tell(&mut self.close_read);
    }

    /// Wakes the handlers that wait for the end.
    pub fn tell_ended(&mut self) {
        tell(&mut self.ended);
    }
}

fn tell(waiters: &mut Vec<oneshot::Sender<()>>) {
    for waiter in waiters.drain(..) {
        // The waiter may have given up.
        let _ = waiter.send(());
    }
}
