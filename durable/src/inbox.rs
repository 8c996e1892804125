//! What one connection's handler is told, in order and one at a time.

use futures::channel::oneshot;
use sockjs_protocol::session::{CloseReason, Event};
use std::collections::VecDeque;

/// Something to tell the handler.
#[derive(Debug)]
pub(crate) enum Job {
    Open,
    Message(String),
    Close(CloseReason),
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Message(message) => cost(message),
            Self::Open | Self::Close(_) => 0,
        }
    }
}

/// What a message takes in memory, about: many empty ones are not nothing.
pub(crate) fn cost(message: &str) -> usize {
    message.len() + 64
}

/// The jobs of one connection. Bounded by whoever puts messages in: see [`Inbox::has_room`].
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    jobs: VecDeque<Job>,
    bytes: usize,
    running: bool,
    /// Jobs ever put in, and ever done or dropped.
    pushed: u64,
    done: u64,
    waiters: Vec<(u64, oneshot::Sender<()>)>,
}

impl Inbox {
    /// Puts in what the session says.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Opened => self.put(Job::Open),
            Event::Messages(messages) => messages.into_iter().for_each(|message| self.put(Job::Message(message))),
            Event::Closed(reason) => {
                // Who closes a connection does not want what its client said before; what a client said before it
                // left still counts.
                if matches!(reason, CloseReason::Application { .. } | CloseReason::HandlerFailed) {
                    self.drop_messages();
                }
                self.put(Job::Close(reason));
            }
        }
    }

    /// Whether these may come too: an empty inbox takes anything.
    pub fn has_room(&self, messages: &[String], limit: usize) -> bool {
        self.jobs.is_empty()
            || messages.iter().map(|message| cost(message)).fold(self.bytes, usize::saturating_add) <= limit
    }

    /// Whether a run is to be started: nobody else runs, and there is something to do.
    pub fn start(&mut self) -> bool {
        let start = !self.running && !self.jobs.is_empty();
        self.running |= start;
        start
    }

    /// The next job of the run; without one the run is over.
    pub fn next(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front();
        self.running = job.is_some();
        self.bytes = self.bytes.saturating_sub(job.as_ref().map_or(0, Job::bytes));
        job
    }

    /// The job given last is done.
    pub fn finish(&mut self) {
        self.done += 1;
        self.wake();
    }

    /// Waits until everything put in so far is done; none when it is.
    pub fn all_done(&mut self) -> Option<oneshot::Receiver<()>> {
        if self.done >= self.pushed {
            return None;
        }
        let (done, wait) = oneshot::channel();
        self.waiters.push((self.pushed, done));
        Some(wait)
    }

    fn put(&mut self, job: Job) {
        self.bytes = self.bytes.saturating_add(job.bytes());
        self.pushed += 1;
        self.jobs.push_back(job);
    }

    /// Drops the messages that are not handled yet.
    pub fn drop_messages(&mut self) {
        let before = self.jobs.len();
        self.jobs.retain(|job| !matches!(job, Job::Message(_)));
        self.bytes = 0;
        self.done += (before - self.jobs.len()) as u64;
        self.wake();
    }

    fn wake(&mut self) {
        let done = self.done;
        for (_, waiter) in self.waiters.extract_if(.., |(until, _)| *until <= done) {
            // Whoever waited may have given up.
            let _ = waiter.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(messages: &[&str]) -> Inbox {
        let mut inbox = Inbox::default();
        inbox.push(Event::Opened);
        inbox.push(Event::Messages(messages.iter().map(|&message| message.into()).collect()));
        inbox
    }

    #[test]
    fn jobs_come_in_order_and_only_one_run_at_a_time() {
        let mut inbox = inbox(&["a"]);
        assert!(inbox.start());
        assert!(!inbox.start());
        assert!(matches!(inbox.next(), Some(Job::Open)));
        assert!(matches!(inbox.next(), Some(Job::Message(text)) if text == "a"));
        inbox.push(Event::Messages(vec!["b".into()]));
        assert!(!inbox.start());
        assert!(matches!(inbox.next(), Some(Job::Message(text)) if text == "b"));
        assert!(inbox.next().is_none());
        assert!(!inbox.start());
    }

    #[test]
    fn whoever_waits_is_told_when_all_that_was_in_is_done() {
        let mut inbox = inbox(&["a"]);
        let mut wait = inbox.all_done().unwrap();
        inbox.start();
        for _ in 0..2 {
            assert_eq!(wait.try_recv(), Ok(None));
            inbox.next();
            inbox.finish();
        }
        assert_eq!(wait.try_recv(), Ok(Some(())));
        assert!(inbox.all_done().is_none());
    }

    #[test]
    fn messages_are_dropped_when_the_application_closed_and_kept_when_the_client_left() {
        let mut closed = inbox(&["a", "b"]);
        closed.push(Event::Closed(CloseReason::HandlerFailed));
        assert!(matches!(closed.next(), Some(Job::Open)));
        assert!(matches!(closed.next(), Some(Job::Close(_))));

        let mut left = inbox(&["a"]);
        left.push(Event::Closed(CloseReason::TimedOut));
        assert!(matches!(left.next(), Some(Job::Open)));
        assert!(matches!(left.next(), Some(Job::Message(_))));
        assert!(matches!(left.next(), Some(Job::Close(_))));
    }

    #[test]
    fn an_empty_inbox_takes_anything_and_a_full_one_nothing() {
        let messages = [String::new(), "12345".into()];
        assert!(Inbox::default().has_room(&messages, 10));
        let inbox = inbox(&["12345"]);
        assert!(inbox.has_room(&messages, 69 + 64 + 69));
        assert!(!inbox.has_room(&messages, 69 + 64 + 68), "an empty message takes room too");
    }
}
