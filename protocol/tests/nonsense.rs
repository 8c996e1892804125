//! No sequence of inputs, sensible or not, makes a session panic, wake its object over and over, speak to a receiver
//! after its end, or tell the application anything twice.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "nonsense/input.rs"]
mod input;

use common::{Driver, outbox};
use input::{Input, apply};
use proptest::prelude::*;
use sockjs_protocol::sockjs::session::{Departure, Receiver, ReceiverId, ReceiverKind, Rules, Seq};

fn id() -> impl Strategy<Value = ReceiverId> {
    (0..4u64).prop_map(ReceiverId)
}

fn receiver() -> impl Strategy<Value = Receiver> {
    let kinds = [ReceiverKind::OneFrame, ReceiverKind::Stream, ReceiverKind::WebSocket];
    (id(), prop::sample::select(kinds.to_vec()), any::<bool>()).prop_map(|(id, kind, beats)| Receiver {
        id,
        kind,
        beats,
    })
}

fn seq() -> impl Strategy<Value = Seq> {
    prop_oneof![8 => 0..12u64, 2 => 0..u64::MAX, 1 => Just(u64::MAX)].prop_map(Seq)
}

fn departure() -> impl Strategy<Value = Departure> {
    prop::sample::select(vec![Departure::Finished, Departure::Broken, Departure::ClientGone, Departure::Stalled])
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        20 => receiver().prop_map(Input::Attach),
        10 => (receiver(), prop::option::of(seq())).prop_map(|(receiver, after)| Input::Resume(receiver, after)),
        10 => (id(), seq()).prop_map(|(id, seq)| Input::Ack(id, seq)),
        10 => (id(), departure()).prop_map(|(id, how)| Input::Detach(id, how)),
        5 => (id(), prop::option::of(seq()), seq()).prop_map(|(id, written, held)| Input::Answered(id, written, held)),
        5 => (id(), prop::option::of(seq()), prop::option::of(seq()))
            .prop_map(|(id, written, held)| Input::Finished(id, written, held)),
        5 => (id(), prop::option::of(seq()), seq()).prop_map(|(id, written, held)| Input::Wrote(id, written, held)),
        10 => (id(), any::<bool>()).prop_map(|(id, alive)| Input::Probed(id, alive)),
        2 => Just(Input::Receive),
        20 => prop_oneof![3 => 0..5usize, 1 => 0..70_000usize].prop_map(Input::Send),
        2 => Just(Input::Close),
        1 => Just(Input::Disconnected),
        1 => Just(Input::Violated),
        20 => Just(Input::Tick),
        4 => Just(Input::BeatEarly),
        2 => any::<bool>().prop_map(Input::Burst),
        4 => prop::option::of(receiver()).prop_map(Input::Restore),
        2 => receiver().prop_map(Input::RestoreEnding),
        1 => Just(Input::WakeWebSocket),
        20 => prop_oneof![1 => 0..1_000u64, 1 => 0..700_000u64].prop_map(Input::Pass),
        1 => (0..10_000u64).prop_map(Input::GoBack),
    ]
}

proptest! {
    #![proptest_config(common::cases(4_000))]

    #[test]
    fn no_sequence_of_inputs_breaks_the_contract(
        opener in receiver(),
        write_first in any::<bool>(),
        inputs in prop::collection::vec((any_input(), prop::option::weighted(0.1, departure())), 1..80),
    ) {
        let mut driver = Driver::with(if write_first { outbox() } else { Rules::default() }, opener);
        for (input, ends) in &inputs {
            apply(&mut driver, input, *ends);
            // The contract that holds at every drain is checked by the driver; this is the rest of it.
            let session = &driver.session;
            if matches!(input, Input::Tick) {
                prop_assert!(session.deadline().is_none_or(|at| at > driver.now), "an alarm that never rests");
            }
            prop_assert!(!session.is_closed() || session.deadline().is_none());
            prop_assert!(!(session.is_open() && session.is_closed()));
        }
    }
}
