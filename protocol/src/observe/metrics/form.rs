//! The form of counts in reports and in storage: one line for each service and transport. A line has one field for each
//! number that is not zero; tabs separate the fields.
//!
//! The code is written by hand, since serde's code for this form would be a tenth of the whole Worker.

use super::{BreakerLabel, Counts, Refused, Tally, add_once};
use crate::sockjs::transport::Transport;

const VERSION: &str = "1";

/// Writes counts.
pub fn encode(tallies: &[Tally]) -> String {
    tallies.iter().map(line).fold(VERSION.to_owned(), |text, line| text + "\n" + &line)
}

/// Reads counts that [`encode`] wrote. Returns `None` if `text` is malformed or of another version.
pub fn decode(text: &str) -> Option<Vec<Tally>> {
    let mut lines = text.split('\n');
    if lines.next() != Some(VERSION) {
        return None;
    }
    lines.map(read).collect()
}

fn line(tally: &Tally) -> String {
    let Counts { opened, closed, refused, received, sent, queue_high_water, upstream } = &tally.counts;
    let mut line = [tally.service.as_str(), "\t", tally.transport.map_or("", Transport::name)].concat();
    let mut field = |name: &str, label: &str, number: u64| {
        if number > 0 {
            line.extend(["\t", name, label, "=", &number.to_string()]);
        }
    };
    field("opened", "", *opened);
    closed.iter().for_each(|(code, count)| field("closed ", &code.to_string(), *count));
    refused.iter().for_each(|(reason, count)| field("refused ", reason.name(), *count));
    field("received messages", "", received.messages);
    field("received bytes", "", received.bytes);
    field("sent messages", "", sent.messages);
    field("sent bytes", "", sent.bytes);
    field("queue", "", *queue_high_water);
    field("upstream piped", "", upstream.piped);
    field("upstream attempts", "", upstream.attempts);
    field("upstream failures", "", upstream.failures);
    upstream.breaker.iter().for_each(|state| field("breaker ", state.name(), 1));
    line
}

fn read(line: &str) -> Option<Tally> {
    let mut fields = line.split('\t');
    let service = fields.next()?.to_owned();
    let name = fields.next()?;
    let transport = Transport::ALL.into_iter().find(|transport| transport.name() == name);
    if transport.is_none() && !name.is_empty() {
        return None;
    }
    let mut counts = Counts::default();
    for field in fields {
        let (name, number) = field.split_once('=')?;
        let number = number.parse().ok()?;
        match name.split_once(' ').unwrap_or((name, "")) {
            ("opened", "") => counts.opened = number,
            ("closed", code) => counts.close(code.parse().ok()?, number),
            ("refused", name) => {
                counts.refuse(Refused::ALL.into_iter().find(|reason| reason.name() == name)?, number);
            }
            ("received", "messages") => counts.received.messages = number,
            ("received", "bytes") => counts.received.bytes = number,
            ("sent", "messages") => counts.sent.messages = number,
            ("sent", "bytes") => counts.sent.bytes = number,
            ("queue", "") => counts.queue_high_water = number,
            ("upstream", "piped") => counts.upstream.piped = number,
            ("upstream", "attempts") => counts.upstream.attempts = number,
            ("upstream", "failures") => counts.upstream.failures = number,
            ("breaker", name) => {
                let state = BreakerLabel::ALL.into_iter().find(|state| state.name() == name)?;
                add_once(&mut counts.upstream.breaker, state);
            }
            _ => return None,
        }
    }
    Some(Tally { service, transport, counts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::UpstreamCounts;

    #[test]
    fn counts_keep_their_written_form() {
        let mut counts = Counts { opened: 3, queue_high_water: 7, ..Counts::default() };
        counts.close(1000, 1);
        counts.close(3000, 2);
        counts.received.add(5);
        counts.sent.add(6);
        counts.upstream = UpstreamCounts { piped: 1, attempts: 2, failures: 3, breaker: BreakerLabel::ALL.to_vec() };
        let mut refused = Counts::default();
        Refused::ALL.into_iter().for_each(|reason| refused.refuse(reason, 1));
        let tallies = [
            Tally { service: String::new(), transport: Some(Transport::WebSocket), counts },
            Tally { service: "/chat/{room}".into(), transport: None, counts: refused },
        ];
        let written = "1\n\twebsocket\topened=3\tclosed 1000=1\tclosed 3000=2\treceived messages=1\treceived bytes=5\tsent messages=1\tsent bytes=6\tqueue=7\tupstream piped=1\tupstream attempts=2\tupstream failures=3\tbreaker closed=1\tbreaker half_open=1\tbreaker open=1\n/chat/{room}\t\trefused origin=1\trefused ticket=1\trefused application=1\trefused address=1\trefused full=1\trefused contended=1\trefused unknown_session=1\trefused too_large=1\trefused malformed=1\trefused unavailable=1\trefused upstream=1";
        assert_eq!(encode(&tallies), written);
        assert_eq!(decode(written).unwrap(), tallies);
        assert_eq!(decode(&encode(&[])), Some(vec![]));
    }

    #[test]
    fn another_version_and_damage_are_refused() {
        for text in [
            "",
            "2\n/echo\twebsocket",
            "1\n",
            "1\n/echo",
            "1\n/echo\tpigeon",
            "1\n/echo\t\topened",
            "1\n/a\t\tx=1",
            "1\n/a\t\tbreaker ajar=1",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
        assert!(decode("1\n/echo\t\topened=1\tclosed x=1").is_none());
    }
}
