//! Turns: whoever comes first goes first, a few at a time.

use futures::channel::oneshot;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Most that wait for a turn.
const WAITING_MAX: usize = 1024;

/// A line in which so many go at a time.
#[derive(Debug)]
pub(crate) struct Turns(RefCell<Line>);

#[derive(Debug)]
struct Line {
    /// Number of those that may go now.
    free: usize,
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// A place in the line. Dropping it lets the next one go.
#[derive(Debug)]
pub(crate) struct Place {
    turns: Rc<Turns>,
    /// Brings the turn, unless it was there at once.
    turn: Option<oneshot::Receiver<()>>,
}

/// Too many wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crowded;

impl Turns {
    /// A line in which `at_once` go at a time.
    pub fn new(at_once: usize) -> Rc<Self> {
        Rc::new(Self(RefCell::new(Line { free: at_once, waiting: VecDeque::new() })))
    }

    /// Takes the place at the end of the line.
    pub fn take(self: &Rc<Self>) -> Result<Place, Crowded> {
        let mut line = self.0.borrow_mut();
        if line.free > 0 {
            line.free -= 1;
            return Ok(Place { turns: self.clone(), turn: None });
        }
        if line.waiting.len() >= WAITING_MAX {
            return Err(Crowded);
        }
        let (next, turn) = oneshot::channel();
        line.waiting.push_back(next);
        Ok(Place { turns: self.clone(), turn: Some(turn) })
    }
}

impl Place {
    /// True if it is its turn, and nobody has to be waited for.
    pub fn has_turn(&self) -> bool {
        self.turn.is_none()
    }

    /// Waits for the turn.
    pub async fn turn(&mut self) {
        if let Some(turn) = &mut self.turn {
            // Whoever drops a place sends.
            let _ = turn.await;
            self.turn = None;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(turn) = &mut self.turn
            && !matches!(turn.try_recv(), Ok(Some(())))
        {
            // It gives up before its turn: whoever passes the turn on finds it gone.
            return;
        }
        let mut line = self.turns.0.borrow_mut();
        while let Some(next) = line.waiting.pop_front() {
            // Whoever gave up is passed over.
            if next.send(()).is_ok() {
                return;
            }
        }
        line.free += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn take(turns: &Rc<Turns>) -> Place {
        turns.take().unwrap()
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
    fn whoever_gives_up_holds_nobody_up() {
        let turns = Turns::new(1);
        let (first, second, mut third) = (take(&turns), take(&turns), take(&turns));
        drop(second);
        drop(first);
        assert!(has_turn(&mut third));
        let fourth = take(&turns);
        let mut fifth = take(&turns);
        drop(third);
        drop(fourth); // It had its turn and never looked.
        assert!(has_turn(&mut fifth));
    }

    #[test]
    fn the_line_is_bounded() {
        let turns = Turns::new(1);
        let _places: Vec<_> = (0..=WAITING_MAX).map(|_| take(&turns)).collect();
        assert_eq!(turns.take().unwrap_err(), Crowded);
    }
}
