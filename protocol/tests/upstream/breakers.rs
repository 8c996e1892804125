//! The circuit breakers of an upstream with many URLs, in virtual time.

use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::breaker::{BreakerState, Outcome, Permit};
use sockjs_protocol::upstream::breakers::{Breakers, UrlAttempt};

const START: u64 = 1_000_000;

fn at(ms: u64) -> Millis {
    Millis(START + ms)
}

fn allowed(breakers: &mut Breakers, url: &str, ms: u64) -> Option<UrlAttempt> {
    match breakers.ask(url, at(ms), 0) {
        Permit::Ask(attempt) | Permit::Probe(attempt) => Some(attempt),
        Permit::Refuse { .. } => None,
    }
}

/// Asks for a URL, and reports `outcome` if that is allowed. Returns true if it is.
fn end(breakers: &mut Breakers, url: &str, ms: u64, outcome: Outcome) -> bool {
    let attempt = allowed(breakers, url, ms);
    if let Some(attempt) = attempt {
        breakers.report(at(ms), attempt, outcome, 0);
    }
    attempt.is_some()
}

#[test]
fn a_url_that_fails_shuts_out_no_other_url() {
    for outcome in [Outcome::Unavailable, Outcome::Failure] {
        let mut breakers = Breakers::default();
        let mut asked = 0;
        for ms in 0..60_000 {
            if ms % 15 == 0 && end(&mut breakers, "bad", ms, outcome) {
                asked += 1;
            }
            if ms % 100 == 0 {
                assert!(end(&mut breakers, "good", ms, Outcome::Success), "{outcome:?} at {ms} ms");
            }
        }
        assert!((5..40).contains(&asked), "{asked} attempts, {outcome:?}");
    }
}

#[test]
fn many_urls_that_fail_shut_out_no_other_url() {
    for outcome in [Outcome::Unavailable, Outcome::Failure] {
        let mut breakers = Breakers::default();
        for ms in 0..60_000 {
            let _ = end(&mut breakers, &format!("bad/{ms}"), ms, outcome);
            if ms % 1_000 == 0 {
                assert!(end(&mut breakers, "good", ms, Outcome::Success), "{outcome:?} at {ms} ms");
            }
        }
    }
}

#[test]
fn a_url_that_hangs_shuts_out_no_other_url() {
    let mut breakers = Breakers::default();
    for ms in 0..60_000 {
        if ms % 10 == 0 {
            let _ = allowed(&mut breakers, "hangs", ms);
        }
        if ms % 1_000 == 500 {
            assert!(end(&mut breakers, "good", ms, Outcome::Success), "{ms} ms");
        }
    }
}

#[test]
fn answers_open_the_breaker_of_their_url_alone_and_silence_that_of_all() {
    let mut breakers = Breakers::default();
    (0..5).for_each(|_| assert!(end(&mut breakers, "bad", 0, Outcome::Unavailable)));
    assert_eq!((breakers.state("bad"), breakers.state("other")), (BreakerState::Open, BreakerState::Closed));
    let mut breakers = Breakers::default();
    (0..5).for_each(|number| assert!(end(&mut breakers, &format!("{number}"), 0, Outcome::Failure)));
    assert_eq!((breakers.state("0"), breakers.state("other")), (BreakerState::Open, BreakerState::Open));
}

#[test]
fn failures_of_both_kinds_add_up_for_their_url() {
    let mut breakers = Breakers::default();
    for outcome in [Outcome::Unavailable, Outcome::Failure, Outcome::Unavailable, Outcome::Failure, Outcome::Failure] {
        assert!(end(&mut breakers, "bad", 0, outcome));
    }
    assert_eq!((breakers.state("bad"), breakers.state("other")), (BreakerState::Open, BreakerState::Closed));
}

#[test]
fn one_attempt_probes_both_breakers() {
    let mut breakers = Breakers::default();
    (0..5).for_each(|_| assert!(end(&mut breakers, "a", 0, Outcome::Failure)));
    assert!(allowed(&mut breakers, "a", 500).is_none());
    let Permit::Probe(attempt) = breakers.ask("a", at(1_500), 0) else { panic!("both pauses are over") };
    assert!(allowed(&mut breakers, "b", 1_500).is_none(), "one probe in a second");
    breakers.report(at(1_600), attempt, Outcome::Success, 0);
    assert_eq!((breakers.state("a"), breakers.state("b")), (BreakerState::Ramping(8), BreakerState::Ramping(8)));
    assert!(end(&mut breakers, "b", 1_700, Outcome::Success));
}

#[test]
fn the_urls_that_were_asked_last_are_remembered() {
    let mut breakers = Breakers::default();
    for number in 0..=256 {
        (0..5).for_each(|_| assert!(end(&mut breakers, &format!("{number}"), 0, Outcome::Unavailable)));
        // Without effect on the breaker, but the URL is asked for again.
        assert!(allowed(&mut breakers, "0", 0).is_none());
    }
    assert!(allowed(&mut breakers, "0", 0).is_none());
    assert!(allowed(&mut breakers, "1", 0).is_some(), "it was forgotten");
    assert!(allowed(&mut breakers, "2", 0).is_none());
}
