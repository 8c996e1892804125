//! Sequences of operations on the session state machine, against the models of `protocol/tests/`.
//!
//! An input is text: a letter for the world, then the operations, each a letter with its digits (0 if they are missing).
//! Everything else is skipped, so that a mutated input is still valid.
//!
//! | world | |
//! |---|---|
//! | `p` `s`, `P` `S` | an honest client that opened with a poll or a stream; with an outbox. Nothing promised may be lost |
//! | anything else | inputs that no sensible caller sends, for which the contract has to hold all the same |
//!
//! | honest | |
//! |---|---|
//! | `s`*size*, `c` | the application sends, closes |
//! | `t`*span*, `l`*span*, `n`*span*, `b` | time passes, with an alarm on time, late, never; the alarm beats early |
//! | `p`, `S`, `r`*frames*, `a`, `f`, `L` | the client polls, streams; its edge writes, acknowledges, finishes, reaches its limit |
//! | `x`, `y`, `R`, `C` | the inner socket breaks, unnoticed; the edge attaches again, confirms |
//! | `m`, `M`, `A`, `B` | the edge reaches its limit while the socket is lost, unnoticed; it reports its frames, and returns them |
//! | `h`, `k` | the object hibernates, is killed |

use crate::common::{Driver, outbox, poll, stream};
use crate::input::{Input, apply};
use crate::op::{Alarm, Op};
use crate::world::World;
use sockjs_protocol::service::options::Durability;
use sockjs_protocol::sockjs::session::{Departure, Receiver, ReceiverId, ReceiverKind, Rules, Seq};
use sockjs_protocol::time::Millis;
use std::iter::Peekable;

/// More operations would only take longer.
const OPERATIONS: usize = 200;

/// Bytes of a message: zero, a few, and values around a window, a row and the queue of [`rules`].
const SIZES: [usize; 10] = [1, 25_000, 70_000, 0, 100, 32_760, 65_530, 65_536, 270_000, 400_000];

/// Milliseconds: values around the grace of a lost receiver, `persist_after`, an object's time in memory, and the delays of
/// [`rules`].
const SPANS: [u64; 10] = [0, 1, 249, 251, 500, 4_000, 8_000, 20_000, 25_000, 40_000];

/// Checks `data`, which is such a text.
pub fn check(data: &[u8]) {
    let Some((world, operations)) = data.split_first() else { return };
    match world {
        b'p' => honest(rules(Durability::Default), poll(1), operations),
        b's' => honest(rules(Durability::Default), stream(1), operations),
        b'P' => honest(rules(Durability::Outbox), poll(1), operations),
        b'S' => honest(rules(Durability::Outbox), stream(1), operations),
        other => nonsense(*other, operations),
    }
}

fn rules(durability: Durability) -> Rules {
    let (disconnect_delay, receiver_max_age) = (Millis(20_000), Millis(40_000));
    Rules { durability, disconnect_delay, receiver_max_age, queue_limit: 400_100, ..Rules::default() }
}

fn honest(rules: Rules, opener: Receiver, operations: &[u8]) {
    let mut world = World::new(rules, opener);
    let mut operations = Operations(operations.iter().copied().peekable());
    for op in std::iter::from_fn(|| operations.next(honest_op)).take(OPERATIONS) {
        world.apply(&op);
    }
    world.finale();
}

fn honest_op(letter: u8, digits: &mut dyn FnMut() -> u8) -> Option<Op> {
    let span = |digit: u8| SPANS[usize::from(digit)];
    Some(match letter {
        b's' => Op::Send(SIZES[usize::from(digits())]),
        b'c' => Op::Close,
        b't' => Op::Pass(span(digits()), Alarm::OnTime),
        b'l' => Op::Pass(span(digits()), Alarm::Late),
        b'n' => Op::Pass(span(digits()), Alarm::Never),
        b'b' => Op::BeatEarly,
        b'o' => Op::Shortage,
        b'p' => Op::Poll,
        b'S' => Op::Stream,
        b'r' => Op::Read(1 + usize::from(digits())),
        b'a' => Op::Ack,
        b'f' => Op::Finish,
        b'L' => Op::Limit,
        b'm' => Op::LimitLost { noticed: true },
        b'M' => Op::LimitLost { noticed: false },
        b'A' => Op::Answer,
        b'B' => Op::BringBack,
        b'x' => Op::Break { noticed: true },
        b'y' => Op::Break { noticed: false },
        b'R' => Op::Resume,
        b'C' => Op::Confirm,
        b'h' => Op::Hibernate,
        b'k' => Op::Restart,
        _ => return None,
    })
}

fn nonsense(world: u8, operations: &[u8]) {
    let rules = if world.is_ascii_uppercase() { outbox() } else { Rules::default() };
    let rules = Rules { queue_limit: 400_100, first_message_timeout: Some(Millis(3_000)), ..rules };
    let mut driver = Driver::with(rules, receiver(world));
    let mut operations = Operations(operations.iter().copied().peekable());
    for (input, ends) in std::iter::from_fn(|| operations.next(nonsense_input)).take(OPERATIONS) {
        apply(&mut driver, &input, ends);
        let session = &driver.session;
        if matches!(input, Input::Tick) {
            assert!(session.deadline().is_none_or(|at| at > driver.now), "an alarm that never rests");
        }
        assert!(!(session.is_open() && session.is_closed()));
    }
    if driver.stored.is_some() {
        driver.restart();
    }
}

/// Returns an input, and for an upper-case letter the departure by which each receiver that gets a frame ends at once.
fn nonsense_input(letter: u8, digits: &mut dyn FnMut() -> u8) -> Option<(Input, Option<Departure>)> {
    let input = match letter.to_ascii_lowercase() {
        b'a' => Input::Attach(receiver(digits())),
        b'r' => Input::Resume(receiver(digits()), seq(digits())),
        b'k' => Input::Ack(id(digits()), seq(digits()).unwrap_or(Seq(0))),
        b'd' => Input::Detach(id(digits()), departure(digits())),
        b'i' => Input::Answered(id(digits()), seq(digits()), seq(digits()).unwrap_or(Seq(0))),
        b'f' => Input::Finished(id(digits()), seq(digits()), seq(digits())),
        b'x' => Input::Wrote(id(digits()), seq(digits()), seq(digits()).unwrap_or(Seq(0))),
        b'p' => Input::Probed(id(digits()), digits().is_multiple_of(2)),
        b'm' => {
            digits();
            Input::Receive
        }
        b's' => Input::Send(SIZES[usize::from(digits())]),
        b'c' => Input::Close,
        b'g' => Input::Disconnected,
        b'v' => Input::Violated,
        b't' => Input::Tick,
        b'b' => Input::BeatEarly,
        b'u' => Input::Burst(digits().is_multiple_of(2)),
        b'z' => Input::Restore(None),
        b'y' => Input::Restore(Some(receiver(digits()))),
        b'h' => Input::RestoreEnding(receiver(digits())),
        b'w' => Input::WakeWebSocket,
        b'n' => Input::Pass(SPANS[usize::from(digits())]),
        b'q' => Input::GoBack(SPANS[usize::from(digits())]),
        _ => return None,
    };
    let ends = letter.is_ascii_uppercase().then(|| departure(digits()));
    Some((input, ends))
}

fn id(digit: u8) -> ReceiverId {
    ReceiverId(u64::from(digit) % 4)
}

fn receiver(digit: u8) -> Receiver {
    let kind = [ReceiverKind::OneFrame, ReceiverKind::Stream, ReceiverKind::WebSocket][usize::from(digit) % 3];
    Receiver { id: id(digit), kind, beats: false }
}

fn seq(digit: u8) -> Option<Seq> {
    Some(Seq(match digit {
        0..=6 => digit.into(),
        7 => 1 << 40,
        8 => u64::MAX,
        _ => return None,
    }))
}

fn departure(digit: u8) -> Departure {
    use Departure::{Broken, ClientGone, Ended, Finished};
    [Finished, Broken, ClientGone, Ended][usize::from(digit) % 4]
}

/// The remaining operations of a text.
struct Operations<I: Iterator<Item = u8>>(Peekable<I>);

impl<I: Iterator<Item = u8>> Operations<I> {
    /// Returns the next operation, which `read` builds from a letter and its digits.
    fn next<T>(&mut self, read: fn(u8, &mut dyn FnMut() -> u8) -> Option<T>) -> Option<T> {
        while let Some(letter) = self.0.next() {
            let mut digits = || self.0.next_if(u8::is_ascii_digit).map_or(0, |digit| digit - b'0');
            if let Some(operation) = read(letter, &mut digits) {
                return Some(operation);
            }
        }
        None
    }
}
