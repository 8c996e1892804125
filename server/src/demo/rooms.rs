//! A limit on the rooms of the chat that one address visits, as far as this isolate sees.

use std::cell::RefCell;
use std::collections::VecDeque;
use worker::Date;

/// Rooms of one address within [`FORGOTTEN_MS`].
const ROOMS_MAX: usize = 8;

/// Visits that are remembered; beyond, the oldest are forgotten.
const VISITS_MAX: usize = 4096;

/// Time after which a room that was not visited again counts no more.
const FORGOTTEN_MS: u64 = 600_000;

thread_local! {
    static VISITS: RefCell<Visits> = RefCell::default();
}

/// Notes a visit. Returns false if the address has visited too many other rooms lately.
pub(crate) fn may_visit(address: &str, room: &str) -> bool {
    VISITS.with_borrow_mut(|visits| visits.visit(Date::now().as_millis(), address, room))
}

/// The latest visits, the oldest first.
#[derive(Debug, Default)]
struct Visits(VecDeque<Visit>);

#[derive(Debug)]
struct Visit {
    address: String,
    room: String,
    at: u64,
}

impl Visits {
    fn visit(&mut self, now: u64, address: &str, room: &str) -> bool {
        self.0.retain(|visit| now.saturating_sub(visit.at) < FORGOTTEN_MS);
        if let Some(at) = self.0.iter().position(|visit| visit.address == address && visit.room == room) {
            self.0.remove(at);
        } else if self.0.iter().filter(|visit| visit.address == address).count() >= ROOMS_MAX {
            return false;
        } else if self.0.len() == VISITS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Visit { address: address.to_owned(), room: room.to_owned(), at: now });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_visits_a_few_rooms_in_ten_minutes() {
        let mut visits = Visits::default();
        for room in 0..ROOMS_MAX {
            assert!(visits.visit(0, "a", &room.to_string()));
        }
        assert!(!visits.visit(1, "a", "another") && visits.visit(1, "b", "another"));
        assert!(visits.visit(1, "a", "0"), "it is there already");
        assert!(visits.visit(FORGOTTEN_MS, "a", "another"), "the others are forgotten");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut visits = Visits::default();
        for address in 0..2 * VISITS_MAX {
            assert!(visits.visit(0, &address.to_string(), "room"));
        }
        assert_eq!(visits.0.len(), VISITS_MAX);
    }
}
