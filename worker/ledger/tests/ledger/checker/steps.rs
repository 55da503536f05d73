//! What can happen next in a world.

use ledger::{Body, Brake, Kind, Rules, Stop};

use super::{
    mistakes::Mistake,
    model::{Doing, Message, REQUEST, Request, TAKE_AFTER, Worker, World},
    scenario::{Scenario, Write},
};
use crate::story::key;

/// A step. Numbers are places in the lists of the world before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A worker takes a message and claims.
    Deliver(usize),
    /// A worker takes a message, and sees which holds are old enough to be passed over.
    Look(usize),
    /// A worker claims.
    Claim(usize),
    /// A worker takes the message of a lock-out, cannot read the ledger, and locks out.
    LockOut(usize),
    /// A worker renews.
    Renew(usize),
    /// A worker sends its next request.
    Send(usize),
    /// A worker's request arrives, and is answered.
    Arrive(usize),
    /// A worker takes the next step of its settlement.
    Settle(usize),
    /// A worker dies.
    Kill(usize),
    /// The broker gives up a worker.
    Cut(usize),
    /// A worker finds that its session has ended, and stops.
    Notice(usize),
    /// A request of nobody arrives.
    ArriveLate(usize),
    /// A request of nobody is lost.
    Vanish(usize),
    /// The clocks tick.
    Tick,
    /// The next day begins.
    Day,
    /// An operator stops the run of the first event.
    Stop,
    /// An operator replays a dead letter.
    Replay,
    /// An operator lets one offboarding through the brake.
    Allow,
}

impl<R: Rules + Clone> World<R> {
    /// Every step that can be taken.
    pub fn steps(&self, scenario: &Scenario, mistake: Mistake) -> Vec<Step> {
        let mut steps = Vec::new();
        let is_taken = |at: usize| self.queue[..at].contains(&self.queue[at]);
        for at in (0..self.queue.len()).filter(|at| self.workers.len() < scenario.workers && !is_taken(*at)) {
            self.steps_with(at, scenario, mistake, &mut steps);
        }
        for (at, worker) in self.workers.iter().enumerate() {
            self.steps_of(at, worker, mistake, &mut steps);
        }
        for (at, request) in self.orphans.iter().enumerate() {
            if !self.orphans[..at].contains(request) {
                steps.extend([Step::ArriveLate(at), Step::Vanish(at)]);
            }
        }
        self.outer_steps(scenario, mistake, &mut steps);
        steps
    }

    /// What can be done with a message.
    fn steps_with(&self, at: usize, scenario: &Scenario, mistake: Mistake, steps: &mut Vec<Step>) {
        let message = self.queue[at];
        let event = &scenario.events[usize::from(message.event)];
        // What has not slept waits for somebody, and not for its day.
        let is_due = self.today >= event.published && (message.leg == 0 || self.today >= event.effective);
        if !is_due {
            return;
        }
        steps.push(Step::Deliver(at));
        if !self.may_be_passed(message, 0, scenario, mistake).is_empty() {
            steps.push(Step::Look(at));
        }
        let locks = event.claim.intent == ledger::Intent::AccessRevoke && message.leg == 0;
        if locks && self.left.outages > 0 {
            steps.push(Step::LockOut(at));
        }
    }

    /// What a worker can do, and what can be done to it.
    fn steps_of(&self, at: usize, worker: &Worker, mistake: Mistake, steps: &mut Vec<Step>) {
        match &worker.doing {
            Doing::Claiming { .. } | Doing::Decided(_) => steps.push(Step::Claim(at)),
            Doing::Working { lease, must_renew, .. } => {
                let has_lease = *lease == 0 || mistake == Mistake::FenceWithoutLease;
                if *lease > 0 || *must_renew {
                    steps.push(Step::Renew(at));
                }
                if has_lease && !must_renew && worker.request.is_none() {
                    steps.push(Step::Send(at));
                }
            }
            Doing::Unread if worker.request.is_none() => steps.push(Step::Send(at)),
            Doing::Unread => {}
            Doing::Settling { .. } => {
                // Nothing is released while a request of ours may still arrive.
                if worker.request.is_none() || mistake == Mistake::ReleaseBeforeTheAnswer {
                    steps.push(Step::Settle(at));
                }
            }
        }
        if worker.request.is_some() {
            steps.push(Step::Arrive(at));
        }
        if self.left.kills > 0 {
            steps.push(Step::Kill(at));
        }
        if self.left.cuts > 0 && worker.is_ours {
            steps.push(Step::Cut(at));
        }
        if !worker.is_ours {
            steps.push(Step::Notice(at));
        }
    }

    /// What happens to everybody.
    fn outer_steps(&self, scenario: &Scenario, mistake: Mistake, steps: &mut Vec<Step>) {
        let longest = if mistake == Mistake::RequestOutlivesTakeover { TAKE_AFTER } else { REQUEST };
        let may_tick = self.requests().all(|request| request.age < longest);
        let is_moving =
            self.ages.iter().any(|(_, age)| *age < TAKE_AFTER) || self.requests().next().is_some();
        if may_tick && is_moving {
            steps.push(Step::Tick);
        }
        if self.today < scenario.last_day() {
            steps.push(Step::Day);
        }
        if self.left.stops > 0 {
            steps.push(Step::Stop);
        }
        if self.left.replays > 0 && !self.dead.is_empty() {
            steps.push(Step::Replay);
        }
        if self.left.allowed > 0 {
            steps.push(Step::Allow);
        }
    }

    /// The holds that a worker may pass over.
    pub fn may_be_passed(
        &self,
        message: Message,
        nonce: u128,
        scenario: &Scenario,
        mistake: Mistake,
    ) -> Vec<u64> {
        let run = Self::run_of(scenario, message.event);
        let holds = self.ledger.people().flat_map(|person| &person.holds);
        let is_old = |last: u64| self.ages.iter().any(|(known, age)| *known == last && *age >= TAKE_AFTER);
        let at_once = |other| mistake == Mistake::TakeOverAtOnce && other == run;
        let passed =
            holds.filter(|hold| hold.nonce.as_u128() != nonce && (is_old(hold.last) || at_once(hold.run)));
        passed.map(|hold| hold.last).collect()
    }

    /// The world after a step.
    #[must_use]
    pub fn after(&self, step: Step, scenario: &Scenario, mistake: Mistake) -> Self {
        let mut world = self.clone();
        match step {
            Step::Deliver(at) => {
                let worker = world.deliver(at, scenario, mistake);
                if matches!(world.workers[worker].doing, Doing::Claiming { .. }) {
                    world.claim(worker, scenario, mistake);
                }
            }
            Step::Look(at) => {
                let over = world.may_be_passed(world.queue[at], 0, scenario, mistake);
                let worker = world.deliver(at, scenario, mistake);
                if matches!(world.workers[worker].doing, Doing::Claiming { .. }) {
                    world.workers[worker].doing = Doing::Claiming { over };
                }
            }
            Step::Claim(at) => world.claim(at, scenario, mistake),
            Step::LockOut(at) => {
                world.left.outages -= 1;
                let worker = world.deliver(at, scenario, mistake);
                world.workers[worker].doing = Doing::Unread;
            }
            Step::Renew(at) => world.renew(at, scenario, mistake),
            Step::Send(at) => world.send(at, scenario),
            Step::Arrive(at) => world.arrive(at, scenario, mistake),
            Step::Settle(at) => world.settle(at, scenario, mistake),
            Step::Kill(at) => {
                world.left.kills -= 1;
                world.gone(at);
            }
            Step::Cut(at) => {
                world.left.cuts -= 1;
                world.workers[at].is_ours = false;
                world.queue.push(world.workers[at].delivered);
            }
            Step::Notice(at) => world.gone(at),
            Step::ArriveLate(at) => {
                let request = world.orphans.remove(at);
                world.write(request);
            }
            Step::Vanish(at) => drop(world.orphans.remove(at)),
            Step::Tick => world.tick(),
            Step::Day => world.today += 1,
            Step::Stop => {
                world.left.stops -= 1;
                world.append(Body::Stop(Stop { run: Self::run_of(scenario, 0) }));
            }
            Step::Replay => {
                world.left.replays -= 1;
                let message = world.dead.remove(0);
                world.queue.push(Message { replays: message.replays + 1, ..message });
            }
            Step::Allow => {
                world.left.allowed -= 1;
                let tenant = key(Kind::Tenant, "");
                world.append(Body::Brake(Brake { tenant, allow: 1, until: None }));
            }
        }
        world
    }

    /// A worker is gone, and what it had in hand returns.
    fn gone(&mut self, at: usize) {
        let worker = self.workers.remove(at);
        self.orphans.extend(worker.request);
        if worker.is_ours {
            // The broker hands out what was delivered, not what became of it.
            self.queue.push(worker.delivered);
        }
    }

    fn tick(&mut self) {
        for (_, age) in &mut self.ages {
            *age = (*age + 1).min(TAKE_AFTER);
        }
        for worker in &mut self.workers {
            if let Doing::Working { lease, .. } = &mut worker.doing {
                *lease = (*lease + 1).min(1);
            }
        }
        let flying = self.workers.iter_mut().filter_map(|worker| worker.request.as_mut());
        flying.chain(&mut self.orphans).for_each(|request| request.age += 1);
    }

    /// A request takes effect.
    pub fn write(&mut self, request: Request) {
        match request.write {
            Write::Enable => self.is_in = true,
            Write::Disable => self.is_in = false,
            Write::Set(name) => self.values[usize::from(name)] = Some(request.event),
        }
    }
}
