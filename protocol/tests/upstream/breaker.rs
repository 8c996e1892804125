//! The circuit breaker of an upstream, in virtual time.

use crate::common::cases;
use proptest::prelude::*;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::breaker::{Attempt, Breaker, BreakerState, Outcome, Permit};
use sockjs_protocol::upstream::close::Refusal;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const START: u64 = 1_000_000;
const HALF: u32 = 1 << 31;

fn at(ms: u64) -> Millis {
    Millis(START + ms)
}

fn asked(breaker: &mut Breaker, ms: u64) -> Attempt {
    match breaker.ask(at(ms), HALF) {
        Permit::Ask(attempt) => attempt,
        other => panic!("{other:?} at {ms} ms"),
    }
}

fn probe(breaker: &mut Breaker, ms: u64) -> Attempt {
    match breaker.ask(at(ms), HALF) {
        Permit::Probe(attempt) => attempt,
        other => panic!("{other:?} at {ms} ms"),
    }
}

/// Returns the shortest time of a refusal, without its random part.
fn refused(breaker: &mut Breaker, ms: u64) -> u64 {
    match breaker.ask(at(ms), 0) {
        Permit::Refuse { after } => after.0 - 1,
        other => panic!("{other:?} at {ms} ms"),
    }
}

fn end(breaker: &mut Breaker, ms: u64, outcome: Outcome) {
    let attempt = asked(breaker, ms);
    breaker.report(at(ms), attempt, outcome, 0);
}

/// Asks `count` times, and reports nothing.
fn ask_only(breaker: &mut Breaker, ms: u64, count: usize) -> Vec<Attempt> {
    (0..count).map(|_| asked(breaker, ms)).collect()
}

/// A breaker that opened at 0 ms, for a second.
fn open() -> Breaker {
    let mut breaker = Breaker::new();
    (0..5).for_each(|_| end(&mut breaker, 0, Outcome::Failure));
    assert_eq!(breaker.state(), BreakerState::Open);
    breaker
}

/// A breaker whose probe succeeded at 1,000 ms.
fn ramping() -> Breaker {
    let mut breaker = open();
    let attempt = probe(&mut breaker, 1_000);
    breaker.report(at(1_000), attempt, Outcome::Success, 0);
    assert_eq!(breaker.state(), BreakerState::Ramping(8));
    breaker
}

#[test]
fn failures_in_a_row_open_the_breaker() {
    let mut breaker = Breaker::new();
    for _ in 0..10 {
        (0..4).for_each(|_| end(&mut breaker, 0, Outcome::Failure));
        (0..9).for_each(|_| end(&mut breaker, 0, Outcome::Success));
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
    (0..5).for_each(|_| end(&mut breaker, 0, Outcome::Failure));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn half_of_twenty_outcomes_open_the_breaker() {
    let mut breaker = Breaker::new();
    for n in 0..19 {
        end(&mut breaker, n * 400, if n % 2 == 0 { Outcome::Failure } else { Outcome::Success });
    }
    // The first half is forgotten after 10 s, and the rest is too little.
    end(&mut breaker, 10_500, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Closed);
    for n in 0..20 {
        if breaker.state() == BreakerState::Closed {
            end(&mut breaker, 30_000 + n * 10, if n % 2 == 1 { Outcome::Failure } else { Outcome::Success });
        }
    }
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn an_attempt_that_hung_is_old_news_once_a_later_one_succeeded() {
    let mut breaker = Breaker::new();
    let hung = ask_only(&mut breaker, 0, 9);
    (0..20).for_each(|_| end(&mut breaker, 9_000, Outcome::Success));
    hung.into_iter().for_each(|attempt| breaker.report(at(10_000), attempt, Outcome::Failure, 0));
    assert_eq!(breaker.state(), BreakerState::Closed);
    (0..5).for_each(|_| end(&mut breaker, 10_000, Outcome::Failure));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn rare_failures_do_not_add_up() {
    let mut breaker = Breaker::new();
    (0..100).for_each(|n| end(&mut breaker, n * 10_000, Outcome::Failure));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_pause_grows_with_the_outage_from_one_second_to_thirty() {
    for random in [0, HALF, u32::MAX] {
        let (mut breaker, mut now) = (open(), 0);
        for _ in 0..100 {
            let lasted: u64 = now;
            let pause = (lasted / 8).clamp(1_000, 20_000);
            now += match breaker.ask(at(now), 0) {
                Permit::Refuse { after } => after.0 - 1,
                other => panic!("{other:?}"),
            };
            let (waited, most) = (now - lasted, pause + pause / 2);
            assert!((pause..=most).contains(&waited) && waited <= 30_000, "{waited} after {lasted}");
            let attempt = probe(&mut breaker, now);
            breaker.report(at(now), attempt, Outcome::Failure, random);
        }
        assert!(now > 1_000_000);
    }
}

#[test]
fn refusals_are_spread_over_a_second() {
    let mut breaker = open();
    for (random, after) in [(0, 1_001), (HALF, 1_500), (u32::MAX, 1_999)] {
        assert_eq!(breaker.ask(at(0), random), Permit::Refuse { after: Millis(after) });
    }
}

#[test]
fn a_half_open_breaker_lets_three_probes_through_one_each_second() {
    let mut breaker = open();
    let _ = probe(&mut breaker, 1_000);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert_eq!(refused(&mut breaker, 1_000), 1_000);
    assert_eq!(refused(&mut breaker, 1_999), 1);
    let _ = probe(&mut breaker, 2_000);
    let third = probe(&mut breaker, 3_500);
    assert_eq!(refused(&mut breaker, 6_000), 5_000);
    breaker.report(at(6_000), third, Outcome::Success, 0);
    assert_eq!(breaker.state(), BreakerState::Ramping(8));
}

#[test]
fn a_probe_without_a_report_has_failed_after_ten_seconds() {
    let mut breaker = open();
    let lost = probe(&mut breaker, 1_000);
    (2..4).for_each(|second| assert!(matches!(breaker.ask(at(second * 1_000), 0), Permit::Probe(_))));
    assert_eq!(refused(&mut breaker, 10_999), 1);
    // The outage took 11 s, an eighth of which is the pause.
    assert_eq!(refused(&mut breaker, 11_000), 1_375);
    breaker.report(at(11_001), lost, Outcome::Success, 0);
    assert_eq!(breaker.state(), BreakerState::Open, "it comes too late");
    let _ = probe(&mut breaker, 12_375);
}

#[test]
fn an_outcome_from_before_the_breaker_opened_has_no_effect() {
    let mut breaker = Breaker::new();
    let (early, late) = (asked(&mut breaker, 0), asked(&mut breaker, 0));
    (0..5).for_each(|_| end(&mut breaker, 0, Outcome::Failure));
    breaker.report(at(1), early, Outcome::Success, 0);
    assert_eq!(breaker.state(), BreakerState::Open);
    let attempt = probe(&mut breaker, 1_000);
    breaker.report(at(1_001), late, Outcome::Failure, 0);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    breaker.report(at(1_002), attempt, Outcome::Success, 0);
    (0..10).for_each(|_| breaker.report(at(1_003), attempt, Outcome::Failure, 0));
    assert_eq!(breaker.state(), BreakerState::Ramping(8));
}

#[test]
fn a_ramp_doubles_each_second_until_everybody_may_ask() {
    let mut breaker = ramping();
    for (second, allowance) in [8, 16, 32, 64, 128, 256, 512].into_iter().enumerate() {
        let now = 1_000 + second as u64 * 1_000;
        (0..allowance).for_each(|_| end(&mut breaker, now, Outcome::Success));
        assert_eq!(breaker.state(), BreakerState::Ramping(allowance));
        assert_eq!(refused(&mut breaker, now + 400), 600);
    }
    (0..5_000).for_each(|_| end(&mut breaker, 8_000, Outcome::Success));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_ramp_does_not_grow_without_a_success() {
    let mut breaker = ramping();
    for second in 1..4 {
        ask_only(&mut breaker, second * 1_000, 8);
        assert_eq!(refused(&mut breaker, second * 1_000), 1_000);
    }
}

#[test]
fn a_ramp_ends_early_if_nobody_asks_after_a_success() {
    let mut breaker = ramping();
    end(&mut breaker, 2_000, Outcome::Success);
    end(&mut breaker, 11_999, Outcome::Success);
    assert_eq!(breaker.state(), BreakerState::Ramping(16));
    (0..5).for_each(|_| end(&mut breaker, 3_600_000, Outcome::Failure));
    assert_eq!(refused(&mut breaker, 3_600_000), 1_000, "the outage is a new one");
}

#[test]
fn a_ramp_without_a_success_does_not_end_in_silence() {
    let mut breaker = ramping();
    ask_only(&mut breaker, 3_600_000, 8);
    assert_eq!(refused(&mut breaker, 3_600_000), 1_000);
}

#[test]
fn an_outage_that_comes_back_on_the_ramp_goes_on() {
    let mut breaker = ramping();
    let late = asked(&mut breaker, 1_000);
    (0..2).for_each(|_| end(&mut breaker, 17_000, Outcome::Success));
    (0..5).for_each(|_| end(&mut breaker, 17_000, Outcome::Failure));
    assert_eq!(refused(&mut breaker, 17_000), 2_125, "an eighth of 17 s");
    breaker.report(at(17_001), late, Outcome::Success, 0);
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn an_upstream_that_hangs_is_asked_once_in_a_second() {
    let mut breaker = Breaker::new();
    let attempts = ask_only(&mut breaker, 0, 40);
    ask_only(&mut breaker, 1_999, 1);
    assert_eq!(refused(&mut breaker, 2_000), 999);
    assert_eq!(refused(&mut breaker, 2_998), 1);
    let _ = asked(&mut breaker, 2_999);
    assert_eq!(refused(&mut breaker, 3_000), 999);
    assert_eq!(breaker.state(), BreakerState::Ramping(8));
    breaker.report(at(3_001), attempts[0], Outcome::Success, 0);
    ask_only(&mut breaker, 3_001, 7);
    assert_eq!(refused(&mut breaker, 3_001), 998);
    ask_only(&mut breaker, 4_000, 16);
}

#[test]
fn a_slow_upstream_may_have_any_burst() {
    // Seconds between a burst and its answers, and those until the next burst.
    for (seconds, until_next) in [(1, 1), (2, 2), (3, 3), (3, 0), (8, 8)] {
        let (mut breaker, mut now) = (Breaker::new(), 0);
        for _ in 0..10 {
            let attempts = ask_only(&mut breaker, now, 1_000);
            now += seconds * 1_000;
            attempts.into_iter().for_each(|attempt| breaker.report(at(now), attempt, Outcome::Success, 0));
            now += until_next * 1_000;
        }
        // It has twice the time of its last answer, of 10 s at most.
        let _ = ask_only(&mut breaker, now, 32);
        let patience = (2 * seconds * 1_000).clamp(2_000, 10_000);
        let _ = asked(&mut breaker, now + patience - 1);
        assert_eq!(refused(&mut breaker, now + patience), 999, "{seconds} s");
    }
}

/// Loses connections that were open for this time.
fn lose(breaker: &mut Breaker, ms: u64, open_for: u64, count: usize) {
    (0..count).for_each(|_| breaker.lose(at(ms), at(ms) - Millis(open_for)));
}

#[test]
fn many_connections_lost_at_once_begin_a_ramp_of_three_seconds() {
    let mut breaker = Breaker::new();
    lose(&mut breaker, 20_000, 3_000, 500);
    for (second, allowance) in [8, 64, 512].into_iter().enumerate() {
        let now = 20_000 + second as u64 * 1_000;
        (0..allowance).for_each(|_| end(&mut breaker, now, Outcome::Success));
        assert_eq!(breaker.state(), BreakerState::Ramping(allowance));
        lose(&mut breaker, now, 60_000, 500);
        assert!(refused(&mut breaker, now) > 0, "further losses allow nothing more");
    }
    let _ = asked(&mut breaker, 23_000);
    lose(&mut breaker, 49_999, 60_000, 500);
    assert_eq!(breaker.state(), BreakerState::Closed, "they begin no other ramp for 30 s");
    lose(&mut breaker, 50_000, 60_000, 500);
    assert_eq!(breaker.state(), BreakerState::Ramping(8));
}

#[test]
fn connections_lost_one_by_one_or_soon_after_their_opening_do_nothing() {
    for (each_ms, open_for, count) in [(1_000, 60_000, 19), (60, 3_600_000, 1), (100, 2_999, 500)] {
        let mut breaker = Breaker::new();
        for step in 0..100 {
            lose(&mut breaker, step * each_ms, open_for, count);
            end(&mut breaker, step * each_ms, Outcome::Success);
        }
        assert_eq!(breaker.state(), BreakerState::Closed, "{count} each {each_ms} ms");
    }
}

#[test]
fn a_shared_breaker_does_not_open_for_three_seconds_after_a_success() {
    let mut breaker = Breaker::shared();
    end(&mut breaker, 0, Outcome::Success);
    (0..200).for_each(|_| end(&mut breaker, 2_999, Outcome::Failure));
    assert_eq!(breaker.state(), BreakerState::Closed);
    end(&mut breaker, 3_000, Outcome::Failure);
    assert_eq!(breaker.state(), BreakerState::Open);
    let mut breaker = Breaker::shared();
    (0..5).for_each(|_| end(&mut breaker, 0, Outcome::Failure));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[test]
fn a_probe_has_the_time_that_it_was_given() {
    for seconds in [1, 10, 55] {
        let mut breaker = Breaker::new().with_probe_timeout(Millis::from_secs(seconds));
        (0..5).for_each(|_| end(&mut breaker, 0, Outcome::Failure));
        let slow = probe(&mut breaker, 1_500);
        let answered = 1_500 + seconds * 1_000 - 1;
        assert!(matches!(breaker.ask(at(answered), 0), Permit::Refuse { .. } | Permit::Probe(_)));
        breaker.report(at(answered), slow, Outcome::Success, 0);
        assert_eq!(breaker.state(), BreakerState::Ramping(8), "{seconds} s");
    }
}

#[test]
fn statuses_of_proxies_are_failures_and_refusals_are_not() {
    for (status, outcome) in [
        (101, Outcome::Success),
        (401, Outcome::Success),
        (404, Outcome::Success),
        (429, Outcome::Success),
        (500, Outcome::Success),
        (502, Outcome::Unavailable),
        (503, Outcome::Unavailable),
        (504, Outcome::Unavailable),
        (522, Outcome::Unavailable),
        (530, Outcome::Unavailable),
    ] {
        assert_eq!(Outcome::of_status(status), outcome, "{status}");
        assert_eq!(Outcome::of_refusal(Refusal::Status(status)), Some(outcome));
    }
    assert_eq!(Outcome::of_refusal(Refusal::Unreachable), Some(Outcome::Failure));
    assert_eq!(Outcome::of_refusal(Refusal::TimedOut), Some(Outcome::Failure));
    assert_eq!(Outcome::of_refusal(Refusal::Paused), None);
}

/// Random numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    fn up_to(&mut self, most: u64) -> u64 {
        u64::from(self.next()) % (most + 1)
    }
}

/// A backend that is away for a while.
#[derive(Debug, Clone, Copy)]
struct Backend {
    returns: u64,
    /// Time until an attempt fails while it is away: short if it refuses, long if it hangs.
    fails_after: u64,
    /// True if the breaker saw the clients lose their connections. Otherwise it is new.
    was_in_use: bool,
}

/// Attempts of 1,000 clients that all lost their connections at 0 ms.
struct Run {
    /// Requests to the backend in each second.
    requests: Vec<usize>,
    /// Moments at which clients were connected again, in order.
    connected: Vec<u64>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Ask,
    End { epoch: usize, works: bool },
}

fn run(backend: &Backend, seed: u64) -> Run {
    let (mut breaker, mut random) = (Breaker::new(), Random(seed));
    if backend.was_in_use {
        (0..100).for_each(|_| end(&mut breaker, 0, Outcome::Success));
        (0..1_000).for_each(|_| breaker.lose(at(random.up_to(200)), at(0) - Millis(60_000)));
    }
    let mut run = Run { requests: vec![0; 400], connected: Vec::new() };
    let mut attempts = Vec::new();
    let mut steps = BinaryHeap::new();
    for _ in 0..1_000 {
        steps.push(Reverse((random.up_to(1_000), Step::Ask)));
    }
    while let Some(Reverse((now, step))) = steps.pop() {
        match step {
            Step::Ask => match breaker.ask(at(now), random.next()) {
                Permit::Refuse { after } => steps.push(Reverse((now + after.0, Step::Ask))),
                Permit::Ask(attempt) | Permit::Probe(attempt) => {
                    run.requests[(now / 1_000) as usize] += 1;
                    let works = now >= backend.returns;
                    let takes = if works { 10 + random.up_to(40) } else { backend.fails_after };
                    steps.push(Reverse((now + takes, Step::End { epoch: attempts.len(), works })));
                    attempts.push(attempt);
                }
            },
            Step::End { epoch, works } => {
                let outcome = if works { Outcome::Success } else { Outcome::Failure };
                breaker.report(at(now), attempts[epoch], outcome, random.next());
                if works {
                    run.connected.push(now);
                } else {
                    steps.push(Reverse((now + 500 + random.up_to(1_000), Step::Ask)));
                }
            }
        }
    }
    assert_eq!(run.connected.len(), 1_000);
    run
}

#[test]
fn a_thousand_clients_ask_a_dead_backend_a_few_times_in_a_second_and_are_back_in_seconds() {
    let backends = [0, 1_000, 5_000, 20_000, 60_000, 300_000].into_iter().flat_map(|returns| {
        let times = [5, 10_000].into_iter();
        times.flat_map(move |fails_after| [true, false].map(|was_in_use| Backend { returns, fails_after, was_in_use }))
    });
    for (backend, seed) in backends.flat_map(|backend| (0..5).map(move |seed| (backend, seed))) {
        let Backend { returns, fails_after, was_in_use } = backend;
        let run = run(&backend, seed);
        let away = &run.requests[..(returns / 1_000) as usize];
        let case = format!("seed {seed}, {backend:?}: {:?}", &run.requests[..100]);
        // Nothing is known before the first answers.
        let hangs = fails_after > 1_000;
        let first = match (was_in_use, hangs) {
            (true, _) => 8,
            (false, false) => 40,
            // A slow upstream looks the same for two seconds.
            (false, true) => 1_000,
        };
        assert!(away.iter().take(2).sum::<usize>() <= first + 8, "{case}");
        assert!(away.iter().skip(2).all(|requests| *requests <= 8), "{case}");
        assert!(away.iter().sum::<usize>() <= first + 30 + away.len() / 2, "{case}");

        let noticed = (returns * 3 / 16).clamp(1_500, 30_000) + if hangs { 12_000 } else { 1_000 };
        let (first, last) = (run.connected[0], run.connected[999]);
        assert!(first <= returns + noticed, "first at {first}, {case}");
        // The attempts of the first two seconds end when the upstream is back for long.
        let until_ended = if hangs && !was_in_use { fails_after } else { 0 };
        assert!(last <= first + 12_000 + until_ended, "last at {last} after {first}, {case}");
        // They come back by a ramp, unless the upstream was never seen to fail.
        let most = if was_in_use || returns > 0 { 512 } else { 1_000 };
        let unknown = if hangs { 2 } else { 0 };
        assert!(run.requests.iter().skip(unknown).all(|requests| *requests <= most), "{case}");
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// Whatever happens, and whatever is never reported, somebody may ask again within half a minute.
    #[test]
    fn no_sequence_of_events_shuts_an_upstream_out_for_good(
        events in prop::collection::vec((0..3_000u64, 0..6u8, any::<u32>()), 0..200),
    ) {
        let (mut breaker, mut now, mut attempts) = (Breaker::new(), 0, Vec::new());
        for (passed, event, random) in events {
            now += passed;
            match (event, attempts.pop()) {
                (0, Some(attempt)) => breaker.report(at(now), attempt, Outcome::Success, random),
                (1 | 2, Some(attempt)) => breaker.report(at(now), attempt, Outcome::Failure, random),
                // Nobody ever reports it.
                (3, Some(_)) => {}
                (4, _) => breaker.lose(at(now), at(now.saturating_sub(u64::from(random) % 20_000))),
                _ => match breaker.ask(at(now), random) {
                    Permit::Ask(attempt) | Permit::Probe(attempt) => attempts.push(attempt),
                    Permit::Refuse { after } => prop_assert!((1..=31_000).contains(&after.0), "{:?}", after),
                },
            }
        }
        let mut waited = 0;
        while let Permit::Refuse { after } = breaker.ask(at(now + waited), 0) {
            waited += after.0;
            prop_assert!(waited <= 45_000);
        }
    }
}
