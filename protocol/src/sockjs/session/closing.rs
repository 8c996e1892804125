//! The end of a session: the ways to it, and what has to be done until nothing is left.

use super::{Change, CloseReason, Event, MAX_SEQ, Output, Phase, Receiver, ReceiverId, Seq, Session, Tombstone};
use crate::time::Millis;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closing {
    pub tombstone: Tombstone,
    /// Whether the close frame is for those who still ask once the application was told; of a session that nobody asked
    /// about for too long, nothing is kept.
    pub kept: bool,
    pub word: Word,
    /// Who was given the close frame last.
    pub given_to: Option<ReceiverId>,
    /// True once a receiver wrote the close frame.
    pub is_read: bool,
}

impl Closing {
    pub fn new(tombstone: Tombstone, kept: bool, word: Word) -> Self {
        Self { tombstone, kept, word, given_to: None, is_read: false }
    }
}

/// How far the application knows that a session is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It is being told, for a moment: see [`Session::still_telling`].
    Given,
    /// It is being told, and storage knows that.
    Recorded,
    /// It was told.
    Heard,
}

impl Session {
    /// True once nobody has to be given the close frame any more: a receiver wrote it, or the session is over.
    pub fn is_close_read(&self) -> bool {
        match &self.phase {
            Phase::Open => false,
            Phase::Closing(closing) => closing.is_read,
            Phase::Closed => true,
        }
    }

    /// A client's WebSocket is gone, closed by itself or lost.
    pub fn disconnected(&mut self, now: Millis, code: u16, reason: &str) {
        self.hand_out(now);
        self.end_websocket(CloseReason::Client { code, reason: reason.to_owned() });
    }

    /// The client of a WebSocket broke a rule: its socket is closed at once, without a frame of its own.
    pub fn violated(&mut self, now: Millis, code: u16, reason: &str) {
        self.release(now, code, reason, CloseReason::Violation { code, reason: reason.to_owned() });
    }

    /// This server ends the session for `why`: a WebSocket is closed with this code, after what waits was put on it; to others
    /// the close frame is the last that goes out.
    pub fn end(&mut self, now: Millis, code: u16, reason: &str, why: CloseReason) {
        match self.websocket {
            true => self.release(now, code, reason, why),
            false => self.close(now, code, reason, why),
        }
    }

    /// The same, to free memory: what waits for a client over HTTP is dropped.
    pub fn cut_off(&mut self, now: Millis, code: u16, reason: &str, why: CloseReason) {
        if !self.websocket {
            self.drop_waiting();
        }
        self.end(now, code, reason, why);
    }

    fn release(&mut self, now: Millis, code: u16, reason: &str, why: CloseReason) {
        if !self.is_closed() {
            self.hand_out(now);
            let receiver = Receiver::WEBSOCKET.id;
            self.before.push_back(Output::Release { receiver, code, reason: reason.to_owned() });
        }
        self.end_websocket(why);
    }

    /// What waited for more messages goes out before what comes next.
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

    /// The application, or this server for `reason`, closes the session: what waits is delivered, then the close frame.
    pub fn close(&mut self, now: Millis, code: u16, text: &str, reason: CloseReason) {
        if !self.is_open() {
            return;
        }
        // What is not persisted yet belongs before the close frame, also after a restart.
        if !self.websocket && !self.goes_out_at_once() {
            self.store_waiting();
        }
        let tombstone = Tombstone { code, reason: text.to_owned(), kind: reason.kind(), at: now };
        self.phase = Phase::Closing(Closing::new(tombstone, true, Word::Given));
        self.after.push_back(Output::Notify(Event::Closed(reason)));
    }

    /// The application was told that the session is closed, and is done with it.
    pub fn told(&mut self) {
        let Phase::Closing(closing) = &mut self.phase else { return };
        let before = std::mem::replace(&mut closing.word, Word::Heard);
        if self.websocket || before == Word::Heard {
            return;
        }
        if !closing.kept {
            return self.forget();
        }
        let tombstone = closing.tombstone.clone();
        let change = if before == Word::Given { Change::Close { tombstone, told: true } } else { Change::Told };
        self.persist(change);
    }

    /// The application is still being told that the session is closed. To be called before anything is waited for: what
    /// it is told has to be told again if the object is killed meanwhile. True if there is something to drain.
    pub fn still_telling(&mut self) -> bool {
        let Phase::Closing(closing) = &mut self.phase else { return false };
        if self.websocket || closing.word != Word::Given {
            return false;
        }
        closing.word = Word::Recorded;
        let (tombstone, kept) = (closing.tombstone.clone(), closing.kept);
        self.persist(Change::Close { tombstone, told: false });
        if !kept {
            // Nobody is to get what waited in vain.
            self.persist(Change::Discard { through: Seq(MAX_SEQ) });
        }
        true
    }
}
