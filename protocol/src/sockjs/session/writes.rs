//! The writes of a session to storage, and failed writes.

use super::closing::{Closing, Word};
use super::{Change, CloseKind, Event, Output, Phase, Seq, Session, SessionKind, Tombstone};
use crate::service::options::Durability;
use crate::sockjs::close_code::{CloseCode, TIMED_OUT};
use crate::time::Millis;

impl Session {
    /// Writes to storage the messages that wait in memory alone, because memory is short. Call
    /// [`Session::leave_in_rows`] after the drain that follows.
    pub fn store_early(&mut self) {
        if self.kind != SessionKind::WebSocket {
            self.store_waiting();
        }
    }

    /// Drops from memory the messages that wait and that storage holds.
    pub fn leave_in_rows(&mut self) {
        self.queue.leave_in_rows();
    }

    /// Handles a failed [`Output::Persist`]: the data of that change is only in memory, and is written again where that helps.
    pub fn not_persisted(&mut self, now: Millis, change: &Change) {
        match change {
            // The session continues as it did before it was to be stored.
            Change::Open { .. } if self.kind == SessionKind::Held && !self.is_unopened() => {
                self.is_stored = false;
                self.take_back_writes(now);
            }
            // A session that is not in storage would be unknown after the next hibernation.
            Change::Open { .. } => self.abandon(),
            Change::Append(row) => self.queue.mark_unstored(now, row.first, row.last()),
            Change::Forget => {
                let tombstone = Tombstone {
                    code: CloseCode::Interrupted.number(),
                    reason: TIMED_OUT.into(),
                    kind: CloseKind::TimedOut,
                    at: now,
                };
                self.phase = Phase::Closing(Closing::new(tombstone, true, Word::Heard));
                self.idle_since = now;
            }
            // The next change includes this one.
            Change::Discard { .. } | Change::Close { .. } | Change::Told | Change::Absent(_) | Change::Heard => {}
        }
    }

    /// Removes the message that was sent last, since it could not be written.
    pub fn unsend(&mut self) {
        self.queue.pop_unsent();
    }

    /// Takes the pending writes of messages. The caller carries them out before anything else: with
    /// [`Durability::Outbox`], `send` does not return before them.
    pub fn take_writes(&mut self) -> Vec<Change> {
        let mut writes = Vec::new();
        for output in std::mem::take(&mut self.before) {
            match output {
                // If a held WebSocket is not in storage, its session is written before its messages.
                Output::Persist(change @ (Change::Append(_) | Change::Open { .. })) => writes.push(change),
                other => self.before.push_back(other),
            }
        }
        writes
    }

    /// True if the application was not yet notified that the session is open.
    fn is_unopened(&self) -> bool {
        self.after.contains(&Output::Notify(Event::Opened))
    }

    /// Takes back the writes that follow the one of the session, since storage rejected that one.
    fn take_back_writes(&mut self, now: Millis) {
        for outputs in [&mut self.before, &mut self.after] {
            outputs.retain(|output| {
                let Output::Persist(change) = output else { return true };
                if let Change::Append(row) = change {
                    self.queue.mark_unstored(now, row.first, row.last());
                }
                false
            });
        }
    }

    /// Ends the session as if it had never been opened.
    fn abandon(&mut self) {
        self.phase = Phase::Closed;
        self.receiver = None;
        self.queue.clear();
        self.before.clear();
        self.after.clear();
    }

    /// True if messages are written to storage before they are delivered.
    pub(super) fn writes_first(&self) -> bool {
        self.rules.durability == Durability::Outbox && self.kind != SessionKind::WebSocket
    }

    pub(super) fn persist(&mut self, change: Change) {
        let open = Output::Persist(Change::Open { opener: self.opener });
        let is_append = matches!(change, Change::Append(_));
        // A WebSocket send waits for earlier writes, so frames leave first wherever the promise allows it.
        let queue = if self.writes_first() { &mut self.before } else { &mut self.after };
        if self.kind == SessionKind::Held && !self.is_stored {
            // Only messages cause a held session to be stored. Its inner WebSocket also records that the client sent something.
            if is_append {
                queue.push_back(open);
                self.is_stored = true;
            } else if change != Change::Heard {
                return;
            }
        }
        queue.push_back(Output::Persist(change));
    }

    pub(super) fn acknowledge(&mut self, seq: Seq) {
        if let Some(through) = self.queue.acknowledge(seq) {
            self.persist(Change::Discard { through });
        }
    }

    pub(super) fn store_waiting(&mut self) {
        for row in self.queue.take_unstored() {
            self.persist(Change::Append(row));
        }
    }
}
