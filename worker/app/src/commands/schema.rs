//! `gatehouse schema`: the JSON Schema of every message and of every action's parameters.

use std::process::ExitCode;

use super::CommandError;
use crate::print;

/// Prints one schema, or the names of all.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse schema
  gatehouse schema offboarding.requested.v1
  gatehouse schema assign_licenses
  gatehouse schema --table")]
pub struct Args {
    /// A message's or an action's name; without one, all names are listed
    name: Option<String>,
    /// Print a Markdown table of all actions instead: what each makes true and which permissions it needs
    #[arg(long, conflicts_with = "name")]
    table: bool,
}

pub fn run(args: &Args) -> Result<ExitCode, CommandError> {
    let actions = actions::roster();
    if args.table {
        print::lines(&table(&actions))?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(name) = &args.name else {
        for schema in messages::schemas() {
            print::lines(schema.name())?;
        }
        for action in &actions {
            print::lines(action.name)?;
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
    print::lines(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// A row for each action, as the README shows them.
fn table(actions: &[actions::Entry]) -> String {
    let mut lines = vec!["| Action | Makes true | Needs |".to_owned(), "|---|---|---|".to_owned()];
    lines.extend(actions.iter().map(|action| {
        let needs: Vec<_> = action.needs.iter().map(|permission| format!("`{permission}`")).collect();
        format!("| `{}` | {} | {} |", action.name, action.makes_true, needs.join(", "))
    }));
    lines.join("\n")
}
