//! A case: who takes part, and how they behave.

use sockjs_protocol::service::options::{Config, Durability};
use sockjs_protocol::sockjs::pacing::PacingRules;
use sockjs_protocol::sockjs::session::{ReceiverKind, Rules};
use sockjs_protocol::time::Millis;

/// All that is random about a case.
#[derive(Debug, Clone)]
pub struct Plan {
    pub kind: ReceiverKind,
    pub limits: Limits,
    pub is_outbox: bool,
    pub send_timeout: u64,
    pub stall_timeout: u64,
    pub speed: Speed,
    /// Changes of the reader, each so many milliseconds after the one before.
    pub changes: Vec<(u64, Change)>,
    /// Sends that may be under way at once. One is the stock client, which joins what it has not sent yet.
    pub lanes: usize,
    pub messages: usize,
    /// Longest pause between two messages of the client.
    pub pause: u64,
    /// True if bodies are late, answers get lost, and requests die.
    pub has_faults: bool,
    pub handling: Handling,
    /// The moment at which the application closes the connection.
    pub closes_at: Option<u64>,
    /// The moment at which others need the memory of its messages.
    pub gives_up_at: Option<u64>,
    pub dice: Dice,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub message: usize,
    pub queue: usize,
    pub inbox: usize,
    pub body: usize,
}

/// Speed of a reader.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    Fast,
    Slow,
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    Speed(Speed),
    Leave,
}

/// Behaviour of the handler.
#[derive(Debug, Clone, Copy)]
pub struct Handling {
    /// Messages that it sends at most for one of the client; with none it echoes.
    pub most: usize,
    /// True if it waits for the client before each message.
    pub is_polite: bool,
    /// Longest time that it takes at once.
    pub slowness: u64,
    /// True if it fails, or closes the connection, now and then.
    pub has_troubles: bool,
}

impl Plan {
    pub fn config(&self) -> Config {
        let mut config = Config::new("");
        config.queue_limit = self.limits.queue;
        config.inbox_limit = self.limits.inbox;
        config.message_limit = self.limits.message;
        config.body_limit = self.limits.body;
        config.send_timeout = Millis(self.send_timeout);
        config.stall_timeout = Millis(self.stall_timeout);
        config.durability = if self.is_outbox { Durability::Outbox } else { Durability::Default };
        config
    }

    pub fn pacing_rules(&self) -> PacingRules {
        PacingRules::of(&self.config())
    }

    pub fn session_rules(&self) -> Rules {
        let config = self.config();
        let of_config = Rules::default();
        Rules {
            durability: config.durability,
            queue_limit: config.queue_limit,
            receiver_max_age: Millis(60_000),
            ..of_config
        }
    }
}

/// Random numbers that shrink towards zero: no time, small messages, no faults.
#[derive(Debug, Clone)]
pub struct Dice {
    values: Vec<u32>,
    at: usize,
}

impl Dice {
    pub fn new(values: Vec<u32>) -> Self {
        Self { values, at: 0 }
    }

    fn roll(&mut self) -> u64 {
        let round = (self.at / self.values.len()) as u32;
        let value = self.values[self.at % self.values.len()];
        self.at += 1;
        // Another number in each round, but none where there is none.
        u64::from(value.wrapping_mul(2 * round + 1) >> 4)
    }

    pub fn up_to(&mut self, most: u64) -> u64 {
        self.roll() % (most + 1)
    }

    /// A size up to `most`, often a small one.
    pub fn size(&mut self, most: usize) -> usize {
        let most = if self.up_to(2) == 0 { most.min(60) } else { most };
        self.up_to(most as u64) as usize
    }

    pub fn one_in(&mut self, number: u64) -> bool {
        self.roll() % number == number - 1
    }
}
