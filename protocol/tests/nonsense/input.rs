//! Whatever may happen to a session, sensible or not.

use crate::common::Driver;
use sockjs_protocol::sockjs::frame::Message;
use sockjs_protocol::sockjs::session::{CloseReason, Departure, Held, Output, Receiver, ReceiverId, Seq, Session};
use sockjs_protocol::time::Millis;

/// An input of a session, in any order.
#[derive(Debug, Clone)]
pub enum Input {
    Attach(Receiver),
    Resume(Receiver, Option<Seq>),
    Ack(ReceiverId, Seq),
    Detach(ReceiverId, Departure),
    Answered(ReceiverId, Option<Seq>, Seq),
    Finished(ReceiverId, Option<Seq>, Option<Seq>),
    Wrote(ReceiverId, Option<Seq>, Seq),
    Probed(ReceiverId, bool),
    Receive,
    Send(usize),
    Close,
    Disconnected,
    Violated,
    Tick,
    BeatEarly,
    /// Sets, from now on, that more messages are about to be sent.
    Burst(bool),
    Restore(Option<Receiver>),
    RestoreEnding(Receiver),
    WakeWebSocket,
    Pass(u64),
    /// Clocks of two machines differ.
    GoBack(u64),
}

/// Applies `input` and drains; whatever is delivered meanwhile ends its receiver at once, in the way of `ends`.
pub fn apply(driver: &mut Driver, input: &Input, ends: Option<Departure>) {
    let now = driver.now;
    // Whoever attaches, or restores a session with a receiver, says that this one was not told its end.
    match input {
        Input::Attach(receiver) | Input::Resume(receiver, _) => driver.comes(*receiver),
        Input::Restore(Some(receiver)) | Input::RestoreEnding(receiver) => driver.comes(*receiver),
        Input::WakeWebSocket => driver.comes(Receiver::WEBSOCKET),
        _ => {}
    }
    let session = &mut driver.session;
    match input.clone() {
        Input::Attach(receiver) => session.attach(now, receiver),
        Input::Resume(receiver, after) => session.resume(now, receiver, after),
        Input::Ack(id, seq) => session.ack(id, seq),
        Input::Detach(id, how) => session.detach(now, id, how),
        Input::Answered(id, written, through) => {
            let held = [(through.0 / 2, 10_000), (through.0, 100)];
            session.answered(now, id, written, &held.map(|(seq, bytes)| Held { through: Seq(seq), bytes }));
        }
        Input::Finished(id, written, held) => drop(session.finished(now, id, written, held)),
        Input::Wrote(id, written, last) => {
            let unwritten = [last.0 / 2, last.0].map(|seq| (Seq(seq), Message::new("unwritten")));
            session.wrote(now, id, written, unwritten.into());
        }
        Input::Probed(id, alive) => session.probed(now, id, alive),
        Input::Receive => drop(session.receive()),
        Input::Send(bytes) => drop(session.send(now, Message::new(&"x".repeat(bytes)), false)),
        Input::Close => session.close(now, 1011, "", CloseReason::HandlerFailed),
        Input::Disconnected => session.disconnected(now, 1006, ""),
        Input::Violated => session.violated(now, 1003, ""),
        Input::Tick => session.tick(now),
        Input::BeatEarly => session.beat_early(now),
        Input::Burst(goes_on) => driver.in_burst = goes_on,
        Input::Restore(receiver) if driver.stored.is_some() => driver.lose_memory(receiver.map(|r| (r, now))),
        Input::WakeWebSocket if driver.stored.is_none() && session.is_open() => {
            driver.session = Session::wake_websocket(now, driver.rules.clone());
        }
        Input::RestoreEnding(receiver) if driver.stored.is_some() => driver.lose_memory_while_ending((receiver, now)),
        Input::Restore(_) | Input::RestoreEnding(_) | Input::WakeWebSocket => {}
        Input::Pass(millis) => driver.now = now + Millis(millis),
        Input::GoBack(millis) => driver.now = now - Millis(millis),
    }
    driver.drain_with(|session, now, output| {
        if let (Output::Deliver { to, .. }, Some(how)) = (output, ends) {
            session.detach(now, *to, how);
        }
    });
}
