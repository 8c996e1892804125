//! The order in which the messages of a client reach the handler and its sends are answered.

#![allow(clippy::unwrap_used)]

use sockjs_protocol::sockjs::pacing::{InboxFull, Job, Pacing, PacingRules, Refusal, SendAnswer};
use sockjs_protocol::sockjs::payload::{Messages, PayloadLimits};
use sockjs_protocol::sockjs::session::CloseReason;
use sockjs_protocol::time::Millis;

const RULES: PacingRules = PacingRules {
    queue_limit: 1_000,
    inbox_limit: 300,
    send_timeout: Millis::from_secs(55),
    stall_timeout: Millis::from_secs(30),
    waits_for_handlers: false,
};
const OUTBOX: PacingRules = PacingRules { waits_for_handlers: true, ..RULES };

/// A second: no time passes in most tests.
const NOW: Millis = Millis(1_000);

/// Nothing waits for the client, or more than half of its queue.
const KEEPS_UP: usize = 500;
const IS_BEHIND: usize = 501;

fn messages(texts: &[&str]) -> Messages {
    Messages::of_body(serde_json::to_string(texts).unwrap(), PayloadLimits::NONE).unwrap()
}

/// A message that counts for 64 bytes more than `bytes`, as the only one of its body.
fn message(bytes: usize) -> Messages {
    messages(&[&"x".repeat(bytes - 4)])
}

/// A connection whose `on_open` has returned.
fn opened(rules: PacingRules) -> Pacing {
    let mut pacing = Pacing::new(rules);
    pacing.opened();
    assert_eq!(run(&mut pacing, KEEPS_UP), ["open"]);
    pacing
}

/// Runs the handler as far as it goes.
fn run(pacing: &mut Pacing, waiting: usize) -> Vec<String> {
    let mut jobs = Vec::new();
    if !pacing.begin(waiting) {
        return jobs;
    }
    while let Some(job) = pacing.next(waiting) {
        jobs.push(name(&job));
        pacing.finish();
    }
    jobs
}

fn name(job: &Job) -> String {
    match job {
        Job::Open => "open".into(),
        Job::Return => "return".into(),
        Job::Message(text) => text.clone(),
        Job::Close(_) => "close".into(),
    }
}

/// A send whose body is here at once; its answer, if it has one.
fn send(pacing: &mut Pacing, now: Millis, id: u64, messages: Messages) -> Option<SendAnswer> {
    pacing.arrive(now, id);
    pacing.bring(now, id, messages);
    pacing.answer(now, id)
}

fn by_client() -> CloseReason {
    CloseReason::Client { code: 1000, reason: String::new() }
}

fn by_application() -> CloseReason {
    CloseReason::Application { code: 3000, reason: "Go away!".into() }
}

fn by_violation() -> CloseReason {
    CloseReason::Violation { code: 1013, reason: String::new() }
}

#[test]
fn jobs_come_in_order_and_one_run_at_a_time() {
    let mut pacing = Pacing::new(RULES);
    pacing.opened();
    pacing.receive(messages(&["a", "b"])).unwrap();
    assert!(pacing.begin(0));
    assert!(!pacing.begin(0), "one run is under way");
    assert_eq!(pacing.next(0), Some(Job::Open));
    pacing.finish();
    assert_eq!(pacing.next(0), Some(Job::Message("a".into())));
    pacing.receive(messages(&["c"])).unwrap();
    pacing.finish();
    assert_eq!(pacing.next(0), Some(Job::Message("b".into())));
    pacing.finish();
    assert_eq!(pacing.next(0), Some(Job::Message("c".into())));
    pacing.finish();
    assert_eq!(pacing.next(0), None);
    assert!(!pacing.begin(0), "nothing is left");
    pacing.closed(by_client());
    assert_eq!(run(&mut pacing, 0), ["close"]);
}

#[test]
fn while_the_client_is_behind_no_message_goes_to_the_handler() {
    let mut pacing = opened(RULES);
    pacing.receive(messages(&["a", "b"])).unwrap();
    assert_eq!(run(&mut pacing, IS_BEHIND), [""; 0]);
    assert!(pacing.is_waiting());
    assert!(pacing.begin(KEEPS_UP));
    assert_eq!(pacing.next(KEEPS_UP), Some(Job::Message("a".into())));
    pacing.finish();
    assert_eq!(pacing.next(IS_BEHIND), None, "the run ends in the middle of a body");
    assert!(pacing.is_waiting());
    assert_eq!(run(&mut pacing, KEEPS_UP), ["b"]);
    assert!(!pacing.is_waiting());
}

#[test]
fn opening_and_closing_wait_for_no_client() {
    let mut pacing = Pacing::new(RULES);
    pacing.opened();
    assert_eq!(run(&mut pacing, IS_BEHIND), ["open"]);
    pacing.closed(by_application());
    assert_eq!(run(&mut pacing, IS_BEHIND), ["close"]);
}

#[test]
fn what_a_client_sent_before_it_left_is_handled_without_waiting_for_it() {
    for reason in [by_client(), CloseReason::TimedOut, CloseReason::Interrupted] {
        let mut pacing = opened(RULES);
        pacing.receive(messages(&["a", "b"])).unwrap();
        assert!(!pacing.is_left());
        pacing.closed(reason);
        assert!(pacing.is_left());
        assert_eq!(run(&mut pacing, IS_BEHIND), ["a", "b", "close"]);
        assert!(!pacing.is_left(), "the handler has heard of it");
    }
}

#[test]
fn what_waits_when_this_side_closes_is_dropped() {
    for reason in [by_application(), CloseReason::HandlerFailed, by_violation()] {
        let mut pacing = opened(RULES);
        pacing.receive(messages(&["a"])).unwrap();
        pacing.closed(reason);
        assert_eq!(pacing.bytes(), 0);
        pacing.receive(messages(&["b"])).unwrap();
        assert_eq!(run(&mut pacing, IS_BEHIND), ["close"]);
    }
}

#[test]
fn messages_that_are_dropped_while_the_handler_has_one_of_them_do_not_come_back() {
    let mut pacing = opened(RULES);
    pacing.receive(messages(&["a", "b"])).unwrap();
    assert!(pacing.begin(0));
    assert_eq!(pacing.next(0), Some(Job::Message("a".into())));
    pacing.closed(by_application());
    pacing.finish();
    assert_eq!(pacing.next(0), Some(Job::Close(by_application())));
    pacing.finish();
    assert_eq!((pacing.next(0), pacing.bytes()), (None, 0));
}

#[test]
fn an_inbox_counts_each_body_and_takes_no_more_than_its_limit() {
    let mut pacing = opened(RULES);
    pacing.receive(message(36)).unwrap();
    assert_eq!(pacing.inbox_bytes(), 100);
    pacing.receive(message(136)).unwrap();
    assert_eq!(pacing.receive(messages(&[])), Err(InboxFull), "an empty one takes room, too");
    assert_eq!(run(&mut pacing, 0).len(), 2);
    assert_eq!(pacing.inbox_bytes(), 0);
    pacing.receive(message(1_000)).unwrap();
    assert_eq!(run(&mut pacing, 0).len(), 1, "an empty inbox takes anything");
    pacing.receive(messages(&[])).unwrap();
    assert_eq!(pacing.inbox_bytes(), 0, "of an empty one nothing is left where nothing waits");
}

#[test]
fn a_send_is_answered_when_its_messages_are_in_the_inbox() {
    let mut pacing = opened(RULES);
    assert_eq!(send(&mut pacing, NOW, 1, message(100)), Some(SendAnswer::Taken));
    assert_eq!(send(&mut pacing, NOW, 2, message(200)), None, "164 of 300 bytes wait");
    assert_eq!(run(&mut pacing, 0).len(), 1);
    pacing.look(NOW, false, 0);
    assert_eq!(pacing.answer(NOW, 2), Some(SendAnswer::Taken));
}

#[test]
fn a_send_that_promises_durability_is_answered_when_its_handlers_returned() {
    let mut pacing = opened(OUTBOX);
    assert_eq!(send(&mut pacing, NOW, 1, messages(&["a", "b"])), None);
    assert!(pacing.begin(0));
    for _ in 0..2 {
        assert!(pacing.next(0).is_some());
        assert_eq!(pacing.answer(NOW, 1), None);
        pacing.finish();
    }
    assert_eq!(pacing.answer(NOW, 1), Some(SendAnswer::Taken));
    assert_eq!(pacing.next(0), None);
    assert_eq!(send(&mut pacing, NOW, 2, messages(&[])), None);
    assert_eq!(run(&mut pacing, 0), [""; 0]);
    assert_eq!(pacing.answer(NOW, 2), Some(SendAnswer::Taken), "an empty one has no handlers");
}

#[test]
fn sends_are_handled_in_the_order_in_which_they_arrived() {
    let mut pacing = opened(RULES);
    for id in 1..=3 {
        pacing.arrive(NOW, id);
    }
    pacing.bring(NOW, 3, messages(&["third"]));
    pacing.bring(NOW, 2, messages(&["second"]));
    assert_eq!(run(&mut pacing, 0), [""; 0], "the first is not here");
    pacing.bring(NOW, 1, messages(&["first"]));
    assert_eq!(run(&mut pacing, 0), ["first", "second", "third"]);
}

#[test]
fn a_send_without_a_body_holds_up_the_others_for_two_seconds() {
    let mut pacing = opened(RULES);
    pacing.arrive(NOW, 1);
    assert_eq!(pacing.deadline(), None, "nobody waits for it");
    assert_eq!(send(&mut pacing, NOW + Millis(500), 2, messages(&["second"])), None);
    assert_eq!(pacing.deadline(), Some(NOW + Millis(2_500)));
    pacing.look(NOW + Millis(2_499), false, 0);
    assert_eq!(run(&mut pacing, 0), [""; 0]);
    pacing.look(NOW + Millis(2_500), false, 0);
    assert_eq!(run(&mut pacing, 0), ["second"]);
    pacing.bring(NOW + Millis(2_600), 1, messages(&["first"]));
    assert_eq!(pacing.answer(NOW + Millis(2_600), 1), Some(SendAnswer::Refused(Refusal::Slow)));
    assert_eq!(run(&mut pacing, 0), [""; 0], "the order would be another one");
}

#[test]
fn a_send_that_is_repeated_is_taken_once() {
    let mut pacing = opened(RULES);
    for _ in 0..3 {
        assert_eq!(send(&mut pacing, NOW, 1, messages(&["a"])), Some(SendAnswer::Taken));
    }
    assert_eq!(run(&mut pacing, 0), ["a"]);
    assert!(pacing.knows(1) && !pacing.knows(2));
}

#[test]
fn only_the_latest_sends_are_remembered() {
    let mut pacing = opened(RULES);
    for id in 0..=65 {
        assert_eq!(send(&mut pacing, NOW, id, messages(&["a"])), Some(SendAnswer::Taken));
        run(&mut pacing, 0);
    }
    assert!(!pacing.knows(0) && pacing.knows(65));
}

#[test]
fn one_that_waits_is_asked_for_again_and_keeps_its_place() {
    let mut pacing = opened(RULES);
    send(&mut pacing, NOW, 1, message(230));
    assert_eq!(send(&mut pacing, NOW, 2, messages(&["second"])), None);
    assert_eq!(send(&mut pacing, NOW, 3, messages(&["third"])), None);
    assert_eq!(pacing.deadline(), Some(NOW + Millis(5_000)));
    let later = NOW + Millis(5_000);
    assert_eq!(pacing.answer(later, 2), Some(SendAnswer::Later));
    assert_eq!(pacing.answer(later, 3), Some(SendAnswer::Later));
    assert_eq!(pacing.deadline(), None, "nobody waits for an answer");
    assert_eq!(send(&mut pacing, later, 3, messages(&["third"])), None);
    assert_eq!(run(&mut pacing, 0).len(), 1);
    pacing.look(later, false, 0);
    assert_eq!(run(&mut pacing, 0), [""; 0], "the second is on its way");
    assert_eq!(send(&mut pacing, later, 2, messages(&["second"])), Some(SendAnswer::Taken));
    assert_eq!(run(&mut pacing, 0), ["second", "third"]);
}

#[test]
fn a_client_that_reads_may_wait_until_the_send_timeout() {
    let mut pacing = opened(RULES);
    send(&mut pacing, NOW, 1, message(230));
    let mut asked = NOW;
    assert_eq!(send(&mut pacing, asked, 2, message(100)), None);
    for read in 1..=10 {
        asked = asked + Millis(5_000);
        pacing.look(asked, true, read);
        assert_eq!(pacing.answer(asked, 2), Some(SendAnswer::Later));
        assert_eq!(send(&mut pacing, asked, 2, message(100)), None);
    }
    assert_eq!(pacing.deadline(), Some(NOW + RULES.send_timeout));
    assert_eq!(pacing.answer(NOW + RULES.send_timeout, 2), Some(SendAnswer::Refused(Refusal::TimedOut)));
}

#[test]
fn a_client_that_reads_nothing_is_refused_after_the_stall_timeout() {
    let mut pacing = opened(PacingRules { stall_timeout: Millis(4_000), ..RULES });
    pacing.look(NOW, true, 7);
    send(&mut pacing, NOW, 1, message(230));
    let held = NOW + Millis(60_000);
    pacing.look(held, true, 7);
    assert_eq!(send(&mut pacing, held, 2, message(100)), None, "it stalls from then on");
    pacing.look(held + Millis(2_000), true, 8);
    assert_eq!(pacing.deadline(), Some(held + Millis(5_000)));
    assert_eq!(pacing.answer(held + Millis(4_000), 2), None);
    pacing.look(held + Millis(4_500), true, 8);
    assert_eq!(pacing.answer(held + Millis(5_000), 2), Some(SendAnswer::Later));
    send(&mut pacing, held + Millis(5_000), 2, message(100));
    assert_eq!(pacing.deadline(), Some(held + Millis(6_000)));
    assert_eq!(pacing.answer(held + Millis(6_000), 2), Some(SendAnswer::Refused(Refusal::Stalled)));
    assert_eq!(pacing.bytes(), pacing.inbox_bytes(), "nothing of it is kept");
}

#[test]
fn a_client_for_which_nothing_waits_does_not_stall() {
    let mut pacing = opened(PacingRules { stall_timeout: Millis(1_000), ..RULES });
    send(&mut pacing, NOW, 1, message(230));
    assert_eq!(send(&mut pacing, NOW, 2, message(100)), None);
    pacing.look(NOW + Millis(4_999), false, 0);
    assert_eq!(pacing.answer(NOW + Millis(4_999), 2), None);
}

#[test]
fn a_handler_that_never_returns_lets_a_durable_send_time_out() {
    let mut pacing = opened(OUTBOX);
    assert_eq!(send(&mut pacing, NOW, 1, messages(&["a"])), None);
    assert!(pacing.begin(0) && pacing.next(0).is_some());
    assert_eq!(pacing.answer(NOW + Millis(5_000), 1), Some(SendAnswer::Later));
    assert_eq!(pacing.deadline(), None);
    assert_eq!(
        send(&mut pacing, NOW + OUTBOX.send_timeout, 1, messages(&["a"])),
        Some(SendAnswer::Refused(Refusal::TimedOut))
    );
}

#[test]
fn a_send_is_no_failure_where_the_client_is_to_read_a_close_frame() {
    let mut pacing = opened(RULES);
    send(&mut pacing, NOW, 1, message(230));
    send(&mut pacing, NOW, 2, message(230));
    pacing.closed(by_application());
    assert_eq!([1, 2].map(|id| pacing.answer(NOW, id)), [Some(SendAnswer::Taken); 2]);
    assert_eq!(pacing.deadline(), None);
}

#[test]
fn what_nobody_will_take_is_said_so() {
    for reason in [by_client(), by_violation()] {
        let mut pacing = opened(RULES);
        send(&mut pacing, NOW, 1, message(230));
        send(&mut pacing, NOW, 2, message(230));
        pacing.closed(reason);
        assert_eq!([1, 2].map(|id| pacing.answer(NOW, id)), [Some(SendAnswer::Taken), Some(SendAnswer::Over)]);
    }
}

#[test]
fn the_number_of_sends_that_wait_is_bounded_though_they_are_empty() {
    let mut pacing = opened(RULES);
    send(&mut pacing, NOW, 0, message(236));
    let answers: Vec<_> = (1..10).map(|id| send(&mut pacing, NOW, id, messages(&[]))).collect();
    let refused = Some(SendAnswer::Refused(Refusal::Full));
    assert!(answers[..5].iter().all(Option::is_none), "{answers:?}");
    assert!(answers[5..].iter().all(|answer| *answer == refused), "{answers:?}");
}

#[test]
fn what_is_given_up_takes_no_memory() {
    let mut pacing = opened(RULES);
    send(&mut pacing, NOW, 1, message(230));
    assert_eq!(send(&mut pacing, NOW, 2, message(230)), None);
    pacing.give_up();
    assert_eq!(pacing.bytes(), 0);
    assert_eq!(pacing.answer(NOW, 2), Some(SendAnswer::Refused(Refusal::Full)));
}

#[test]
fn what_is_held_takes_no_memory_once_the_session_is_over() {
    for reason in [by_client(), by_application(), by_violation()] {
        let mut pacing = opened(RULES);
        send(&mut pacing, NOW, 1, message(230));
        assert_eq!(send(&mut pacing, NOW, 2, message(230)), None);
        pacing.arrive(NOW, 3);
        pacing.closed(reason);
        pacing.bring(NOW, 3, message(230));
        run(&mut pacing, 0);
        assert_eq!(pacing.bytes(), 0);
    }
}

#[test]
fn nothing_is_handled_after_what_was_dropped() {
    for drop in [Pacing::drop_messages, Pacing::give_up] {
        let mut pacing = opened(RULES);
        send(&mut pacing, NOW, 1, message(230));
        assert_eq!(send(&mut pacing, NOW, 2, message(230)), None);
        drop(&mut pacing);
        pacing.look(NOW, false, 0);
        pacing.receive(messages(&["a"])).unwrap();
        send(&mut pacing, NOW, 3, messages(&["b"]));
        assert_eq!(run(&mut pacing, 0), [""; 0]);
        assert_eq!(pacing.bytes(), 0);
        pacing.closed(by_violation());
        assert_eq!(run(&mut pacing, 0), ["close"]);
    }
}

#[test]
fn a_send_whose_body_came_in_its_turn_may_wait_for_room() {
    let mut pacing = opened(RULES);
    send(&mut pacing, NOW, 1, message(230));
    pacing.arrive(NOW, 2);
    send(&mut pacing, NOW, 3, messages(&["third"]));
    pacing.bring(NOW + Millis(1_000), 2, messages(&["second"]));
    assert_eq!(pacing.deadline(), Some(NOW + Millis(5_000)), "its turn has no end any more");
    assert_eq!(pacing.answer(NOW + Millis(5_000), 2), Some(SendAnswer::Later));
    pacing.look(NOW + Millis(5_000), false, 0);
    assert_eq!(send(&mut pacing, NOW + Millis(5_010), 2, messages(&["second"])), None, "it keeps its place");
    assert_eq!(run(&mut pacing, 0).len(), 1);
    pacing.look(NOW + Millis(5_010), false, 0);
    assert_eq!(run(&mut pacing, 0), ["second", "third"]);
}

#[test]
fn the_others_wait_two_seconds_for_one_that_is_to_come_again() {
    let mut pacing = opened(RULES);
    send(&mut pacing, NOW, 1, message(230));
    send(&mut pacing, NOW, 2, messages(&["second"]));
    send(&mut pacing, NOW + Millis(4_000), 3, messages(&["third"]));
    let later = NOW + Millis(5_000);
    assert_eq!(pacing.answer(later, 2), Some(SendAnswer::Later));
    assert_eq!(pacing.deadline(), Some(later + Millis(2_000)));
    pacing.arrive(later + Millis(1_000), 2);
    assert_eq!(pacing.deadline(), Some(later + Millis(3_000)), "its turn begins anew");
    run(&mut pacing, 0);
    pacing.look(later + Millis(3_000), false, 0);
    assert_eq!(run(&mut pacing, 0), ["third"]);
}

#[test]
fn a_send_that_found_no_place_and_never_comes_does_not_hold_up_the_others() {
    let mut pacing = opened(RULES);
    send(&mut pacing, NOW, 0, message(236));
    for id in 1..=6 {
        pacing.arrive(NOW, id);
    }
    for id in 1..=5 {
        pacing.bring(NOW, id, messages(&[]));
        assert_eq!(pacing.answer(NOW, id), None);
    }
    for _ in 0..2 {
        run(&mut pacing, 0);
        pacing.look(NOW, false, 0);
    }
    assert_eq!(send(&mut pacing, NOW, 7, messages(&["last"])), None, "the sixth may still come");
    pacing.look(NOW + Millis(2_000), false, 0);
    assert_eq!(run(&mut pacing, 0), ["last"]);
}

#[test]
fn a_durable_send_that_is_to_be_asked_for_again_is_not_forgotten_for_others() {
    let mut pacing = opened(PacingRules { inbox_limit: 100_000, ..OUTBOX });
    for id in 0..80 {
        assert_eq!(send(&mut pacing, NOW, id, messages(&["a"])), None);
    }
    let later = NOW + Millis(5_000);
    for id in 0..80 {
        assert_eq!(pacing.answer(later, id), Some(SendAnswer::Later));
    }
    send(&mut pacing, later, 80, messages(&["b"]));
    for id in 0..80 {
        assert_eq!(send(&mut pacing, later, id, messages(&["a"])), None);
    }
    assert_eq!(run(&mut pacing, 0).len(), 81, "each once");
}

#[test]
fn a_send_whose_place_was_given_up_is_refused_when_it_is_asked_for_again() {
    let mut pacing = opened(RULES);
    send(&mut pacing, NOW, 1, message(230));
    send(&mut pacing, NOW, 2, messages(&["second"]));
    let later = NOW + Millis(5_000);
    assert_eq!(pacing.answer(later, 2), Some(SendAnswer::Later));
    run(&mut pacing, 0);
    send(&mut pacing, later, 3, messages(&["third"]));
    pacing.look(later + Millis(2_000), false, 0);
    assert_eq!(run(&mut pacing, 0), ["third"]);
    let refused = Some(SendAnswer::Refused(Refusal::Slow));
    assert_eq!(send(&mut pacing, later + Millis(2_001), 2, messages(&["second"])), refused);
}

/// A Worker of version 2 does not ask again.
#[test]
fn a_send_that_is_answered_for_good_is_taken_or_loses_its_place() {
    let later = NOW + Millis(5_000);
    let mut pacing = opened(OUTBOX);
    assert_eq!(send(&mut pacing, NOW, 1, message(200)), None);
    assert_eq!(send(&mut pacing, NOW, 2, message(200)), None);
    assert_eq!(send(&mut pacing, NOW, 3, message(20)), None);
    for id in [1, 2] {
        assert_eq!(pacing.answer(later, id), Some(SendAnswer::Later));
    }
    assert_eq!(pacing.answer_for_good(1), SendAnswer::Taken, "its messages are in the inbox");
    assert_eq!(pacing.answer_for_good(2), SendAnswer::Refused(Refusal::TimedOut));
    assert!(pacing.knows(1) && !pacing.knows(2));
    assert_eq!(run(&mut pacing, KEEPS_UP).len(), 1);
    pacing.look(later, false, 0);
    assert_eq!(run(&mut pacing, KEEPS_UP).len(), 1, "nobody waits for one that is not there");
    assert_eq!(pacing.answer(later, 3), Some(SendAnswer::Taken));
}
