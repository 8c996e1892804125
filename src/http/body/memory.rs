//! The memory that all bodies of an isolate share.

use super::Unread;
use super::pool::{Look, Pool};
use crate::js::callbacks::Sleep;
use crate::js::clock::now;
use sockjs_protocol::time::Millis;
use std::cell::RefCell;

/// Bodies with a smaller declared length use a pool of their own.
pub(super) const SMALL: usize = 64 << 10;

/// Time for which a reservation is kept without a sign of life, while one call reads its body and while a send is held: as long
/// as `callbacks` keeps a waiting task.
const KEEP: Millis = Millis::from_secs(120);

/// Time for which a reservation is kept without a sign of life while pieces are read: each window of `pace` gives a sign.
const KEEP_READING: Millis = Millis::from_secs(15);

thread_local! {
    static SMALL_POOL: RefCell<Pool> = const { RefCell::new(Pool::new(8 << 20)) };
    static LARGE_POOL: RefCell<Pool> = const { RefCell::new(Pool::new(24 << 20)) };
}

/// The two pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Small,
    Large,
}

impl Kind {
    /// Returns the pool of a body. Bodies without a declared length begin in the small pool.
    pub fn of(declared: Option<usize>) -> Self {
        if declared.is_some_and(|length| length >= SMALL) { Self::Large } else { Self::Small }
    }

    fn with<T>(self, work: impl FnOnce(&mut Pool) -> T) -> T {
        match self {
            Self::Small => SMALL_POOL.with_borrow_mut(work),
            Self::Large => LARGE_POOL.with_borrow_mut(work),
        }
    }
}

/// Memory reserved for one body. Dropping gives it back.
#[derive(Debug)]
pub(crate) struct Reservation {
    kind: Kind,
    number: u64,
}

impl Reservation {
    /// Reserves memory for a small body that one call reads, unless more than half of the small pool is in use: such a call
    /// cannot be ended to make room for others.
    pub(super) fn for_one_call(length: usize) -> Option<Self> {
        let kind = Kind::Small;
        let number = kind.with(|pool| pool.take(length, KEEP))?;
        Some(Self { kind, number })
    }

    /// Reserves memory for a body that is read by pieces. Waits for its turn, up to `wait`.
    pub(super) async fn of(kind: Kind, bytes: usize, wait: Millis) -> Result<Self, Unread> {
        Self::wait(kind, bytes, wait, |_, _| true).await
    }

    /// Reserves `bytes` of the large pool in place of this reservation.
    ///
    /// `bytes` is the most that the body may need: if partly read bodies asked for more, they could wait for each other for ever.
    pub(super) async fn enlarged(self, bytes: usize, wait: Millis) -> Result<Self, Unread> {
        Self::wait(Kind::Large, bytes, wait, |now, waited| {
            self.renew();
            // Meanwhile the body keeps its small reservation, and is judged like a body that brings nothing.
            waited < super::pace::WINDOW || !self.is_waited_for(now)
        })
        .await
    }

    async fn wait(
        kind: Kind,
        bytes: usize,
        wait: Millis,
        goes_on: impl Fn(Millis, Millis) -> bool,
    ) -> Result<Self, Unread> {
        let place = Place::new(kind);
        let began = now();
        loop {
            let now = now();
            let look = kind.with(|pool| pool.look(place.number, bytes, KEEP_READING, now));
            let again = match look {
                Look::Taken(number) => return Ok(Self { kind, number }),
                Look::Again(again) => again,
                Look::Full => return Err(Unread::Busy),
            };
            let waited = now - began;
            if waited >= wait || !goes_on(now, waited) {
                return Err(Unread::Busy);
            }
            Sleep::new(again.min(wait - waited)).await;
        }
    }

    /// Notes that the body is still being read.
    pub(super) fn renew(&self) {
        self.kind.with(|pool| pool.renew(self.number, usize::MAX, KEEP_READING));
    }

    /// Notes that the body is complete, with this many bytes.
    pub(super) fn settle(&self, bytes: usize) {
        self.kind.with(|pool| pool.renew(self.number, bytes, KEEP));
    }

    /// Enlarges the reservation for a complete body that stands for a longer string. Returns false if there is no room: a body
    /// that holds memory must not wait for more.
    pub fn grow(&self, bytes: usize) -> bool {
        self.kind.with(|pool| pool.grow(self.number, bytes))
    }

    /// Returns true if others wait for memory of this kind.
    pub(super) fn is_waited_for(&self, now: Millis) -> bool {
        self.kind.with(|pool| pool.is_waited_for(now))
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.kind.with(|pool| pool.give_back(self.number));
    }
}

/// A place in a line. Dropping gives it up.
#[derive(Debug)]
struct Place {
    kind: Kind,
    number: u64,
}

impl Place {
    fn new(kind: Kind) -> Self {
        Self { kind, number: kind.with(Pool::place) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.kind.with(|pool| pool.leave(self.number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: usize = 64;

    fn all_of_half() -> Vec<Reservation> {
        std::iter::from_fn(|| Reservation::for_one_call(SMALL)).collect()
    }

    #[test]
    fn a_reservation_is_given_back_when_it_is_dropped() {
        let mut held = all_of_half();
        assert_eq!(held.len(), HALF);
        held.pop();
        assert!(Reservation::for_one_call(SMALL).is_some());
        drop(held);
        assert_eq!(all_of_half().len(), HALF);
    }

    #[test]
    fn a_body_that_is_read_keeps_no_more_than_its_bytes() {
        let held = all_of_half();
        for reservation in &held {
            reservation.settle(SMALL / 2);
        }
        assert_eq!(all_of_half().len(), HALF / 2);
    }

    #[test]
    fn a_body_that_is_read_grows_while_there_is_room() {
        let held = all_of_half();
        let first = &held[0];
        assert!(first.grow(SMALL * (HALF + 1)));
        assert!(!first.grow(SMALL * (HALF + 2)));
        assert_eq!(all_of_half().len(), 0);
        drop(held);
        assert_eq!(all_of_half().len(), HALF);
    }

    #[test]
    fn a_place_is_given_up_when_it_is_dropped() {
        let full = Kind::Large.with(|pool| pool.look(1, 24 << 20, KEEP, Millis(0)));
        assert!(matches!(full, Look::Taken(_)));
        let place = Place::new(Kind::Large);
        let look = Kind::Large.with(|pool| pool.look(place.number, 1, KEEP, Millis(0)));
        assert!(matches!(look, Look::Again(_)));
        assert!(Kind::Large.with(|pool| pool.is_waited_for(Millis(0))));
        assert!(Reservation::for_one_call(1).is_some(), "small ones pass meanwhile");
        drop(place);
        assert!(!Kind::Large.with(|pool| pool.is_waited_for(Millis(0))));
    }

    #[test]
    fn only_bodies_that_are_declared_large_begin_among_the_large_ones() {
        for (declared, kind) in [(None, Kind::Small), (Some(SMALL - 1), Kind::Small), (Some(SMALL), Kind::Large)] {
            assert_eq!(Kind::of(declared), kind);
        }
    }
}
