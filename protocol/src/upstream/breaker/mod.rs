//! Circuit breaker of an upstream: while the upstream fails, it gets at most a few requests in a second, and when it works
//! again, its clients return over some seconds.
//!
//! A breaker needs the same memory whatever happens. Random numbers are arguments: they keep clients, and breakers in other
//! places, from acting at the same moment. [`Breakers`](super::breakers::Breakers) are those of an upstream with many URLs.
//!
//! 1. [`Breaker::ask`] before each attempt to open a connection, or to send a request.
//! 2. If the breaker allows the attempt, [`Breaker::report`] its outcome. The breaker gets over attempts without a report.
//! 3. If the breaker refuses, ask it again after the time that it names, or refuse the client with [`Refusal::Paused`].
//! 4. [`Breaker::lose`] for each open connection that breaks.

mod counts;
mod ramp;

use self::counts::{Lost, Recent, Unanswered};
use self::ramp::Ramp;
use crate::time::Millis;
use crate::upstream::close::Refusal;

const SECOND: Millis = Millis::from_secs(1);

/// Time after a success for which a shared breaker does not open: the upstream works, and only some attempts fail.
const FRESH: Millis = Millis::from_secs(3);

/// Shortest and longest pause of an open breaker, without the random half that is added.
const PAUSE_MIN: Millis = Millis::from_secs(1);
const PAUSE_MAX: Millis = Millis::from_secs(20);

/// Part of the outage so far for which the breaker pauses before the next probe. So the end of an outage is noticed after
/// at most a fifth of its length, or 1.5 s.
const PAUSE_PART: u64 = 8;

/// Probes that may be under way at a time, each a second after the one before.
const PROBES: usize = 3;

/// Default time after which a probe without a report counts as failed.
pub const PROBE_TIMEOUT: Millis = Millis::from_secs(10);

/// Factor by which a second with a success multiplies the attempts: after an outage, and after many lost connections.
const RAMP_FACTOR: u32 = 2;
const STEEP_FACTOR: u32 = 8;

/// Connections lost within a second that begin a steep ramp: the upstream restarts, or a part of it.
const LOST_AT_ONCE: u32 = 20;

/// Time for which a connection was open whose loss counts. So nobody begins ramps by connections that the upstream breaks
/// soon, for a reason of their own.
const LOST_AFTER: Millis = Millis::from_secs(3);

/// An attempt that a breaker allowed. [`Breaker::report`] takes its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Attempt {
    pub(super) epoch: u64,
    pub(super) began: Millis,
}

/// Answer of a breaker before an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit<A = Attempt> {
    /// The upstream may be asked.
    Ask(A),
    /// The upstream may be asked, to find out if it works again. Give up the attempt when the breaker counts it as failed:
    /// after 10 s, or the time of [`Breaker::with_probe_timeout`].
    Probe(A),
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
    /// The upstream could not be reached or did not answer in time.
    Failure,
    /// The upstream, or a proxy in front of it, answered that it does not work.
    Unavailable,
}

impl Outcome {
    /// Returns the outcome of an attempt that was answered with this HTTP status.
    ///
    /// 502 to 504, and 520 to 530 of Cloudflare, say that the upstream does not work. 500 is a success here: it is often the
    /// fault of one request, which should not stop all others.
    pub const fn of_status(status: u16) -> Self {
        match status {
            502..=504 | 520..=530 => Self::Unavailable,
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

    /// True if the attempt failed.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::Unavailable)
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
    unanswered: Unanswered,
    /// Moment of the last attempt that was allowed.
    asked: Millis,
    lost: Lost,
    /// True if attempts differ so much that a success shows that the upstream works.
    is_shared: bool,
    probe_timeout: Millis,
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
            unanswered: Unanswered::default(),
            asked: Millis(0),
            lost: Lost::default(),
            is_shared: false,
            probe_timeout: PROBE_TIMEOUT,
        }
    }

    /// Returns a closed breaker of attempts that differ, such as those of many URLs. It does not open for 3 s after the
    /// beginning of an attempt that succeeded.
    pub fn shared() -> Self {
        Self { is_shared: true, ..Self::new() }
    }

    /// Sets the time after which a probe without a report counts as failed, by default 10 s.
    pub fn with_probe_timeout(self, probe_timeout: Millis) -> Self {
        Self { probe_timeout, ..self }
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
        match self.wait(now, random) {
            Some(after) => refuse(after, random),
            None => self.permit(now),
        }
    }

    /// Returns the time for which the upstream must not be asked. `None` if it may be asked now.
    pub(super) fn wait(&mut self, now: Millis, random: u32) -> Option<Millis> {
        if let State::Open { until } = self.state
            && until <= now
        {
            self.state = State::HalfOpen(Vec::new());
        }
        if let State::HalfOpen(probes) = &self.state
            && probes.first().is_some_and(|began| *began + self.probe_timeout <= now)
        {
            self.open(now, random);
        }
        let hangs = self.unanswered.hang(now);
        let next = match &mut self.state {
            State::Open { until } => *until,
            State::HalfOpen(probes) => match probes.first() {
                Some(first) if probes.len() >= PROBES => *first + self.probe_timeout,
                _ => self.asked + SECOND,
            },
            State::Closed(ramp) => {
                if ramp.as_mut().is_some_and(|ramp| ramp.is_over(now)) {
                    *ramp = None;
                    self.outage = None;
                }
                ramp.as_ref().map_or(now, Ramp::next).max(if hangs { self.asked + SECOND } else { now })
            }
        };
        (now < next).then(|| next - now)
    }

    /// Allows an attempt, and counts it.
    pub(super) fn permit(&mut self, now: Millis) -> Permit {
        let attempt = Attempt { epoch: self.epoch, began: now };
        let hangs = self.unanswered.hang(now);
        self.asked = now;
        match &mut self.state {
            State::HalfOpen(probes) => {
                probes.push(now);
                Permit::Probe(attempt)
            }
            // An open breaker is asked to wait before.
            State::Open { .. } => Permit::Ask(attempt),
            State::Closed(ramp) => {
                if hangs && ramp.is_none() {
                    *ramp = Some(Ramp::new(now, RAMP_FACTOR));
                }
                if let Some(ramp) = ramp {
                    ramp.asked += 1;
                }
                self.unanswered.add(now);
                Permit::Ask(attempt)
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

    /// Notes the outcome of an attempt, also of one whose client left: 32 unanswered attempts in a row slow down everybody, so
    /// clients that leave at once could keep others from an upstream that works. An attempt from before the breaker last opened or closed has no effect. `random` is
    /// a new random number.
    pub fn report(&mut self, now: Millis, attempt: Attempt, outcome: Outcome, random: u32) {
        if attempt.epoch != self.epoch {
            return;
        }
        match (&mut self.state, outcome) {
            // An open breaker has allowed nothing since it opened.
            (State::Open { .. }, _) => {}
            (State::HalfOpen(_), Outcome::Success) => self.close(now),
            (State::HalfOpen(_), Outcome::Failure | Outcome::Unavailable) => self.open(now, random),
            (State::Closed(ramp), Outcome::Success) => {
                if let Some(ramp) = ramp {
                    ramp.has_success = true;
                }
                self.unanswered.end(now - attempt.began);
                self.recent.succeed(now, attempt.began);
            }
            (State::Closed(_), Outcome::Failure | Outcome::Unavailable) => {
                self.unanswered.count = self.unanswered.count.saturating_sub(1);
                self.recent.fail(now, attempt.began);
                let works = self.is_shared && now < self.recent.succeeded + FRESH;
                if self.recent.is_outage() && !works {
                    self.open(now, random);
                }
            }
        }
    }

    /// Notes that a connection to the upstream, which was open since `opened`, broke without a close.
    pub fn lose(&mut self, now: Millis, opened: Millis) {
        if now < opened + LOST_AFTER {
            return;
        }
        let begins = self.lost.add(now) >= LOST_AT_ONCE && self.lost.may_begin(now);
        if let State::Closed(ramp @ None) = &mut self.state
            && begins
        {
            *ramp = Some(Ramp::new(now, STEEP_FACTOR));
            self.lost.began = Some(now);
        }
    }

    fn open(&mut self, now: Millis, random: u32) {
        let lasted = now - *self.outage.get_or_insert(now);
        let pause = Millis(lasted.0 / PAUSE_PART).clamp(PAUSE_MIN, PAUSE_MAX);
        self.change(State::Open { until: now + pause + part(pause.half(), random) });
    }

    fn close(&mut self, now: Millis) {
        self.change(State::Closed(Some(Ramp::new(now, RAMP_FACTOR))));
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
        self.recent = Recent::default();
        self.unanswered.count = 0;
    }
}

/// Refuses for `after`, and up to a second more, so that clients do not come back all at once.
pub(super) fn refuse<A>(after: Millis, random: u32) -> Permit<A> {
    Permit::Refuse { after: after + part(SECOND, random).max(Millis(1)) }
}

/// Returns a random part of `span`: 0 for the number 0, nearly all of it for the largest number.
fn part(span: Millis, random: u32) -> Millis {
    Millis(span.0.saturating_mul(random.into()) >> u32::BITS)
}
