//! The fold: one record after the other, and the decision on each claim.

use std::{collections::BTreeMap, marker::PhantomData};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    decision::{Decision, Read},
    identity::People,
    intent::Intent,
    keys::Key,
    person::{Hold, Person, Position, Role, Run, State, append, retain},
    record::{Body, Brake, Claim, Clear, Record, Release},
    rules::{Rules, Specified},
};

/// What follows from the records read so far.
#[derive(Clone, Debug)]
pub struct Ledger<R = Specified> {
    pub(crate) people: People,
    pub(crate) brakes: BTreeMap<Key, Admitted>,
    /// Runs that an operator stopped before they had claimed, with the time of the record.
    pub(crate) stops: BTreeMap<Uuid, i64>,
    /// The offset of the next record; none before the first.
    pub(crate) next: Option<u64>,
    rules: PhantomData<R>,
}

/// RabbitMQ numbers an entry of its own at the start of each file of a stream, which no reader gets (seen on 3.10.8,
/// 2026-11-29: the offset after each file is one higher).
const ENTRIES_OF_THE_BROKER: u64 = 1;

/// How the brake of a tenant stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrakeState {
    /// How many were admitted within the window.
    pub admitted: usize,
    /// How many more may pass than the limit allows.
    pub allowance: u32,
    /// Until when an operator has switched it off.
    pub off_until: Option<Timestamp>,
}

/// What the brake of a tenant has let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// When, in order.
    pub(crate) at: Vec<i64>,
    /// How many more an operator lets through.
    pub(crate) allowance: u32,
    /// Until when an operator has switched it off.
    pub(crate) off_until: i64,
}

impl<R> Default for Ledger<R> {
    fn default() -> Self {
        Self {
            people: People::default(),
            brakes: BTreeMap::new(),
            stops: BTreeMap::new(),
            next: None,
            rules: PhantomData,
        }
    }
}

impl<R: Rules> Ledger<R> {
    /// The offset of the last record read; none before the first.
    pub fn seen(&self) -> Option<u64> {
        self.next.and_then(|next| next.checked_sub(1))
    }

    /// Everybody.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.all()
    }

    /// The person of a run.
    pub fn person_of(&self, run: Uuid) -> Option<&Person> {
        self.people.of_run(run)
    }

    /// The people with one of these keys: one, unless nothing has joined them yet.
    pub fn people_with(&self, keys: &[Key]) -> Vec<&Person> {
        self.people.of_keys(keys).iter().filter_map(|number| self.people.get(*number)).collect()
    }

    /// How the brake of a tenant stands for a claim made at that time with a window of so many seconds. While a secret is
    /// replaced a tenant has two keys, and the one that lets fewer through counts.
    pub fn brake_of(&self, tenant: &[Key], at: Timestamp, window: u32) -> BrakeState {
        let now = at.as_microsecond();
        let none = Admitted::default();
        let all = || tenant.iter().map(|key| self.brakes.get(key).unwrap_or(&none));
        let off_until = all().map(|admitted| admitted.off_until).min().filter(|until| *until > now);
        BrakeState {
            admitted: all().map(|admitted| admitted_since(admitted, now, window)).max().unwrap_or_default(),
            allowance: all().map(|admitted| admitted.allowance).min().unwrap_or_default(),
            off_until: off_until.and_then(|until| Timestamp::from_microsecond(until).ok()),
        }
    }

    /// Reads a message that is no record.
    pub fn skip(&mut self, offset: u64) -> Read {
        let is_next = |next: u64| offset >= next && offset - next <= ENTRIES_OF_THE_BROKER;
        if !self.next.is_none_or(is_next) {
            return Read::Cut;
        }
        self.next = Some(offset.saturating_add(1));
        Read::Noted
    }

    /// Continues at an offset, however many are missing before it. If the stream is read from its first record, no
    /// other reader has the missing ones either.
    pub fn go_on_at(&mut self, offset: u64) {
        self.next = Some(offset);
    }

    /// Reads the record at an offset. More than one offset that is missing means that records are.
    ///
    /// A record whose publisher had read more than there is, is folded all the same: reading the stream again would only
    /// find it again. Whoever has read what is lost sees that by its own last record.
    pub fn read(&mut self, offset: u64, record: &Record) -> Read {
        if self.skip(offset) == Read::Cut {
            return Read::Cut;
        }
        let at = record.at.as_microsecond();
        match &record.body {
            Body::Claim(claim) => return Read::Decided(self.claim(offset, at, claim)),
            Body::Release(release) => self.release(at, release),
            Body::Stop(stop) => match self.people.of_run_mut(stop.run).and_then(|it| it.run_mut(stop.run)) {
                Some(run) => run.stopped |= !run.state.is_over(),
                None => {
                    self.stops.insert(stop.run, at);
                }
            },
            Body::Brake(brake) => self.brake(brake),
            Body::Clear(clear) => self.clear(clear),
            Body::Forget(forget) => self.forget_before(forget.before.as_microsecond()),
        }
        Read::Noted
    }

    /// Whether a delivery acts, and nothing read so far forbids that it goes on.
    pub fn may_go_on(&self, run: Uuid, nonce: Uuid) -> bool {
        let Some(person) = self.people.of_run(run) else { return false };
        let (Some(run), Some(hold)) = (person.run(run), person.hold(run, nonce)) else { return false };
        !run.state.is_over()
            && R::verdict(&person.runs, run).is_none()
            && Self::in_the_way(person, run, nonce, false, hold.role).next().is_none()
    }

    /// What shuts a run that has not ended, as far as the records read so far say; nothing if it may go on.
    pub fn verdict(&self, run: Uuid) -> Option<Decision> {
        let person = self.people.of_run(run)?;
        let run = person.run(run).filter(|run| !run.state.is_over())?;
        R::verdict(&person.runs, run)
    }

    /// How the ledger would answer a replay with this count; nothing if the run would go on, or if the ledger does not
    /// know it.
    pub fn verdict_of_replay(&self, run: Uuid, replays: u32) -> Option<Decision> {
        let person = self.people.of_run(run)?;
        let run = person.run(run)?;
        let is_replay = replays > run.position.replays;
        if run.state.is_over() && !(run.state.is_replayable() && is_replay) {
            return Some(Decision::Finished(run.state));
        }
        // A replay is newer word of an operator than the stop.
        let replayed = Run { stopped: run.stopped && !run.state.is_over(), ..run.clone() };
        R::verdict(&person.runs, &replayed)
    }

    /// The runs of its person that this run shuts: those that have not ended, and those that ended by that.
    pub fn shut_by(&self, run: Uuid) -> Vec<&Run> {
        let Some(person) = self.people.of_run(run) else { return Vec::new() };
        let Some(by) = person.run(run) else { return Vec::new() };
        // A verdict looks at every run of the person: who has thousands of them has few that this one can have shut.
        let can_be = |other: &&Run| {
            let has_ended_so = matches!(other.state, State::Superseded | State::Cancelled);
            let has_say = R::shuts(by, other) || R::overtakes(by, other);
            (has_ended_so || !other.state.is_over()) && has_say
        };
        let is_shut = |other: &&Run| match shut::<R>(person, other) {
            Some((by, ends)) => by == Some(run) && (!other.state.is_over() || other.state == ends),
            None => false,
        };
        person.runs.iter().filter(can_be).filter(is_shut).collect()
    }

    /// How a run that has not ended will end, if somebody has shut it: it says so when its message comes.
    pub fn will_end(&self, run: Uuid) -> Option<State> {
        let person = self.people.of_run(run)?;
        let run = person.run(run).filter(|run| !run.state.is_over())?;
        shut::<R>(person, run).map(|(_, ends)| ends)
    }

    /// Whether an operator has stopped this run, or what else has this id. A sync has no other record.
    pub fn is_stopped(&self, run: Uuid) -> bool {
        let known = self.people.of_run(run).and_then(|person| person.run(run));
        known.is_some_and(|run| run.stopped) || self.stops.contains_key(&run)
    }

    /// Decides a claim. The first line that fits decides.
    fn claim(&mut self, offset: u64, at: i64, claim: &Claim) -> Decision {
        // Before anything is joined: a late copy of a run that has ended may name what is somebody else's by now.
        if let Some(decision) = self.of_known_run(claim) {
            return decision;
        }
        let Ok(person) = self.people.identify(claim.run, &claim.keys) else { return Decision::Conflict };
        person.last_at = person.last_at.max(at);
        if person.run(claim.run).is_none() {
            append(&mut person.runs, [Run::new(claim, offset)]);
        }
        let Some(run) = person.run_mut(claim.run) else { return Decision::Lost };
        run.position = R::position_after(claim.fresh, claim.position(), run.position);
        // A replay is newer word of an operator than the stop.
        run.stopped = (run.stopped && !run.state.is_over()) || self.stops.remove(&claim.run).is_some();
        run.state = State::Open;
        let (run, runs) = (run.clone(), &person.runs);
        if let Some(verdict) = R::verdict(runs, &run) {
            return verdict;
        }
        if run.intent == Intent::Cancel {
            return Decision::Recorded;
        }
        if claim.pending {
            return Decision::Sleep;
        }
        if let Some(run) = person.run_mut(claim.run) {
            run.raised = true;
        }
        if run.intent == Intent::Offboarding && !run.admitted && is_on(&self.brakes, claim, at) {
            return Decision::Braked;
        }
        Self::grant(person, &mut self.brakes, offset, at, claim)
    }

    /// What is decided of a run that is known, or of a renewal of one that is not.
    fn of_known_run(&self, claim: &Claim) -> Option<Decision> {
        let person = self.people.of_run(claim.run);
        let Some((person, run)) = person.and_then(|person| Some((person, person.run(claim.run)?))) else {
            return (!claim.fresh).then_some(Decision::Lost);
        };
        let is_replay = claim.replays > run.position.replays;
        if run.state.is_over() && !(run.state.is_replayable() && is_replay) {
            Some(Decision::Finished(run.state))
        } else if R::is_left_over(claim.position(), run.position) {
            Some(Decision::Leftover)
        } else if !claim.fresh && person.hold(claim.run, claim.nonce).is_none() {
            Some(Decision::Lost)
        } else {
            None
        }
    }

    /// Grants a hold, unless others are in the way.
    fn grant(
        person: &mut Person,
        brakes: &mut BTreeMap<Key, Admitted>,
        offset: u64,
        at: i64,
        claim: &Claim,
    ) -> Decision {
        let Some(run) = person.run(claim.run) else { return Decision::Lost };
        let is_first_look = run.intent == Intent::AccessRevoke && !claim.looks_again;
        let role = if is_first_look { Role::Actor } else { Role::Holder };
        let in_the_way: Vec<Hold> =
            Self::in_the_way(person, run, claim.nonce, claim.fresh, role).copied().collect();
        let blocking = in_the_way.iter().filter(|hold| !R::passes_over(&claim.over, hold));
        let blocking: Vec<u64> = blocking.map(|hold| hold.last).collect();
        if !blocking.is_empty() {
            return Decision::Wait(blocking);
        }
        retain(&mut person.holds, |hold| !in_the_way.contains(hold) && !hold.is_of(claim.run, claim.nonce));
        append(&mut person.holds, [Hold { run: claim.run, nonce: claim.nonce, last: offset, role }]);
        let Some(run) = person.run_mut(claim.run) else { return Decision::Lost };
        run.held = true;
        if !run.admitted && matches!(run.intent, Intent::Offboarding | Intent::AccessRevoke) {
            run.admitted = true;
            admit(brakes, claim, at);
        }
        if role == Role::Actor { Decision::Act } else { Decision::Hold }
    }

    /// The holds that a delivery waits for. Of two holders, which a join has left, the newer one goes on.
    fn in_the_way<'a>(
        person: &'a Person,
        run: &'a Run,
        nonce: Uuid,
        fresh: bool,
        role: Role,
    ) -> impl Iterator<Item = &'a Hold> {
        let holds_already = !fresh && role == Role::Holder;
        let gives_way = move |hold: &Hold| {
            hold.role == Role::Holder
                && hold.run != run.id
                && person.run(hold.run).is_some_and(|other| R::precedes(other, run))
        };
        let others = person.holds.iter().filter(move |hold| !hold.is_of(run.id, nonce));
        let waited_for = others.filter(move |hold| R::waits_for(role, hold.role));
        waited_for.filter(move |hold| !(holds_already && gives_way(hold)))
    }

    fn release(&mut self, at: i64, release: &Release) {
        let Some(person) = self.people.of_run_mut(release.run) else { return };
        person.last_at = person.last_at.max(at);
        let held = person.hold(release.run, release.nonce).is_some();
        retain(&mut person.holds, |hold| !hold.is_of(release.run, release.nonce));
        let another_copy_acts = person.holds.iter().any(|hold| hold.run == release.run);
        let Some(run) = person.run_mut(release.run) else { return };
        // A worker that was passed over may wake and release late. What has gone on stays.
        let position = Position { replays: release.replays, leg: release.leg };
        let is_late = R::is_left_over(position, run.position)
            || (!held && another_copy_acts && !release.state.is_over());
        if run.state.is_over() || is_late {
            return;
        }
        run.state = release.state;
        run.position = position;
        run.until = release.until.map_or(0, Timestamp::as_microsecond);
        // Whoever takes a run out asks what it has changed. Nobody can take out what has reached its end.
        let done = release.done.as_ref().filter(|_| run.state != State::Done);
        run.done = done.map(|done| Box::new(done.clone()));
    }

    fn brake(&mut self, brake: &Brake) {
        for tenant in &brake.tenant {
            let admitted = self.brakes.entry(*tenant).or_default();
            admitted.allowance = admitted.allowance.saturating_add(brake.allow);
            if let Some(until) = brake.until {
                admitted.off_until = until.as_microsecond();
            }
        }
    }

    fn clear(&mut self, clear: &Clear) {
        for number in self.people.of_keys(&clear.keys) {
            let runs = self.people.get_mut(number).map(|person| person.runs.iter_mut());
            runs.into_iter().flatten().for_each(|run| run.cleared = true);
        }
    }

    /// Forgets people of whom nothing was heard since and who have no open run, and what the brake counted before.
    fn forget_before(&mut self, horizon: i64) {
        self.people.remove(|person| person.last_at < horizon && !person.is_open() && person.holds.is_empty());
        self.stops.retain(|_, at| *at >= horizon);
        for admitted in self.brakes.values_mut() {
            admitted.at.retain(|at| *at >= horizon);
        }
    }
}

/// By which run this one is shut, if by one, and how it ends then.
fn shut<R: Rules>(person: &Person, run: &Run) -> Option<(Option<Uuid>, State)> {
    match R::verdict(&person.runs, run)? {
        Decision::Superseded(by) => Some((Some(by), State::Superseded)),
        Decision::Cancelled(by) => Some((by, State::Cancelled)),
        _ => None,
    }
}

/// How many a tenant has admitted since a window before `at`. Those of workers whose clocks are ahead count as well: they
/// come earlier in the log.
fn admitted_since(admitted: &Admitted, at: i64, window: u32) -> usize {
    let from = at.saturating_sub(i64::from(window).saturating_mul(1_000_000));
    admitted.at.len() - admitted.at.partition_point(|admitted| *admitted <= from)
}

/// Whether the brake holds a claim back. While a secret is replaced a tenant has two keys, and the higher count holds.
fn is_on(brakes: &BTreeMap<Key, Admitted>, claim: &Claim, at: i64) -> bool {
    let Some(brake) = claim.brake else { return false };
    let limit = usize::try_from(brake.limit).unwrap_or(usize::MAX);
    let none = Admitted::default();
    claim.tenant.iter().map(|tenant| brakes.get(tenant).unwrap_or(&none)).any(|admitted| {
        let is_full = admitted_since(admitted, at, brake.window) >= limit;
        is_full && admitted.allowance == 0 && at >= admitted.off_until
    })
}

/// Counts an admission, and uses up what an operator allowed beyond the limit.
fn admit(brakes: &mut BTreeMap<Key, Admitted>, claim: &Claim, at: i64) {
    for tenant in &claim.tenant {
        let admitted = brakes.entry(*tenant).or_default();
        let is_full = claim.brake.is_some_and(|brake| {
            admitted_since(admitted, at, brake.window) >= usize::try_from(brake.limit).unwrap_or(usize::MAX)
        });
        if claim.intent == Intent::Offboarding && is_full && at >= admitted.off_until {
            admitted.allowance = admitted.allowance.saturating_sub(1);
        }
        let place = admitted.at.partition_point(|known| *known <= at);
        admitted.at.insert(place, at);
    }
}
