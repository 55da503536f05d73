//! `gatehouse dead replay --plan`: what each replayed run would still do, before any of them is released.
//!
//! It reads dead letters, the ledger and the tenant. It publishes nothing and writes nothing.

use std::cell::Cell;
use std::process::ExitCode;
use std::time::Duration;

use broker::{DeadLetters, Entry, Message, Origin};
use jiff::Timestamp;
use ledger::{Decision, Ledger};
use messages::{Continuation, Event, PersonRequest, PlanRefusal, PlannedStep, Request, ResultData};
use outcome::{Outcome, Progress};
use serde::Serialize;
use uuid::Uuid;

use super::act::{NOT_APPROVED, Work, is_approved};
use super::facts::is_continuation;
use crate::commands::{CommandError, refusals, verdict, workflows};
use crate::delivery::decode::decode_event;
use crate::print::{self, Format};
use crate::runs::attempt::Workflows;
use crate::settings::Config;
use crate::tenants::{Tenants, unobserved};

/// How many are planned unless the operator says otherwise: each is a look at the tenant, and its message is held.
const LIMIT: usize = 20;
/// How long to wait for the ledger: a plan is of use without it.
const READS: Duration = Duration::from_secs(10);

/// A run that would resume.
struct Job {
    event: Event,
    request: PersonRequest,
    progress: Progress,
}

/// What a replay of one dead letter would come to.
#[derive(Default, Serialize)]
struct Planned {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    run_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow: Option<String>,
    /// Why nothing would be done, or nothing can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    nothing: Option<String>,
    /// What would keep the run from going on.
    refusals: Vec<PlanRefusal>,
    /// The steps that are left.
    steps: Vec<PlannedStep>,
}

/// Plans what is left of the runs that are meant.
pub(super) async fn plan(work: &Work, approved: bool, config: &Config) -> Result<ExitCode, CommandError> {
    let workflows = workflows(config, Tenants::new(config, &unobserved)?)?;
    let dead = DeadLetters::open(&config.broker()?, &work.which.queue).await?;
    let (filter, classes) = work.filter(config);
    let (limit, taken) = (work.limit.unwrap_or(LIMIT), Cell::new(0_usize));
    let take = |_: &Entry, message: &Message| {
        taken.set(taken.get().saturating_add(1));
        (taken.get() <= limit).then(|| message.clone())
    };
    let letters = dead.list_with(&filter, take).await;
    dead.close().await;
    let letters = letters?;
    if letters.is_empty() {
        work.which.check_class(&classes)?;
    }
    let more = letters.len().saturating_sub(limit);
    let ledger = crate::commands::ledger::read_within(config, READS).await;
    if let Err(error) = &ledger {
        eprintln!("gatehouse: whether a run was superseded or cancelled is not said: {error}");
    }
    let mut is_well = true;
    for (entry, message) in letters {
        let Some(message) = message else { continue };
        let barred = |run: Uuid, replays: u32| {
            let book = ledger.as_ref().ok()?.book();
            barred(book.ledger(), run, replays)
        };
        let planned = planned(&entry, &message, (approved, barred), &workflows, config);
        let planned = Box::pin(planned).await?;
        is_well &= planned.is_well();
        planned.show(work.format.output)?;
    }
    eprintln!("nothing was published, and no dead letter has moved");
    if more > 0 {
        eprintln!("{more} more match and are not planned: give --limit to plan more");
    }
    Ok(verdict(is_well))
}

async fn planned(
    entry: &Entry,
    message: &Message,
    (approved, barred): (bool, impl Fn(Uuid, u32) -> Option<String>),
    workflows: &Workflows,
    config: &Config,
) -> Result<Planned, CommandError> {
    let nothing = |why: String| Planned { id: entry.id.clone(), nothing: Some(why), ..Planned::default() };
    if entry.letter.whole.is_some() {
        return Ok(nothing("only its beginning was kept: it cannot be replayed".to_owned()));
    }
    if !approved && is_approved(message) {
        return Ok(nothing(NOT_APPROVED.to_owned()));
    }
    let Job { event, request, progress } = match job(entry, message, config)? {
        Ok(job) => job,
        Err(why) => return Ok(nothing(why)),
    };
    let (run_id, workflow) = (Some(event.run_id()), event.workflow().map(str::to_owned));
    let named = Planned { id: entry.id.clone(), run_id, workflow, ..Planned::default() };
    if let Some(why) = barred(event.run_id(), progress.replays) {
        return Ok(Planned { nothing: Some(why), ..named });
    }
    let done: Vec<_> = progress
        .steps
        .iter()
        .map(|record| (record.finished.stage.clone(), record.finished.step.clone()))
        .collect();
    Ok(match workflows.plan(&event, &request, progress).await.result {
        Some(ResultData::RunPlanned(plan)) => {
            let is_left = |step: &PlannedStep| {
                !done.iter().any(|(stage, name)| *stage == step.stage && *name == step.step)
            };
            let steps = plan.steps.into_iter().filter(is_left).collect();
            Planned { steps, refusals: plan.refusals, ..named }
        }
        Some(ResultData::RunFinished(end)) => {
            let why =
                end.failure.map_or_else(|| end.state.as_str().to_owned(), |failure| failure.to_string());
            Planned { nothing: Some(format!("it would fail again: {why}")), ..named }
        }
        _ => Planned { nothing: Some("it could not be planned now; try again".to_owned()), ..named },
    })
}

/// The run as a worker would resume it; in words why there is none.
fn job(entry: &Entry, message: &Message, config: &Config) -> Result<Result<Job, String>, CommandError> {
    let (now, replays) = (Timestamp::now(), entry.letter.replays.saturating_add(1));
    let refused = |why: String| Ok(Err(format!("it would be refused again: {why}")));
    let (event, progress) = if message.origin == Origin::Worker && is_continuation(message) {
        match Continuation::from_bytes(&message.body) {
            Ok(Continuation { event, progress }) => {
                (event, workflow::replayed(progress.progress.sound(), replays, now))
            }
            Err(undecodable) => return refused(undecodable.to_string()),
        }
    } else {
        match decode_event(message, &config.publishers()?, now) {
            Ok(admitted) => (admitted.event, Progress { replays, ..Progress::new(now) }),
            Err(undecodable) => return refused(undecodable.to_string()),
        }
    };
    let Request::Person(request) = &event.request else {
        return Ok(Err("it is no run of a workflow, so there is nothing to plan".to_owned()));
    };
    let request = PersonRequest::clone(request);
    Ok(Ok(Job { event, request, progress }))
}

/// Why a run would do nothing, as the ledger stands: a replay claims like every run.
fn barred(ledger: &Ledger, id: Uuid, replays: u32) -> Option<String> {
    match ledger.verdict_of_replay(id, replays)? {
        Decision::Finished(_) => {
            Some("it would do nothing: the run has ended, or was replayed before".to_owned())
        }
        Decision::Superseded(by) => Some(format!("it would end as superseded: run {by} took charge")),
        Decision::Cancelled(_) => Some("it would end as cancelled".to_owned()),
        _ => None,
    }
}

impl Planned {
    fn is_well(&self) -> bool {
        self.nothing.is_none() && self.steps.iter().all(|step| step.outcome != Outcome::Failed)
    }

    fn show(&self, format: Format) -> Result<(), CommandError> {
        if format == Format::Json {
            return Ok(print::json(self)?);
        }
        print::lines(&format!("{}  {}", self.id, self.workflow.as_deref().unwrap_or("-")))?;
        if let Some(why) = &self.nothing {
            return Ok(print::indented(why)?);
        }
        refusals::show(&self.refusals)?;
        if self.steps.is_empty() {
            return Ok(print::indented("no step is left: the run ends")?);
        }
        Ok(print::show(print::plan_table(&self.steps))?)
    }
}
