//! The opening of a connection through the gateway.

use crate::common::cases;
use proptest::prelude::*;
use sockjs_protocol::time::Millis;
use sockjs_protocol::upstream::close::{Close, Refusal};
use sockjs_protocol::upstream::opening::{Accepted, Opening, OpeningRules, Passed, Refused, Tick, UpstreamOpen};

const START: u64 = 1_000_000;

fn at(ms: u64) -> Millis {
    Millis(START + ms)
}

fn rules(open: UpstreamOpen) -> OpeningRules {
    OpeningRules { open, ..OpeningRules::default() }
}

fn opening(open: UpstreamOpen) -> Opening {
    Opening::new(at(0), rules(open)).0
}

fn go_on(send_open: bool, waiting: &[&str]) -> Accepted {
    Accepted::Continue { send_open, waiting: waiting.iter().map(|message| (*message).into()).collect() }
}

fn close(code: u16, reason: &str) -> Close {
    Close { code, reason: reason.into() }
}

#[test]
fn names_are_read_and_shown() {
    for (open, name) in [(UpstreamOpen::Before, "before"), (UpstreamOpen::After, "after"), (UpstreamOpen::Auto, "auto")]
    {
        assert_eq!((UpstreamOpen::read(name), open.to_string().as_str()), (Ok(open), name));
    }
    assert_eq!(UpstreamOpen::ALL.len(), 3);
    assert_eq!(UpstreamOpen::default(), UpstreamOpen::Auto);
    for text in ["", "Auto", "never", "auto "] {
        assert_eq!(UpstreamOpen::read(text), Err("before, after or auto"));
    }
}

#[test]
fn before_opens_at_once() {
    let (mut opening, is_open) = Opening::new(at(0), rules(UpstreamOpen::Before));
    assert!(is_open);
    assert_eq!(opening.deadline(), Some(at(10_000)));
    assert_eq!(opening.tick(at(9_999)), Tick::Wait);
    assert_eq!(opening.accept(), go_on(false, &[]));
}

#[test]
fn after_opens_when_the_upstream_accepted() {
    let (mut opening, is_open) = Opening::new(at(0), rules(UpstreamOpen::After));
    assert!(!is_open);
    assert_eq!(opening.deadline(), Some(at(10_000)));
    assert_eq!(opening.tick(at(5_000)), Tick::Wait);
    assert_eq!(opening.accept(), go_on(true, &[]));
    assert!(opening.is_over());
    assert_eq!(opening.deadline(), None);
}

#[test]
fn auto_opens_when_the_upstream_accepted_or_after_a_moment() {
    let mut early = opening(UpstreamOpen::Auto);
    assert_eq!(early.tick(at(199)), Tick::Wait);
    assert_eq!(early.accept(), go_on(true, &[]));
    let (mut late, is_open) = Opening::new(at(0), rules(UpstreamOpen::Auto));
    assert!(!is_open);
    assert_eq!(late.deadline(), Some(at(200)));
    assert_eq!(late.tick(at(200)), Tick::Open);
    assert_eq!((late.tick(at(200)), late.deadline()), (Tick::Wait, Some(at(10_000))));
    assert_eq!(late.accept(), go_on(false, &[]));
    assert_eq!(late.tick(at(20_000)), Tick::Wait);
}

#[test]
fn messages_wait_for_the_upstream_in_order() {
    for open in UpstreamOpen::ALL {
        let mut opening = opening(open);
        assert_eq!(opening.message("a".into()), Passed::Waits);
        opening.tick(at(200));
        assert_eq!(opening.message("b".into()), Passed::Waits);
        assert_eq!(opening.accept(), go_on(open == UpstreamOpen::After, &["a", "b"]));
    }
}

#[test]
fn a_refusal_keeps_its_status_until_the_client_is_open() {
    for open in [UpstreamOpen::After, UpstreamOpen::Auto] {
        assert_eq!(opening(open).refuse(Refusal::Status(401)), Refused::Status(401));
        assert_eq!(opening(open).refuse(Refusal::Paused), Refused::Status(503));
    }
    let forbidden = Refused::Close(close(4403, "Upstream answered 403"));
    assert_eq!(opening(UpstreamOpen::Before).refuse(Refusal::Status(403)), forbidden);
    let mut auto = opening(UpstreamOpen::Auto);
    auto.tick(at(300));
    assert_eq!(auto.refuse(Refusal::Status(403)), forbidden);
    assert_eq!(auto.refuse(Refusal::Status(403)), Refused::Nothing);
}

#[test]
fn an_upstream_that_does_not_answer_is_given_up() {
    let mut after = opening(UpstreamOpen::After);
    assert_eq!(after.tick(at(10_000)), Tick::TimedOut(Refused::Status(504)));
    let mut auto = opening(UpstreamOpen::Auto);
    assert_eq!(auto.tick(at(200)), Tick::Open);
    let late = close(4504, "Upstream did not answer in time");
    assert_eq!(auto.tick(at(10_000)), Tick::TimedOut(Refused::Close(late)));
    assert_eq!((auto.tick(at(10_001)), auto.accept()), (Tick::Wait, Accepted::Abandon));
    // A timer that comes much too late opens nothing.
    assert_eq!(opening(UpstreamOpen::Auto).tick(at(10_000)), Tick::TimedOut(Refused::Status(504)));
    let (short, _) = Opening::new(at(0), OpeningRules { timeout: Millis(100), ..rules(UpstreamOpen::Auto) });
    assert_eq!(short.deadline(), Some(at(100)));
}

#[test]
fn a_client_that_sends_more_than_may_wait_is_closed() {
    let limited = OpeningRules { waiting_limit: 200, ..rules(UpstreamOpen::Before) };
    let (mut opening, _) = Opening::new(at(0), limited);
    assert_eq!(opening.message("x".repeat(36)), Passed::Waits);
    assert_eq!(opening.message("x".repeat(36)), Passed::Waits);
    let too_much = close(1013, "Messages come faster than they are handled");
    assert_eq!(opening.message(String::new()), Passed::TooMuch(too_much));
    assert_eq!((opening.message("x".into()), opening.accept()), (Passed::Dropped, Accepted::Abandon));
}

#[test]
fn nothing_is_done_for_a_client_that_left() {
    let mut opening = opening(UpstreamOpen::Auto);
    opening.message("a".into());
    opening.leave();
    assert_eq!((opening.tick(at(200)), opening.deadline()), (Tick::Wait, None));
    assert_eq!(opening.clone().refuse(Refusal::Unreachable), Refused::Nothing);
    assert_eq!((opening.message("b".into()), opening.accept()), (Passed::Dropped, Accepted::Abandon));
}

proptest! {
    #![proptest_config(cases(1_000))]

    /// `o` is sent once and before any close. An end is reported once. The upstream gets all waiting messages or none.
    #[test]
    fn a_client_is_opened_once_and_ended_once(
        events in prop::collection::vec((0..6u8, 0..4_000u64, 0..80usize), 0..40),
        open in prop::sample::select(UpstreamOpen::ALL.to_vec()),
    ) {
        let limit = 1_000;
        let (mut opening, mut is_open) = Opening::new(at(0), OpeningRules { waiting_limit: limit, ..rules(open) });
        let (mut now, mut is_over, mut sent) = (0, false, Vec::new());
        for (event, passed, length) in events {
            now += passed;
            let refused = match event {
                0 => match opening.accept() {
                    Accepted::Continue { send_open, waiting } => {
                        prop_assert!(!is_over && send_open != is_open);
                        prop_assert_eq!(&waiting, &sent);
                        (is_open, is_over) = (true, true);
                        continue;
                    }
                    Accepted::Abandon => {
                        prop_assert!(is_over);
                        continue;
                    }
                },
                1 => opening.refuse(Refusal::Status(403)),
                2 => {
                    opening.leave();
                    is_over = true;
                    Refused::Nothing
                }
                3 | 4 => match opening.message("x".repeat(length)) {
                    Passed::Waits => {
                        sent.push("x".repeat(length));
                        prop_assert!(!is_over && sent.iter().map(|message| message.len() + 64).sum::<usize>() <= limit);
                        continue;
                    }
                    Passed::Dropped => {
                        prop_assert!(is_over);
                        continue;
                    }
                    Passed::TooMuch(close) => Refused::Close(close),
                },
                _ => match opening.tick(at(now)) {
                    Tick::Wait => continue,
                    Tick::Open => {
                        prop_assert!(!is_over && !is_open && open == UpstreamOpen::Auto);
                        is_open = true;
                        continue;
                    }
                    Tick::TimedOut(refused) => refused,
                },
            };
            match refused {
                Refused::Nothing => prop_assert!(is_over),
                Refused::Status(_) => prop_assert!(!is_over && !is_open),
                // A client that sends too much before it is open gets the close as its first frame.
                Refused::Close(close) => prop_assert!(!is_over && (is_open || close.code == 1013)),
            }
            is_over = true;
            prop_assert!(opening.is_over());
        }
        prop_assert_eq!(opening.is_over(), is_over);
        prop_assert_eq!(opening.deadline().is_none(), is_over);
    }
}
