//! The sum of all reports.

use super::{Tally, text};
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// How long a high-water mark stands at least, and twice as long at most: long enough for whoever asks each minute.
const WINDOW: Millis = Millis::from_secs(300);

/// What was reported so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    tallies: Vec<Sum>,
    /// When the high-water marks were last begun anew.
    window: Millis,
}

/// Of one service and transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub tally: Tally,
    /// The high-water mark of the window before.
    high_water_before: u64,
}

impl Sum {
    pub fn high_water(&self) -> u64 {
        self.high_water_before.max(self.tally.counts.queue_high_water)
    }
}

impl Totals {
    /// Adds a report.
    pub fn add(&mut self, now: Millis, report: &[Tally]) {
        self.roll(now);
        for tally in report {
            let same = |sum: &&mut Sum| sum.tally.service == tally.service && sum.tally.transport == tally.transport;
            match self.tallies.iter_mut().find(same) {
                Some(sum) => sum.tally.counts.merge(&tally.counts),
                None => self.tallies.push(Sum { tally: tally.clone(), high_water_before: 0 }),
            }
        }
    }

    /// In the text format of Prometheus, version 0.0.4.
    pub fn text(&mut self, now: Millis) -> String {
        self.roll(now);
        text::encode(&self.tallies)
    }

    /// Begins the high-water marks anew when their time is over.
    fn roll(&mut self, now: Millis) {
        let age = now - self.window;
        if age < WINDOW {
            return;
        }
        self.window = now;
        for sum in &mut self.tallies {
            let mark = std::mem::take(&mut sum.tally.counts.queue_high_water);
            sum.high_water_before = if age < WINDOW + WINDOW { mark } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Counts, Refused};
    use crate::transport::Transport;

    fn tally(transport: Option<Transport>, counts: Counts) -> Tally {
        Tally { service: "/echo".into(), transport, counts }
    }

    #[test]
    fn reports_add_up_by_service_and_transport_and_come_back_from_storage() {
        let (websocket, info) = (Some(Transport::WebSocket), None);
        let mut refused = Counts::default();
        refused.refuse(Refused::Ticket, 1);
        let mut totals = Totals::default();
        let opened = Counts { opened: 1, ..Counts::default() };
        totals.add(Millis(1), &[tally(websocket, opened.clone()), tally(info, refused)]);
        totals.add(Millis(2), &[tally(websocket, opened)]);
        assert_eq!(totals.tallies.len(), 2);
        assert_eq!(totals.tallies[0].tally.counts.opened, 2);
        let stored = serde_json::to_string(&totals).unwrap();
        assert_eq!(serde_json::from_str::<Totals>(&stored).unwrap(), totals);
    }

    #[test]
    fn a_high_water_mark_stands_for_a_while_and_then_falls() {
        let mut totals = Totals::default();
        let high = |mark| tally(None, Counts { queue_high_water: mark, ..Counts::default() });
        let start = Millis::from_secs(1_000_000);
        totals.add(start, &[high(9)]);
        let mark = |totals: &mut Totals, at| {
            totals.roll(at);
            totals.tallies[0].high_water()
        };
        assert_eq!(mark(&mut totals, start + WINDOW), 9);
        totals.add(start + WINDOW, &[high(4)]);
        assert_eq!(mark(&mut totals, start + WINDOW), 9);
        assert_eq!(mark(&mut totals, start + WINDOW + WINDOW), 4);
        assert_eq!(mark(&mut totals, start + Millis(WINDOW.0 * 9)), 0);
    }
}
