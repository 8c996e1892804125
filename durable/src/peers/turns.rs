//! Turns: whoever comes first goes first, one at a time.

use futures::channel::oneshot;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// Most that wait for a turn.
const WAITING_MAX: usize = 1024;

/// A line in which one goes at a time.
#[derive(Debug, Default)]
pub(crate) struct Turns(RefCell<Line>);

#[derive(Debug, Default)]
struct Line {
    is_taken: bool,
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
    /// Takes the place at the end of the line.
    pub fn take(self: &Rc<Self>) -> Result<Place, Crowded> {
        let mut line = self.0.borrow_mut();
        if !line.is_taken {
            line.is_taken = true;
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
        line.is_taken = false;
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
        let turns = Rc::new(Turns::default());
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
    fn whoever_gives_up_holds_nobody_up() {
        let turns = Rc::new(Turns::default());
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
        let turns = Rc::new(Turns::default());
        let _places: Vec<_> = (0..=WAITING_MAX).map(|_| take(&turns)).collect();
        assert_eq!(turns.take().unwrap_err(), Crowded);
    }
}
