//! The sends taken lately, so that one that the Worker repeats is taken once.

use std::collections::VecDeque;

/// A repeat follows within seconds, and a client has few sends under way.
const REMEMBERED: usize = 64;

/// Ids of the latest sends. In memory alone: only a restart in between can double one.
#[derive(Debug, Default)]
pub(crate) struct Sends(VecDeque<u64>);

impl Sends {
    /// Whether `id` was not here before; from now on it was.
    pub fn is_new(&mut self, id: u64) -> bool {
        if self.0.contains(&id) {
            return false;
        }
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(id);
        true
    }

    /// `id` was not taken after all.
    pub fn forget(&mut self, id: u64) {
        self.0.retain(|known| *known != id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_is_new_once_and_again_after_it_was_refused() {
        let mut sends = Sends::default();
        assert!(sends.is_new(1));
        assert!(!sends.is_new(1));
        sends.forget(1);
        assert!(sends.is_new(1));
    }

    #[test]
    fn only_the_latest_are_remembered() {
        let mut sends = Sends::default();
        for id in 0..=REMEMBERED as u64 {
            assert!(sends.is_new(id));
        }
        assert!(sends.is_new(0));
        assert!(!sends.is_new(REMEMBERED as u64));
    }
}
