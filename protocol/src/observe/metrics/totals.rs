//! The sums of all reports.

use super::{BreakerLabel, Tally, form, text};
use crate::time::Millis;

/// Shortest time for which a high-water mark is shown; the longest is twice as long. This suffices for a reader that
/// asks once a minute.
const WINDOW: Millis = Millis::from_secs(300);

/// Time for which a state of a circuit breaker is shown after a report of it. While clients come, there is a report every ten
/// seconds.
const BREAKER_SHOWN: Millis = Millis::from_secs(30);

/// Sums of all reports so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sums, in the order of service and transport.
    sums: Vec<Sum>,
    /// Time at which the current window of the high-water marks began.
    window: Millis,
    /// The last reports of the states of circuit breakers. They are not stored, since they are soon over.
    breakers: Vec<BreakerReport>,
}

/// The last report of a state of a service's circuit breakers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BreakerReport {
    pub service: String,
    pub state: BreakerLabel,
    at: Millis,
}

/// Sum of the reports of one service and transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sum {
    pub tally: Tally,
    /// High-water mark of the previous window.
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
            self.note_breaker(now, tally);
            let tally = &without_breaker(tally);
            let at = self.sums.partition_point(|sum| key(&sum.tally) < key(tally));
            match self.sums.get_mut(at).filter(|sum| key(&sum.tally) == key(tally)) {
                Some(sum) => sum.tally.counts.merge(&tally.counts),
                None => self.sums.insert(at, Sum { tally: tally.clone(), high_water_before: 0 }),
            }
        }
    }

    /// Returns the totals in the text format of Prometheus, version 0.0.4.
    pub fn text(&mut self, now: Millis) -> String {
        self.roll(now);
        self.breakers.retain(|report| now - report.at < BREAKER_SHOWN);
        text::encode(&self.sums, &self.breakers)
    }

    /// Returns the totals for storage, without the high-water marks of the previous window.
    pub fn store(&self) -> String {
        let tallies: Vec<Tally> = self.sums.iter().map(|sum| sum.tally.clone()).collect();
        form::encode(&tallies)
    }

    /// Restores totals from a string that [`Totals::store`] returned. Returns `None` if it is malformed or of another
    /// version.
    pub fn restore(now: Millis, stored: &str) -> Option<Self> {
        let mut totals = Self::default();
        totals.add(now, &form::decode(stored)?);
        Some(totals)
    }

    /// Notes the states of circuit breakers. There are at most three for each service.
    fn note_breaker(&mut self, now: Millis, tally: &Tally) {
        for state in &tally.counts.upstream.breaker {
            let is_its = |report: &&mut BreakerReport| report.service == tally.service && report.state == *state;
            match self.breakers.iter_mut().find(is_its) {
                Some(report) => report.at = now,
                None => self.breakers.push(BreakerReport { service: tally.service.clone(), state: *state, at: now }),
            }
        }
    }

    /// Begins a new window of high-water marks if the current one has ended.
    fn roll(&mut self, now: Millis) {
        let age = now - self.window;
        if age < WINDOW {
            return;
        }
        self.window = now;
        for sum in &mut self.sums {
            let mark = std::mem::take(&mut sum.tally.counts.queue_high_water);
            sum.high_water_before = if age < WINDOW + WINDOW { mark } else { 0 };
        }
    }
}

fn without_breaker(tally: &Tally) -> Tally {
    let mut tally = tally.clone();
    tally.counts.upstream.breaker.clear();
    tally
}

fn key(tally: &Tally) -> (&str, &str) {
    (&tally.service, tally.transport.map_or("", |transport| transport.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::{Counts, Refused, UpstreamCounts};
    use crate::sockjs::transport::Transport;

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
        assert_eq!(totals.sums.len(), 2);
        assert_eq!(totals.sums[1].tally.counts.opened, 2);
        let restored = Totals::restore(Millis(3), &totals.store()).unwrap();
        assert_eq!(restored.sums, totals.sums);
    }

    #[test]
    fn a_high_water_mark_stands_for_a_while_and_then_falls() {
        let mut totals = Totals::default();
        let high = |mark| tally(None, Counts { queue_high_water: mark, ..Counts::default() });
        let start = Millis::from_secs(1_000_000);
        totals.add(start, &[high(9)]);
        let mark = |totals: &mut Totals, at| {
            totals.roll(at);
            totals.sums[0].high_water()
        };
        assert_eq!(mark(&mut totals, start + WINDOW), 9);
        totals.add(start + WINDOW, &[high(4)]);
        assert_eq!(mark(&mut totals, start + WINDOW), 9);
        assert_eq!(mark(&mut totals, start + WINDOW + WINDOW), 4);
        assert_eq!(mark(&mut totals, start + Millis(WINDOW.0 * 9)), 0);
    }

    #[test]
    fn the_state_of_a_breaker_is_shown_for_half_a_minute_and_not_stored() {
        let upstream = UpstreamCounts { attempts: 2, failures: 1, breaker: vec![BreakerLabel::Open], piped: 0 };
        let counts = Counts { upstream, ..Counts::default() };
        let (websocket, polling) = (Some(Transport::WebSocket), Some(Transport::XhrPolling));
        let mut totals = Totals::default();
        totals.add(Millis(1), &[tally(websocket, counts.clone()), tally(polling, counts)]);
        let shown = |text: &str, line: &str| text.lines().any(|known| known == line);
        let is_open = r#"sockjs_upstream_breaker{service="/echo",state="open"} 1"#;
        let text = totals.text(Millis(2));
        for line in [
            is_open,
            r#"sockjs_upstream_breaker{service="/echo",state="closed"} 0"#,
            r#"sockjs_upstream_attempts_total{service="/echo"} 4"#,
            r#"sockjs_upstream_failures_total{service="/echo"} 2"#,
        ] {
            assert!(shown(&text, line), "{line} is not in {text}");
        }
        let mut restored = Totals::restore(Millis(3), &totals.store()).unwrap();
        assert!(!shown(&restored.text(Millis(3)), is_open));
        assert!(shown(&restored.text(Millis(3)), r#"sockjs_upstream_failures_total{service="/echo"} 2"#));
        assert!(shown(&totals.text(BREAKER_SHOWN), is_open));
        assert!(!shown(&totals.text(BREAKER_SHOWN + Millis(1)), is_open));
    }
}
