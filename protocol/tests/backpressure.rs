//! A client, a handler and the session between them, each at its own speed: nothing is lost or doubled, memory stays bounded,
//! nobody is closed without a reason, and everything comes to its end.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod common;
#[path = "backpressure/handler.rs"]
mod handler;
#[path = "backpressure/ledger.rs"]
mod ledger;
#[path = "backpressure/object.rs"]
mod object;
#[path = "backpressure/plan.rs"]
mod plan;
#[path = "backpressure/reader.rs"]
mod reader;
#[path = "backpressure/sender.rs"]
mod sender;
#[path = "backpressure/socket.rs"]
mod socket;
#[path = "backpressure/world.rs"]
mod world;

use plan::{Change, Dice, Handling, Limits, Plan, Speed};
use proptest::prelude::*;
use sockjs_protocol::sockjs::session::ReceiverKind;
use world::World;

fn limits() -> impl Strategy<Value = Limits> {
    // Around the cost of a message, and around the window of a stream.
    let message = prop_oneof![1 => 16..200usize, 6 => 200..4_000usize, 1 => 4_000..40_000usize];
    (message, 0..4usize, 1..12usize, 1..4usize).prop_map(|(message, queue, inbox, body)| Limits {
        message,
        queue: 2 * message + queue * message / 2,
        inbox: (inbox * message / 2).max(200),
        body: body * message + 100,
    })
}

fn change() -> impl Strategy<Value = (u64, Change)> {
    let speed = prop::sample::select(vec![Speed::Fast, Speed::Slow, Speed::Stopped]).prop_map(Change::Speed);
    (prop_oneof![2 => 0..2_000u64, 1 => 0..60_000u64], prop_oneof![4 => speed, 1 => Just(Change::Leave)])
}

fn handling() -> impl Strategy<Value = Handling> {
    (0..8usize, any::<bool>(), prop_oneof![4 => Just(0u64), 2 => 0..300u64, 1 => 0..9_000u64], 0..4u64).prop_map(
        |(most, is_polite, slowness, troubles)| Handling { most, is_polite, slowness, has_troubles: troubles == 3 },
    )
}

fn plan(kind: ReceiverKind) -> impl Strategy<Value = Plan> {
    let timeouts = (6_000..56_000u64, 3_000..31_000u64);
    let reader = (
        prop_oneof![3 => Just(Speed::Fast), 2 => Just(Speed::Slow), 1 => Just(Speed::Stopped)],
        prop_oneof![1 => Just(vec![]), 1 => prop::collection::vec(change(), 1..3)],
    );
    let sender = (
        prop_oneof![2 => Just(1usize), 2 => 2..9usize, 1 => 9..20usize],
        1..40usize,
        prop_oneof![1 => Just(0u64), 1 => 0..50u64, 1 => 0..1_500u64],
        any::<bool>(),
    );
    let ends = (prop::option::weighted(0.2, 0..30_000u64), prop::option::weighted(0.2, 0..5_000u64));
    let dice = prop::collection::vec(any::<u32>(), 1..60).prop_map(Dice::new);
    (limits(), any::<bool>(), timeouts, reader, sender, handling(), ends, dice).prop_map(
        move |(limits, is_outbox, timeouts, reader, sender, handling, ends, dice)| Plan {
            kind,
            limits,
            is_outbox,
            send_timeout: timeouts.0,
            stall_timeout: timeouts.1,
            speed: reader.0,
            changes: reader.1,
            lanes: sender.0,
            messages: sender.1,
            pause: sender.2,
            has_faults: sender.3,
            handling,
            closes_at: ends.0,
            gives_up_at: ends.1,
            dice,
        },
    )
}

proptest! {
    #![proptest_config(common::cases(300))]

    #[test]
    fn a_websocket_and_its_handler_keep_pace(plan in plan(ReceiverKind::WebSocket)) {
        World::new(plan).run();
    }

    #[test]
    fn a_client_that_polls_and_its_handler_keep_pace(plan in plan(ReceiverKind::OneFrame)) {
        World::new(plan).run();
    }

    #[test]
    fn a_client_that_streams_and_its_handler_keep_pace(plan in plan(ReceiverKind::Stream)) {
        World::new(plan).run();
    }
}
