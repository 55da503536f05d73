//! Turns: a run writes only while the ledger says that it acts for its person.
//!
//! A delivery that is to write claims the person first, and asks the fence before each write. Who may not act, or not
//! yet, is told why: [`Barred`]. What the ledger promises and how it decides is in `worker/ledger/README.md`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use ledger::{BrakeLimit, Claim, Decision, Key, Kind, Position, Release, State};
use messages::{Event, EventKind, PlanRefusal, ResultData, RunFinished};
use msgraph::Fence;
use outcome::Progress;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;
use workflow::{Because, People};

use super::brake::{Brake, Brakes, refusal};
use super::cancel::reached::Reached;
use super::claims::{MOST_NAMES, intent, names};
use super::effective;
use super::granted::{Granted, farewell};
use super::job::Job;
use super::right::Right;
use crate::delivery::outbox::Closing;
use crate::delivery::queues::queue_of;
use crate::delivery::work::{Outlet, PutOff};
use crate::ledger::client::{Answer, Client, Unread};
use crate::ledger::hold::{Claimed, Hold};
use crate::ledger::log::Stream;
use crate::operate::metrics::Metrics;
use crate::settings::ledger::Directory;
use crate::tenants::clock::Clock;

/// How long a claim waits for another run before its message is put off: what waits keeps a place from others.
const PATIENCE: Duration = Duration::from_millis(200);
/// How long a message stays away that has to wait for another run.
pub const WAITS: PutOff = PutOff { after: Duration::from_secs(5), reason: "person" };
/// How long a message stays away while the ledger cannot be read.
pub(super) const UNREAD: PutOff = PutOff { after: Duration::from_secs(5), reason: "ledger_unread" };
/// How long a message waits for the ledger before it is put off: a worker that starts has read it in less.
const CATCHES_UP: Duration = Duration::from_secs(5);
/// How long a lock-out waits for the ledger. Then it acts without: a wrong lock-out can be undone.
const OPENS_AFTER: Duration = Duration::from_secs(2);
/// A worker whose timer fires so much too late was stopped, or has no processor.
const STOPPED_FOR: Duration = Duration::from_secs(1);
/// The wait before a claim that got no answer is made again.
const ASKS_AGAIN: Duration = Duration::from_millis(250);

/// Who acts for whom.
pub struct Turns {
    pub(super) client: Arc<Client<Stream>>,
    directories: BTreeMap<String, Directory>,
    brakes: Brakes,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// Why a delivery may not act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barred {
    /// Not yet: its message comes again.
    Later {
        /// When.
        put_off: PutOff,
        /// What the ledger is told; nothing while it cannot be read.
        state: Option<State>,
    },
    /// The run has gone on from this message, or has ended.
    Known(State),
    /// It has ended, and said so, and the ledger does not know that.
    Said(Box<RunFinished>),
    /// Newer word took charge: of this run.
    Superseded(Uuid),
    /// Somebody took it out: with this run, or an operator.
    Cancelled(Option<Uuid>),
    /// Newer changes have set some of the names that it sets.
    Overtaken(Vec<String>),
    /// Too many people leave: an operator has to say whether they do.
    Braked(BrakeLimit),
    /// Its identifiers are those of two people.
    Conflict,
    /// It cannot be claimed.
    TooLarge,
}

impl Turns {
    /// By this ledger.
    pub fn new(
        client: Arc<Client<Stream>>,
        directories: BTreeMap<String, Directory>,
        brakes: Brakes,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        for (tenant, _) in brakes.iter() {
            metrics.runs_braked_total.with_label_values(&[tenant]);
        }
        Self { client, directories, brakes, clock, metrics }
    }

    /// Waits until claims are answered; how long to stay away if that takes long.
    pub async fn may_begin(&self) -> Result<(), PutOff> {
        if self.client.is_ready_within(CATCHES_UP).await { Ok(()) } else { Err(UNREAD) }
    }

    /// Whether claims are answered.
    pub fn is_ready(&self) -> bool {
        self.client.is_ready()
    }

    /// Why the brake would hold the run of an event that is planned.
    pub async fn brake_refusal(&self, event: &Event) -> Option<PlanRefusal> {
        let state = async |tenant: &str, limit: BrakeLimit| {
            if !self.client.is_ready_within(CATCHES_UP).await {
                return Err("the ledger cannot be read".to_owned());
            }
            let keys = self.directories.get(tenant).map(Directory::tenant).unwrap_or_default();
            Ok(self.client.book().ledger().brake_of(&keys, Timestamp::now(), limit.window))
        };
        refusal(&self.brakes, event, state).await
    }

    /// Where a run stands that has ended, or has gone on from this message; nothing if the message is the run's newest.
    ///
    /// This reads and does not claim: the message may be of a run whose date is still to come, and a claim that does not
    /// say so would shut others before that date.
    pub fn known_run(&self, run: Uuid, position: Position) -> Option<State> {
        let book = self.client.book();
        let known = book.ledger().person_of(run)?.run(run)?;
        let has_ended = known.state.is_over() && position.replays <= known.position.replays;
        (has_ended || position < known.position).then_some(known.state)
    }

    /// Whether a delivery of this run may act now. One that was taken out writes nothing more.
    pub fn is_at_work(&self, run: Uuid) -> bool {
        let book = self.client.book();
        let known = book.ledger().person_of(run).and_then(|person| person.run(run));
        known.is_some_and(|known| known.state == State::Open) && !book.ledger().is_stopped(run)
    }

    /// Why the run of a message may not go on, if somebody has shut it by now: then it looks at nothing any more.
    pub fn shut(&self, job: &Job) -> Option<Barred> {
        let run = job.event.run_id();
        if self.known_run(run, job.position()).is_some() {
            return None;
        }
        let verdict = self.client.book().ledger().verdict(run);
        let (word, barred) = match verdict? {
            Decision::Superseded(by) => ("superseded", Barred::Superseded(by)),
            Decision::Cancelled(by) => ("cancelled", Barred::Cancelled(by)),
            _ => return None,
        };
        tracing::info!(run.id = %run, decision = word, "the run may not go on");
        Some(barred)
    }

    /// The answer to a claim that asks for no hold.
    pub async fn answer(&self, claim: Claim) -> Result<Decision, Unread> {
        self.client.claim(claim).await.map(|Answer { decision, .. }| decision)
    }

    /// How the people of this tenant, or of the only one, are named in the ledger.
    pub fn directory(&self, tenant: Option<&str>) -> Option<&Directory> {
        match tenant {
            Some(name) => self.directories.get(name),
            None => self.directories.values().next(),
        }
    }

    /// Claims for a delivery from this queue, or says why it may not act.
    async fn claim(
        &self,
        queue: &'static str,
        mut claim: Claim,
        names: &[String],
    ) -> Result<Granted, Barred> {
        let (until, gives_up) = (Instant::now() + PATIENCE, Instant::now() + CATCHES_UP);
        loop {
            let mut changes = self.client.changes();
            let asked = Instant::now();
            let answer = Hold::claim(&self.client, claim.clone()).await;
            let waited = asked.elapsed().as_secs_f64();
            self.metrics.ledger_answer_seconds.with_label_values(&["claim"]).observe(waited);
            let answer = match answer {
                Ok(Claimed::Granted(hold)) => {
                    self.count_claim("hold");
                    return Ok(Granted::by(Some(hold), &self.metrics));
                }
                Ok(Claimed::Refused(decision)) => decision,
                // While the leader of the stream changes there is no session for a second or two.
                Err(unread) if may_pass(&unread) && Instant::now() < gives_up => {
                    sleep(ASKS_AGAIN).await;
                    continue;
                }
                Err(unread) => return Err(self.unread(queue, &unread)),
            };
            let Decision::Wait(holds) = &answer else { return Err(self.barred(&claim, answer, names)) };
            self.count_claim("wait");
            let over = self.client.passable(holds);
            if over.len() == holds.len() && over != claim.over {
                claim.over = over;
                continue;
            }
            let freed = async {
                while self.client.are_held(claim.run, holds) {
                    if changes.changed().await.is_err() {
                        return;
                    }
                }
            };
            if timeout_at(until, freed).await.is_err() {
                self.metrics.put_off_total.with_label_values(&[queue, WAITS.reason]).inc();
                return Err(Barred::Later { put_off: WAITS, state: Some(State::Waiting) });
            }
        }
    }

    fn unread(&self, queue: &'static str, unread: &Unread) -> Barred {
        if let Unread::Record(_) = unread {
            return Barred::TooLarge;
        }
        tracing::warn!(error = %unread, "the ledger gave no answer: the message is put off");
        self.count_claim("unread");
        self.metrics.put_off_total.with_label_values(&[queue, UNREAD.reason]).inc();
        Barred::Later { put_off: UNREAD, state: None }
    }

    fn barred(&self, claim: &Claim, decision: Decision, names: &[String]) -> Barred {
        let again = Barred::Later { put_off: WAITS, state: Some(State::Waiting) };
        let (word, barred) = match decision {
            Decision::Superseded(by) => ("superseded", Barred::Superseded(by)),
            Decision::Cancelled(by) => ("cancelled", Barred::Cancelled(by)),
            Decision::Overtaken(set) => {
                let is_set = |name: &&String| set.contains(&ledger::name_fingerprint(name));
                ("overtaken", Barred::Overtaken(names.iter().filter(is_set).cloned().collect()))
            }
            Decision::Conflict => ("conflict", Barred::Conflict),
            Decision::Braked => ("braked", claim.brake.map_or(again, Barred::Braked)),
            Decision::Finished(state) => ("finished", Barred::Known(state)),
            Decision::Leftover => ("leftover", Barred::Known(State::Open)),
            // These claims are never answered so. Should one be, its message comes again and claims anew.
            Decision::Hold
            | Decision::Act
            | Decision::Recorded
            | Decision::Sleep
            | Decision::Wait(_)
            | Decision::Lost => ("lost", again),
        };
        self.count_claim(word);
        tracing::info!(run.id = %claim.run, decision = word, "the run may not act");
        barred
    }

    fn count_claim(&self, decision: &str) {
        self.metrics.ledger_claims_total.with_label_values(&[decision]).inc();
    }
}

/// The turn of one delivery.
pub struct Turn<'a> {
    turns: &'a Turns,
    job: &'a Job,
    barred: Mutex<Option<Barred>>,
    /// Whether the ledger knows that the run is to act on its date.
    is_announced: AtomicBool,
    outlet: Option<&'a Outlet<'a>>,
}

impl<'a> Turn<'a> {
    /// Nothing is claimed yet.
    pub fn of(turns: &'a Turns, job: &'a Job) -> Self {
        Self { turns, job, barred: Mutex::default(), is_announced: AtomicBool::new(false), outlet: None }
    }

    /// The same for a delivery that reports there.
    pub fn within(self, outlet: &'a Outlet<'a>) -> Self {
        Self { outlet: Some(outlet), ..self }
    }

    /// The right to act for the person of the run; nothing if it is barred.
    pub async fn claimed(&self, progress: &Progress) -> Option<Arc<Granted>> {
        if let Some(granted) = self.job.granted().filter(|granted| !granted.has_stopped()) {
            return Some(granted);
        }
        // A hold that was lost is gone before its delivery claims afresh.
        self.job.grant(None);
        let taken = match self.claim(progress, false).await {
            Ok((claim, names)) if self.is_first_lock_out(progress) => self.locks_out(claim, &names).await,
            Ok((claim, names)) => self.turns.claim(self.queue(), claim, &names).await,
            Err(barred) => Err(barred),
        };
        match taken {
            Ok(granted) => {
                let granted = Arc::new(granted);
                self.job.grant(Some(Arc::clone(&granted)));
                Some(granted)
            }
            Err(barred) => {
                self.bar(barred);
                None
            }
        }
    }

    /// The right to lock out: also without the ledger, if it gives no answer soon or this worker's clock is wrong. A
    /// worker that was stopped meanwhile does not know what it missed, and asks again. One that has lost the broker
    /// leaves the message to others.
    async fn locks_out(&self, claim: Claim, names: &[String]) -> Result<Granted, Barred> {
        while !self.turns.clock.is_wrong() {
            let asked = Instant::now();
            let answer = timeout(OPENS_AFTER, self.turns.claim(self.queue(), claim.clone(), names)).await;
            match answer {
                Ok(Ok(granted)) => return Ok(granted),
                Ok(Err(barred)) if !matches!(barred, Barred::Later { state: None, .. }) => {
                    return Err(barred);
                }
                Ok(Err(_)) | Err(_) if asked.elapsed() > OPENS_AFTER + STOPPED_FOR => {}
                Ok(Err(_)) | Err(_) => break,
            }
        }
        if self.outlet.is_some_and(|outlet| !outlet.is_open()) {
            return Err(Barred::Later { put_off: UNREAD, state: None });
        }
        self.turns.count_claim("unread");
        tracing::warn!("no claim was answered or could be made: the person is locked out without the ledger");
        Ok(Granted::by(None, &self.turns.metrics))
    }

    /// Whether the run is to lock out, and has not yet: it does not wait for others.
    fn is_first_lock_out(&self, progress: &Progress) -> bool {
        self.job.event.kind == EventKind::AccessRevoke && progress.sleeps == 0
    }

    fn queue(&self) -> &'static str {
        queue_of(self.job.event.kind)
    }

    /// Why the delivery may not act. It was asked for the right before, and has not got it.
    pub fn barred(&self) -> Barred {
        let barred = self.barred.lock().unwrap_or_else(PoisonError::into_inner).clone();
        barred.unwrap_or(Barred::Later { put_off: WAITS, state: Some(State::Waiting) })
    }

    /// Whether the run may begin its next stage, with the people it has found.
    pub async fn may_go_on(&self, people: &People) -> bool {
        match self.job.granted() {
            Some(granted) => granted.may_go_on(&self.keys(people)).await,
            None => true,
        }
    }

    /// Tells the ledger what became of the run, once everything that follows from its message is stored.
    pub fn closing(&self, state: State, reached: Reached, until: Option<Timestamp>) -> Arc<dyn Closing> {
        let (run, nonce, replays) = (self.job.event.run_id(), self.job.nonce, self.job.replays);
        let Reached { leg, done } = reached;
        let release = Release { run, nonce, state, leg, replays, until, done };
        farewell(&self.turns.client, release, self.job.granted())
    }

    /// Tells the ledger how the run ended, if the delivery acted.
    pub fn end(
        &self,
        result: Option<&ResultData>,
        is_set_aside: bool,
        reached: Reached,
    ) -> Option<Arc<dyn Closing>> {
        self.job.granted()?;
        let state = match result {
            _ if is_set_aside => State::SetAside,
            Some(ResultData::RunFinished(run)) if run.state.has_reached_its_end() => State::Done,
            _ => State::Failed,
        };
        Some(self.closing(state, reached, None))
    }

    /// Tells the ledger that another message carries the run on, if the delivery acted.
    pub fn goes_on(&self, because: &Because, at: Timestamp, reached: Reached) -> Option<Arc<dyn Closing>> {
        let has_claimed = self.job.granted().is_some() || self.is_announced.load(Ordering::Relaxed);
        has_claimed.then(|| match because {
            Because::Wait { .. } => self.closing(State::Asleep, reached, Some(at)),
            Because::Retry(_) | Because::Begins => self.closing(State::Waiting, reached, None),
        })
    }

    /// Gives the right back without an end: the message comes again.
    pub fn give_back(&self, reached: Reached) {
        if self.job.granted().is_some() {
            let closing = self.closing(State::Waiting, reached, None);
            tokio::spawn(async move { closing.close().await });
        }
    }

    /// Claims for a run whose date is still to come. Whether it may wait for that.
    async fn announced(&self, progress: &Progress) -> bool {
        let barred = match self.claim(progress, true).await {
            Ok((claim, names)) => match self.turns.client.claim(claim.clone()).await {
                Ok(Answer { decision: Decision::Sleep, .. }) => {
                    self.turns.count_claim("sleep");
                    self.is_announced.store(true, Ordering::Relaxed);
                    return true;
                }
                Ok(Answer { decision, .. }) => self.turns.barred(&claim, decision, &names),
                Err(unread) => self.turns.unread(self.queue(), &unread),
            },
            Err(barred) => barred,
        };
        self.bar(barred);
        false
    }

    fn bar(&self, barred: Barred) {
        *self.barred.lock().unwrap_or_else(PoisonError::into_inner) = Some(barred);
    }

    /// The claim, and the names that it sets.
    async fn claim(&self, progress: &Progress, pending: bool) -> Result<(Claim, Vec<String>), Barred> {
        let Job { event, request, .. } = self.job;
        let names = names(event.kind, request);
        if names.len() > MOST_NAMES {
            return Err(Barred::TooLarge);
        }
        let directory = self.directory();
        let fingerprint = ledger::event_fingerprint(&event.source, &event.id);
        let claim = Claim {
            keys: self.keys(&People::of(progress)),
            tenant: directory.map(Directory::tenant).unwrap_or_default(),
            sequence: event.sequence.as_ref().and_then(|sequence| sequence.parse().ok()),
            effective: effective::dates(event).effective,
            names: names.iter().map(|name| ledger::name_fingerprint(name)).collect(),
            pending,
            leg: progress.leg,
            looks_again: event.kind == EventKind::AccessRevoke && !self.is_first_lock_out(progress),
            replays: progress.replays,
            brake: self.turns.brakes.limit(event).await,
            ..Claim::new(event.run_id(), self.job.nonce, intent(event.kind), fingerprint, event.time)
        };
        Ok((claim, names))
    }

    /// The brake of the run's tenant, with the tenant's name.
    pub fn brake(&self) -> Option<(&str, &Brake)> {
        self.turns.brakes.of(self.job.event.tenant.as_deref())
    }

    /// The person, by every identifier known.
    fn keys(&self, people: &People) -> Vec<Key> {
        let Some(directory) = self.directory() else { return Vec::new() };
        let person = &self.job.request.person;
        let found = serde_json::to_value(person).ok().and_then(|person| actions::account_of(&person, people));
        let identifiers = [
            (Kind::EntraId, &person.entra_id),
            (Kind::EntraId, &found),
            (Kind::EmployeeId, &person.employee_id),
            (Kind::Upn, &person.upn),
        ];
        let given = identifiers.into_iter().filter_map(|(kind, value)| Some((kind, value.clone()?)));
        directory.keys(&given.collect::<Vec<_>>())
    }

    fn directory(&self) -> Option<&Directory> {
        self.turns.directory(self.job.event.tenant.as_deref())
    }
}

impl Right for Turn<'_> {
    fn is_unread(&self) -> bool {
        self.job.granted().is_some_and(|granted| granted.is_unread())
    }

    fn take<'a>(&'a self, progress: &'a Progress) -> BoxFuture<'a, Option<Arc<dyn Fence>>> {
        Box::pin(async { self.claimed(progress).await.map(|granted| granted as Arc<dyn Fence>) })
    }

    fn announce<'a>(&'a self, progress: &'a Progress) -> BoxFuture<'a, bool> {
        Box::pin(self.announced(progress))
    }
}

/// Whether the ledger may answer in a moment.
fn may_pass(unread: &Unread) -> bool {
    matches!(unread, Unread::NoSession | Unread::NoAnswer | Unread::Unwritten(_))
}
