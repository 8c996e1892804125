//! The clock of a response that a Worker holds for a client: it says when a heartbeat is due, and the end. It only computes with
//! times, and sets no timer.

use sockjs_protocol::service::options::{Config, Heartbeats};
use sockjs_protocol::sockjs::transport::Receive;
use sockjs_protocol::time::Millis;

/// The longest time of a single timer. The runtime's callbacks expire after two minutes.
const LONGEST_WAIT: Millis = Millis::from_secs(60);

/// Clock of one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ResponseClock {
    heartbeat_delay: Millis,
    last_out: Millis,
    /// Time at which the response ends; `None` for a response of one frame.
    ends_at: Option<Millis>,
}

/// Action that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beat {
    /// A heartbeat.
    Heartbeat,
    /// A heartbeat that ends the response.
    End,
}

impl ResponseClock {
    /// Returns the clock of a response to `row` that began `now`, if the Worker schedules its heartbeats.
    pub fn of(row: &Receive, config: &Config, now: Millis) -> Option<Self> {
        (config.heartbeats == Heartbeats::Worker).then(|| Self {
            heartbeat_delay: config.heartbeat_delay,
            last_out: now,
            ends_at: (!row.one_frame).then(|| now + config.response_age()),
        })
    }

    /// Notes that something was written.
    pub fn wrote(&mut self, now: Millis) {
        self.last_out = now;
    }

    /// Returns what is due now, if anything. The first frame of a poll is its last.
    pub fn due(&self, now: Millis) -> Option<Beat> {
        match self.ends_at {
            // An end that is due before the next heartbeat replaces it.
            Some(end) if end <= now => Some(Beat::End),
            _ if self.last_out + self.heartbeat_delay > now => None,
            Some(end) if end <= now + self.heartbeat_delay.half() => Some(Beat::End),
            Some(_) => Some(Beat::Heartbeat),
            None => Some(Beat::End),
        }
    }

    /// Returns the time to wait before the next call of [`ResponseClock::due`], which may still return `None` then.
    pub fn wait(&self, now: Millis) -> Millis {
        let beat = self.last_out + self.heartbeat_delay;
        (self.ends_at.map_or(beat, |end| end.min(beat)) - now).min(LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sockjs_protocol::sockjs::transport::Transport;

    fn clock(transport: Transport) -> ResponseClock {
        let config = Config::new("").heartbeats(Heartbeats::Worker).receiver_max_age(Millis(100_000));
        ResponseClock::of(transport.receive().unwrap(), &config, Millis(0)).unwrap()
    }

    #[test]
    fn a_stream_gets_a_heartbeat_after_each_silence() {
        let mut clock = clock(Transport::XhrStreaming);
        assert_eq!((clock.due(Millis(24_999)), clock.wait(Millis(20_000))), (None, Millis(5_000)));
        assert_eq!(clock.due(Millis(25_000)), Some(Beat::Heartbeat));
        clock.wrote(Millis(30_000));
        assert_eq!((clock.due(Millis(54_999)), clock.due(Millis(55_000))), (None, Some(Beat::Heartbeat)));
    }

    #[test]
    fn a_stream_ends_at_its_maximum_age_or_with_the_heartbeat_before() {
        let mut clock = clock(Transport::EventSource);
        clock.wrote(Millis(80_000));
        assert_eq!((clock.due(Millis(99_999)), clock.due(Millis(100_000))), (None, Some(Beat::End)));
        assert_eq!(clock.wait(Millis(99_000)), Millis(1_000));
        clock.wrote(Millis(65_000));
        assert_eq!(clock.due(Millis(90_000)), Some(Beat::End));
    }

    #[test]
    fn a_heartbeat_ends_a_poll() {
        assert_eq!(clock(Transport::XhrPolling).due(Millis(25_000)), Some(Beat::End));
    }

    #[test]
    fn a_long_wait_is_many() {
        let config = Config::new("").heartbeats(Heartbeats::Worker).heartbeat_delay(Millis::from_secs(3_600));
        let clock = ResponseClock::of(Transport::HtmlFile.receive().unwrap(), &config, Millis(0)).unwrap();
        assert_eq!(clock.wait(Millis(0)), LONGEST_WAIT);
    }

    #[test]
    fn by_default_the_object_keeps_the_clock() {
        assert_eq!(ResponseClock::of(Transport::HtmlFile.receive().unwrap(), &Config::new(""), Millis(0)), None);
    }
}
