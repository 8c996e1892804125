//! Memory for bodies, given out first come, first served. Pure: time is an argument.
//!
//! Invocations cannot wake each other, so those that wait look again by themselves. One whose client is gone may never
//! run again, so what it leaves behind is forgotten by its age.

use sockjs_protocol::time::Millis;

/// Age at which a place in the line is forgotten that has not looked again.
const DEAD_AFTER: Millis = Millis(1000);

/// Most that wait at once.
const LINE_MAX: usize = 1024;

/// Bytes that even the smallest body counts as: so the number of bodies is bounded, too.
const LEAST: usize = 1 << 10;

/// Number of those at the front of the line that look often.
const FRONT: usize = 8;
const LOOK_SOON: Millis = Millis(50);
/// Time after which the others look, well before they count as dead.
const LOOK_LATER: Millis = Millis(250);

/// Time between two searches for reservations that nobody has any more.
const SWEEP_EVERY: Millis = Millis(1000);

/// Bytes that are given out, and the line of those that wait for some.
#[derive(Debug)]
pub(super) struct Pool {
    size: usize,
    taken: usize,
    /// The last number of a reservation or a place.
    last: u64,
    /// Reservations, in the order of their numbers.
    held: Vec<(u64, Held)>,
    /// Waiting bodies in the order of their places, with the times at which they looked last.
    line: Vec<(u64, Millis)>,
    swept: Millis,
}

/// A reservation.
#[derive(Debug)]
struct Held {
    bytes: usize,
    /// Time for which it is kept without a sign of life.
    keep: Millis,
    /// The first sweep that found it since its last sign: whoever takes memory need not ask for the time.
    seen: Option<Millis>,
}

/// The answer to one who looks for memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It has it, by this number, and its place in the line no more.
    Taken(u64),
    /// It looks again after this time.
    Again(Millis),
    /// Too many wait.
    Full,
}

impl Pool {
    pub const fn new(size: usize) -> Self {
        Self { size, taken: 0, last: 0, held: Vec::new(), line: Vec::new(), swept: Millis(0) }
    }

    /// Reserves memory if nobody waits and no more than half is taken then.
    pub fn take(&mut self, bytes: usize, keep: Millis) -> Option<u64> {
        let is_free = self.line.is_empty() && !self.is_beyond_half(bytes);
        is_free.then(|| self.hold(bytes, keep))
    }

    /// Returns a new place, behind all others.
    pub fn place(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Looks for memory from a place, which is in the line from the first look on.
    pub fn look(&mut self, place: u64, bytes: usize, keep: Millis, now: Millis) -> Look {
        self.sweep(bytes, now);
        if self.line.len() >= LINE_MAX && find(&self.line, place).is_err() {
            self.line.retain(|(_, looked)| !is_dead(*looked, now));
            if self.line.len() >= LINE_MAX {
                return Look::Full;
            }
        }
        // One that was forgotten and comes back has its old place.
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

    /// Gives a place up.
    pub fn leave(&mut self, place: u64) {
        if let Ok(at) = find(&self.line, place) {
            self.line.remove(at);
        }
    }

    /// Returns true if somebody waits who is alive.
    pub fn is_waited_for(&mut self, now: Millis) -> bool {
        self.first(now).is_some()
    }

    /// Notes a sign of life of a reservation, and shrinks it to `bytes`; it never grows.
    pub fn renew(&mut self, reservation: u64, bytes: usize, keep: Millis) {
        if let Some(held) = get(&mut self.held, reservation) {
            let before = held.bytes;
            *held = Held { bytes: before.min(bytes.max(LEAST)), keep, seen: None };
            self.taken = self.taken.saturating_sub(before - held.bytes);
        }
    }

    /// Enlarges a reservation to `bytes`, if there is room for them at once. One that was forgotten stays so.
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

    /// Gives a reservation back, unless it was forgotten.
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

    /// Returns the place that is next, and forgets dead ones before it.
    fn first(&mut self, now: Millis) -> Option<u64> {
        let dead = self.line.iter().take_while(|(_, looked)| is_dead(*looked, now)).count();
        self.line.drain(..dead);
        self.line.first().map(|(place, _)| *place)
    }

    /// Returns true if there is room. A body that is larger than the whole pool is alone in it.
    fn has_room(&self, bytes: usize) -> bool {
        self.taken == 0 || self.after(bytes) <= self.size
    }

    fn is_beyond_half(&self, bytes: usize) -> bool {
        self.after(bytes) > self.size / 2
    }

    fn after(&self, bytes: usize) -> usize {
        self.taken.saturating_add(bytes.max(LEAST))
    }

    /// Forgets reservations of invocations that are no more, once more than half is taken.
    fn sweep(&mut self, bytes: usize, now: Millis) {
        if !self.is_beyond_half(bytes) || now - self.swept < SWEEP_EVERY {
            return;
        }
        self.swept = now;
        self.held.retain_mut(|(_, held)| now - *held.seen.get_or_insert(now) <= held.keep);
        self.taken = self.held.iter().map(|(_, held)| held.bytes).fold(0, usize::saturating_add);
    }
}

/// Returns the index of a number among those that are in order, or the one at which it belongs.
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
