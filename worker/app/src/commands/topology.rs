//! `gatehouse topology ...`: the exchanges, queues, streams and bindings that workers need in the broker.
//!
//! Where workers may not declare, somebody who may uses these commands, or imports what they export.

use std::process::ExitCode;

use broker::{Applied, Found, Inventory, Kind, State};
use serde_json::{Value, json};

use super::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;
use crate::sync::schedule::Schedules;

/// Shows, declares and exports what workers need in the broker.
#[derive(clap::Subcommand)]
#[command(after_help = "\
Examples:
  gatehouse topology show
  gatehouse topology apply
  gatehouse topology export > definitions.json
  rabbitmqctl import_definitions definitions.json

The names begin with broker.prefix. Nothing is ever deleted: an exchange or a
queue that is no longer needed stays until somebody deletes it.")]
pub enum Command {
    /// Show which exchanges, queues and streams the broker has, and how many messages wait
    ///
    /// Changes nothing. Exits with 1 if one is missing. AMQP cannot look for bindings; `apply` makes those that are
    /// missing.
    Show {
        #[command(flatten)]
        format: OutputArgs,
    },
    /// Declare what is missing, whatever broker.declare says
    ///
    /// May be repeated. Exits with 4 if the broker refuses one of them; the others are declared all the same.
    Apply {
        #[command(flatten)]
        format: OutputArgs,
    },
    /// Print the definitions for RabbitMQ to import; needs no broker
    Export,
}

pub async fn run(command: Command, config: Config) -> Result<ExitCode, CommandError> {
    let settings = config.broker()?;
    let schedules = Schedules::new(config.scheduled()?).queues();
    let inventory = Inventory::new(&settings, &schedules)?;
    match command {
        Command::Show { format } => show(&inventory.look(&settings).await?, format.output),
        Command::Apply { format } => apply(&inventory.apply(&settings).await?, format.output),
        Command::Export => {
            print::lines(
                &serde_json::to_string_pretty(&inventory.definitions()).map_err(std::io::Error::from)?,
            )?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn show(all: &[Found], format: Format) -> Result<ExitCode, CommandError> {
    let missing = all.iter().filter(|found| found.state == State::Missing).count();
    if format == Format::Json {
        let entries: Vec<Value> = all.iter().map(entry).collect();
        print::json(&json!({ "entries": entries, "missing": missing }))?;
        return Ok(super::verdict(missing == 0));
    }
    let rows: Vec<_> = all.iter().map(row).collect();
    for line in print::aligned(&rows) {
        print::lines(&line)?;
    }
    print::lines(&match missing {
        0 => format!("All {} are there.", all.len()),
        missing => {
            format!("{missing} of {} are missing; `gatehouse topology apply` declares them.", all.len())
        }
    })?;
    Ok(super::verdict(missing == 0))
}

fn row(found: &Found) -> [String; 3] {
    let state = match found.state {
        State::Missing => "missing".to_owned(),
        // A stream keeps what was read, and says nothing of how much.
        State::There => String::new(),
        State::Holds { .. } if found.kind == Kind::Stream => String::new(),
        State::Holds { messages, consumers } => {
            format!("{}, {}", counted(messages, "message"), counted(consumers, "consumer"))
        }
    };
    [word(found.kind).to_owned(), found.name.clone(), state]
}

fn entry(found: &Found) -> Value {
    let counts = match found.state {
        State::Holds { messages, consumers } if found.kind == Kind::Queue => Some((messages, consumers)),
        State::Holds { .. } | State::There | State::Missing => None,
    };
    json!({
        "kind": word(found.kind), "name": found.name, "exists": found.state != State::Missing,
        "messages": counts.map(|(messages, _)| messages), "consumers": counts.map(|(_, consumers)| consumers),
    })
}

fn apply(all: &[Applied], format: Format) -> Result<ExitCode, CommandError> {
    let refused = all.iter().filter(|applied| applied.is_new.is_err()).count();
    let new = all.iter().filter(|applied| matches!(applied.is_new, Ok(true))).count();
    match format {
        Format::Json => {
            let entries = all.iter().map(|Applied { kind, name, is_new }| {
                json!({
                    "kind": word(*kind), "name": name, "created": matches!(is_new, Ok(true)),
                    "error": is_new.as_ref().err().map(ToString::to_string),
                })
            });
            print::json(
                &json!({ "entries": entries.collect::<Vec<_>>(), "created": new, "refused": refused }),
            )?;
        }
        Format::Human => {
            for Applied { kind, name, is_new } in all {
                let kind = word(*kind);
                match is_new {
                    Ok(false) => {}
                    Ok(true) => print::lines(&format!("created  {kind} {name}"))?,
                    Err(error) => {
                        print::lines(&format!("refused  {kind} {name}"))?;
                        print::indented(&error.to_string())?;
                    }
                }
            }
            let bound = |applied: &&Applied| applied.kind == Kind::Binding && applied.is_new.is_ok();
            let bindings = all.iter().filter(bound).count();
            let were_there = all.len() - new - refused - bindings;
            print::lines(&format!(
                "{new} created, {were_there} were there, {refused} refused; {bindings} bindings are in place."
            ))?;
        }
    }
    Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(4) })
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Exchange => "exchange",
        Kind::Queue => "queue",
        Kind::Stream => "stream",
        Kind::Binding => "binding",
    }
}

fn counted(number: u32, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}
