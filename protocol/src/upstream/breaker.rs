//! Circuit breaker of an upstream: while the upstream fails, it gets at most a few requests in a second, and when it works
//! again, its clients return over some seconds.
//!
//! One breaker serves all connections that an isolate or object opens to one upstream. It needs the same memory whatever
//! happens. Random numbers are arguments: they keep clients, and breakers in other places, from acting at the same moment.
//!
//! 1. [`Breaker::ask`] before each attempt to open a connection, or to send a request.
//! 2. If the breaker allows the attempt, [`Breaker::report`] its outcome. The breaker gets over attempts without a report.
//! 3. If the breaker refuses, ask it again after the time that it names, or refuse the client with [`Refusal::Paused`].
//! 4. [`Breaker::lose`] for each open connection that breaks.

use crate::time::Millis;
use crate::upstream::close::Refusal;

const SECOND: Millis = Millis::from_secs(1);

/// Failures in a row, without 10 s between two of them, that open the breaker. A failure does not count if an attempt that
/// began later has succeeded.
const ROW: u32 = 5;

/// Outcomes within 5 to 10 s of which half must be failures to open the breaker.
const SHARE_OF: u32 = 20;

/// Half of the time for which outcomes count.
const HALF_WINDOW: Millis = Millis::from_secs(5);

/// Attempts without any answer after the last success. Beyond them, one attempt is allowed in a second, and a ramp begins:
/// an upstream that hangs gives no failures before their time-out.
const UNANSWERED: u32 = 32;

/// Shortest and longest pause of an open breaker, without the random half that is added.
const PAUSE_MIN: Millis = Millis::from_secs(1);
const PAUSE_MAX: Millis = Millis::from_secs(20);

/// Part of the outage so far for which the breaker pauses before the next probe. So the end of an outage is noticed after
/// at most a fifth of its length, or 1.5 s.
const PAUSE_PART: u64 = 8;

/// Probes that may be under way at a time, each a second after the one before.
const PROBES: usize = 3;

/// Time after which a probe without a report counts as failed.
const PROBE_TIMEOUT: Millis = Millis::from_secs(10);

/// Attempts in the first second of the ramp. Each second with a success doubles them.
const RAMP_BEGIN: u32 = 8;

/// Attempts in a second at which the ramp ends.
const RAMP_END: u32 = 1_024;

/// Time without a call of [`Breaker::ask`] that ends a ramp after a success. A refused client asks again within 2 s, so no
/// client is waiting.
/// Without this, the ramp of an upstream with few clients, and with it the outage, would last for hours.
const RAMP_QUIET: Millis = Millis::from_secs(10);

/// Connections lost within a second that begin a ramp: the upstream restarts, or a part of it.
const LOST_AT_ONCE: u32 = 20;

/// An attempt that a breaker allowed. [`Breaker::report`] takes its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Attempt {
    epoch: u64,
    began: Millis,
}

/// Answer of a breaker before an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// The upstream may be asked.
    Ask(Attempt),
    /// The upstream may be asked, to find out if it works again. Give up the attempt after at most 10 s.
    Probe(Attempt),
    /// The upstream must not be asked now.
    Refuse {
        /// Time after which to ask the breaker again. At least 1 ms; different for each random number.
        after: Millis,
    },
}

/// Outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream answered. It may have refused the client.
    Success,
    /// The upstream could not be reached or did not answer in time, or a proxy in front of it responded so.
    Failure,
    /// The attempt was given up before there was an answer, because the client left.
    ///
    /// The attempt stays unanswered, and 32 of these in a row slow down everybody. So, where the runtime permits, wait for
    /// the answer without the client, report that, and then close the connection. Otherwise, clients that leave at once
    /// could keep others from an upstream that works.
    Abandoned,
}

impl Outcome {
    /// Returns the outcome of an attempt that was answered with this HTTP status.
    ///
    /// Failures are 502 to 504, and 520 to 530 of Cloudflare. 500 is a success here: it is often the fault of one request,
    /// which should not stop all others.
    pub const fn of_status(status: u16) -> Self {
        match status {
            502..=504 | 520..=530 => Self::Failure,
            _ => Self::Success,
        }
    }

    /// Returns the outcome of an attempt that ended with this refusal. `None` if the upstream was not asked.
    pub const fn of_refusal(refusal: Refusal) -> Option<Self> {
        match refusal {
            Refusal::Status(status) => Some(Self::of_status(status)),
            Refusal::Unreachable | Refusal::TimedOut => Some(Self::Failure),
            Refusal::Subprotocol => Some(Self::Success),
            Refusal::Paused => None,
        }
    }
}

/// State of a breaker, for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Attempts are allowed.
    Closed,
    /// This number of attempts is allowed in a second.
    Ramping(u32),
    /// No attempt is allowed.
    Open,
    /// Only probes are allowed.
    HalfOpen,
}

/// Circuit breaker of one upstream.
///
/// ```text
///             5 failures in a row, or half of 20            its pause is over
///    closed ────────────────────────────────────▶ open ──────────────────────▶ half-open
///      ▲ │                                        ▲ ▲                            │   │
///      │ │ 20 connections lost in a second,       │ └──── a probe failed ────────┘   │
///      │ ▼ or 32 attempts unanswered for one      │                                  │
///    closed, with a ramp ─────────────────────────┘                                  │
///      ▲                                                       a probe succeeded     │
///      └─────────────────────────────────────────────────────────────────────────────┘
/// ```
///
/// ```
/// use sockjs_protocol::time::Millis;
/// use sockjs_protocol::upstream::breaker::{Breaker, Outcome, Permit};
///
/// let (mut breaker, now) = (Breaker::new(), Millis(0));
/// for _ in 0..5 {
///     let Permit::Ask(attempt) = breaker.ask(now, 7) else { panic!("it is closed") };
///     breaker.report(now, attempt, Outcome::Failure, 7);
/// }
/// assert!(matches!(breaker.ask(now, 7), Permit::Refuse { .. }));
/// assert!(matches!(breaker.ask(Millis(1_500), 7), Permit::Probe(_)));
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    state: State,
    /// Number of times that the breaker opened and closed. Attempts of an earlier epoch have no effect.
    epoch: u64,
    /// Beginning of the outage. It is kept until the ramp is over: an upstream that fails on the ramp was never back.
    outage: Option<Millis>,
    recent: Recent,
    /// Attempts without an answer since the last success.
    unanswered: u32,
    /// Moment of the last attempt that was allowed.
    asked: Millis,
    lost: Lost,
}

#[derive(Debug, Clone)]
enum State {
    Closed(Option<Ramp>),
    Open {
        until: Millis,
    },
    /// With the moments at which its probes began, the oldest first.
    HalfOpen(Vec<Millis>),
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

impl Breaker {
    /// Returns a closed breaker.
    pub fn new() -> Self {
        Self {
            state: State::Closed(None),
            epoch: 0,
            outage: None,
            recent: Recent::default(),
            unanswered: 0,
            asked: Millis(0),
            lost: Lost::default(),
        }
    }

    /// Returns the state.
    pub fn state(&self) -> BreakerState {
        match &self.state {
            State::Closed(None) => BreakerState::Closed,
            State::Closed(Some(ramp)) => BreakerState::Ramping(ramp.allowance),
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    /// Decides if the upstream may be asked now. `random` is a new random number.
    pub fn ask(&mut self, now: Millis, random: u32) -> Permit {
        if let State::Open { until } = self.state {
            if now < until {
                return refuse(until - now, random);
            }
            self.state = State::HalfOpen(Vec::new());
        }
        if let State::HalfOpen(probes) = &self.state
            && probes.first().is_some_and(|began| *began + PROBE_TIMEOUT <= now)
        {
            self.open(now, random);
            return self.ask(now, random);
        }
        match &mut self.state {
            State::Open { until } => refuse(*until - now, random),
            State::HalfOpen(probes) => {
                let next = match probes.first() {
                    Some(first) if probes.len() >= PROBES => *first + PROBE_TIMEOUT,
                    _ => self.asked + SECOND,
                };
                if now < next {
                    return refuse(next - now, random);
                }
                probes.push(now);
                self.asked = now;
                Permit::Probe(Attempt { epoch: self.epoch, began: now })
            }
            State::Closed(ramp) => {
                if ramp.as_mut().is_some_and(|ramp| ramp.is_over(now)) {
                    *ramp = None;
                    self.outage = None;
                }
                let next = ramp.as_ref().map_or(now, Ramp::next).max(match self.unanswered {
                    ..UNANSWERED => now,
                    _ => self.asked + SECOND,
                });
                if now < next {
                    return refuse(next - now, random);
                }
                // The upstream did not answer for a second.
                if self.unanswered >= UNANSWERED && ramp.is_none() {
                    *ramp = Some(Ramp::new(now));
                }
                if let Some(ramp) = ramp {
                    ramp.asked += 1;
                }
                self.unanswered = self.unanswered.saturating_add(1);
                self.asked = now;
                Permit::Ask(Attempt { epoch: self.epoch, began: now })
            }
        }
    }

    /// Asks for one more request of a connection that the upstream accepted: it is no client that arrives, and is held up only while
    /// the upstream fails.
    pub fn ask_again(&mut self, now: Millis, random: u32) -> Permit {
        match self.state {
            State::Closed(_) => Permit::Ask(Attempt { epoch: self.epoch, began: now }),
            State::Open { .. } | State::HalfOpen(_) => self.ask(now, random),
        }
    }

    /// Notes the outcome of an attempt. An attempt from before the breaker last opened or closed has no effect. `random` is
    /// a new random number.
    pub fn report(&mut self, now: Millis, attempt: Attempt, outcome: Outcome, random: u32) {
        if attempt.epoch != self.epoch {
            return;
        }
        match (&mut self.state, outcome) {
            // An open breaker has allowed nothing since it opened.
            (State::Open { .. }, _) => {}
            (State::HalfOpen(_), Outcome::Success) => self.close(now),
            (State::HalfOpen(_), Outcome::Failure) => self.open(now, random),
            (State::HalfOpen(probes), Outcome::Abandoned) => probes.retain(|began| *began != attempt.began),
            (State::Closed(ramp), Outcome::Success) => {
                if let Some(ramp) = ramp {
                    ramp.has_success = true;
                }
                self.unanswered = 0;
                self.recent.succeed(now, attempt.began);
            }
            (State::Closed(_), Outcome::Failure) => {
                self.unanswered = self.unanswered.saturating_sub(1);
                self.recent.fail(now, attempt.began);
                if self.recent.is_outage() {
                    self.open(now, random);
                }
            }
            // The attempt stays unanswered: clients also leave because the upstream hangs.
            (State::Closed(_), Outcome::Abandoned) => {}
        }
    }

    /// Notes that an open connection to the upstream broke without a close.
    pub fn lose(&mut self, now: Millis) {
        let are_many = self.lost.add(now) >= LOST_AT_ONCE;
        if let State::Closed(ramp) = &mut self.state
            && are_many
        {
            let ramp = ramp.get_or_insert_with(|| Ramp::new(now));
            ramp.allowance = RAMP_BEGIN;
        }
    }

    fn open(&mut self, now: Millis, random: u32) {
        let lasted = now - *self.outage.get_or_insert(now);
        let pause = Millis(lasted.0 / PAUSE_PART).clamp(PAUSE_MIN, PAUSE_MAX);
        self.change(State::Open { until: now + pause + part(pause.half(), random) });
    }

    fn close(&mut self, now: Millis) {
        self.change(State::Closed(Some(Ramp::new(now))));
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
        self.recent = Recent::default();
        self.unanswered = 0;
    }
}

/// Refuses for `after`, and up to a second more, so that clients do not come back all at once.
fn refuse(after: Millis, random: u32) -> Permit {
    Permit::Refuse { after: after + part(SECOND, random).max(Millis(1)) }
}

/// Returns a random part of `span`: 0 for the number 0, nearly all of it for the largest number.
fn part(span: Millis, random: u32) -> Millis {
    Millis(span.0.saturating_mul(random.into()) >> u32::BITS)
}

/// Slow return of the clients of an upstream that works again.
#[derive(Debug, Clone)]
struct Ramp {
    /// Beginning of the second that counts.
    second: Millis,
    /// Attempts allowed in this second so far.
    asked: u32,
    /// Most attempts in this second.
    allowance: u32,
    /// True if an attempt succeeded in this second.
    has_success: bool,
}

impl Ramp {
    fn new(now: Millis) -> Self {
        Self { second: now, asked: 0, allowance: RAMP_BEGIN, has_success: false }
    }

    /// Begins a new second if it is time. True if the ramp is over.
    fn is_over(&mut self, now: Millis) -> bool {
        if self.has_success && self.second + RAMP_QUIET <= now {
            return true;
        }
        if self.second + SECOND <= now {
            let factor = if self.has_success { 2 } else { 1 };
            *self = Self { allowance: self.allowance * factor, ..Self::new(now) };
        }
        self.allowance >= RAMP_END
    }

    /// Returns the moment at which the next attempt is allowed.
    fn next(&self) -> Millis {
        if self.asked < self.allowance { self.second } else { self.second + SECOND }
    }
}

/// Outcomes of the last 5 to 10 s.
#[derive(Debug, Clone, Default)]
struct Recent {
    /// Failures in a row.
    row: u32,
    /// Beginning of the latest attempt that succeeded.
    succeeded: Millis,
    /// Beginning of the half of the window that counts.
    since: Millis,
    this: Counts,
    last: Counts,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    all: u32,
    failures: u32,
}

impl Recent {
    fn succeed(&mut self, now: Millis, began: Millis) {
        self.add(now, 0);
        self.row = 0;
        self.succeeded = self.succeeded.max(began);
    }

    fn fail(&mut self, now: Millis, began: Millis) {
        self.add(now, 1);
        // The upstream hung and is back if a later attempt succeeded before this one timed out.
        if self.succeeded <= began {
            self.row = self.row.saturating_add(1);
        }
    }

    fn add(&mut self, now: Millis, failures: u32) {
        if self.since + HALF_WINDOW + HALF_WINDOW <= now {
            *self = Self { since: now, succeeded: self.succeeded, ..Self::default() };
        } else if self.since + HALF_WINDOW <= now {
            *self = Self { since: now, this: Counts::default(), last: self.this, ..*self };
        }
        self.this.all = self.this.all.saturating_add(1);
        self.this.failures = self.this.failures.saturating_add(failures);
    }

    fn is_outage(&self) -> bool {
        let all = self.this.all.saturating_add(self.last.all);
        let failures = self.this.failures.saturating_add(self.last.failures);
        self.row >= ROW || (all >= SHARE_OF && failures >= all.div_ceil(2))
    }
}

/// Connections lost within a second.
#[derive(Debug, Clone, Default)]
struct Lost {
    since: Millis,
    count: u32,
}

impl Lost {
    /// Counts one, and returns the number of this second.
    fn add(&mut self, now: Millis) -> u32 {
        if self.since + SECOND <= now {
            *self = Self { since: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
        self.count
    }
}
