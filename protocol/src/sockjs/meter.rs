//! A sum of memory that several owners share. Each owner adds its part; dropping the part subtracts it again.

use std::cell::Cell;
use std::rc::Rc;

/// Counter of the memory of several owners together. Clones share the same sum.
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
    /// Returns the sum.
    pub fn sum(&self) -> usize {
        self.0.get()
    }

    /// Returns a new part of the sum, which is zero at first.
    pub fn part(&self) -> Part {
        Part { meter: self.clone(), bytes: Cell::new(0) }
    }
}

/// The bytes of one owner. Dropping the part removes them from the sum.
#[derive(Debug)]
pub struct Part {
    meter: Meter,
    bytes: Cell<usize>,
}

impl Part {
    /// Returns the bytes of this owner.
    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Sets the bytes of this owner.
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
