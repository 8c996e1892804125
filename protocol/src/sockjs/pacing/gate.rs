//! The gate of a room: while members that read are behind, all broadcasts to the room wait.
//!
//! A broadcast is sent to every member, so the room is only as fast as its slowest member. The patience of a room is the time for
//! which one member may hold up the others. The room does not wait for a member that used up its patience. Such a member is
//! closed when its queue overflows.
//!
//! A sender can always be faster than the members read, and no member should be closed for that. So time counts only while a
//! sender waits at the gate, and only against
//!
//! * members that take longer than [`SWIFT`] to catch up, while at least half of the room has caught up;
//! * members that read next to nothing, while most of the room is behind, which the server itself may have caused.

use crate::time::Millis;
use std::collections::{HashMap, VecDeque};

/// Period to which the patience applies.
const MINUTE: Millis = Millis::from_secs(60);

/// Multiple of one member's patience for which all members together may hold up the room. After that, the room waits only for
/// swift members that held up nobody.
const TOGETHER: u64 = 3;

/// Time within which a member that reads as fast as it can catches up, by a quarter of `queue_limit`.
pub const SWIFT: Millis = Millis(250);

/// Bytes that a member has to read in a second while most members are behind.
const LEAST: usize = 4 << 10;
const SECOND: Millis = Millis::from_secs(1);

/// The gate of one room.
#[derive(Debug)]
pub struct Gate {
    /// Time for which a member may hold up the room in any minute.
    patience: Millis,
    queue_limit: usize,
    /// Members that are behind, or held up the room within the last minute, by id.
    members: HashMap<String, Member>,
    /// Number of all members.
    size: usize,
    /// Time for which the room was held up by any member.
    together: Held,
    /// True if anything was broadcast since no member was behind.
    is_used: bool,
    /// True while a sender waits at the gate.
    is_waited_at: bool,
    /// Time up to which the waiting is counted.
    counted: Millis,
}

#[derive(Debug, Default)]
struct Member {
    behind: Option<Behind>,
    held: Held,
}

/// State of a room that has used up the patience for all members together.
#[derive(Debug, Clone, Copy)]
struct Tired {
    most_are_behind: bool,
}

/// State of a member that has not caught up.
#[derive(Debug, Clone, Copy)]
struct Behind {
    since: Millis,
    /// Time at which the member had last read [`LEAST`] bytes, and the number of bytes left then.
    progressed: Millis,
    left: usize,
}

impl Behind {
    /// Returns the time from which the member's delay counts.
    fn counts_from(&self, most_are_behind: bool) -> Millis {
        if most_are_behind { self.progressed + SECOND } else { self.since + SWIFT }
    }
}

impl Gate {
    /// Returns an open gate.
    pub fn new(patience: Millis, queue_limit: usize) -> Self {
        Self {
            patience,
            queue_limit,
            members: HashMap::new(),
            size: 0,
            together: Held::default(),
            is_used: false,
            is_waited_at: false,
            counted: Millis(0),
        }
    }

    /// Notes a broadcast to `members` members.
    pub fn broadcast(&mut self, now: Millis, members: usize) {
        self.count(now);
        self.size = members;
        self.is_used = true;
    }

    /// Notes how many bytes wait for a member; zero for a member that left. A member is behind once more than half of
    /// `queue_limit` waits, until no more than a quarter waits.
    pub fn look(&mut self, now: Millis, member: &str, waiting: usize) {
        self.count(now);
        let is_over = |part: usize| waiting > self.queue_limit / part;
        match self.members.get_mut(member) {
            Some(known) => {
                known.behind = match known.behind {
                    Some(behind) if is_over(4) => Some(match waiting.saturating_add(LEAST) <= behind.left {
                        true => Behind { progressed: now, left: waiting, ..behind },
                        false => Behind { left: behind.left.max(waiting), ..behind },
                    }),
                    None if is_over(2) => Some(Behind { since: now, progressed: now, left: waiting }),
                    Some(_) | None => None,
                };
            }
            None if is_over(2) => {
                let behind = Some(Behind { since: now, progressed: now, left: waiting });
                self.members.insert(member.to_owned(), Member { behind, held: Held::default() });
            }
            None => {}
        }
        if !self.members.values().any(|member| member.behind.is_some()) {
            self.is_used = false;
        }
    }

    /// Notes whether a sender waits at the gate.
    pub fn wait(&mut self, now: Millis, is_waited_at: bool) {
        self.count(now);
        self.is_waited_at = is_waited_at;
    }

    /// True if all broadcasts have to wait.
    pub fn is_shut(&self, now: Millis) -> bool {
        if !self.is_used {
            return false;
        }
        let tired = self.tired(now);
        self.members.values().any(|member| self.waits_for(now, member, tired))
    }

    /// True if this member was behind at the last look.
    pub fn is_behind(&self, member: &str) -> bool {
        self.members.get(member).is_some_and(|member| member.behind.is_some())
    }

    /// True if a sender waits for this member.
    pub fn is_held_up_by(&self, now: Millis, member: &str) -> bool {
        self.is_waited_at
            && self.members.get(member).is_some_and(|member| self.waits_for(now, member, self.tired(now)))
            && self.is_shut(now)
    }

    /// Returns the members that senders wait for.
    pub fn held_up_by(&self, now: Millis) -> impl Iterator<Item = &str> {
        let tired = self.tired(now);
        let is_shut = self.is_waited_at && self.is_shut(now);
        let held = self.members.iter().filter(move |(_, member)| is_shut && self.waits_for(now, member, tired));
        held.map(|(id, _)| &**id)
    }

    /// True if this member is behind and the room no longer waits for it.
    pub fn gives_up_on(&self, now: Millis, member: &str) -> bool {
        let member = self.members.get(member).filter(|member| member.behind.is_some());
        member.is_some_and(|member| !self.waits_for(now, member, self.tired(now)))
    }

    /// True if the gate has the same state as an unused one.
    pub fn is_forgotten(&self, now: Millis) -> bool {
        !self.is_used && !self.is_waited_at && self.together.within_a_minute(now) == Millis(0)
    }

    /// Returns the time at which the gate opens because patience is used up, if nothing happens before.
    pub fn deadline(&self, now: Millis) -> Option<Millis> {
        if !self.is_waited_at || !self.is_shut(now) {
            return None;
        }
        let (tired, most_are_behind) = (self.tired(now), self.are_most_behind());
        let waited_for = self.members.values().filter(|member| self.waits_for(now, member, tired));
        let ends = waited_for.filter_map(|member| {
            let from = member.behind?.counts_from(most_are_behind).max(now);
            let patience = if tired.is_some() { Millis(0) } else { self.patience - member.held.within_a_minute(now) };
            Some((from, from + patience))
        });
        let (from, end) = ends.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
        Some(if tired.is_some() { end } else { end.min(from + self.together_left(now)) })
    }

    fn tired(&self, now: Millis) -> Option<Tired> {
        (self.together_left(now) == Millis(0)).then(|| Tired { most_are_behind: self.are_most_behind() })
    }

    fn together_left(&self, now: Millis) -> Millis {
        Millis(self.patience.0.saturating_mul(TOGETHER)) - self.together.within_a_minute(now)
    }

    fn waits_for(&self, now: Millis, member: &Member, tired: Option<Tired>) -> bool {
        let Some(behind) = member.behind else { return false };
        let held = member.held.within_a_minute(now);
        match tired {
            None => held < self.patience,
            // A member that reads as fast as it can is not closed for the delays of others.
            Some(Tired { most_are_behind }) => {
                held == Millis(0) && self.patience > Millis(0) && now < behind.counts_from(most_are_behind)
            }
        }
    }

    fn are_most_behind(&self) -> bool {
        self.members.values().filter(|member| member.behind.is_some()).count() * 2 > self.size
    }

    /// Counts the time since the last call against the members that held up the room meanwhile.
    fn count(&mut self, now: Millis) {
        let before = self.counted;
        if before >= now {
            return;
        }
        self.counted = now;
        if self.is_waited_at && self.is_shut(before) {
            let (patience, tired, most_are_behind) = (self.patience, self.tired(before), self.are_most_behind());
            let mut longest = Millis(0);
            for member in self.members.values_mut() {
                let Some(behind) = member.behind else { continue };
                if tired.is_none() && member.held.within_a_minute(before) < patience {
                    let time = now - behind.counts_from(most_are_behind).max(before);
                    member.held.add(now, time);
                    longest = longest.max(time);
                }
            }
            self.together.add(now, longest);
        }
        self.members.retain(|_, member| member.behind.is_some() || member.held.within_a_minute(now) > Millis(0));
    }
}

/// Time for which a room was held up, by the seconds in which it was counted. At most the seconds of one minute are
/// kept.
#[derive(Debug, Default)]
struct Held(VecDeque<(u64, Millis)>);

impl Held {
    fn add(&mut self, now: Millis, time: Millis) {
        if time == Millis(0) {
            return;
        }
        while self.0.front().is_some_and(|(second, _)| is_past(*second, now)) {
            self.0.pop_front();
        }
        let this = now.0 / 1000;
        match self.0.back_mut().filter(|(second, _)| *second == this) {
            Some((_, held)) => *held = *held + time,
            None => self.0.push_back((this, time)),
        }
    }

    fn within_a_minute(&self, now: Millis) -> Millis {
        let recent = self.0.iter().filter(|(second, _)| !is_past(*second, now));
        recent.fold(Millis(0), |sum, (_, time)| sum + *time)
    }
}

/// True if no moment of `second` is within the last minute.
fn is_past(second: u64, now: Millis) -> bool {
    Millis::from_secs(second.saturating_add(1)) + MINUTE <= now
}
