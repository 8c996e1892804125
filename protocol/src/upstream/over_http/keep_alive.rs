//! Idle connections: requests without events to the upstream, and a message to the client.
//!
//! A [`Timer`] is stored with its connection, but not each time that it begins again: that would be a write for each message. So a
//! stored timer is due too early rather than too late.

use crate::inner::json::Reader;
use crate::time::Millis;
use serde::Serialize;

/// Shortest time between two requests without events. Pushpin has the same.
pub const POLL_MIN: Millis = Millis::from_secs(20);

/// Something that is due regularly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timer {
    every: Millis,
    due: Millis,
}

impl Timer {
    /// Returns a timer that begins `now`.
    pub fn new(every: Millis, now: Millis) -> Self {
        Self { every, due: now + every }
    }

    /// Begins again.
    pub fn restart(&mut self, now: Millis) {
        self.due = now + self.every;
    }

    /// Returns the time between two moments at which it is due.
    pub fn every(self) -> Millis {
        self.every
    }

    /// Returns the moment at which it is due.
    pub fn due(self) -> Millis {
        self.due
    }

    /// True if it is due, or will be after at most an eighth of its time: so one alarm serves many connections.
    pub fn is_due(self, now: Millis) -> bool {
        self.due <= now + Millis(self.every.0 / 8)
    }

    /// Begins again if it is due. Returns true if it was.
    pub fn take(&mut self, now: Millis) -> bool {
        let is_due = self.is_due(now);
        if is_due {
            self.restart(now);
        }
        is_due
    }

    /// Reads a timer that was written as JSON.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut timer = Self { every: Millis(0), due: Millis(0) };
        reader.object(&mut |name, reader| {
            match name {
                "every" => timer.every = Millis(reader.number()?),
                "due" => timer.due = Millis(reader.number()?),
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(timer)
    }
}

/// A message that the client gets regularly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdleMessage {
    /// The message.
    pub message: String,
    /// True if the client gets it even when it got another message since.
    pub is_interval: bool,
    /// Time for the next one.
    pub timer: Timer,
}

impl IdleMessage {
    /// Reads a message that was written as JSON.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let (mut message, mut is_interval, mut timer) = (None, false, None);
        reader.object(&mut |name, reader| {
            match name {
                "message" => message = Some(reader.text()?),
                "is_interval" => is_interval = reader.flag()?,
                "timer" => timer = Some(Timer::read(reader)?),
                _ => reader.skip()?,
            }
            Some(())
        })?;
        Some(Self { message: message?, is_interval, timer: timer? })
    }
}

/// Actions that are due on an idle connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// A message to the client.
    pub message: Option<String>,
    /// True if the upstream gets a request without events.
    pub is_poll: bool,
}
