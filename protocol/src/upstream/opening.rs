//! Opening of a connection through the gateway: the moment at which the client gets `o`, and its messages until the upstream
//! takes them.
//!
//! Stock clients give a transport some 0.6 s before they try the next one. With a slow upstream they would try all of them
//! in vain. So the client mostly gets `o` early, and its first messages wait.
//!
//! 1. The client's request came, and the upstream was asked: [`Opening::new`]. If it says so, send `o`.
//! 2. At [`Opening::deadline`]: [`Opening::tick`].
//! 3. A message of the client: [`Opening::message`].
//! 4. The upstream accepted or refused: [`Opening::accept`], [`Opening::refuse`].
//! 5. The client left: [`Opening::leave`].
//!
//! Each method returns the action to take. After the upstream's answer, the `Opening` is over and may be dropped.

use crate::sockjs::close_code::CloseCode;
use crate::time::Millis;
use crate::upstream::close::{Close, Refusal};
use std::fmt;

/// Moment at which a client of the gateway gets `o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UpstreamOpen {
    /// At once. A client that the upstream refuses is open for a moment, and then gets a close frame.
    Before,
    /// After the upstream accepted the connection. A refusal keeps its HTTP status.
    After,
    /// After the upstream accepted the connection, or after 200 ms.
    #[default]
    Auto,
}

impl UpstreamOpen {
    /// Every variant.
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::Auto];

    /// Returns the name, as it stands in a variable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Auto => "auto",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    ///
    /// Returns the expected form, to be put behind "expected", if there is no such name.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        Self::ALL.into_iter().find(|open| open.name() == text).ok_or("before, after or auto")
    }
}

impl fmt::Display for UpstreamOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Time after which [`UpstreamOpen::Auto`] opens the client's connection without the upstream: a third of what a stock
/// client gives a transport, since the rest is needed on the way.
pub const AUTO: Millis = Millis(200);

/// Bytes that a waiting message counts besides its string.
const MESSAGE_COST: usize = 64;

/// Reason of [`CloseCode::TryAgainLater`] for a client that sent too much before its upstream answered.
pub const TOO_MUCH: &str = "Messages come faster than they are handled";

/// Rules of an opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpeningRules {
    /// Moment at which the client gets `o`.
    pub open: UpstreamOpen,
    /// Time within which the upstream has to accept or refuse the connection. Default: 10 s.
    pub timeout: Millis,
    /// Most bytes of the client's messages that wait for the upstream, each counted with 64 more. Default: 8 MiB.
    pub waiting_limit: usize,
}

impl Default for OpeningRules {
    fn default() -> Self {
        Self { open: UpstreamOpen::Auto, timeout: Millis::from_secs(10), waiting_limit: 8 << 20 }
    }
}

/// A connection whose upstream has not answered yet.
///
/// ```text
///            200 ms (auto)               accept
///    closed ───────────────▶ open ──────────────────▶ over: the client's messages go to the upstream
///      │ ▲ before: at once    │ refuse, time-out
///      │                      ├─────────────────────▶ over: the client gets a close frame
///      │ refuse, time-out
///      └────────────────────────────────────────────▶ over: the client gets an HTTP status
/// ```
///
/// ```
/// use sockjs_protocol::time::Millis;
/// use sockjs_protocol::upstream::opening::{Accepted, Opening, OpeningRules, Passed, Tick};
///
/// let (mut opening, _) = Opening::new(Millis(0), OpeningRules::default());
/// assert_eq!(opening.deadline(), Some(Millis(200)));
/// assert_eq!(opening.tick(Millis(200)), Tick::Open);
/// assert_eq!(opening.message("hello".into()), Passed::Waits);
/// let accepted = opening.accept();
/// assert_eq!(accepted, Accepted::Continue { send_open: false, waiting: vec!["hello".into()] });
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    began: Millis,
    rules: OpeningRules,
    stage: Stage,
    /// Messages of the client, oldest first.
    waiting: Vec<String>,
    /// Bytes that they count.
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The client has got nothing yet.
    Closed,
    /// The client got `o`.
    Open,
    /// The upstream answered, or one side is gone.
    Over,
}

/// Action after some time has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tick {
    /// Nothing.
    Wait,
    /// Send `o` to the client.
    Open,
    /// Give up the request to the upstream, and refuse the client.
    TimedOut(Refused),
}

/// Action for a client whose upstream did not accept the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Respond with this HTTP status. A transport whose responses always have status 200 sends
    /// [`Refusal::close`] instead.
    Status(u16),
    /// Send this close.
    Close(Close),
    /// Nothing: the client is gone, or was refused before.
    Nothing,
}

/// Action after the upstream accepted the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Connect both sides.
    Continue {
        /// True if `o` is to be sent to the client.
        send_open: bool,
        /// Messages of the client that waited, oldest first. They go to the upstream before any other.
        waiting: Vec<String>,
    },
    /// Close the connection to the upstream: the client is gone, or was refused.
    Abandon,
}

/// Action for a message of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// Nothing: it waits for the upstream.
    Waits,
    /// Nothing: the client is gone, or was refused.
    Dropped,
    /// Send the client this close, and give up the request to the upstream: more waits than the limit allows.
    TooMuch(Close),
}

impl Opening {
    /// Returns the state of a connection whose upstream is asked `now`, and true if `o` is to be sent at once.
    pub fn new(now: Millis, rules: OpeningRules) -> (Self, bool) {
        let is_open = rules.open == UpstreamOpen::Before;
        let stage = if is_open { Stage::Open } else { Stage::Closed };
        (Self { began: now, rules, stage, waiting: Vec::new(), bytes: 0 }, is_open)
    }

    /// Returns the moment of the next [`Opening::tick`], or `None` if the opening is over.
    pub fn deadline(&self) -> Option<Millis> {
        let gives_up = self.began + self.rules.timeout;
        match self.stage {
            Stage::Closed if self.rules.open == UpstreamOpen::Auto => Some((self.began + AUTO).min(gives_up)),
            Stage::Closed | Stage::Open => Some(gives_up),
            Stage::Over => None,
        }
    }

    /// Acts on the time that has passed.
    pub fn tick(&mut self, now: Millis) -> Tick {
        if self.stage == Stage::Over {
            return Tick::Wait;
        }
        if self.began + self.rules.timeout <= now {
            return Tick::TimedOut(self.refuse(Refusal::TimedOut));
        }
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.stage = Stage::Open;
            return Tick::Open;
        }
        Tick::Wait
    }

    /// Notes a message of the client.
    pub fn message(&mut self, message: String) -> Passed {
        if self.stage == Stage::Over {
            return Passed::Dropped;
        }
        self.bytes = self.bytes.saturating_add(message.len()).saturating_add(MESSAGE_COST);
        if self.bytes > self.rules.waiting_limit {
            self.end();
            return Passed::TooMuch(Close { code: CloseCode::TryAgainLater.number(), reason: TOO_MUCH.into() });
        }
        self.waiting.push(message);
        Passed::Waits
    }

    /// Notes that the upstream accepted the connection.
    pub fn accept(&mut self) -> Accepted {
        let send_open = self.stage == Stage::Closed;
        if self.stage == Stage::Over {
            return Accepted::Abandon;
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.end();
        Accepted::Continue { send_open, waiting }
    }

    /// Notes that the upstream did not accept the connection.
    pub fn refuse(&mut self, refusal: Refusal) -> Refused {
        let refused = match self.stage {
            Stage::Closed => Refused::Status(refusal.status()),
            Stage::Open => Refused::Close(refusal.close()),
            Stage::Over => Refused::Nothing,
        };
        self.end();
        refused
    }

    /// Notes that the client is gone. If the upstream is still asked, give that up.
    pub fn leave(&mut self) {
        self.end();
    }

    /// True if the upstream answered, or one side is gone.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    fn end(&mut self) {
        self.stage = Stage::Over;
        self.waiting = Vec::new();
        self.bytes = 0;
    }
}
