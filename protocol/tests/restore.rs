//! Restoring at any step loses nothing that was promised, at either level of durability.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "restore/fates.rs"]
mod fates;
#[path = "restore/op.rs"]
mod op;
#[path = "restore/request.rs"]
mod request;
#[path = "restore/world.rs"]
mod world;

use common::{outbox, poll, stream};
use op::{Alarm, Op};
use proptest::prelude::*;
use sockjs_protocol::sockjs::session::Rules;
use sockjs_protocol::time::Millis;
use world::World;

fn any_op() -> impl Strategy<Value = Op> {
    let alarm = prop_oneof![3 => Just(Alarm::OnTime), 1 => Just(Alarm::Late), 1 => Just(Alarm::Never)];
    // Around `persist_after`, around `disconnect_delay`, and a heartbeat or the age of a stream.
    let span = prop_oneof![6 => 0..600u64, 2 => 0..4_000u64, 1 => 0..30_000u64];
    prop_oneof![
        40 => Just(Op::Send(1)),
        6 => Just(Op::Send(25_000)),
        2 => Just(Op::Send(70_000)),
        1 => Just(Op::Close),
        40 => (span, alarm).prop_map(|(span, alarm)| Op::Pass(span, alarm)),
        2 => Just(Op::BeatEarly),
        8 => Just(Op::Shortage),
        20 => Just(Op::Poll),
        20 => Just(Op::Stream),
        40 => (1..4usize).prop_map(Op::Read),
        15 => Just(Op::Ack),
        20 => Just(Op::Finish),
        6 => Just(Op::Limit),
        4 => any::<bool>().prop_map(|noticed| Op::LimitLost { noticed }),
        20 => Just(Op::Answer),
        10 => Just(Op::BringBack),
        12 => any::<bool>().prop_map(|noticed| Op::Break { noticed }),
        20 => Just(Op::Resume),
        20 => Just(Op::Confirm),
        12 => Just(Op::Hibernate),
        8 => Just(Op::Restart),
    ]
}

fn run(rules: Rules, streaming: bool, ops: &[Op]) {
    let rules = Rules { disconnect_delay: Millis(20_000), receiver_max_age: Millis(40_000), ..rules };
    let mut world = World::new(rules, if streaming { stream(1) } else { poll(1) });
    ops.iter().for_each(|op| world.apply(op));
    world.finale();
}

proptest! {
    #![proptest_config(common::cases(2_000))]

    #[test]
    fn by_default_only_the_unacknowledged_and_the_youngest_can_be_lost(
        streaming in any::<bool>(), ops in prop::collection::vec(any_op(), 1..100)
    ) {
        run(Rules::default(), streaming, &ops);
    }

    #[test]
    fn an_outbox_loses_nothing(streaming in any::<bool>(), ops in prop::collection::vec(any_op(), 1..100)) {
        run(outbox(), streaming, &ops);
    }
}

#[test]
fn a_report_that_comes_after_its_messages_were_sent_again_takes_them_off_the_window() {
    let large = Op::Send(25_000);
    let lost =
        [Op::Read(1), Op::Poll, Op::Hibernate, large.clone(), large.clone(), Op::Read(1), Op::Break { noticed: false }];
    let sent_again = [Op::Pass(500, Alarm::OnTime), Op::Stream, large, Op::Confirm];
    run(Rules::default(), false, &[lost.as_slice(), &sent_again].concat());
}
