//! Memory for bodies, granted first come, first served. Pure: time is an argument.
//!
//! Invocations cannot wake each other, so each waiting body polls. The invocation of a client that left may never run again, so
//! entries that it leaves behind expire.

use sockjs_protocol::time::Millis;

/// Age at which a place in the line expires unless it is polled again.
const DEAD_AFTER: Millis = Millis(1000);

/// Most bodies that wait at once.
const LINE_MAX: usize = 1024;

/// Bytes that even the smallest body counts as, which bounds the number of bodies.
const LEAST: usize = 1 << 10;

/// Number of places at the front of the line that poll often.
const FRONT: usize = 8;
const LOOK_SOON: Millis = Millis(50);
/// Time after which the other places poll, well before they expire.
const LOOK_LATER: Millis = Millis(250);

/// Time between two searches for abandoned reservations.
const SWEEP_EVERY: Millis = Millis(1000);

/// Granted bytes, and the line of the bodies that wait.
#[derive(Debug)]
pub(super) struct Pool {
    size: usize,
    taken: usize,
    /// The last number of a reservation or a place.
    last: u64,
    /// Reservations, in the order of their numbers.
    held: Vec<(u64, Held)>,
    /// Waiting bodies in the order of their places, with the time of their last poll.
    line: Vec<(u64, Millis)>,
    swept: Millis,
}

/// A reservation.
#[derive(Debug)]
struct Held {
    bytes: usize,
    /// Time for which the reservation is kept without a sign of life.
    keep: Millis,
    /// The first sweep since the last sign of life: granting memory then needs no clock.
    seen: Option<Millis>,
}

/// The answer to a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The memory is granted, as the reservation of this number. The place in the line is gone.
    Taken(u64),
    /// Poll again after this time.
    Again(Millis),
    /// Too many bodies wait.
    Full,
}

impl Pool {
    pub const fn new(size: usize) -> Self {
        Self { size, taken: 0, last: 0, held: Vec::new(), line: Vec::new(), swept: Millis(0) }
    }

    /// Reserves memory if nobody waits and at most half is in use afterwards.
    pub fn take(&mut self, bytes: usize, keep: Millis) -> Option<u64> {
        let is_free = self.line.is_empty() && !self.is_beyond_half(bytes);
        is_free.then(|| self.hold(bytes, keep))
    }

    /// Returns a new place, behind all others.
    pub fn place(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Polls for memory from a place. The first poll joins the line.
    pub fn look(&mut self, place: u64, bytes: usize, keep: Millis, now: Millis) -> Look {
        self.sweep(bytes, now);
        if self.line.len() >= LINE_MAX && find(&self.line, place).is_err() {
            self.line.retain(|(_, looked)| !is_dead(*looked, now));
            if self.line.len() >= LINE_MAX {
                return Look::Full;
            }
        }
        // A place that expired and polls again gets its old position.
        match get(&mut self.line, place) {
            Some(looked) => *looked = now,
            None => {
                let at = self.line.partition_point(|(before, _)| *before < place);
                self.line.insert(at, (place, now));
            }
        }
        if self.first(now) == Some(place) && self.has_room(bytes) {
            self.leave(place);
            return Look::Taken(self.hold(bytes, keep));
        }
        let is_near = self.line.iter().take(FRONT).any(|(near, _)| *near == place);
        Look::Again(if is_near { LOOK_SOON } else { LOOK_LATER })
    }

    /// Gives up a place.
    pub fn leave(&mut self, place: u64) {
        if let Ok(at) = find(&self.line, place) {
            self.line.remove(at);
        }
    }

    /// Returns true if a body that is still alive waits.
    pub fn is_waited_for(&mut self, now: Millis) -> bool {
        self.first(now).is_some()
    }

    /// Notes a sign of life of a reservation, and shrinks it to `bytes`. The reservation never grows here.
    pub fn renew(&mut self, reservation: u64, bytes: usize, keep: Millis) {
        if let Some(held) = get(&mut self.held, reservation) {
            let before = held.bytes;
            *held = Held { bytes: before.min(bytes.max(LEAST)), keep, seen: None };
            self.taken = self.taken.saturating_sub(before - held.bytes);
        }
    }

    /// Enlarges a reservation to `bytes`, if there is room at once. An expired reservation stays expired.
    pub fn grow(&mut self, reservation: u64, bytes: usize) -> bool {
        let Some(held) = get(&mut self.held, reservation) else { return false };
        let others = self.taken.saturating_sub(held.bytes);
        if others > 0 && others.saturating_add(bytes) > self.size {
            return false;
        }
        held.bytes = held.bytes.max(bytes);
        self.taken = others.saturating_add(held.bytes);
        true
    }

    /// Releases a reservation, unless it expired.
    pub fn give_back(&mut self, reservation: u64) {
        if let Ok(at) = find(&self.held, reservation) {
            let (_, held) = self.held.remove(at);
            self.taken = self.taken.saturating_sub(held.bytes);
        }
    }

    fn hold(&mut self, bytes: usize, keep: Millis) -> u64 {
        let (number, bytes) = (self.place(), bytes.max(LEAST));
        self.held.push((number, Held { bytes, keep, seen: None }));
        self.taken = self.taken.saturating_add(bytes);
        number
    }

    /// Returns the first place that is alive, and removes dead ones before it.
    fn first(&mut self, now: Millis) -> Option<u64> {
        let dead = self.line.iter().take_while(|(_, looked)| is_dead(*looked, now)).count();
        self.line.drain(..dead);
        self.line.first().map(|(place, _)| *place)
    }

    /// Returns true if there is room. A body larger than the whole pool has to be the only one.
    fn has_room(&self, bytes: usize) -> bool {
        self.taken == 0 || self.after(bytes) <= self.size
    }

    fn is_beyond_half(&self, bytes: usize) -> bool {
        self.after(bytes) > self.size / 2
    }

    fn after(&self, bytes: usize) -> usize {
        self.taken.saturating_add(bytes.max(LEAST))
    }

    /// Removes reservations of dead invocations, once more than half of the memory is in use.
    fn sweep(&mut self, bytes: usize, now: Millis) {
        if !self.is_beyond_half(bytes) || now - self.swept < SWEEP_EVERY {
            return;
        }
        self.swept = now;
        self.held.retain_mut(|(_, held)| now - *held.seen.get_or_insert(now) <= held.keep);
        self.taken = self.held.iter().map(|(_, held)| held.bytes).fold(0, usize::saturating_add);
    }
}

/// Returns the index of a number in the sorted list, or the index at which to insert it.
fn find<T>(numbered: &[(u64, T)], number: u64) -> Result<usize, usize> {
    numbered.binary_search_by_key(&number, |(number, _)| *number)
}

fn get<T>(numbered: &mut [(u64, T)], number: u64) -> Option<&mut T> {
    let at = find(numbered, number).ok()?;
    numbered.get_mut(at).map(|(_, value)| value)
}

fn is_dead(looked: Millis, now: Millis) -> bool {
    now - looked > DEAD_AFTER
}

#[cfg(test)]
mod tests;
