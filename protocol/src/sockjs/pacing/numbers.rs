//! Numbers of the messages of a client whose WebSocket the Worker holds.

use super::inbox::ItemNumber;
use std::collections::VecDeque;

/// The numbers of the client's messages, counted from 1: those that arrived, and those that are handled.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    received: u64,
    handled: u64,
    /// Messages that wait for the handler, with the items of the inbox that they are in.
    waiting: VecDeque<(u64, ItemNumber)>,
}

impl Numbers {
    /// Continues where another instance of the object stopped: everything up to `handled` is handled.
    pub fn start(&mut self, handled: u64) {
        if self.waiting.is_empty() {
            self.received = self.received.max(handled);
            self.handled = self.received;
        }
    }

    pub fn received(&self) -> u64 {
        self.received
    }

    /// Notes the arrival of the message `number`. It is in `item` of the inbox, or needs no handling.
    pub fn receive(&mut self, number: u64, item: Option<ItemNumber>) {
        self.received = number;
        match item {
            Some(item) => self.waiting.push_back((number, item)),
            None if self.waiting.is_empty() => self.handled = number,
            None => {}
        }
    }

    /// Returns the number of the last message up to which all are handled.
    pub fn handled(&mut self, is_done: impl Fn(ItemNumber) -> bool) -> u64 {
        while let Some((number, _)) = self.waiting.front().filter(|(_, item)| is_done(*item)) {
            self.handled = *number;
            self.waiting.pop_front();
        }
        if self.waiting.is_empty() {
            self.handled = self.received;
        }
        self.handled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_handled_in_their_order() {
        let mut numbers = Numbers::default();
        numbers.start(10);
        assert_eq!((numbers.received(), numbers.handled(|_| false)), (10, 10));
        numbers.receive(11, Some(5));
        numbers.receive(12, None);
        numbers.receive(13, Some(6));
        assert_eq!((numbers.received(), numbers.handled(|_| false)), (13, 10));
        assert_eq!(numbers.handled(|item| item <= 5), 11);
        numbers.start(12);
        assert_eq!(numbers.handled(|_| true), 13, "what arrived here counts");
    }

    #[test]
    fn a_message_without_content_is_handled_when_it_arrives() {
        let mut numbers = Numbers::default();
        numbers.receive(1, None);
        assert_eq!(numbers.handled(|_| false), 1);
    }
}
