//! `gatehouse plan FILE`: shows what an event would change.

use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use messages::{Event, PersonRequest, PlanRefusal, Request, ResultData, RunFinished, RunPlanned};
use outcome::{Outcome, Progress};
use serde::Serialize;

use super::names::Names;
use super::refusals;
use super::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;
use crate::tenants::{Tenants, unobserved};

/// Arguments of `gatehouse plan`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse plan hire.json
  gatehouse plan --output json leaver.json | jq .digest

The digest binds a later run to this plan: an event with the digest as
data.expected_plan is rejected if its plan differs by then.

What would keep the run from beginning comes first: somebody who is protected, the
brake, a credential that does not work, a right that no publisher has.

Exits with 1 if a step cannot be planned.")]
pub struct Args {
    /// File with the event, a CloudEvent in JSON; - for standard input
    file: PathBuf,
    #[command(flatten)]
    format: OutputArgs,
}

/// Why there is no plan, for scripts.
#[derive(Serialize)]
struct Unplanned<'a> {
    /// What would keep the run from beginning.
    refusals: &'a [PlanRefusal],
    #[serde(flatten)]
    end: &'a RunFinished,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let (event, _) = super::read_event(&args.file)?;
    let Request::Person(request) = &event.request else {
        return Err(CommandError::Input(format!(
            "{}: {} changes nothing in a tenant, so there is nothing to plan",
            args.file.display(),
            event.kind.event_type()
        )));
    };
    show(&event, request, &config, args.format.output).await
}

/// Shows what an event would change.
pub(super) async fn show(
    event: &Event,
    request: &PersonRequest,
    config: &Config,
    format: Format,
) -> Result<ExitCode, CommandError> {
    let tenants = Tenants::new(config, &unobserved)?;
    let workflows = super::workflows(config, tenants.clone())?;
    let mut planned = workflows.plan(event, request, Progress::new(Timestamp::now())).await;
    let found = match &mut planned.result {
        Some(ResultData::RunPlanned(plan)) => std::mem::take(&mut plan.refusals),
        // What could not be planned says so itself.
        _ => Vec::new(),
    };
    let refusals = refusals::of(event, found, config, &tenants).await?;
    if format == Format::Human {
        refusals::show(&refusals)?;
    }
    match planned.result {
        Some(ResultData::RunPlanned(plan)) => {
            let mut plan = RunPlanned { refusals, ..plan };
            let well = plan.steps.iter().all(|step| step.outcome != Outcome::Failed);
            if format == Format::Json {
                print::json(&plan)?;
                return Ok(super::verdict(well));
            }
            if let Ok((_, graph)) = tenants.find(event.tenant.as_deref()) {
                Names::of(&plan.steps, graph).await.put_into(&mut plan.steps);
            }
            print::lines(&format!("Plan of workflow {} for run {}", plan.workflow, plan.run_id))?;
            print::show(print::plan_table(&plan.steps))?;
            let changes: usize = plan.steps.iter().map(|step| step.changes.len()).sum();
            let date = print::plan_date(&plan);
            print::lines(&format!("{changes} changes; nothing was written\n{date}digest {}", plan.digest))?;
            Ok(super::verdict(well))
        }
        Some(ResultData::RunFinished(result)) => {
            match format {
                Format::Json => print::json(&Unplanned { refusals: &refusals, end: &result })?,
                Format::Human => print::lines(&print::run_line(&result))?,
            }
            Ok(super::verdict(false))
        }
        _ => Err(CommandError::Input("the plan was not completed; this is a defect of Gatehouse".to_owned())),
    }
}
