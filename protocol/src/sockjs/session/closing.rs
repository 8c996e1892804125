//! The end of a session: the ways to end it, and the steps until nothing is left of it.

use super::{
    Change, CloseReason, Event, MAX_SEQ, Output, Phase, Receiver, ReceiverId, Seq, Session, SessionKind, Tombstone,
};
use crate::sockjs::close_code::CloseCode;
use crate::sockjs::liveness::NO_RESPONSE;
use crate::time::Millis;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closing {
    pub tombstone: Tombstone,
    /// True if later receivers still get the close frame after the application was notified. False for a session without a
    /// receiver for too long: nothing of it is kept.
    pub kept: bool,
    pub word: Word,
    /// Receiver that got the close frame last.
    pub given_to: Option<ReceiverId>,
    /// True once a receiver wrote the close frame.
    pub is_read: bool,
    /// True if a WebSocket that the Worker holds is closed with the code and without a SockJS close frame.
    pub is_bare: bool,
}

impl Closing {
    pub fn new(tombstone: Tombstone, kept: bool, word: Word) -> Self {
        Self { tombstone, kept, word, given_to: None, is_read: false, is_bare: false }
    }
}

/// Progress of notifying the application that a session is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// The notification is in progress and expected to take only a moment: see [`Session::still_telling`].
    Given,
    /// The notification is in progress, and storage knows that.
    Recorded,
    /// The application was notified.
    Heard,
}

impl Session {
    /// True once no receiver needs the close frame any more: a receiver wrote it, or the session is over.
    pub fn is_close_read(&self) -> bool {
        match &self.phase {
            Phase::Open => false,
            Phase::Closing(closing) => closing.is_read,
            Phase::Closed => true,
        }
    }

    /// Handles the end of a client's WebSocket, which the client closed or lost.
    pub fn disconnected(&mut self, now: Millis, code: u16, reason: &str) {
        if self.kind == SessionKind::Held {
            return self.left(now, code, reason, CloseReason::Client { code, reason: reason.to_owned() });
        }
        self.hand_out(now);
        self.end_websocket(CloseReason::Client { code, reason: reason.to_owned() });
    }

    /// Closes the WebSocket of a client that broke a rule, at once and without a SockJS close frame.
    pub fn violated(&mut self, now: Millis, code: u16, reason: &str) {
        self.release(now, code, reason, CloseReason::Violation { code, reason: reason.to_owned() });
    }

    /// Ends the session on behalf of this server, for the reason `why`. A WebSocket is closed with this code after the waiting
    /// messages were written to it. Any other receiver gets the close frame as its last frame.
    pub fn end(&mut self, now: Millis, code: u16, reason: &str, why: CloseReason) {
        match self.kind {
            SessionKind::WebSocket | SessionKind::Held => self.release(now, code, reason, why),
            SessionKind::Http => self.close(now, code, reason, why),
        }
    }

    /// Ends the session like [`Session::end`], to free memory: messages that wait for a client over HTTP are dropped.
    pub fn cut_off(&mut self, now: Millis, code: u16, reason: &str, why: CloseReason) {
        if self.kind != SessionKind::WebSocket {
            self.drop_waiting();
        }
        self.end(now, code, reason, why);
    }

    /// Ends the session of a held WebSocket whose client gave no sign of life. Its Worker closes the WebSocket.
    pub fn fell_silent(&mut self, now: Millis) {
        self.left(now, CloseCode::BrokenFraming.number(), NO_RESPONSE, CloseReason::Silent);
    }

    /// Ends the session of a held WebSocket that is closed. Nobody needs a close frame any more, but storage keeps the session
    /// until the application was notified.
    fn left(&mut self, now: Millis, code: u16, reason: &str, why: CloseReason) {
        self.drop_waiting();
        (self.receiver, self.ending, self.awaited) = (None, None, None);
        if self.is_open() {
            self.leave_nothing(now, code, reason, why);
        } else {
            self.forget_if_over();
        }
    }

    /// Closes a session of which nothing is kept after the notification of the application.
    pub(super) fn leave_nothing(&mut self, now: Millis, code: u16, text: &str, reason: CloseReason) {
        let tombstone = Tombstone { code, reason: text.to_owned(), kind: reason.kind(), at: now };
        self.phase = Phase::Closing(Closing::new(tombstone, false, Word::Given));
        self.after.push_back(Output::Notify(Event::Closed(reason)));
    }

    /// Forgets the session of a held WebSocket that has ended, if the application was notified.
    pub(super) fn forget_if_over(&mut self) {
        match &mut self.phase {
            Phase::Closing(closing) if closing.word == Word::Heard => self.forget(),
            Phase::Closing(closing) => closing.kept = false,
            Phase::Open | Phase::Closed => {}
        }
    }

    fn release(&mut self, now: Millis, code: u16, reason: &str, why: CloseReason) {
        if self.kind == SessionKind::Held {
            let is_first = self.is_open();
            self.close(now, code, reason, why);
            if let Phase::Closing(closing) = &mut self.phase {
                closing.is_bare |= is_first;
            }
            return;
        }
        if !self.is_closed() {
            self.hand_out(now);
            let receiver = Receiver::WEBSOCKET.id;
            self.before.push_back(Output::Release { receiver, code, reason: reason.to_owned() });
        }
        self.end_websocket(why);
    }

    /// Puts messages that waited for more of them ahead of the next output.
    fn hand_out(&mut self, now: Millis) {
        while let Some(waiting) = self.next_delivery(now) {
            self.before.push_back(waiting);
        }
    }

    fn end_websocket(&mut self, reason: CloseReason) {
        if self.is_open() {
            self.after.push_back(Output::Notify(Event::Closed(reason)));
        }
        if !self.is_closed() {
            self.forget();
        }
    }

    /// Closes the session for the application, or for this server; `reason` has the cause. Waiting messages are delivered first,
    /// then the close frame.
    pub fn close(&mut self, now: Millis, code: u16, text: &str, reason: CloseReason) {
        if !self.is_open() {
            return;
        }
        // Messages that are not persisted yet belong before the close frame, also after a restart.
        if self.kind != SessionKind::WebSocket && !self.goes_out_at_once() {
            self.store_waiting();
        }
        let tombstone = Tombstone { code, reason: text.to_owned(), kind: reason.kind(), at: now };
        self.phase = Phase::Closing(Closing::new(tombstone, true, Word::Given));
        self.after.push_back(Output::Notify(Event::Closed(reason)));
    }

    /// Notes that the application was notified of the end and has finished handling it.
    pub fn told(&mut self) {
        let Phase::Closing(closing) = &mut self.phase else { return };
        let before = std::mem::replace(&mut closing.word, Word::Heard);
        if self.kind == SessionKind::WebSocket || before == Word::Heard {
            return;
        }
        if !closing.kept {
            return self.forget();
        }
        let tombstone = closing.tombstone.clone();
        let change = if before == Word::Given { Change::Close { tombstone, told: true } } else { Change::Told };
        self.persist(change);
    }

    /// Notes that the application is still being notified of the end. Call this before awaiting anything: if the object
    /// is killed meanwhile, the notification has to be repeated. Returns true if there is something to drain.
    pub fn still_telling(&mut self) -> bool {
        let Phase::Closing(closing) = &mut self.phase else { return false };
        if self.kind == SessionKind::WebSocket || closing.word != Word::Given {
            return false;
        }
        closing.word = Word::Recorded;
        let (tombstone, kept) = (closing.tombstone.clone(), closing.kept);
        self.persist(Change::Close { tombstone, told: false });
        if !kept {
            // Messages that waited in vain must not be delivered any more.
            self.persist(Change::Discard { through: Seq(MAX_SEQ) });
        }
        true
    }
}
