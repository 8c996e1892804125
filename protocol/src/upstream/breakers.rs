//! Circuit breakers of an upstream with many URLs.
//!
//! Clients choose the parameters of an upstream's address. So one client can ask for a URL that fails, as often as it likes, and
//! must not shut out those of other URLs.
//!
//! | outcome | breaker of the URL | breaker that all URLs share |
//! |---|---|---|
//! | [`Outcome::Success`] | success | success |
//! | [`Outcome::Unavailable`]: an answer such as 503 | failure | success: something answers there |
//! | [`Outcome::Failure`]: no answer | failure | failure, which opens it only if nothing succeeded lately |
//!
//! An attempt needs the permit of both.

use crate::time::Millis;
use crate::upstream::breaker::{Attempt, Breaker, BreakerState, Outcome, PROBE_TIMEOUT, Permit, refuse};
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

/// URLs with a breaker of their own. The one that was asked least recently is forgotten first.
const URLS: usize = 256;

/// An attempt that the breakers allowed. [`Breakers::report`] takes its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct UrlAttempt {
    url: u64,
    of_url: Attempt,
    of_all: Attempt,
}

/// Circuit breakers of one upstream.
///
/// ```
/// use sockjs_protocol::time::Millis;
/// use sockjs_protocol::upstream::breaker::{Outcome, Permit};
/// use sockjs_protocol::upstream::breakers::Breakers;
///
/// let (mut breakers, now) = (Breakers::default(), Millis(0));
/// for _ in 0..5 {
///     let Permit::Ask(attempt) = breakers.ask("/rooms/broken", now, 7) else { panic!("it is closed") };
///     breakers.report(now, attempt, Outcome::Unavailable, 7);
/// }
/// assert!(matches!(breakers.ask("/rooms/broken", now, 7), Permit::Refuse { .. }));
/// assert!(matches!(breakers.ask("/rooms/good", now, 7), Permit::Ask(_)));
/// ```
#[derive(Debug, Clone)]
pub struct Breakers {
    of_all: Breaker,
    /// By the hashes of URLs that failed, the one that was asked last at the end.
    of_urls: VecDeque<(u64, Breaker)>,
    probe_timeout: Millis,
}

impl Default for Breakers {
    fn default() -> Self {
        Self::new(PROBE_TIMEOUT)
    }
}

impl Breakers {
    /// Returns closed breakers. `probe_timeout` is the time after which a probe without a report counts as failed.
    pub fn new(probe_timeout: Millis) -> Self {
        let of_all = Breaker::shared().with_probe_timeout(probe_timeout);
        Self { of_all, of_urls: VecDeque::new(), probe_timeout }
    }

    /// Returns the state for a URL: that of the stricter breaker.
    pub fn state(&self, url: &str) -> BreakerState {
        let url = hash(url);
        let of_url = self.of_urls.iter().find(|(known, _)| *known == url).map(|(_, breaker)| breaker.state());
        let strictness = |state: &BreakerState| match state {
            BreakerState::Closed => 0,
            BreakerState::Ramping(_) => 1,
            BreakerState::HalfOpen => 2,
            BreakerState::Open => 3,
        };
        let of_all = self.of_all.state();
        of_url.into_iter().fold(of_all, |one, other| if strictness(&other) > strictness(&one) { other } else { one })
    }

    /// Decides if the upstream may be asked for `url` now. `random` is a new random number.
    pub fn ask(&mut self, url: &str, now: Millis, random: u32) -> Permit<UrlAttempt> {
        let url = hash(url);
        self.touch(url);
        let (of_all, of_url) = (&mut self.of_all, self.of_urls.back_mut().filter(|(last, _)| *last == url));
        let Some((_, of_url)) = of_url else {
            if let Some(after) = of_all.wait(now, random) {
                return refuse(after, random);
            }
            return both(url, of_all.permit(now), Permit::Ask(Attempt { epoch: 0, began: now }));
        };
        match of_all.wait(now, random).max(of_url.wait(now, random)) {
            Some(after) => refuse(after, random),
            None => both(url, of_all.permit(now), of_url.permit(now)),
        }
    }

    /// Decides if one more request of a connection may be sent that the upstream accepted: see [`Breaker::ask_again`].
    pub fn ask_again(&mut self, url: &str, now: Millis, random: u32) -> Permit<UrlAttempt> {
        if !matches!(self.state(url), BreakerState::Closed | BreakerState::Ramping(_)) {
            return self.ask(url, now, random);
        }
        let url = hash(url);
        self.touch(url);
        let of_url = match self.of_urls.back_mut() {
            Some((last, breaker)) if *last == url => breaker.ask_again(now, random),
            _ => Permit::Ask(Attempt { epoch: 0, began: now }),
        };
        both(url, self.of_all.ask_again(now, random), of_url)
    }

    /// Notes the outcome of an attempt.
    pub fn report(&mut self, now: Millis, attempt: UrlAttempt, outcome: Outcome, random: u32) {
        let of_all = if outcome == Outcome::Unavailable { Outcome::Success } else { outcome };
        self.of_all.report(now, attempt.of_all, of_all, random);
        if !self.touch(attempt.url) && outcome.is_failure() {
            if self.of_urls.len() >= URLS {
                self.of_urls.pop_front();
            }
            self.of_urls.push_back((attempt.url, Breaker::new().with_probe_timeout(self.probe_timeout)));
        }
        if let Some((_, breaker)) = self.of_urls.back_mut().filter(|(last, _)| *last == attempt.url) {
            breaker.report(now, attempt.of_url, outcome, random);
        }
    }

    /// Notes that a connection to the upstream, which was open since `opened`, broke without a close.
    pub fn lose(&mut self, now: Millis, opened: Millis) {
        self.of_all.lose(now, opened);
    }

    /// Puts the breaker of a URL at the end. Returns false if there is none.
    fn touch(&mut self, url: u64) -> bool {
        let known = self.of_urls.iter().position(|(known, _)| *known == url).and_then(|at| self.of_urls.remove(at));
        let is_known = known.is_some();
        self.of_urls.extend(known);
        is_known
    }
}

/// Joins the permits of both breakers.
fn both(url: u64, of_all: Permit, of_url: Permit) -> Permit<UrlAttempt> {
    match (of_all, of_url) {
        (Permit::Ask(of_all), Permit::Ask(of_url)) => Permit::Ask(UrlAttempt { url, of_url, of_all }),
        (Permit::Ask(of_all) | Permit::Probe(of_all), Permit::Ask(of_url) | Permit::Probe(of_url)) => {
            Permit::Probe(UrlAttempt { url, of_url, of_all })
        }
        (Permit::Refuse { after }, _) | (_, Permit::Refuse { after }) => Permit::Refuse { after },
    }
}

/// Hashes are kept instead of URLs, which may be long.
fn hash(url: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    url.hash(&mut hasher);
    hasher.finish()
}
