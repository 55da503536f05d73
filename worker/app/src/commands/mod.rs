//! The command line: one file for each subcommand.

mod check;
mod config;
mod connect;
mod dead;
mod plan;
mod publish;
mod run;
mod schema;
mod workflow;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ::workflow::{Definitions, Roster};
use clap::{Parser, Subcommand};
use messages::{Event, Incoming};

use crate::config::{Config, ConfigError};
use crate::output::Format;
use crate::tenants::Tenants;
use crate::workflows::Workflows;

/// Lets people into Microsoft 365 and lets them out again.
#[derive(Parser)]
#[command(name = "gatehouse", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Settings file (TOML), laid over the defaults; the environment is laid over both
    #[arg(long, global = true, env = "GATEHOUSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done, and what was asked about is well
  1  done, and something is not well: a run that did not succeed, an invalid file, a dead letter not replayed, a
     sign-in nobody made
  2  the command line is wrong
  3  the settings or a file cannot be used
  4  the broker cannot be worked with";

#[derive(Subcommand)]
enum Command {
    /// Take events from RabbitMQ and run their workflows, until told to stop
    Run(run::Args),
    /// Show what an event would change, without a broker and without changing anything
    Plan(plan::Args),
    /// Test the connection to each tenant: token, permissions, roles, licences
    Check(check::Args),
    /// Check events and publish them
    Publish(publish::Args),
    /// Look at, replay and discard dead letters
    #[command(subcommand)]
    Dead(dead::Command),
    /// Check and explain workflows
    #[command(subcommand)]
    Workflow(workflow::Command),
    /// Sign a tenant's service account in
    Connect(connect::Args),
    /// Show the settings in force
    #[command(subcommand)]
    Config(config::Command),
    /// Print the JSON Schema of a message, of workflow files or of an action's parameters
    Schema(schema::Args),
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file, an argument, or what they hold.
    #[error("{0}")]
    Input(String),
    /// The broker.
    #[error("{0}")]
    Broker(#[from] broker::Error),
    /// Nobody signed in, or the sign-in service refuses.
    #[error("{0}")]
    SignIn(#[from] msgraph::Error),
    /// Standard output is gone, or the like.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl CommandError {
    /// The exit code, see [`EXIT_CODES`].
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_) | Self::Input(_) => 3,
            Self::Broker(_) => 4,
            Self::SignIn(_) | Self::Io(_) => 1,
        })
    }
}

/// Runs the command.
pub async fn run(cli: Cli) -> Result<ExitCode, CommandError> {
    let config = || Config::load(cli.config.as_deref());
    match cli.command {
        Command::Run(args) => run::run(args, config()?).await,
        Command::Plan(args) => plan::run(args, config()?).await,
        Command::Check(args) => check::run(args, config()?).await,
        Command::Publish(args) => publish::run(args, config()?).await,
        Command::Dead(command) => dead::run(command, config()?).await,
        Command::Workflow(command) => workflow::run(command, config()?),
        Command::Connect(args) => connect::run(args, config()?).await,
        Command::Config(command) => config::run(command, config),
        Command::Schema(args) => schema::run(&args),
    }
}

/// `human` on a terminal and for a pipe alike; `json` when a script asks for it.
#[derive(clap::Args, Clone, Copy)]
struct OutputArgs {
    /// How to print
    #[arg(long, short, value_enum, default_value_t = Format::Human)]
    output: Format,
}

/// 1 if something is not well.
fn verdict(well: bool) -> ExitCode {
    ExitCode::from(u8::from(!well))
}

/// The compiled-in workflows with the operator's on top, checked.
fn definitions(file: Option<&Path>) -> Result<Definitions, CommandError> {
    let mut definitions =
        actions::default_definitions().map_err(|error| CommandError::Input(error.to_string()))?;
    if let Some(path) = file {
        let own = Definitions::read(&path.display().to_string(), &read(path)?, &roster());
        definitions = definitions.with(own.map_err(|mistakes| CommandError::Input(mistakes.to_string()))?);
    }
    Ok(definitions)
}

fn roster() -> Roster<msgraph::Client> {
    Roster::new(actions::roster().into_iter().map(|entry| entry.step))
}

/// Everything a run needs.
fn workflows(config: &Config, observer: Arc<dyn msgraph::Observer>) -> Result<Workflows, CommandError> {
    Ok(Workflows {
        definitions: definitions(config.workflow_file())?,
        tenants: Tenants::new(config, &observer)?,
        roster: roster(),
        policy: config.retry(),
    })
}

/// A file, or standard input for `-`.
fn read(path: &Path) -> Result<String, CommandError> {
    let text =
        if path.as_os_str() == "-" { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
    text.map_err(|error| CommandError::Input(format!("cannot read {}: {error}", path.display())))
}

/// An event as a publisher would write it: a CloudEvent in structured mode.
fn read_event(path: &Path) -> Result<(Event, String), CommandError> {
    let text = read(path)?;
    let content_type = Some(messages::CLOUDEVENT_CONTENT_TYPE);
    match messages::decode(&Incoming { content_type, headers: &[], body: text.as_bytes() }) {
        Ok(event) => Ok((event, text)),
        Err(undecodable) if undecodable.violations().is_empty() => {
            Err(CommandError::Input(format!("{}: {undecodable}", path.display())))
        }
        Err(undecodable) => {
            let lines: Vec<_> =
                undecodable.violations().iter().map(|violation| format!("  {violation}")).collect();
            Err(CommandError::Input(format!(
                "{} is not a valid event:\n{}",
                path.display(),
                lines.join("\n")
            )))
        }
    }
}
