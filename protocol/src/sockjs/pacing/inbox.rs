//! Jobs that wait for the handler of one connection.

use super::Job;
use crate::sockjs::payload::Messages;
use crate::sockjs::session::CloseReason;
use std::collections::VecDeque;

/// Number of an item of the inbox, counted from 1.
pub(super) type ItemNumber = u64;

/// Kind of jobs that have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// No jobs.
    No,
    /// Messages, until the client has caught up.
    Client,
    /// All jobs except `Close`, until the other members of the room have caught up.
    Room,
}

/// Jobs that wait, oldest first. The caller limits their bytes: see [`Inbox::has_room`].
#[derive(Debug, Default)]
pub(super) struct Inbox {
    items: VecDeque<Item>,
    bytes: usize,
    is_running: bool,
    /// Numbers of items that were added so far, and that were done or dropped so far.
    pushed: ItemNumber,
    done: ItemNumber,
    /// True while the handler works on `Open`, `Return` or `Close`. The item left the queue when the job was taken.
    is_last_out: bool,
}

#[derive(Debug)]
enum Item {
    Open,
    Return,
    Messages(Messages),
    Close(CloseReason),
}

impl Inbox {
    pub fn open(&mut self) {
        self.put(Item::Open);
    }

    pub fn return_held(&mut self) {
        self.put(Item::Return);
    }

    pub fn close(&mut self, reason: CloseReason) {
        self.put(Item::Close(reason));
    }

    pub fn push(&mut self, messages: Messages) -> ItemNumber {
        self.bytes = self.bytes.saturating_add(messages.cost());
        self.put(Item::Messages(messages))
    }

    fn put(&mut self, item: Item) -> ItemNumber {
        self.pushed += 1;
        self.items.push_back(item);
        self.pushed
    }

    /// True if `bytes` more bytes fit. An inbox without messages takes any number.
    pub fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.bytes == 0 || self.bytes.saturating_add(bytes) <= limit
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn has_close(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Item::Close(_)))
    }

    pub fn is_waiting(&self) -> bool {
        !self.is_running && !self.items.is_empty()
    }

    /// True if the handler has returned from all items up to `item`.
    pub fn is_done(&self, item: ItemNumber) -> bool {
        self.done >= item
    }

    /// Begins a run if none is under way and there is a job for it. Returns true if a run begins.
    pub fn begin(&mut self, pause: Pause) -> bool {
        let begins = self.can_begin(pause);
        self.is_running |= begins;
        begins
    }

    /// True if [`Inbox::begin`] would begin a run.
    pub fn can_begin(&self, pause: Pause) -> bool {
        let can_go_on = match self.items.front() {
            Some(Item::Messages(messages)) => pause == Pause::No || messages.is_empty(),
            Some(Item::Open | Item::Return) => pause != Pause::Room,
            Some(Item::Close(_)) => true,
            None => false,
        };
        !self.is_running && can_go_on
    }

    pub fn next(&mut self, pause: Pause) -> Option<Job> {
        let job = self.take(pause);
        self.is_running = job.is_some();
        job
    }

    fn take(&mut self, pause: Pause) -> Option<Job> {
        loop {
            match self.items.front_mut()? {
                Item::Messages(messages) if messages.is_empty() => self.pop_messages(),
                Item::Messages(_) if pause != Pause::No => return None,
                Item::Open | Item::Return if pause == Pause::Room => return None,
                Item::Messages(messages) => {
                    let before = messages.cost();
                    let message = messages.next();
                    self.bytes = self.bytes.saturating_sub(before.saturating_sub(messages.cost()));
                    if message.is_some() {
                        return message.map(Job::Message);
                    }
                }
                Item::Open | Item::Return | Item::Close(_) => {
                    self.is_last_out = true;
                    return match self.items.pop_front()? {
                        Item::Close(reason) => Some(Job::Close(reason)),
                        Item::Return => Some(Job::Return),
                        Item::Open | Item::Messages(_) => Some(Job::Open),
                    };
                }
            }
        }
    }

    /// Notes that the last job is done.
    pub fn finish(&mut self) {
        if std::mem::take(&mut self.is_last_out) {
            self.done += 1;
        } else if let Some(Item::Messages(messages)) = self.items.front()
            && messages.is_empty()
        {
            self.pop_messages();
        }
    }

    /// Removes the messages at the front, which are all handled.
    fn pop_messages(&mut self) {
        if let Some(Item::Messages(messages)) = self.items.pop_front() {
            self.bytes = self.bytes.saturating_sub(messages.cost());
            self.done += 1;
        }
    }

    pub fn drop_messages(&mut self) {
        let before = self.items.len();
        self.items.retain(|item| !matches!(item, Item::Messages(_)));
        self.bytes = 0;
        self.done += (before - self.items.len()) as u64;
    }
}
