//! A sum that many add to, and take their part from when they are dropped.

use std::cell::Cell;
use std::rc::Rc;

/// Counts the memory of several owners together. Clones are the same sum.
///
/// ```
/// use sockjs_protocol::sockjs::frame::Message;
/// use sockjs_protocol::sockjs::meter::Meter;
///
/// let meter = Meter::default();
/// let message = Message::metered("shared by many", &meter);
/// let copies = vec![message.clone(); 100];
/// assert!(meter.sum() < 200, "it is counted once");
/// drop((message, copies));
/// assert_eq!(meter.sum(), 0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Meter(Rc<Cell<usize>>);

impl Meter {
    /// The sum.
    pub fn sum(&self) -> usize {
        self.0.get()
    }

    /// A part of the sum that is nothing at first.
    pub fn part(&self) -> Part {
        Part { meter: self.clone(), bytes: Cell::new(0) }
    }
}

/// What one owner has. Dropped, it counts no more.
#[derive(Debug)]
pub struct Part {
    meter: Meter,
    bytes: Cell<usize>,
}

impl Part {
    /// Bytes of this owner.
    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Notes that this owner has so many bytes now.
    pub fn set(&self, bytes: usize) {
        let before = self.bytes.replace(bytes);
        self.meter.0.set(self.meter.sum().saturating_sub(before).saturating_add(bytes));
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_all_parts_that_are_there() {
        let meter = Meter::default();
        let (first, second) = (meter.part(), meter.part());
        first.set(10);
        second.set(5);
        first.set(7);
        assert_eq!((meter.sum(), first.bytes()), (12, 7));
        drop(first);
        assert_eq!(meter.sum(), 5);
    }
}
