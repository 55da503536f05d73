//! Cancels: the work on events that take runs of a person, or a sync, out.
//!
//! A cancel claims like a run, and acts on nobody: its claim shuts what it names. It claims at once by the identifiers
//! that its event gives, and again by those that the tenant has beside them. After a crash anywhere the same claim is
//! made again, and the result has the same id.

pub mod job;
pub mod reached;
pub mod shut;

use std::time::Duration;

use jiff::Timestamp;
use ledger::{Cancels, Claim, Decision, Intent, Position, Release, Side, State as Stands, Stop};
use messages::{
    CancelRequest, CancelSide, Cancelled, Event, EventDuplicate, EventName, PersonReference, RunFinished,
};
use msgraph::{Priority, UserKey};
use outcome::{Class, Failure, State};
use tokio::time::timeout;
use uuid::Uuid;

use self::job::CancelJob;
use self::shut::known;
use super::Runs;
use super::granted::farewell;
use super::results::count_finished;
use super::turns::UNREAD;
use crate::delivery::outbox::{Onward, Outbox, SetAside};
use crate::ledger::client::Unread;
use crate::ledger::identifiers::{self, Identifier, stop_of};
use crate::settings::ledger::Directory;

/// How long a cancel waits for what it shut to stop, so that its result tells how far that came.
const STOPS_WITHIN: Duration = Duration::from_secs(5);
/// How long a cancel stays away that has to ask the tenant again who is meant. What it shut by then stays shut.
const ASKS_AGAIN: Duration = Duration::from_secs(15);

/// What came of a cancel.
enum Outcome {
    /// It is recorded.
    Done,
    /// It is not, or not whole.
    Failed(Failure),
    /// It was taken out itself.
    Cancelled,
    /// It came again.
    Known(Stands),
    /// Its message comes again.
    Later(Duration),
}

impl Runs {
    /// Takes out what a cancel names, and reports it.
    pub(super) async fn cancel(&self, job: &CancelJob) -> Outbox {
        let began = Timestamp::now();
        let outcome = match &job.request {
            CancelRequest::Sync(event) => self.cancel_sync(event).await,
            CancelRequest::Runs { person, which } => self.cancel_runs(job, person, which).await,
        };
        let run_id = job.event.run_id();
        let (state, failure) = match outcome {
            Outcome::Later(after) => return Outbox::of(Vec::new(), Onward::Again { after }),
            Outcome::Known(stands) => {
                let event_type = job.event.kind.event_type();
                self.metrics.events_total.with_label_values(&[event_type, "duplicate"]).inc();
                let result = (!job.may_have_begun)
                    .then(|| job.result(EventDuplicate { run_id, state: known(stands) }));
                return Outbox::of(result.into_iter().collect(), Onward::Over);
            }
            Outcome::Done => (State::Succeeded, None),
            Outcome::Cancelled => (State::Cancelled, None),
            Outcome::Failed(failure) if failure.class == Class::Rejected => (State::Rejected, Some(failure)),
            Outcome::Failed(failure) => (State::Failed, Some(failure)),
        };
        let run = RunFinished {
            started_at: began,
            failure: failure.clone(),
            shut: self.turns.shut_by(run_id),
            had_ended: job.names().map(|event| self.turns.had_ended(run_id, event)).unwrap_or_default(),
            ..RunFinished::of_nothing(run_id, state, Timestamp::now(), job.replays)
        };
        let tenant = self.workflows.tenants.label(job.event.tenant.as_deref());
        count_finished(&self.metrics, (tenant, "none"), &run);
        let aside = failure.filter(|failure| failure.class != Class::Rejected);
        let stands = match (&aside, state) {
            (Some(_), _) => Stands::SetAside,
            (None, State::Succeeded) => Stands::Done,
            (None, State::Cancelled) => Stands::Cancelled,
            (None, _) => Stands::Failed,
        };
        let onward = aside.map(|failure| Onward::SetAside(SetAside::as_it_came(failure, job.replays)));
        let outbox = Outbox::of(vec![job.result(run)], onward.unwrap_or(Onward::Over));
        let release = Release {
            run: run_id,
            nonce: job.nonce,
            state: stands,
            leg: 0,
            replays: job.replays,
            until: None,
            done: None,
        };
        outbox.closing(Some(farewell(&self.turns.client, release, None)))
    }

    /// What follows from a cancel whose work panicked.
    pub(super) fn cancel_panicked(&self, job: &CancelJob) -> Outbox {
        let failure = Failure::new(Class::Fault, "internal", "the worker panicked; its log has the place");
        let (run_id, now) = (job.event.run_id(), Timestamp::now());
        let run = RunFinished {
            failure: Some(failure.clone()),
            ..RunFinished::of_nothing(run_id, State::Failed, now, job.replays)
        };
        let aside = SetAside::as_it_came(failure, job.replays);
        Outbox::of(vec![job.result(run)], Onward::SetAside(aside))
    }

    /// Whoever syncs reads the record, and stops. The ledger knows no syncs, so it is written whether there is one or not.
    async fn cancel_sync(&self, event: &EventName) -> Outcome {
        match self.turns.client.stop(Stop { run: stop_of(&event.source, &event.id) }).await {
            Ok(()) => Outcome::Done,
            Err(error) => self.put_off(&error),
        }
    }

    async fn cancel_runs(&self, job: &CancelJob, person: &PersonReference, which: &Cancelled) -> Outcome {
        let run_id = job.event.run_id();
        if let Some(stands) = self.turns.known_run(run_id, Position { replays: job.replays, leg: 0 }) {
            return Outcome::Known(stands);
        }
        let graph = match self.workflows.tenants.find(job.event.tenant.as_deref()) {
            Ok((_, graph)) => graph.with_priority(Priority::LockOut),
            Err(failure) => return Outcome::Failed(failure),
        };
        let (mut known, keys) = (identifiers::given(person), identifiers::keys_to_ask(person));
        job.noticed(&known);
        if let Some(outcome) = self.claim_cancel(job, which, &known).await {
            return outcome;
        }
        match found(graph.reader(), &keys).await {
            Ok(found) => {
                let given = known.len();
                let learned: Vec<Identifier> =
                    found.into_iter().filter(|found| !known.contains(found)).collect();
                known.extend(learned);
                job.noticed(&known);
                if known.len() > given
                    && let Some(outcome) = self.claim_cancel(job, which, &known).await
                {
                    return outcome;
                }
            }
            Err(failure) if failure.class == Class::Retry => {
                tracing::warn!(code = failure.code, error = failure.message, "cancel postponed");
                return Outcome::Later(ASKS_AGAIN);
            }
            Err(failure) => {
                let message = format!(
                    "the tenant does not say who this is, so only runs whose event has these identifiers are shut: {}",
                    failure.message
                );
                return Outcome::Failed(Failure { message, ..failure }.blocked());
            }
        }
        self.until_stopped(run_id).await;
        Outcome::Done
    }

    /// Claims with these identifiers. Nothing if the cancel is recorded.
    async fn claim_cancel(
        &self,
        job: &CancelJob,
        which: &Cancelled,
        known: &[Identifier],
    ) -> Option<Outcome> {
        let Event { tenant, time, sequence, source, id, .. } = &job.event;
        let directory = self.turns.directory(tenant.as_deref());
        let keys = directory.map(|directory| directory.keys(known)).unwrap_or_default();
        let fingerprint = ledger::event_fingerprint(source, id);
        let claim = Claim {
            keys,
            tenant: directory.map(Directory::tenant).unwrap_or_default(),
            cancels: Some(cancels(which)),
            sequence: sequence.as_ref().and_then(|sequence| sequence.parse().ok()),
            replays: job.replays,
            ..Claim::new(job.event.run_id(), job.nonce, Intent::Cancel, fingerprint, *time)
        };
        match self.turns.answer(claim).await {
            Ok(Decision::Recorded) => None,
            Ok(Decision::Finished(stands)) => Some(Outcome::Known(stands)),
            Ok(Decision::Cancelled(_)) => Some(Outcome::Cancelled),
            Ok(Decision::Conflict) => {
                let message = "the identifiers of the person are those of two people, and a run for one of them is under \
                               way; correct them, and publish the cancel again";
                Some(Outcome::Failed(Failure::new(Class::Blocked, "identity_conflict", message)))
            }
            // A cancel is never answered so. Should one be, its message comes again and claims anew.
            Ok(_) => Some(Outcome::Later(UNREAD.after)),
            Err(error) => Some(self.put_off(&error)),
        }
    }

    fn put_off(&self, error: &Unread) -> Outcome {
        tracing::warn!(%error, "the ledger gave no answer: the cancel is put off");
        Outcome::Later(UNREAD.after)
    }

    /// Waits until what a cancel shut acts no more, but not for long.
    async fn until_stopped(&self, run: Uuid) {
        let mut changes = self.turns.client.changes();
        let stopped = async {
            while self.turns.has_running(run) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _still_running = timeout(STOPS_WITHIN, stopped).await;
    }
}

/// What the tenant has beside these identifiers: of the first that it knows.
async fn found(reader: msgraph::Reader<'_>, keys: &[UserKey]) -> Result<Vec<Identifier>, Failure> {
    for key in keys {
        let found = identifiers::found(reader, key)
            .await
            .map_err(|error| Failure::from(actions::Error::from(error)))?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

fn cancels(which: &Cancelled) -> Cancels {
    match which {
        Cancelled::Event(event) => Cancels::Event(ledger::event_fingerprint(&event.source, &event.id)),
        Cancelled::Side(CancelSide::Join) => Cancels::Side(Side::Join),
        Cancelled::Side(CancelSide::Leave) => Cancels::Side(Side::Leave),
        Cancelled::Side(CancelSide::Change) => Cancels::Side(Side::Change),
        Cancelled::All => Cancels::All,
    }
}
