//! The order of sends of one session that arrive at the same time.
//!
//! A small body arrives with the head of its request; a larger one takes longer. Without a line, the messages of a small send
//! would overtake those of the send before it. The order is kept within an isolate and given up after a while: a client that
//! depends on it waits for each response, as stock clients do.
//!
//! Sends with large bodies have a second line, in which each waits until the one before it was answered. A session therefore
//! takes no more than one body's share of the memory that all sessions of the isolate have for large bodies.

use crate::js::callbacks::Sleep;
use crate::js::clock::now;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};

/// Longest time that a send waits for its turn.
const LONGEST: Millis = Millis::from_secs(2);

/// Time between two polls: no request may wake another one, since their I/O is separate (workerd 1.20261117). The second value is
/// for sends with large bodies.
const LOOK_AGAIN: Millis = Millis(2);
const LOOK_AGAIN_LARGE: Millis = Millis(25);

thread_local! {
    /// Requests of each session that are in flight to its object, oldest first.
    static LINES: RefCell<HashMap<String, VecDeque<u64>>> = RefCell::default();
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// The turn of one request. Dropping it ends the turn.
#[derive(Debug)]
pub(crate) struct Turn {
    session: String,
    number: u64,
}

impl Turn {
    /// Joins the line of `session`, a globally unique name.
    pub fn join(session: String) -> Self {
        let number = LAST.get() + 1;
        LAST.set(number);
        LINES.with_borrow_mut(|lines| lines.entry(session.clone()).or_default().push_back(number));
        Self { session, number }
    }

    /// Joins the line of the sends of `session` with large bodies.
    pub fn join_large(session: &str) -> Self {
        Self::join([session, " large"].concat())
    }

    /// Waits until all earlier requests are gone, or for two seconds.
    pub async fn wait(&self) {
        if !self.is_first_within(LONGEST, LOOK_AGAIN).await {
            self.forget_earlier();
        }
    }

    /// Waits until all earlier requests were answered. Returns false if that took longer than `longest`.
    pub async fn wait_large(&self, longest: Millis) -> bool {
        self.is_first_within(longest, LOOK_AGAIN_LARGE).await
    }

    async fn is_first_within(&self, longest: Millis, look_again: Millis) -> bool {
        let give_up = now() + longest;
        while !self.is_first() {
            if now() >= give_up {
                return false;
            }
            Sleep::new(look_again).await;
        }
        true
    }

    fn is_first(&self) -> bool {
        LINES.with_borrow(|lines| {
            lines.get(&self.session).and_then(VecDeque::front).is_none_or(|first| *first >= self.number)
        })
    }

    /// Removes the requests that this one waited for in vain, so that no other one waits for them: their clients may be gone.
    fn forget_earlier(&self) {
        LINES.with_borrow_mut(|lines| {
            if let Some(line) = lines.get_mut(&self.session) {
                line.retain(|number| *number >= self.number);
            }
        });
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        LINES.with_borrow_mut(|lines| {
            let Some(line) = lines.get_mut(&self.session) else { return };
            line.retain(|number| *number != self.number);
            if line.is_empty() {
                lines.remove(&self.session);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_joined_first_is_first_until_it_is_gone() {
        let [first, second] = ["a", "a"].map(|session| Turn::join(session.into()));
        let other = Turn::join("b".into());
        assert!(first.is_first() && !second.is_first() && other.is_first());
        drop(first);
        assert!(second.is_first());
        drop((second, other));
        assert!(LINES.with_borrow(HashMap::is_empty));
    }

    #[test]
    fn one_that_was_waited_for_in_vain_holds_up_nobody_any_more() {
        let turns = [(); 3].map(|()| Turn::join("a".into()));
        turns[1].forget_earlier();
        assert!(turns[1].is_first() && !turns[2].is_first());
    }
}
