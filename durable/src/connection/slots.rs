//! Connections in numbered places, so that an iteration can go on while connections come and go.

use crate::connection::entry::Entry;
use std::rc::Rc;

/// A set of connections. Each keeps its place while it is in the set; the place of a removed one is reused.
pub(crate) struct Slots<T = Rc<Entry>> {
    places: Vec<Option<T>>,
    free: Vec<usize>,
}

impl<T: Clone> Default for Slots<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone> Slots<T> {
    pub fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// Adds a connection, and returns its place.
    pub fn add(&mut self, member: T) -> usize {
        if let Some(place) = self.free.pop()
            && let Some(slot) = self.places.get_mut(place)
        {
            *slot = Some(member);
            return place;
        }
        self.places.push(Some(member));
        self.places.len() - 1
    }

    /// Removes the connection at `place`.
    pub fn remove(&mut self, place: usize) {
        if let Some(slot) = self.places.get_mut(place)
            && slot.take().is_some()
        {
            self.free.push(place);
        }
        if self.is_empty() {
            *self = Self::new();
        }
    }

    /// Returns the first connection at `place` or after it, with its place. An iteration that continues at the next place finds
    /// every connection once that is present from beginning to end.
    pub fn at_or_after(&self, place: usize) -> Option<(usize, T)> {
        let rest = self.places.iter().enumerate().skip(place);
        rest.filter_map(|(place, slot)| Some((place, slot.clone()?))).next()
    }

    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(slots: &Slots<u8>) -> Vec<u8> {
        let (mut all, mut at) = (Vec::new(), 0);
        while let Some((place, member)) = slots.at_or_after(at) {
            all.push(member);
            at = place + 1;
        }
        all
    }

    #[test]
    fn the_place_of_one_that_left_is_used_again() {
        let mut slots = Slots::new();
        let places: Vec<_> = (1..=3).map(|member| slots.add(member)).collect();
        slots.remove(places[1]);
        slots.remove(places[1]);
        assert_eq!((all(&slots), slots.len()), (vec![1, 3], 2));
        assert_eq!(slots.add(4), places[1]);
        assert_eq!(all(&slots), [1, 4, 3]);
    }

    #[test]
    fn whoever_stays_is_found_once_while_others_come_and_go() {
        let mut slots = Slots::new();
        let places: Vec<_> = (0..10).map(|member| slots.add(member)).collect();
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some((place, member)) = slots.at_or_after(at) {
            found.push(member);
            at = place + 1;
            if member == 4 {
                slots.remove(places[2]);
                slots.remove(places[7]);
                slots.add(99);
            }
        }
        found.retain(|member| *member != 99);
        assert_eq!(found, [0, 1, 2, 3, 4, 5, 6, 8, 9]);
    }

    #[test]
    fn an_empty_set_keeps_no_memory() {
        let mut slots = Slots::new();
        let places: Vec<_> = (0..100).map(|member: u8| slots.add(member)).collect();
        places.into_iter().for_each(|place| slots.remove(place));
        assert_eq!((slots.places.capacity(), slots.free.capacity()), (0, 0));
    }
}
