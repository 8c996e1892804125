//! The handler of the application: what it does with each job, and how long that takes.

use crate::plan::{Dice, Plan};
use crate::world::{Event, World};
use sockjs_protocol::sockjs::pacing::Job;
use sockjs_protocol::sockjs::session::{CloseReason, SendError};
use std::collections::VecDeque;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Wait(u64),
    /// Waits until the client is not behind.
    Ready,
    Send {
        bytes: usize,
        /// True if the handler waited for the client before.
        is_polite: bool,
    },
    Close,
    Fail,
}

/// A run of the handler: one job after the other.
#[derive(Debug, Default)]
pub struct Run {
    pub is_running: bool,
    has_started: bool,
    call: Option<Call>,
}

#[derive(Debug)]
struct Call {
    steps: VecDeque<Step>,
    has_sent: bool,
    is_end: bool,
}

impl Call {
    fn of(job: &Job, plan: &mut Plan) -> Self {
        let (handling, limits, dice) = (plan.handling, plan.limits, &mut plan.dice);
        let mut steps = VecDeque::new();
        let wait = |steps: &mut VecDeque<_>, most: u64, dice: &mut Dice| {
            if most > 0 && dice.one_in(2) {
                steps.push_back(Step::Wait(dice.up_to(most)));
            }
        };
        wait(&mut steps, handling.slowness, dice);
        if let (Job::Message(message), 0) = (job, handling.most) {
            steps.push_back(Step::Send { bytes: message.len(), is_polite: false });
        } else if !matches!(job, Job::Close(_)) {
            for at in 0..dice.up_to(handling.most as u64) {
                // The first fits without waiting.
                if handling.is_polite && (at > 0 || dice.one_in(2)) {
                    steps.push_back(Step::Ready);
                    steps.push_back(Step::Send { bytes: dice.size(limits.queue / 2), is_polite: true });
                } else {
                    steps.push_back(Step::Send { bytes: dice.size(limits.queue), is_polite: false });
                }
                wait(&mut steps, handling.slowness / 4, dice);
            }
        }
        if handling.has_troubles && dice.one_in(20) {
            steps.push_back(if dice.one_in(2) { Step::Close } else { Step::Fail });
            wait(&mut steps, handling.slowness, dice);
        }
        Self { steps, has_sent: false, is_end: matches!(job, Job::Close(_)) }
    }
}

/// Outcome of going on with a call.
enum Went {
    Waits,
    Returned,
    Failed,
}

impl World {
    pub fn begin_run(&mut self) {
        assert!(!self.run.is_running, "two runs at a time");
        self.run.is_running = true;
        if !std::mem::replace(&mut self.run.has_started, true) {
            let after = self.plan.dice.up_to(self.plan.handling.slowness);
            if after > 0 {
                return self.plan_at(after, Event::Resume);
            }
        }
        self.go_on_running();
    }

    /// The handler goes on after it had to wait.
    pub fn resume(&mut self) {
        self.object.is_settling = true;
        self.go_on_running();
        self.object.is_settling = false;
        self.settle();
    }

    fn go_on_running(&mut self) {
        loop {
            if self.run.call.is_none() && !self.next_job() {
                break;
            }
            let went = self.go_on_with_call();
            if matches!(went, Went::Waits) {
                return;
            }
            self.returned(matches!(went, Went::Failed));
        }
        self.run.is_running = false;
        if self.object.pacing.is_waiting() {
            self.touch();
        }
    }

    fn next_job(&mut self) -> bool {
        if self.object.session.has_full_frame() {
            self.drain_with(true);
        }
        let waiting = self.waiting();
        let Some(job) = self.object.pacing.next(waiting) else { return false };
        self.ledger.job(&job);
        self.object.may_exceed = true;
        self.run.call = Some(Call::of(&job, &mut self.plan));
        true
    }

    fn go_on_with_call(&mut self) -> Went {
        loop {
            let Some(call) = &mut self.run.call else { return Went::Returned };
            let Some(step) = call.steps.pop_front() else { return Went::Returned };
            match step {
                Step::Wait(after) => {
                    self.plan_at(after, Event::Resume);
                    return Went::Waits;
                }
                Step::Ready if !self.object.session.is_open() => return Went::Returned,
                Step::Ready if self.is_behind() => {
                    self.run.call.as_mut().unwrap().steps.push_front(Step::Ready);
                    self.object.ready = true;
                    self.touch();
                    return Went::Waits;
                }
                Step::Ready => {}
                Step::Send { bytes, is_polite } => self.send(bytes, is_polite),
                Step::Close => self.close_by_application(),
                Step::Fail => return Went::Failed,
            }
        }
    }

    fn send(&mut self, bytes: usize, is_polite: bool) {
        let is_first = !std::mem::replace(&mut self.run.call.as_mut().unwrap().has_sent, true);
        let sent = self.push(bytes);
        let is_full = sent == Err(SendError::QueueFull);
        assert!(!(is_full && is_first), "the first message of a call always fits");
        assert!(!(is_full && is_polite), "the handler waited for the client");
        assert!(sent != Err(SendError::Closed) || !self.object.session.is_open());
    }

    fn returned(&mut self, has_failed: bool) {
        let call = self.run.call.take().unwrap();
        self.object.may_exceed = false;
        if has_failed {
            let reason = CloseReason::HandlerFailed;
            self.object.session.close(self.now, 1011, "Handler failed", reason);
            self.drop_messages();
            self.touch();
        }
        if call.is_end {
            self.object.session.told();
            self.touch();
        }
        self.ledger.returned();
        self.object.pacing.finish();
        if self.sender.is_anybody_waiting() || self.object.is_lost {
            self.touch();
        }
    }
}
