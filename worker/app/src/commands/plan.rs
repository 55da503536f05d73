//! `gatehouse plan FILE`: shows what an event would change.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use messages::Outcome;

use super::{CommandError, OutputArgs};
use crate::config::Config;
use crate::output::{self, Format};
use crate::workflows::Conclusion;

/// Arguments of `gatehouse plan`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse plan hire.json
  gatehouse plan --output json leaver.json | jq .digest

The digest binds a later run to this plan: an event with the digest as
data.expected_plan is rejected if its plan differs by then.

Exits with 1 if a step cannot be planned.")]
pub struct Args {
    /// File with the event, a CloudEvent in JSON; - for standard input
    file: PathBuf,
    #[command(flatten)]
    format: OutputArgs,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let (event, _) = super::read_event(&args.file)?;
    let workflows = super::workflows(&config, Arc::new(()))?;
    match workflows.plan(&event).await {
        Conclusion::Planned(plan) => {
            let well = plan.steps.iter().all(|step| step.outcome != Outcome::Failed);
            if args.format.output == Format::Json {
                output::json(&plan)?;
                return Ok(super::verdict(well));
            }
            output::lines(&format!("Plan of workflow {} for run {}", plan.workflow, plan.run_id))?;
            output::lines(&output::plan_table(&plan.steps).to_string())?;
            let changes: usize = plan.steps.iter().map(|step| step.changes.len()).sum();
            output::lines(&format!("{changes} changes; nothing was written\ndigest {}", plan.digest))?;
            Ok(super::verdict(well))
        }
        Conclusion::Finished { result, .. } => {
            match args.format.output {
                Format::Json => output::json(&result)?,
                Format::Human => output::lines(&output::run_line(&result))?,
            }
            Ok(super::verdict(false))
        }
        Conclusion::Later { .. } | Conclusion::Asleep { .. } | Conclusion::Interrupted(_) => {
            Err(CommandError::Input("the plan was not completed; this is a defect of Gatehouse".to_owned()))
        }
    }
}
