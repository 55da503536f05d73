//! `gatehouse plan FILE`: shows what an event would change.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use messages::{Request, ResultData};
use outcome::Outcome;
use serde::Serialize;

use super::refusals::{self, Refusal};
use super::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;
use crate::tenants::Tenants;

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

/// A plan, or why there is none, for scripts.
#[derive(Serialize)]
struct Shown<'a, T: Serialize> {
    /// What would keep the run from beginning.
    refusals: &'a [Refusal],
    #[serde(flatten)]
    shown: &'a T,
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
    let observer: Arc<dyn msgraph::Observer> = Arc::new(());
    let tenants = Tenants::new(&config, &observer)?;
    let workflows = super::workflows(&config, tenants.clone())?;
    let planned = workflows.plan(&event, request).await;
    let is_planned = matches!(planned.result, Some(ResultData::RunPlanned(_)));
    // What could not be planned says so itself.
    let failed = planned.failed.filter(|_| is_planned);
    let refusals = refusals::of(&event, failed, &config, &tenants).await?;
    if args.format.output == Format::Human {
        refusals::show(&refusals)?;
    }
    match planned.result {
        Some(ResultData::RunPlanned(plan)) => {
            let well = plan.steps.iter().all(|step| step.outcome != Outcome::Failed);
            if args.format.output == Format::Json {
                print::json(&Shown { refusals: &refusals, shown: &plan })?;
                return Ok(super::verdict(well));
            }
            print::lines(&format!("Plan of workflow {} for run {}", plan.workflow, plan.run_id))?;
            print::show(print::plan_table(&plan.steps))?;
            let changes: usize = plan.steps.iter().map(|step| step.changes.len()).sum();
            let date = print::plan_date(&plan);
            print::lines(&format!("{changes} changes; nothing was written\n{date}digest {}", plan.digest))?;
            Ok(super::verdict(well))
        }
        Some(ResultData::RunFinished(result)) => {
            match args.format.output {
                Format::Json => print::json(&Shown { refusals: &refusals, shown: &result })?,
                Format::Human => print::lines(&print::run_line(&result))?,
            }
            Ok(super::verdict(false))
        }
        _ => Err(CommandError::Input("the plan was not completed; this is a defect of Gatehouse".to_owned())),
    }
}
