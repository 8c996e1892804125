//! Totals in the text format of Prometheus, version 0.0.4.

use super::totals::{BreakerReport, Sum};
use super::{BreakerLabel, Counts, OTHER_CODES, Tally, UpstreamCounts};
use std::fmt::{Display, Write};

/// Writes each metric family with its help and type. The series are in the order of service and transport.
pub(super) fn encode(sums: &[Sum], breakers: &[BreakerReport]) -> String {
    let mut text = Text(String::new());

    text.family("connections_opened_total", "counter", "Connections that were opened.");
    for sum in opened(sums) {
        text.series("connections_opened_total", &labels(&sum.tally, None), all_opened(&sum.tally.counts));
    }
    text.family("connections_open", "gauge", "Connections that are open.");
    for sum in opened(sums).filter(|sum| sum.tally.counts.upstream.piped == 0) {
        text.series("connections_open", &labels(&sum.tally, None), sum.tally.counts.open().max(0));
    }
    text.family("connections_closed_total", "counter", "Connections that were closed, by code.");
    for sum in sums {
        for (code, count) in &sum.tally.counts.closed {
            let code = if *code == OTHER_CODES { "other".to_owned() } else { code.to_string() };
            text.series("connections_closed_total", &labels(&sum.tally, Some(("code", &code))), count);
        }
    }
    text.family(
        "fallback_ratio",
        "gauge",
        "Share of the connections that were opened over other transports than WebSocket.",
    );
    for (service, ratio) in ratios(sums) {
        text.series("fallback_ratio", &label("service", service), ratio);
    }
    text.family("refused_total", "counter", "Requests that were refused, by reason.");
    for sum in sums {
        for (reason, count) in &sum.tally.counts.refused {
            text.series("refused_total", &labels(&sum.tally, Some(("reason", reason.name()))), count);
        }
    }
    for (name, help, count) in TRAFFIC {
        text.family(name, "counter", help);
        for sum in opened(sums) {
            text.series(name, &labels(&sum.tally, None), count(&sum.tally));
        }
    }
    text.family(
        "queue_high_water_bytes",
        "gauge",
        "Most bytes that waited for one client in the last five to ten minutes.",
    );
    for sum in opened(sums) {
        text.series("queue_high_water_bytes", &labels(&sum.tally, None), sum.high_water());
    }
    upstreams(&mut text, sums, breakers);
    text.0
}

/// Writes the families of services with an upstream, if there are any.
fn upstreams(text: &mut Text, sums: &[Sum], breakers: &[BreakerReport]) {
    let mut services: Vec<(&str, UpstreamCounts)> = Vec::new();
    for Tally { service, counts, .. } in sums.iter().map(|sum| &sum.tally) {
        if counts.upstream == UpstreamCounts::default() {
            continue;
        }
        match services.last_mut().filter(|(last, _)| last == service) {
            Some((_, all)) => all.merge(&counts.upstream),
            None => services.push((service, counts.upstream.clone())),
        }
    }
    if services.is_empty() {
        return;
    }
    text.family("upstream_attempts_total", "counter", "Attempts to open a connection to the upstream.");
    for (service, counts) in &services {
        text.series("upstream_attempts_total", &label("service", service), counts.attempts);
    }
    text.family("upstream_failures_total", "counter", "Attempts that failed, so that the circuit breaker counts them.");
    for (service, counts) in &services {
        text.series("upstream_failures_total", &label("service", service), counts.failures);
    }
    text.family(
        "upstream_breaker",
        "gauge",
        "1 if a circuit breaker of the upstream was in this state in the last half minute.",
    );
    for (service, _) in &services {
        for state in BreakerLabel::ALL {
            let is_its = breakers.iter().any(|report| report.service == *service && report.state == state);
            let labels = [label("service", service), label("state", state.name())].join(",");
            text.series("upstream_breaker", &labels, u8::from(is_its));
        }
    }
}

/// Returns the number of opened connections, with those that the Worker pipes.
fn all_opened(counts: &Counts) -> u64 {
    counts.opened.saturating_add(counts.upstream.piped)
}

/// Name and help of a counter, and the function that reads its number from a tally.
type Counter = (&'static str, &'static str, fn(&Tally) -> u64);

const TRAFFIC: [Counter; 4] = [
    ("messages_received_total", "Messages from clients.", |tally| tally.counts.received.messages),
    ("received_bytes_total", "Bytes of the messages from clients.", |tally| tally.counts.received.bytes),
    ("messages_sent_total", "Messages to clients.", |tally| tally.counts.sent.messages),
    ("sent_bytes_total", "Bytes of the messages to clients.", |tally| tally.counts.sent.bytes),
];

/// Returns the sums of transports. The others, which have no transport, have no connections.
fn opened(sums: &[Sum]) -> impl Iterator<Item = &Sum> {
    sums.iter().filter(|sum| sum.tally.transport.is_some())
}

/// Returns the share of fallback transports among the connections of each service that had any.
fn ratios(sums: &[Sum]) -> Vec<(&str, String)> {
    let mut services: Vec<(&str, u64, u64)> = Vec::new();
    for sum in opened(sums) {
        let Tally { service, transport, counts } = &sum.tally;
        let fallbacks =
            if transport.is_some_and(|transport| transport.is_websocket()) { 0 } else { all_opened(counts) };
        match services.last_mut().filter(|(last, ..)| last == service) {
            Some((_, fell_back, all)) => (*fell_back, *all) = (*fell_back + fallbacks, *all + all_opened(counts)),
            None => services.push((service, fallbacks, all_opened(counts))),
        }
    }
    let ratio = |fallbacks: u64, all: u64| {
        let parts = fallbacks.saturating_mul(10_000).checked_div(all)?;
        Some(format!("{}.{:04}", parts / 10_000, parts % 10_000))
    };
    services.into_iter().filter_map(|(service, fallbacks, all)| Some((service, ratio(fallbacks, all)?))).collect()
}

fn transport(tally: &Tally) -> &'static str {
    tally.transport.map_or("", |transport| transport.name())
}

fn labels(tally: &Tally, more: Option<(&str, &str)>) -> String {
    let mut labels = [label("service", &tally.service), label("transport", transport(tally))].join(",");
    if let Some((name, value)) = more {
        labels.push(',');
        labels.push_str(&label(name, value));
    }
    labels
}

fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "# HELP sockjs_{name} {help}\n# TYPE sockjs_{name} {kind}\n");
    }

    fn series(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "sockjs_{name}{{{labels}}} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::{Counts, Refused, Totals};
    use crate::sockjs::transport::Transport;
    use crate::time::Millis;

    #[test]
    fn totals_are_written_with_help_type_and_labels() {
        let mut websocket = Counts { opened: 3, queue_high_water: 9, ..Counts::default() };
        websocket.close(1000, 1);
        websocket.close(OTHER_CODES, 1);
        websocket.received.add(5);
        let mut refused = Counts::default();
        refused.refuse(Refused::TooLarge, 2);
        let tally = |transport, counts| Tally { service: "/echo".into(), transport, counts };
        let mut totals = Totals::default();
        totals.add(
            Millis(0),
            &[
                tally(Some(Transport::XhrPolling), Counts { opened: 1, ..Counts::default() }),
                tally(Some(Transport::WebSocket), websocket),
                tally(None, refused),
            ],
        );
        let text = totals.text(Millis(0));
        let expected = r#"# HELP sockjs_connections_opened_total Connections that were opened.
# TYPE sockjs_connections_opened_total counter
sockjs_connections_opened_total{service="/echo",transport="websocket"} 3
sockjs_connections_opened_total{service="/echo",transport="xhr-polling"} 1
# HELP sockjs_connections_open Connections that are open.
# TYPE sockjs_connections_open gauge
sockjs_connections_open{service="/echo",transport="websocket"} 1
sockjs_connections_open{service="/echo",transport="xhr-polling"} 1
# HELP sockjs_connections_closed_total Connections that were closed, by code.
# TYPE sockjs_connections_closed_total counter
sockjs_connections_closed_total{service="/echo",transport="websocket",code="other"} 1
sockjs_connections_closed_total{service="/echo",transport="websocket",code="1000"} 1
# HELP sockjs_fallback_ratio Share of the connections that were opened over other transports than WebSocket.
# TYPE sockjs_fallback_ratio gauge
sockjs_fallback_ratio{service="/echo"} 0.2500
# HELP sockjs_refused_total Requests that were refused, by reason.
# TYPE sockjs_refused_total counter
sockjs_refused_total{service="/echo",transport="",reason="too_large"} 2
"#;
        assert!(text.starts_with(expected), "{text}");
        assert!(text.contains("\nsockjs_received_bytes_total{service=\"/echo\",transport=\"websocket\"} 5\n"));
        assert!(text.ends_with("sockjs_queue_high_water_bytes{service=\"/echo\",transport=\"xhr-polling\"} 0\n"));
    }

    #[test]
    fn a_label_s_value_may_be_anything() {
        assert_eq!(label("service", "a\"b\\c\nd"), r#"service="a\"b\\c\nd""#);
    }
}
