//! Requests and handlers that wait for an event of a connection.

use futures::channel::oneshot;
use sockjs_protocol::sockjs::pacing::SendAnswer;

/// All waiters of one connection.
#[derive(Default)]
pub(crate) struct Waiters {
    /// Sends, by id, until their responses are ready.
    pub sends: Vec<(u64, oneshot::Sender<SendAnswer>)>,
    /// Handlers, until less data waits for the client.
    pub ready: Callers,
    /// Refused sends, until the client has read the close frame.
    pub close_read: Callers,
    /// Handlers, until the connection is closing or closed.
    pub ended: Callers,
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
}

/// Callers that wait for the same event.
#[derive(Default)]
pub(crate) struct Callers(Vec<oneshot::Sender<()>>);

impl Callers {
    /// Adds a caller, and returns what it has to await.
    ///
    /// Forgets the callers that gave up: a handler may wait for this and for something else, as in `select`, again and again.
    pub fn join(&mut self) -> oneshot::Receiver<()> {
        self.0.retain(|caller| !caller.is_canceled());
        let (happened, wait) = oneshot::channel();
        self.0.push(happened);
        wait
    }

    /// True if nobody waits.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(oneshot::Sender::is_canceled)
    }

    /// Returns the number of callers that have not given up.
    #[cfg(feature = "testing")]
    pub fn count(&self) -> usize {
        self.0.iter().filter(|caller| !caller.is_canceled()).count()
    }

    /// Wakes all callers.
    pub fn wake(&mut self) {
        for caller in self.0.drain(..) {
            // The caller may have given up.
            let _ = caller.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn callers_that_gave_up_are_forgotten() {
        let mut callers = Callers::default();
        let patient = callers.join();
        for _ in 0..1_000 {
            drop(callers.join());
        }
        assert_eq!(callers.0.len(), 2, "the patient one, and the last that gave up");
        assert!(!callers.is_empty());
        callers.wake();
        assert_eq!(patient.now_or_never(), Some(Ok(())));
        drop(callers.join());
        assert!(callers.is_empty(), "nobody waits");
    }
}
