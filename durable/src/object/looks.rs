//! Checks of connections by timer, where no event reports a change.
//!
//! The acknowledgements of a response report that its client has read. A client's own WebSocket reports nothing: the runtime only
//! returns the bytes that wait on it when it is asked (`bufferedAmount`), which costs about as much as a send. There are three
//! reasons for a check, and all work alike: the connections are in a list, the first one in it sets a timer, and each pause
//! between two checks is twice the previous one.
//!
//! | reason | time between two looks | on the list |
//! |---|---|---|
//! | somebody waits for the client of a WebSocket to read | 2 ms to 50 ms | until the look; settling puts it there again |
//! | messages wait in the inbox of a session over HTTP | 5 s | the same |
//! | much was sent on a WebSocket, so that its client may stall | 250 ms to 5 s | until nothing waits on it, or it was closed |
//!
//! If the runtime has no `bufferedAmount` (before workerd 1.20261117) nobody waits and no socket stalls.

use crate::connection::entry::Entry;
use crate::js::clock::now;
use crate::object::Object;
use crate::object::timers::Timer;
use sockjs_protocol::sockjs::close_code::{CloseCode, STALLED};
use sockjs_protocol::sockjs::session::CloseReason;
use sockjs_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use worker::WebSocket;

/// Bytes on a socket above which its client may stall: a client that reads never has as many waiting.
pub(super) const MUCH: usize = 64 << 10;

/// First and longest pause between two checks while somebody waits for the client of a WebSocket.
const SOCKET: (Millis, Millis) = (Millis(2), Millis(50));

/// The same for a session over HTTP, which reports by itself when its client has read. The timer keeps the object, and the
/// messages in its memory, from being evicted after 10 s of silence.
const SESSION: (Millis, Millis) = (Millis(5_000), Millis(5_000));

/// The same for a client that may stall.
const STALL: (Millis, Millis) = (Millis(250), Millis(5_000));

/// Minimum number of checks in one `stall_timeout`.
const LOOKS: u64 = 6;

/// Reason to check a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Somebody waits for the client of a WebSocket to read.
    Socket,
    /// Messages wait in the inbox of a session over HTTP.
    Session,
    /// The client of a WebSocket may stall.
    Stall,
}

/// Connections to check, by reason.
#[derive(Default)]
pub(super) struct Looks {
    socket: Round,
    session: Round,
    stall: Round,
}

#[derive(Default)]
struct Round {
    entries: RefCell<Vec<Rc<Entry>>>,
    /// The pause between the last two checks.
    pause: Cell<Millis>,
}

impl Looks {
    fn round(&self, look: Look) -> &Round {
        match look {
            Look::Socket => &self.socket,
            Look::Session => &self.session,
            Look::Stall => &self.stall,
        }
    }
}

impl Look {
    fn timer(self) -> Timer {
        match self {
            Self::Socket => Timer::SocketLook,
            Self::Session => Timer::SessionLook,
            Self::Stall => Timer::StallLook,
        }
    }

    /// Returns the flag of an entry that says that it is on this list.
    fn is_listed(self, entry: &Entry) -> &Cell<bool> {
        match self {
            Self::Socket | Self::Session => &entry.is_looked_at,
            Self::Stall => &entry.is_watched,
        }
    }
}

/// Returns the pause before the next check, after one of `before`.
fn next_pause(before: Millis, (first, longest): (Millis, Millis)) -> Millis {
    Millis(before.0.saturating_mul(2)).max(first).min(longest)
}

impl Object {
    /// Schedules another check of a connection because somebody waits for its client.
    pub(super) fn look_again(self: &Rc<Self>, entry: &Rc<Entry>) {
        let look = if entry.info.has_own_socket() { Look::Socket } else { Look::Session };
        self.add_look(look, entry);
    }

    /// Checks the client's own WebSocket by timer until nothing waits on it.
    pub(super) fn watch(self: &Rc<Self>, entry: &Rc<Entry>) {
        self.add_look(Look::Stall, entry);
    }

    /// Asks the runtime whether data waits on `websocket`, the client's own, unless it was asked recently. Must be called before
    /// each send on it, heartbeats included.
    pub(super) fn look_for_stall(self: &Rc<Self>, now: Millis, entry: &Rc<Entry>, websocket: &WebSocket) {
        if !entry.is_watched.get() && entry.change_stall(|stall| stall.is_due(now)) && entry.buffered_on(websocket) > 0
        {
            self.watch(entry);
        }
    }

    fn add_look(self: &Rc<Self>, look: Look, entry: &Rc<Entry>) {
        if look.is_listed(entry).replace(true) {
            return;
        }
        self.looks.round(look).entries.borrow_mut().push(entry.clone());
        if self.timers.at(look.timer()).is_none() {
            self.plan_look(look);
        }
    }

    /// Sets the timer for the next check, if a connection is on the list.
    fn plan_look(self: &Rc<Self>, look: Look) {
        let round = self.looks.round(look);
        let pauses = match look {
            Look::Socket => SOCKET,
            Look::Session => SESSION,
            Look::Stall => {
                let entries = round.entries.borrow();
                let timeouts = entries.iter().filter_map(|entry| self.stall_timeout(entry));
                let Some(timeout) = timeouts.min() else { return };
                (STALL.0, STALL.1.min(Millis(timeout.0 / LOOKS)))
            }
        };
        let pause = next_pause(round.pause.get(), pauses);
        round.pause.set(pause);
        self.set_timer(look.timer(), Some(now() + pause));
    }

    /// Checks the connections on a list.
    pub(super) fn look(self: &Rc<Self>, look: Look) {
        let round = self.looks.round(look);
        let mut begins_anew = false;
        let mut entries = round.entries.take();
        entries.retain(|entry| {
            let stays = match look {
                Look::Socket => {
                    begins_anew |= self.memory.is_short() && entry.buffered_on_socket() == 0;
                    self.touch_now(entry);
                    false
                }
                Look::Session => {
                    self.touch_now(entry);
                    false
                }
                Look::Stall => self.is_waiting_on_socket(entry),
            };
            look.is_listed(entry).set(stays);
            stays
        });
        match look {
            // With short memory, each message waits for the one before. A client that reads must not wait for late checks, too.
            Look::Socket | Look::Session if begins_anew => round.pause.set(Millis(0)),
            Look::Socket | Look::Session => {}
            Look::Stall if entries.is_empty() => round.pause.set(Millis(0)),
            Look::Stall => {
                round.entries.borrow_mut().extend(entries);
                self.plan_look(look);
            }
        }
        self.settle();
        if round.entries.borrow().is_empty() {
            round.pause.set(Millis(0));
        }
    }

    /// Returns true if data still waits on the client's own WebSocket. Closes a client that stalls.
    fn is_waiting_on_socket(self: &Rc<Self>, entry: &Rc<Entry>) -> bool {
        if entry.session.borrow().is_closed() || entry.buffered_on_socket() == 0 {
            return false;
        }
        let is_over = |timeout| entry.stall.get().is_over(now(), timeout);
        if !self.stall_timeout(entry).is_some_and(is_over) {
            return true;
        }
        entry.session.borrow_mut().end(now(), CloseCode::TryAgainLater.number(), STALLED, CloseReason::Stalled);
        self.touch_now(entry);
        false
    }

    fn stall_timeout(&self, entry: &Entry) -> Option<Millis> {
        Some(self.services.find(&entry.info.service)?.config.stall_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(pauses: (Millis, Millis)) -> Vec<u64> {
        let mut pause = Millis(0);
        std::iter::repeat_with(|| {
            pause = next_pause(pause, pauses);
            pause.0
        })
        .take(7)
        .collect()
    }

    #[test]
    fn looks_become_fewer() {
        assert_eq!(pauses(STALL), [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000]);
        assert_eq!(pauses(SOCKET), [2, 4, 8, 16, 32, 50, 50]);
        assert_eq!(next_pause(Millis(0), (STALL.0, Millis(1_000 / LOOKS))), Millis(166));
        assert_eq!(next_pause(Millis(4_000), (STALL.0, Millis(12_000 / LOOKS))), Millis(2_000));
    }
}
