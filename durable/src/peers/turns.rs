//! A queue with limited room: first come, first served.

use futures::channel::oneshot;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Most places that wait at once.
const WAITING_MAX: usize = 1024;

/// A queue whose first places may go on while they fit.
#[derive(Debug)]
pub(crate) struct Turns(RefCell<Line>);

#[derive(Debug)]
struct Line {
    room: usize,
    free: usize,
    /// The weight of each waiting place, and the sender that announces its turn.
    waiting: VecDeque<(usize, oneshot::Sender<()>)>,
}

impl Line {
    /// Announces the turn of the next places that fit, and skips abandoned ones.
    fn go_on(&mut self) {
        while let Some((weight, next)) = self.waiting.pop_front() {
            if next.is_canceled() {
                continue;
            }
            if weight > self.free {
                return self.waiting.push_front((weight, next));
            }
            if next.send(()).is_ok() {
                self.free -= weight;
            }
        }
    }
}

/// A place in the queue. Dropping it lets the next one go on.
#[derive(Debug)]
pub(crate) struct Place {
    turns: Rc<Turns>,
    weight: usize,
    /// Receives the turn, unless it came at once.
    turn: Option<oneshot::Receiver<()>>,
}

/// Error: the maximum number of places wait already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

impl Turns {
    /// Creates a queue in which places with a total weight of up to `room` may go on at once.
    pub fn new(room: usize) -> Rc<Self> {
        Rc::new(Self(RefCell::new(Line { room, free: room, waiting: VecDeque::new() })))
    }

    /// Takes a place at the end of the queue. A place heavier than the room goes on alone.
    pub fn take(self: &Rc<Self>, weight: usize) -> Result<Place, Crowded> {
        if self.0.borrow().waiting.len() >= WAITING_MAX {
            return Err(Crowded);
        }
        Ok(self.take_unlimited(weight))
    }

    /// Takes a place like [`take`](Self::take), however many wait. For callers whose number has a limit of its own.
    pub fn take_unlimited(self: &Rc<Self>, weight: usize) -> Place {
        let mut line = self.0.borrow_mut();
        let weight = weight.min(line.room);
        if line.waiting.is_empty() && weight <= line.free {
            line.free -= weight;
            return Place { turns: self.clone(), weight, turn: None };
        }
        let (next, turn) = oneshot::channel();
        line.waiting.push_back((weight, next));
        Place { turns: self.clone(), weight, turn: Some(turn) }
    }
}

impl Place {
    /// True if it is the turn of this place already.
    pub fn has_turn(&self) -> bool {
        self.turn.is_none()
    }

    /// Waits for the turn.
    pub async fn turn(&mut self) {
        if let Some(turn) = &mut self.turn {
            // Dropping another place sends.
            let _ = turn.await;
            self.turn = None;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let gives_up = self.turn.as_mut().is_some_and(|turn| !matches!(turn.try_recv(), Ok(Some(()))));
        // Before others are notified, so that this place does not count as waiting.
        self.turn = None;
        let mut line = self.turns.0.borrow_mut();
        if !gives_up {
            line.free += self.weight;
        }
        line.go_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn take(turns: &Rc<Turns>) -> Place {
        turns.take(1).unwrap()
    }

    fn has_turn(place: &mut Place) -> bool {
        place.turn().now_or_never().is_some()
    }

    #[test]
    fn one_goes_at_a_time_in_the_order_of_their_coming() {
        let turns = Turns::new(1);
        let (mut first, mut second, mut third) = (take(&turns), take(&turns), take(&turns));
        assert!(has_turn(&mut first) && !has_turn(&mut second) && !has_turn(&mut third));
        drop(first);
        assert!(has_turn(&mut second) && !has_turn(&mut third));
        drop(second);
        assert!(has_turn(&mut third));
        drop(third);
        assert!(has_turn(&mut take(&turns)));
    }

    #[test]
    fn several_go_at_a_time_where_they_may() {
        let turns = Turns::new(2);
        let (mut first, mut second, mut third) = (take(&turns), take(&turns), take(&turns));
        assert!(has_turn(&mut first) && has_turn(&mut second) && !has_turn(&mut third));
        drop(second);
        let mut fourth = take(&turns);
        assert!(has_turn(&mut third) && !has_turn(&mut fourth));
    }

    #[test]
    fn those_go_at_once_that_fit_together_and_nobody_overtakes() {
        let turns = Turns::new(10);
        let (mut heavy, mut other) = (turns.take(7).unwrap(), turns.take(7).unwrap());
        let (mut light, mut huge) = (turns.take(1).unwrap(), turns.take(99).unwrap());
        assert!(has_turn(&mut heavy) && !has_turn(&mut other) && !has_turn(&mut light));
        drop(other);
        assert!(has_turn(&mut light), "who gives up makes way");
        drop(heavy);
        assert!(!has_turn(&mut huge));
        drop(light);
        assert!(has_turn(&mut huge), "alone");
        let mut last = take(&turns);
        assert!(!has_turn(&mut last));
        drop(huge);
        assert!(has_turn(&mut last));
    }

    #[test]
    fn whoever_gives_up_holds_nobody_up() {
        let turns = Turns::new(1);
        let (first, second, mut third) = (take(&turns), take(&turns), take(&turns));
        drop(second);
        drop(first);
        assert!(has_turn(&mut third));
        let fourth = take(&turns);
        let mut fifth = take(&turns);
        drop(third);
        drop(fourth); // It had its turn and never checked.
        assert!(has_turn(&mut fifth));
    }

    #[test]
    fn the_line_is_bounded() {
        let turns = Turns::new(1);
        let _places: Vec<_> = (0..=WAITING_MAX).map(|_| take(&turns)).collect();
        assert_eq!(turns.take(1).unwrap_err(), Crowded);
        assert!(!has_turn(&mut turns.take_unlimited(1)));
    }
}
