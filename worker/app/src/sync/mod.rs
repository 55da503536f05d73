//! Syncs: the work on events that request to read a tenant.
//!
//! A pass reads the tenant from its beginning to its end, or from a cursor; nothing is kept between two passes but what
//! the consumer keeps. So a sync that is interrupted anywhere starts over under a new generation, and its consumer
//! tells the rows of both by that number. Usage is the exception: it is read day by day, see `usage.rs`.

mod cancelled;
mod ending;
mod job;
mod pages;
mod pass;
pub mod schedule;
mod sender;
mod source;
mod usage;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use broker::{Due, Message, Properties};
use directory_sync::Prices;
use jiff::Timestamp;
use messages::{NAMESPACE, SyncContinuation, SyncProgress, SyncState, SyncSubject, SyncWaiting};
use outcome::{Class, Failure};
use uuid::Uuid;
use workflow::RetryPolicy;

use self::cancelled::Cancel;
use self::ending::Ended;
use self::job::Job;
use self::pass::Pass;
use self::schedule::Schedules;
use self::sender::{Flow, Sender, Stopped};
use self::usage::{Part, Reached};
use crate::delivery::outbox::{Next, Onward, Outbox, SetAside};
use crate::delivery::publishers::Publishers;
use crate::delivery::queues;
use crate::delivery::work::{Identity, Outlet, PutOff, Refused, Traced, Unreported, Work};
use crate::ledger::client::Client;
use crate::ledger::log::Stream;
use crate::operate::metrics::Metrics;
use crate::settings::usage::UsagePrivacy;
use crate::tenants::Tenants;

pub use self::sender::WINDOW;
pub use self::usage::Tallies;

/// Reads tenants as events request it.
pub struct Syncs {
    /// Where to read.
    pub tenants: Tenants,
    /// Who may ask for what.
    pub publishers: Publishers,
    /// What licences cost, by tenant.
    pub prices: BTreeMap<String, Prices>,
    /// When to try again.
    pub policy: RetryPolicy,
    /// How long to wait for a consumer whose queue is full.
    pub patience: Duration,
    /// Which syncs come by themselves.
    pub schedules: Schedules,
    /// How each tenant's people appear in usage.
    pub privacy: BTreeMap<String, UsagePrivacy>,
    /// Who has taken which sync out.
    pub ledger: Arc<Client<Stream>>,
    /// What is remembered of syncs of usage that go on.
    pub tallies: Tallies,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

static NO_PRICES: LazyLock<Prices> = LazyLock::new(Prices::default);

/// How long a sync stays away whose credential was refused. When it comes again it is put off while the tenant is paused.
const CREDENTIAL: Duration = Duration::from_secs(5);

/// The start of the last pass that could not report its end.
type Generation = i64;

/// How far a delivery brought a sync.
enum Progress {
    /// To its end.
    Ended(Box<Ended>),
    /// Not to its end; this part comes next.
    Part(Part),
}

impl Work for Syncs {
    const QUEUE: &'static str = queues::SYNC;

    type Job = Job;
    type Partial = Generation;

    fn decode(&self, message: &Message) -> Result<Job, Box<Refused>> {
        Job::decode(message, &self.publishers, self.tenants.clock().now())
    }

    /// Two syncs of one tenant and subject would only read the same twice, at half the speed each.
    fn identity(&self, job: &Job) -> Identity {
        let tenant = job.event.tenant.as_deref();
        let tenant = self.tenants.find(tenant).map_or(tenant.unwrap_or_default(), |(name, _)| name);
        let subject = format!("sync {} {tenant}", job.request.what.as_str());
        Identity {
            subject: Uuid::new_v5(&NAMESPACE, subject.as_bytes()),
            message: job.message_id(),
            event_type: job.event.kind.event_type(),
            made_at: job.is_event().then_some(job.event.time),
        }
    }

    fn is_urgent(&self, _: &Job) -> bool {
        false
    }

    /// A scheduled sync says that it failed, and comes again by itself.
    async fn may_begin(&self, job: &Job) -> Result<(), PutOff> {
        if job.is_scheduled() {
            return Ok(());
        }
        self.tenants.may_begin(job.event.tenant.as_deref()).await
    }

    fn span(&self, job: &Job) -> tracing::Span {
        let (tenant, correlation) = (job.event.tenant.as_deref(), job.event.correlation_id.as_deref());
        tracing::info_span!("sync", sync.id = %job.event.run_id(), event.id = %job.event.id, tenant, correlation.id = correlation)
    }

    fn traced<'a>(&'a self, job: &'a Job) -> Traced<'a> {
        let Job { event, .. } = job;
        let tenant = self.tenants.label(event.tenant.as_deref());
        Traced { traceparent: event.traceparent.as_deref(), run: event.run_id(), tenant, workflow: None }
    }

    async fn work(
        &self,
        job: &Job,
        partial: Option<Generation>,
        outlet: &Outlet<'_>,
    ) -> Result<Outbox, Generation> {
        let last = partial.or(job.progress.generation);
        if job.is_token {
            // Before the pass: a worker that dies in it must not take the schedule with it.
            match self.schedules.rearm(job, outlet).await {
                Ok(true) => {}
                Ok(false) => return Ok(Outbox::of(Vec::new(), Onward::Over)),
                Err(Unreported) => return Err(last.unwrap_or_default()),
            }
        }
        let now = Timestamp::now().as_millisecond();
        let generation = last.map_or(now, |last| now.max(last.saturating_add(1)));
        let (started, what) = (Instant::now(), job.request.what);
        let cancel = Cancel::of(&job.event, &self.ledger).await;
        let read = if cancel.is_requested() {
            let sent = job.progress.usage.as_ref().map(|usage| usage.sent.as_slice()).unwrap_or_default();
            Ok(Progress::Ended(Box::new(Ended { days: usage::days(&[], sent), ..Ended::cancelled_before() })))
        } else {
            self.read(job, generation, outlet, &cancel).await
        };
        let seconds = started.elapsed().as_secs_f64();
        self.metrics.sync_duration_seconds.with_label_values(&[what.as_str()]).observe(seconds);
        match read {
            Ok(Progress::Ended(ended)) => Ok(self.outbox(job, generation, *ended, outlet)),
            Ok(Progress::Part(part)) => Ok(self.go_on(job, generation, part, outlet)),
            Err(Unreported) => Err(generation),
        }
    }

    fn panicked(&self, job: &Job, message: &Message) -> Outbox {
        self.broken(job, message.replays(), "the worker panicked; its log has the place")
    }
}

impl Syncs {
    /// What follows from a defect of Gatehouse.
    fn broken(&self, job: &Job, replays: u32, text: &str) -> Outbox {
        let failure = Failure::new(Class::Fault, "internal", text);
        let result = job.finished(SyncState::Failed, Some(failure.clone()));
        self.count(job, SyncState::Failed, Some(&failure));
        let aside = SetAside::as_it_came(failure, replays);
        let onward = if job.is_scheduled() { Onward::Over } else { Onward::SetAside(aside) };
        Outbox::of(vec![job.result(result)], onward)
    }

    /// Reads and sends once: from beginning to end, or a part of it.
    async fn read(
        &self,
        job: &Job,
        generation: Generation,
        outlet: &Outlet<'_>,
        cancel: &Cancel,
    ) -> Result<Progress, Unreported> {
        let ended = |ended: Ended| Ok(Progress::Ended(Box::new(ended)));
        let (name, tenant) = match self.tenants.find(job.event.tenant.as_deref()) {
            Ok((name, client)) => (name, client.with_priority(msgraph::Priority::Sync)),
            Err(failure) => return ended(Ended::before_any_pass(failure)),
        };
        let flow = Flow::new(outlet, self.patience, &self.metrics, job.request.what);
        let prices = self.prices.get(name).unwrap_or(&NO_PRICES);
        let mut pass = Pass::new(job, generation, prices, Sender::new(&flow, cancel));
        let read = match job.request.what {
            SyncSubject::Usage => self.part(job, name, tenant.reader(), &mut pass).await,
            SyncSubject::Users | SyncSubject::Licenses => {
                pass.run(&tenant).await.map(|summary| Reached::End(Box::new(summary)))
            }
        };
        self.metrics
            .sync_rows_total
            .with_label_values(&[name, job.request.what.as_str()])
            .inc_by(pass.rows());
        let sent = job.progress.usage.as_ref().map(|usage| usage.sent.as_slice()).unwrap_or_default();
        match read {
            Ok(Reached::Part(part)) => Ok(Progress::Part(part)),
            Ok(Reached::End(summary)) => {
                let days = usage::days(&summary.days, sent);
                ended(Ended { days, ..pass.ended(Some(*summary), None) })
            }
            Err(Stopped::Failed(failure)) => {
                let days = usage::days(&[], sent);
                ended(Ended { days, ..pass.ended(None, Some(failure)) })
            }
            Err(Stopped::Cancelled) => {
                let days = usage::days(&[], sent);
                ended(Ended { days, is_cancelled: true, ..pass.ended(None, None) })
            }
            Err(Stopped::Unreported) => Err(Unreported),
        }
    }

    /// Reads a day of usage, or counts over all of them.
    async fn part(
        &self,
        job: &Job,
        tenant: &str,
        reader: msgraph::Reader<'_>,
        pass: &mut Pass<'_>,
    ) -> Result<Reached, Stopped> {
        let privacy =
            self.privacy.get(tenant).ok_or("there are no settings for usage of this tenant".to_owned());
        let request = &job.request;
        let privacy = privacy
            .and_then(|privacy| privacy.of_request(request.pseudonyms.unwrap_or(false), request.min_group));
        let privacy = privacy.map_err(|text| Failure::new(Class::Blocked, "pseudonym_key_missing", text))?;
        let sync = job.event.run_id();
        let mut tally = self.tallies.take(sync);
        let read = pass.usage(reader, privacy, &mut tally).await;
        if !matches!(read, Ok(Reached::End(_))) {
            self.tallies.keep(sync, tally);
        }
        read
    }

    /// What follows from a part: the next one, and a result if it has to wait.
    fn go_on(&self, job: &Job, generation: Generation, part: Part, outlet: &Outlet<'_>) -> Outbox {
        let parts = job.progress.parts.saturating_add(1);
        let results = part.wait.map(|wait| {
            job.result(SyncWaiting {
                sync_id: job.event.run_id(),
                what: job.request.what,
                until: Timestamp::now().saturating_add(wait).unwrap_or(Timestamp::MAX),
                days_done: part.done as u64,
                days_wanted: part.wanted as u64,
                part: parts,
                replays: job.progress.replays,
            })
        });
        let (attempt, generation, usage) = (1, Some(generation), Some(part.carried));
        let progress = SyncProgress { attempt, generation, parts, usage, ..job.progress.clone() };
        match next(job, progress, outlet) {
            Some(next) => {
                let onward = Onward::Resume { next, due: part.wait.map(Due::after) };
                Outbox::of(results.into_iter().collect(), onward)
            }
            None => self.broken(job, job.progress.replays, "how far the sync came cannot be written"),
        }
    }

    /// What follows from a pass.
    fn outbox(&self, job: &Job, generation: Generation, ended: Ended, outlet: &Outlet<'_>) -> Outbox {
        let Ended { failure, .. } = &ended;
        if let Some(failure) = failure.as_ref().filter(|failure| failure.class == Class::Retry)
            && let Some(delay) = self.delay(job, failure)
        {
            let (code, attempt) = (failure.code.as_str(), job.progress.attempt);
            let tenant = self.tenants.label(job.event.tenant.as_deref());
            self.metrics.retries_total.with_label_values(&[tenant, code]).inc();
            let retry_after_ms = delay.as_millis() as u64;
            tracing::warn!(code, error = failure.message, retry_after_ms, attempt, "sync postponed");
            let attempt = attempt.saturating_add(u32::from(!waits_for_credential(job, failure)));
            let progress = SyncProgress { attempt, generation: Some(generation), ..job.progress.clone() };
            if let Some(next) = next(job, progress, outlet) {
                let due = Some(Due::after(delay));
                return Outbox::of(Vec::new(), Onward::Resume { next, due });
            }
        }
        let ended = ended.for_good(job.progress.attempt);
        self.count(job, ended.state(), ended.failure.as_ref());
        // What the publisher got wrong, a replay would get wrong again; and a scheduled sync comes again by itself.
        let aside = ended.failure.clone().filter(|failure| failure.class != Class::Rejected);
        let onward = aside.filter(|_| !job.is_scheduled()).map_or(Onward::Over, |failure| {
            let progress = SyncProgress { attempt: 1, generation: Some(generation), ..job.progress.clone() };
            // An operator names a dead letter by its sync, however often that dies.
            let next = next(job, progress, outlet).map(|next| {
                let message_id = Some(job.event.run_id().to_string());
                Next { properties: Properties { message_id, ..next.properties }, ..next }
            });
            Onward::SetAside(SetAside {
                attempts: Some(job.progress.attempt),
                first_failed_at: Some(job.progress.first_seen),
                next,
                ..SetAside::as_it_came(failure, job.progress.replays)
            })
        });
        Outbox::of(vec![job.result(ended.result(job))], onward)
    }

    /// How long to wait before the next attempt, if there is one.
    fn delay(&self, job: &Job, failure: &Failure) -> Option<Duration> {
        // Any even spread will do. The sync's id is one, and needs no source of randomness.
        let spread = f64::from(job.event.run_id().as_fields().0) / f64::from(u32::MAX);
        if waits_for_credential(job, failure) {
            return Some(CREDENTIAL);
        }
        self.policy.delay_after(job.progress.attempt, failure.retry_after, spread)
    }

    /// Counts and logs the end of a sync.
    fn count(&self, job: &Job, state: SyncState, failure: Option<&Failure>) {
        let (what, state) = (job.request.what.as_str(), state.as_str());
        let tenant = self.tenants.label(job.event.tenant.as_deref());
        self.metrics.syncs_total.with_label_values(&[tenant, what, state]).inc();
        match failure {
            None => tracing::info!(what, state, "sync finished"),
            Some(Failure { class: Class::Rejected, code, message, .. }) => {
                tracing::warn!(what, state, code, error = message, "sync finished");
            }
            Some(Failure { code, message, .. }) => {
                tracing::error!(what, state, code, error = message, "sync finished");
            }
        }
    }
}

/// Whether a pass ended because the tenant's credential was refused. The tenant is paused then: the sync waits, without
/// counting as an attempt, until there is a token, and the pass begins again.
fn waits_for_credential(job: &Job, failure: &Failure) -> bool {
    let is_refused = failure.class == Class::Retry && failure.code == actions::CREDENTIALS_REFUSED;
    is_refused && !job.is_scheduled()
}

/// The message with which a sync goes on.
fn next(job: &Job, progress: SyncProgress, outlet: &Outlet<'_>) -> Option<Next> {
    let properties = job.properties(outlet.properties(), &progress);
    let continuation = SyncContinuation { event: job.event.clone(), progress };
    match continuation.to_bytes() {
        Ok(body) => Some(Next { body, properties }),
        Err(error) => {
            tracing::error!(%error, "a continuation could not be written; this is a defect of Gatehouse");
            None
        }
    }
}
