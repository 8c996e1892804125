//! The gate of a room, in virtual time.

use sockjs_protocol::sockjs::pacing::{Gate, SWIFT};
use sockjs_protocol::time::Millis;

const PATIENCE: Millis = Millis(5_000);
const START: u64 = 1_000_000;
const LIMIT: usize = 1 << 20;
/// Bytes that wait for a member that is behind, and for one that reads again after it was.
const BEHIND: usize = LIMIT / 2 + 1;
const UP: usize = LIMIT / 4;
/// Members of a room, most of which keep up.
const MANY: usize = 100;

fn at(ms: u64) -> Millis {
    Millis(START + ms)
}

/// A gate that something waits at, with these members behind.
fn shut(members: &[&str]) -> Gate {
    let mut gate = Gate::new(PATIENCE, LIMIT);
    gate.broadcast(at(0), MANY);
    members.iter().for_each(|member| gate.look(at(0), member, BEHIND));
    gate.wait(at(0), true);
    gate
}

#[test]
fn nobody_waits_for_members_that_keep_up() {
    let mut gate = Gate::new(PATIENCE, LIMIT);
    gate.broadcast(at(0), MANY);
    gate.look(at(0), "a", UP);
    gate.wait(at(0), true);
    assert!(!gate.is_shut(at(0)));
    assert_eq!(gate.deadline(at(0)), None);
}

#[test]
fn a_room_that_was_not_broadcast_to_waits_for_nobody() {
    let mut gate = Gate::new(PATIENCE, LIMIT);
    gate.look(at(0), "a", BEHIND);
    assert!(!gate.is_shut(at(0)));
    gate.broadcast(at(1), MANY);
    assert!(gate.is_shut(at(1)));
}

#[test]
fn the_gate_opens_when_the_last_member_has_caught_up() {
    let mut gate = shut(&["a", "b"]);
    gate.look(at(10), "a", UP);
    assert!(gate.is_shut(at(10)));
    gate.look(at(20), "b", UP);
    assert!(!gate.is_shut(at(20)));
    gate.look(at(30), "a", BEHIND);
    assert!(!gate.is_shut(at(30)), "nothing was broadcast since");
}

#[test]
fn a_member_holds_up_its_room_as_long_as_its_patience_lasts() {
    let mut gate = shut(&["a"]);
    assert_eq!(gate.deadline(at(0)), Some(at(5_250)));
    gate.look(at(5_249), "a", BEHIND);
    assert!(gate.is_shut(at(5_249)) && gate.is_held_up_by(at(5_249), "a") && !gate.gives_up_on(at(5_249), "a"));
    gate.look(at(5_250), "a", BEHIND);
    assert!(!gate.is_shut(at(5_250)) && gate.gives_up_on(at(5_250), "a"));
    assert_eq!(gate.deadline(at(5_250)), None);
}

#[test]
fn time_in_which_nothing_waits_costs_no_patience() {
    let mut gate = shut(&["a"]);
    gate.wait(at(1_250), false);
    gate.look(at(50_000), "a", BEHIND);
    gate.wait(at(50_000), true);
    assert_eq!(gate.deadline(at(50_000)), Some(at(54_000)));
}

#[test]
fn in_no_minute_does_a_member_hold_up_its_room_for_longer() {
    let mut gate = shut(&["a"]);
    let mut shut_at = Vec::new();
    for ms in (0..300_000).step_by(100) {
        gate.look(at(ms), "a", BEHIND);
        gate.broadcast(at(ms), MANY);
        if gate.is_shut(at(ms)) {
            shut_at.push(ms);
        }
    }
    assert!(shut_at.len() > 200, "it is waited for again in each minute");
    for begin in (0..240_000).step_by(100) {
        let within = shut_at.iter().filter(|ms| (begin..begin + 60_000).contains(*ms)).count() as u64;
        assert!(within * 100 <= PATIENCE.0 + SWIFT.0 + 100, "{within} from {begin}");
    }
}

#[test]
fn members_that_take_turns_hold_up_their_room_for_three_times_that_in_any_minute() {
    let mut gate = Gate::new(PATIENCE, LIMIT);
    gate.wait(at(0), true);
    let mut shut_at = Vec::new();
    for ms in (0..180_000u64).step_by(50) {
        let turn = ms / 2_000 % 20;
        for member in 0..20 {
            gate.look(at(ms), &member.to_string(), if member == turn { BEHIND } else { UP });
        }
        gate.broadcast(at(ms), MANY);
        if gate.is_shut(at(ms)) {
            shut_at.push(ms);
        }
    }
    // In each turn of 2 s the first quarter of a second is free.
    let most = 3 * PATIENCE.0 * 2_000 / (2_000 - SWIFT.0) + 20 * SWIFT.0;
    for begin in (0..120_000).step_by(50) {
        let within = shut_at.iter().filter(|ms| (begin..begin + 60_000).contains(*ms)).count() as u64;
        assert!(within * 50 <= most, "{within} from {begin}");
    }
    assert!(shut_at.len() as u64 * 50 >= 9 * PATIENCE.0, "it is shut again in each minute");
}

#[test]
fn a_tired_room_waits_only_for_members_that_are_swift_and_held_nobody_up() {
    let mut gate = Gate::new(PATIENCE, LIMIT);
    gate.wait(at(0), true);
    for (turn, member) in ["a", "b", "c"].into_iter().enumerate() {
        let begins = turn as u64 * 6_000;
        gate.look(at(begins), member, BEHIND);
        gate.broadcast(at(begins), MANY);
        gate.look(at(begins + 5_250), member, UP);
    }
    gate.look(at(18_000), "a", BEHIND);
    gate.broadcast(at(18_000), MANY);
    assert!(!gate.is_shut(at(18_000)) && gate.gives_up_on(at(18_000), "a"));
    gate.look(at(18_000), "d", BEHIND);
    assert_eq!(gate.deadline(at(18_000)), Some(at(18_250)), "it may be swift");
    gate.look(at(18_250), "d", BEHIND);
    assert!(!gate.is_shut(at(18_250)) && gate.gives_up_on(at(18_250), "d") && !gate.gives_up_on(at(18_250), "e"));
}

#[test]
fn members_that_read_as_fast_as_they_can_are_waited_for_without_end() {
    let mut gate = shut(&[]);
    let mut waiting = BEHIND;
    for ms in (0..600_000).step_by(10) {
        // Somebody sends whenever the gate is open, and a quarter of the limit is read in less than SWIFT.
        waiting = if gate.is_shut(at(ms)) { waiting - LIMIT / 80 } else { BEHIND };
        gate.look(at(ms), "a", waiting);
        gate.broadcast(at(ms), 2);
        assert!(!gate.gives_up_on(at(ms), "a"), "after {ms} ms");
    }
}

#[test]
fn where_most_are_behind_only_those_are_given_up_that_read_next_to_nothing() {
    for (each_second, is_given_up) in [(1 << 10, true), (0, true), (8 << 10, false)] {
        let mut gate = shut(&[]);
        let members = ["a", "b", "c"];
        let mut was_given_up = false;
        for second in 0..40 {
            for member in members {
                gate.look(at(second * 1_000), member, BEHIND + LIMIT / 4 - second as usize * each_second);
            }
            gate.broadcast(at(second * 1_000), 4);
            was_given_up |= gate.gives_up_on(at(second * 1_000), "a");
        }
        assert_eq!(was_given_up, is_given_up, "{each_second} bytes a second");
    }
}

#[test]
fn a_member_is_behind_until_a_quarter_of_the_limit_waits() {
    let mut gate = shut(&["a"]);
    gate.look(at(1), "a", UP + 1);
    assert!(gate.is_shut(at(1)) && gate.is_behind("a"));
    gate.look(at(2), "a", UP);
    assert!(!gate.is_shut(at(2)) && !gate.is_behind("a"));
    gate.look(at(3), "a", UP + 1);
    assert!(!gate.is_behind("a"));
}

#[test]
fn without_patience_nobody_is_waited_for() {
    let mut gate = Gate::new(Millis(0), LIMIT);
    gate.broadcast(at(0), MANY);
    gate.look(at(0), "a", BEHIND);
    assert!(!gate.is_shut(at(0)) && gate.gives_up_on(at(0), "a"));
}

#[test]
fn a_gate_is_forgotten_a_minute_after_it_was_shut() {
    let mut gate = shut(&["a"]);
    gate.look(at(1_000), "a", UP);
    gate.wait(at(1_000), false);
    assert!(!gate.is_forgotten(at(60_000)));
    assert!(gate.is_forgotten(at(62_000)));
}
