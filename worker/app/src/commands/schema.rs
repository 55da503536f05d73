//! `gatehouse schema`: the JSON Schema of every message and of every action's parameters.

use std::process::ExitCode;

use super::CommandError;
use crate::output;

/// Prints one schema, or the names of all.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse schema
  gatehouse schema offboarding.requested.v1
  gatehouse schema assign_licenses")]
pub struct Args {
    /// A message's or an action's name; without one, all names are listed
    name: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode, CommandError> {
    let actions = actions::roster();
    let Some(name) = &args.name else {
        for schema in messages::schemas() {
            output::lines(schema.name())?;
        }
        for action in &actions {
            output::lines(action.name)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let message = messages::Schema::named(name).map(|schema| schema.text().to_owned());
    let action = || {
        let action = actions.iter().find(|action| action.name == name)?;
        serde_json::to_string_pretty(&(action.schema)()).ok()
    };
    let text = message.or_else(action).ok_or_else(|| {
        CommandError::Input(format!("there is no schema `{name}`; `gatehouse schema` lists the names"))
    })?;
    output::lines(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
