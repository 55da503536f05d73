//! `gatehouse schema`: the JSON Schema of messages, workflow files, rows of syncs and the parameters of actions, and
//! the AsyncAPI document.

mod asyncapi;

use std::process::ExitCode;

use directory_sync::Kind;
use workflow::definition::schema;

use super::CommandError;
use crate::print;

/// Prints one schema, or the names of all schemas.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse schema
  gatehouse schema offboarding.requested.v1
  gatehouse schema assign_licenses
  gatehouse schema workflows > workflows.json
  gatehouse schema sync/user
  gatehouse schema asyncapi > asyncapi.json
  gatehouse schema --table")]
pub struct Args {
    /// Name of a message or an action, or `workflows` for workflow files, `sync/` and a kind of row, or `asyncapi` for the AsyncAPI document; lists all names if left out
    name: Option<String>,
    /// Print a Markdown table of all actions instead, with what each makes true and the permissions it needs
    #[arg(long, conflicts_with = "name")]
    table: bool,
}

/// The name of the schema of workflow files.
const WORKFLOWS: &str = "workflows";
/// The name of the AsyncAPI document.
const ASYNCAPI: &str = "asyncapi";
/// What the names of the schemas of rows begin with.
const ROW: &str = "sync/";

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
        print::lines(WORKFLOWS)?;
        print::lines(ASYNCAPI)?;
        for kind in directory_sync::KINDS {
            print::lines(&format!("{ROW}{}", kind.name))?;
        }
        for action in &actions {
            print::lines(action.name)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let message = messages::Schema::named(name).map(|schema| schema.text().to_owned());
    let other = || {
        let action = || actions.iter().find(|action| action.name == name).map(|action| (action.schema)());
        let row = || name.strip_prefix(ROW).and_then(Kind::named).map(|kind| kind.schema());
        let schema = match name.as_str() {
            WORKFLOWS => Some(schema::of(&super::roster())),
            ASYNCAPI => asyncapi::document().ok(),
            _ => row().or_else(action),
        };
        serde_json::to_string_pretty(&schema?).ok()
    };
    let text = message.or_else(other).ok_or_else(|| {
        CommandError::Input(format!("there is no schema `{name}`; `gatehouse schema` lists the names"))
    })?;
    print::lines(text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}

/// A row for each action.
fn table(actions: &[actions::Entry]) -> String {
    let mut lines = vec!["| Action | Makes true | Needs |".to_owned(), "|---|---|---|".to_owned()];
    lines.extend(actions.iter().map(|action| {
        let needs = action.needs.iter().map(|permission| format!("`{permission}`"));
        let adds = action.adds.iter().map(|(permission, shows)| format!("for {shows} `{permission}`"));
        let all: Vec<_> = needs.chain(adds).collect();
        format!("| `{}` | {} | {} |", action.name, action.makes_true, all.join(", "))
    }));
    lines.join("\n")
}
