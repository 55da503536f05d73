//! What a worker does with a delivery, from the message to its acknowledgement.

use ledger::{Body, Decision, Ending, Intent, Release, Role, Rules, State, Step as SettleStep};
use uuid::Uuid;

use super::{
    mistakes::Mistake,
    model::{Doing, Message, Request, Worker, World},
    scenario::Scenario,
};

impl<R: Rules + Clone> World<R> {
    /// A worker takes a message; its place. What is rejected is found before the claim.
    pub fn deliver(&mut self, at: usize, scenario: &Scenario, mistake: Mistake) -> usize {
        let message = self.queue.remove(at);
        let is_rejected = scenario.events[usize::from(message.event)].is_rejected;
        let doing = if is_rejected && mistake != Mistake::ClaimBeforePrepare {
            Doing::Settling { ending: Ending::Over(State::Failed), taken: 0, next: message }
        } else {
            Doing::Claiming { over: Vec::new() }
        };
        let nonce = self.nonce();
        self.workers.push(Worker {
            delivered: message,
            message,
            nonce,
            is_ours: true,
            doing,
            request: None,
            has_held: false,
        });
        self.workers.len() - 1
    }

    /// The first claim of a delivery, or the one after its hold was lost.
    pub fn claim(&mut self, at: usize, scenario: &Scenario, mistake: Mistake) {
        let worker = self.workers[at].clone();
        let over = match &worker.doing {
            Doing::Claiming { over } => over.clone(),
            _ => Vec::new(),
        };
        let claim = self.claim_of(scenario, &worker, true, over);
        if mistake == Mistake::DecideBeforeClaiming {
            if let Doing::Decided(decision) = worker.doing {
                self.append(Body::Claim(claim));
                self.obey(at, decision, true, scenario, mistake);
            } else {
                let mut ahead = self.clone();
                let decision = ahead.append(Body::Claim(claim)).unwrap();
                self.workers[at].doing = Doing::Decided(decision);
            }
            return;
        }
        let decision = self.append(Body::Claim(claim)).unwrap();
        self.obey(at, decision, true, scenario, mistake);
    }

    pub fn renew(&mut self, at: usize, scenario: &Scenario, mistake: Mistake) {
        let worker = self.workers[at].clone();
        let over = self.may_be_passed(worker.message, worker.nonce, scenario, mistake);
        let mut claim = self.claim_of(scenario, &worker, false, over);
        if mistake == Mistake::RenewalMovesLeg {
            claim.leg += 1;
        }
        let decision = self.append(Body::Claim(claim)).unwrap();
        self.obey(at, decision, false, scenario, mistake);
    }

    /// Does what the ledger says.
    fn obey(&mut self, at: usize, decision: Decision, fresh: bool, scenario: &Scenario, mistake: Mistake) {
        let worker = &self.workers[at];
        let (message, held) = (worker.message, worker.has_held);
        let event = &scenario.events[usize::from(message.event)];
        let settle = |ending| Doing::Settling { ending, taken: 0, next: message };
        self.violation = self.violation.or_else(|| self.objection(&decision, message, fresh, scenario));
        let doing = match decision {
            Decision::Hold | Decision::Act => {
                let role = if decision == Decision::Act { Role::Actor } else { Role::Holder };
                self.check_grant(at, role, scenario);
                self.workers[at].has_held = true;
                match () {
                    () if event.is_rejected => settle(Ending::Over(State::Failed)),
                    () if event.is_blocked && message.replays == 0 => settle(Ending::Over(State::SetAside)),
                    () if usize::from(message.done) >= event.writes.len() => {
                        settle(Ending::Over(State::Done))
                    }
                    () => Doing::Working { lease: 0, must_renew: false, role },
                }
            }
            Decision::Recorded => settle(Ending::Over(State::Done)),
            Decision::Sleep => {
                let next = Message { leg: message.leg + 1, ..message };
                Doing::Settling { ending: Ending::Later(State::Asleep), taken: 0, next }
            }
            // The message goes to the delay as it came. With no hold to release, that is one step: a crash within it
            // only doubles the message.
            Decision::Wait(_) | Decision::Braked if !held => return self.put_back(at),
            Decision::Wait(_) => settle(Ending::Later(State::Waiting)),
            Decision::Braked => settle(Ending::Later(State::Braked)),
            Decision::Superseded(_) => settle(Ending::Over(State::Superseded)),
            Decision::Cancelled(_) => settle(Ending::Over(State::Cancelled)),
            Decision::Overtaken(_) | Decision::Conflict => settle(Ending::Over(State::SetAside)),
            Decision::Lost if mistake == Mistake::LostAcknowledges => return self.leave(at),
            Decision::Lost => Doing::Claiming { over: Vec::new() },
            Decision::Finished(_) | Decision::Leftover if held || !fresh => {
                settle(Ending::NotOurs { held: true })
            }
            Decision::Finished(_) | Decision::Leftover => return self.leave(at),
        };
        self.workers[at].doing = doing;
    }

    /// A worker puts its message into the delay, and has nothing in hand.
    fn put_back(&mut self, at: usize) {
        self.queue.push(self.workers[at].message);
        self.leave(at);
    }

    /// A worker has acknowledged its message, if it still could.
    fn leave(&mut self, at: usize) {
        let worker = self.workers.remove(at);
        self.orphans.extend(worker.request);
    }

    /// What a decision may not be, whatever the rules: written without them.
    fn objection(
        &self,
        decision: &Decision,
        message: Message,
        fresh: bool,
        scenario: &Scenario,
    ) -> Option<&'static str> {
        let event = &scenario.events[usize::from(message.event)];
        let person = self.ledger.person_of(event.claim.run)?;
        match decision {
            Decision::Hold | Decision::Act => {
                let is_stopped = person.run(event.claim.run)?.stopped;
                let is_shut = person.runs.iter().any(|other| {
                    let of = |run| scenario.events.iter().find(|event| event.claim.run == run);
                    of(other.id).is_some_and(|other| other.replaces(event))
                });
                (is_stopped || is_shut).then_some("a run was granted a hold that known word forbids")
            }
            Decision::Superseded(by) => {
                let run = person.run(*by)?;
                let by = scenario.events.iter().find(|event| event.claim.run == *by)?;
                let is_other = by.claim.intent.side() != event.claim.intent.side();
                let is_to_come = self.today < by.effective;
                let never_acted = run.state.is_over() && !run.held;
                (is_other && (is_to_come || never_acted))
                    .then_some("a run was shut by one that has no say yet")
            }
            Decision::Overtaken(_) => (!fresh).then_some("a change was overtaken while it held"),
            Decision::Wait(_) if event.claim.intent == Intent::AccessRevoke && message.leg == 0 => {
                let has_actor = person.holds.iter().any(|hold| hold.role == Role::Actor);
                (!has_actor).then_some("a lock-out waits for the holder")
            }
            _ => None,
        }
    }

    /// Nobody may be granted anything while a request of somebody else may still arrive.
    fn check_grant(&mut self, at: usize, role: Role, scenario: &Scenario) {
        let others = self.workers.iter().enumerate().filter(|(other, _)| *other != at);
        let flying = others.filter_map(|(_, worker)| worker.request.as_ref()).chain(&self.orphans);
        let mut flying = flying.filter(|request| !request.is_unread && !scenario.may_overlap);
        let is_lock_out = |request: &Request| {
            scenario.events[usize::from(request.event)].claim.intent == Intent::AccessRevoke
        };
        if flying.any(|request| role == Role::Holder || is_lock_out(request)) {
            self.violation = Some("a hold was granted while another one's request was under way");
        }
    }

    fn has_gone_on(&self, message: Message) -> bool {
        message.leg < self.gone_on[usize::from(message.event)]
    }

    /// Whether this delivery acts, as the ledger has it.
    fn is_granted(&self, scenario: &Scenario, worker: &Worker) -> bool {
        let run = Self::run_of(scenario, worker.message.event);
        let nonce = Uuid::from_u128(worker.nonce);
        let person = self.ledger.person_of(run);
        person.is_some_and(|person| person.holds.iter().any(|hold| hold.is_of(run, nonce)))
    }

    pub fn send(&mut self, at: usize, scenario: &Scenario) {
        let worker = &self.workers[at];
        let Message { event, done, .. } = worker.message;
        let is_unread = worker.doing == Doing::Unread;
        if !is_unread && !self.is_granted(scenario, worker) {
            self.violation = Some("a request was sent by who does not hold");
        } else if !is_unread && self.has_gone_on(worker.message) {
            self.violation = Some("a stage ran again that its run had gone on from");
        }
        let write = scenario.events[usize::from(event)].writes[usize::from(done)];
        self.workers[at].request = Some(Request { event, write, age: 0, is_unread });
    }

    /// A request takes effect, its worker hears of it, and goes on unless it is ending.
    pub fn arrive(&mut self, at: usize, scenario: &Scenario, mistake: Mistake) {
        let Some(request) = self.workers[at].request.take() else { return };
        self.write(request);
        let worker = &mut self.workers[at];
        worker.message.done += 1;
        let message = worker.message;
        let event = &scenario.events[usize::from(message.event)];
        let is_over = usize::from(message.done) >= event.writes.len();
        let looks_again = event.claim.intent == Intent::AccessRevoke && message.leg == 0;
        let sleeps = event.sleeps_after == Some(message.done) || looks_again;
        let later = Message { leg: message.leg + 1, ..message };
        let ends = if sleeps && !(looks_again && mistake == Mistake::RevokeLooksOnce) {
            Some((Ending::Later(State::Asleep), later))
        } else if is_over || looks_again {
            Some((Ending::Over(State::Done), message))
        } else {
            None
        };
        match (&mut worker.doing, ends) {
            // What carries the run on must know of it.
            (Doing::Settling { next, .. }, _) => next.done = message.done,
            (doing @ (Doing::Working { .. } | Doing::Unread), Some((ending, next))) => {
                *doing = Doing::Settling { ending, taken: 0, next };
            }
            (Doing::Working { must_renew, .. }, None) => *must_renew = true,
            _ => {}
        }
    }

    /// The next step of a settlement.
    pub fn settle(&mut self, at: usize, scenario: &Scenario, mistake: Mistake) {
        let worker = self.workers[at].clone();
        let Doing::Settling { ending, taken, next } = worker.doing else { return };
        let mut steps = ending.steps();
        mistake.reorder(&mut steps);
        match steps[usize::from(taken)] {
            SettleStep::Results => {
                let is_over = matches!(ending, Ending::Over(_));
                self.announced[usize::from(next.event)] |= is_over;
                if !is_over {
                    // Nobody counts what is told of a sleep: one step less.
                    self.workers[at].doing = Doing::Settling { ending, taken: taken + 1, next };
                    return self.settle(at, scenario, mistake);
                }
            }
            SettleStep::Continuation => self.queue.push(next),
            SettleStep::DeadLetter => self.dead.push(next),
            SettleStep::Release(state) => {
                let run = Self::run_of(scenario, next.event);
                let nonce = Uuid::from_u128(worker.nonce);
                let leg = u32::from(next.leg);
                if state == State::Asleep && self.is_granted(scenario, &worker) {
                    self.gone_on[usize::from(next.event)] = next.leg;
                }
                self.append(Body::Release(Release {
                    run,
                    nonce,
                    state,
                    leg,
                    replays: next.replays.into(),
                    until: None,
                    done: None,
                }));
            }
            SettleStep::Acknowledge => self.workers[at].is_ours = false,
        }
        if usize::from(taken) + 1 == steps.len() {
            let worker = self.workers.remove(at);
            self.orphans.extend(worker.request);
            if worker.is_ours {
                self.queue.push(worker.delivered);
            }
        } else {
            self.workers[at].doing = Doing::Settling { ending, taken: taken + 1, next };
        }
    }
}
