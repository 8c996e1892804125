//! The possible fates of each message: the guarantees of each level as a model.

use sockjs_protocol::service::options::Durability;
use sockjs_protocol::sockjs::session::Rules;
use sockjs_protocol::time::Millis;
use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// The object has it for nobody yet.
    Waiting { since: Millis },
    /// The object gave it away and keeps it until it hears that it was written.
    InFlight,
    /// The object gave it away and has forgotten it.
    InTransitOnly,
    /// The object heard that it was written.
    Settled,
    /// It may be lost.
    Mortal,
}

/// By number of the message.
pub struct Fates {
    rules: Rules,
    fates: Vec<Fate>,
    /// Messages that the client read.
    read: BTreeSet<usize>,
    /// Messages that the client may read again: the object does not know that they were written, and never will.
    doubtful: BTreeSet<usize>,
}

impl Fates {
    pub fn new(rules: Rules) -> Self {
        Self { rules, fates: Vec::new(), read: BTreeSet::new(), doubtful: BTreeSet::new() }
    }

    /// Number of the next message.
    pub fn next(&self) -> usize {
        self.fates.len()
    }

    pub fn send(&mut self, now: Millis) {
        self.fates.push(Fate::Waiting { since: now });
    }

    pub fn deliver(&mut self, message: usize) {
        self.fates[message] = Fate::InFlight;
    }

    /// The client reads a message: each once and in order, but for what is doubtful.
    pub fn read(&mut self, message: usize) {
        if self.read.contains(&message) {
            assert!(self.doubtful.remove(&message), "message {message} came twice");
        } else {
            assert!(self.read.last().is_none_or(|last| *last < message), "message {message} came too late");
            self.read.insert(message);
        }
    }

    /// The edge acknowledges all that the client read.
    pub fn acknowledge(&mut self) {
        for message in &self.read {
            self.fates[*message] = Fate::Settled;
        }
    }

    /// The object hears that all it gave away was written.
    pub fn settle(&mut self) {
        self.turn(|fate| if fate == Fate::InFlight { Fate::Settled } else { fate });
    }

    /// The object keeps what it gave away for another receiver.
    pub fn requeue(&mut self, now: Millis) {
        self.turn(|fate| if fate == Fate::InFlight { Fate::Waiting { since: now } } else { fate });
    }

    /// The object writes all that waits, however young.
    pub fn store(&mut self) {
        self.turn(|fate| if matches!(fate, Fate::Waiting { .. }) { Fate::Waiting { since: Millis(0) } } else { fate });
    }

    /// The object's memory is lost, and what was due by `ticked` was done before.
    pub fn lose_memory(&mut self, ticked: Millis) {
        let persist_after = self.rules.persist_after;
        if self.rules.durability == Durability::Default {
            self.turn(|fate| match fate {
                Fate::InFlight => Fate::InTransitOnly,
                Fate::Waiting { since } if since + persist_after > ticked => Fate::Mortal,
                fate => fate,
            });
        }
    }

    /// Frames on their way are lost.
    pub fn lose_transit(&mut self) {
        self.turn(|fate| if fate == Fate::InTransitOnly { Fate::Mortal } else { fate });
    }

    /// The edge gives back what the object had forgotten.
    pub fn give_back(&mut self, now: Millis, message: usize) {
        if self.fates[message] == Fate::InTransitOnly {
            self.fates[message] = Fate::Waiting { since: now };
        }
    }

    /// The object will never hear that what it gave away was written, and sends it once more.
    /// Gives the last of them.
    pub fn doubt(&mut self) -> Option<usize> {
        let in_flight = |message: &&usize| self.fates.get(**message) == Some(&Fate::InFlight);
        let doubtful: Vec<usize> = self.read.iter().filter(in_flight).copied().collect();
        self.doubtful.extend(&doubtful);
        doubtful.last().copied()
    }

    /// The object hears in time what it had no word of: nothing up to `last` that was read is sent once more.
    pub fn confirm(&mut self, last: usize) {
        self.doubtful.retain(|message| *message > last);
        for message in self.read.range(..=last) {
            self.fates[*message] = Fate::Settled;
        }
    }

    /// Messages that were promised and that the client did not read.
    pub fn broken_promises(&self) -> Vec<usize> {
        let mortal = |message: &usize| self.fates[*message] == Fate::Mortal;
        (0..self.fates.len()).filter(|message| !self.read.contains(message) && !mortal(message)).collect()
    }

    fn turn(&mut self, turn: impl Fn(Fate) -> Fate) {
        self.fates.iter_mut().for_each(|fate| *fate = turn(*fate));
    }
}
