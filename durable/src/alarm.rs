//! The object's one alarm, at the earliest deadline of its whole table.
//!
//! Setting it is a billed write, so it is moved only when a new deadline is earlier, and set again when it fires. What waits
//! to be stored has a timer instead: it follows within a second of a request, and no restart needs to be reminded of what
//! it lost.

use sockjs_protocol::sockjs::session::Session;
use sockjs_protocol::time::Millis;

/// When the alarm fires, as far as this object knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Armed {
    /// The object slept: storage has to be asked.
    Unknown,
    Never,
    At(Millis),
}

/// What is to be armed for a set of deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Arm {
    /// Set the alarm to this moment.
    pub alarm: Option<Millis>,
    /// Start a timer for this moment.
    pub timer: Option<Millis>,
    /// Ask storage when the alarm is set, and then again.
    pub ask: bool,
}

/// When the sessions of an object have something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Due {
    /// The earliest that has to last.
    pub lasting: Option<Millis>,
    /// The earliest that need not.
    pub passing: Option<Millis>,
}

impl Due {
    /// Adds those of one session. A client that polls is expected back for a moment: until then an alarm that comes
    /// late is enough, which looks after the session if the object dies in that moment.
    pub fn add(&mut self, session: &Session, now: Millis) {
        let expected = session.expects_receiver_until().filter(|until| now < *until);
        let lasting = expected.map_or_else(|| session.lasting_deadline(), |_| Some(session.absence_alarm()));
        self.lasting = earliest(self.lasting, lasting);
        self.add_passing(earliest(session.passing_deadline(), expected));
    }

    /// Adds a moment that need not last.
    pub fn add_passing(&mut self, at: Option<Millis>) {
        self.passing = earliest(self.passing, at);
    }
}

fn earliest(one: Option<Millis>, other: Option<Millis>) -> Option<Millis> {
    one.into_iter().chain(other).min()
}

/// What is needed beyond what is armed, for the earliest deadline that has to last and the earliest that need not.
pub(crate) fn plan(armed: Armed, timer: Option<Millis>, lasting: Option<Millis>, passing: Option<Millis>) -> Arm {
    let covered = |at: Millis| timer.is_some_and(|timer| timer <= at);
    Arm {
        alarm: lasting.filter(|at| match armed {
            Armed::Unknown => false,
            Armed::Never => true,
            Armed::At(alarm) => *at < alarm,
        }),
        timer: passing.filter(|at| !covered(*at)),
        ask: lasting.is_some() && armed == Armed::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Option<Millis> = |at| Some(Millis(at));

    #[test]
    fn the_alarm_moves_only_to_an_earlier_moment() {
        let arm = |armed, lasting| plan(armed, None, lasting, None);
        let alarm = |at| Arm { alarm: AT(at), ..Arm::default() };
        assert_eq!(arm(Armed::Never, None), Arm::default());
        assert_eq!(arm(Armed::Never, AT(5)), alarm(5));
        assert_eq!(arm(Armed::At(Millis(5)), AT(25)), Arm::default());
        assert_eq!(arm(Armed::At(Millis(5)), AT(5)), Arm::default());
        assert_eq!(arm(Armed::At(Millis(25)), AT(5)), alarm(5));
        assert_eq!(arm(Armed::Unknown, AT(5)), Arm { ask: true, ..Arm::default() });
        assert_eq!(arm(Armed::Unknown, None), Arm::default());
    }

    #[test]
    fn a_timer_is_started_unless_one_runs_that_fires_in_time() {
        let arm = |timer| plan(Armed::At(Millis(1)), timer, None, AT(250));
        let start = Arm { timer: AT(250), ..Arm::default() };
        assert_eq!(arm(None), start);
        assert_eq!(arm(AT(251)), start);
        assert_eq!(arm(AT(250)), Arm::default());
    }
}
