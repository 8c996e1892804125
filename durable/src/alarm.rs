//! The object's one alarm, at the earliest deadline of its whole table.
//!
//! Setting it is a billed write, so it is moved only when a new deadline is earlier, and set again when it fires. What is
//! due within a second is left to a timer: such a deadline always follows a request, and a timer costs nothing more.

use sockjs_protocol::time::Millis;

/// Deadlines nearer than this are left to a timer.
pub(crate) const TIMER_BELOW: Millis = Millis(1000);

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

/// What `deadlines` need beyond what is armed.
pub(crate) fn plan(now: Millis, armed: Armed, timer: Option<Millis>, deadlines: impl Iterator<Item = Millis>) -> Arm {
    let (mut soon, mut later) = (None, None);
    for at in deadlines {
        let earliest = if at < now + TIMER_BELOW { &mut soon } else { &mut later };
        *earliest = Some(earliest.map_or(at, |other: Millis| other.min(at)));
    }
    // An alarm that fires first also does what a timer would.
    let covered =
        |at: Millis| timer.is_some_and(|timer| timer <= at) || matches!(armed, Armed::At(alarm) if alarm <= at);
    Arm {
        alarm: later.filter(|at| match armed {
            Armed::Unknown => false,
            Armed::Never => true,
            Armed::At(alarm) => *at < alarm,
        }),
        timer: soon.filter(|at| !covered(*at)),
        ask: later.is_some() && armed == Armed::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_moves_only_to_an_earlier_moment() {
        let now = Millis(100_000);
        let arm = |armed, deadlines: &[u64]| plan(now, armed, None, deadlines.iter().map(|at| now + Millis(*at)));
        let alarm = |at| Arm { alarm: Some(now + Millis(at)), ..Arm::default() };
        assert_eq!(arm(Armed::Never, &[]), Arm::default());
        assert_eq!(arm(Armed::Never, &[25_000, 5_000]), alarm(5_000));
        assert_eq!(arm(Armed::At(now + Millis(5_000)), &[25_000]), Arm::default());
        assert_eq!(arm(Armed::At(now + Millis(5_000)), &[5_000]), Arm::default());
        assert_eq!(arm(Armed::At(now + Millis(25_000)), &[5_000]), alarm(5_000));
        assert_eq!(arm(Armed::Unknown, &[5_000]), Arm { ask: true, ..Arm::default() });
        assert_eq!(arm(Armed::Unknown, &[]), Arm::default());
    }

    #[test]
    fn what_is_due_within_a_second_is_left_to_a_timer() {
        let now = Millis(100_000);
        let soon = now + Millis(250);
        let plan = |armed, timer| plan(now, armed, timer, [soon, now + Millis(5_000)].into_iter());
        let both = Arm { alarm: Some(now + Millis(5_000)), timer: Some(soon), ask: false };
        assert_eq!(plan(Armed::Never, None), both);
        assert_eq!(plan(Armed::Never, Some(soon + Millis(1))), both);
        assert_eq!(plan(Armed::Never, Some(soon)), Arm { timer: None, ..both });
        assert_eq!(plan(Armed::At(soon), None), Arm::default());
    }
}
