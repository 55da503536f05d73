//! The command line: one file per subcommand.

mod allow;
mod brake;
mod check;
mod completions;
mod config;
mod connect;
mod dead;
mod history;
mod ledger;
mod man;
mod names;
mod plan;
mod probe;
mod publish;
mod refusals;
mod restore;
mod run;
mod runs;
mod schema;
mod sync;
mod topology;
mod workflow;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::workflow::{Definitions, Roster, Takes};
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use messages::{Cause, Event, EventKind, Incoming, ResultData, ResultEvent};
use tokio::sync::watch;

use crate::delivery::outbox;
use crate::print::Format;
use crate::runs::attempt::Workflows;
use crate::runs::snapshots::Snapshots;
use crate::settings::Config;
use crate::settings::error::ConfigError;
use crate::tenants::Tenants;

/// Onboards, updates and offboards people in Microsoft 365.
#[derive(Parser)]
#[command(name = "gatehouse", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Settings file (TOML). It overrides the defaults; environment variables override both
    #[arg(long, global = true, env = "GATEHOUSE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  completed with problems: a run did not succeed, a file is invalid,
     a dead letter was not replayed, a command was stopped, a run was not cancelled, nobody
     signed in, a tenant was not read to the end, or a worker is not ready
  2  invalid command line
  3  invalid settings or an unusable file or argument
  4  the broker is unavailable or refused the operation";

#[derive(Subcommand)]
enum Command {
    /// Run the workflows and syncs that events from RabbitMQ ask for, until stopped
    ///
    /// After SIGTERM or SIGINT, finishes the running work within worker.grace_seconds.
    Run(run::Args),
    /// Show what an event would change; needs no broker, changes nothing
    ///
    /// Reads the tenant and prints the changes of each step.
    Plan(plan::Args),
    /// Test the connection to the broker and to each tenant: token, permissions, roles, licences
    ///
    /// Changes nothing.
    Check(check::Args),
    /// Validate events and publish them
    ///
    /// Validates all files before it publishes the first event. An event is published when the broker has stored it.
    Publish(publish::Args),
    /// Count, list, show, replay, export, import and discard dead letters
    #[command(subcommand)]
    Dead(Box<dead::Command>),
    /// Release one run that was refused because of somebody who is protected
    Allow(allow::Args),
    /// Show how many people may leave, and let more of them
    ///
    /// The brake holds runs that let people leave once too many of a tenant have begun within a time.
    #[command(subcommand)]
    Brake(brake::Command),
    /// Show everything that happened to a person, or in a run, and who asked for it
    ///
    /// Reads the history of results from its beginning, or from --since.
    History(history::Args),
    /// List runs, show one, and take one out
    #[command(subcommand)]
    Runs(runs::Command),
    /// Give back what a run took: first shows what, and does so with --apply
    ///
    /// Reads the snapshot of the run, which is kept for snapshots.max_age_days, and plans a run of the workflow restore.
    Restore(restore::Args),
    /// Show what the ledger knows of a person, and check it
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Check and explain workflows
    #[command(subcommand)]
    Workflow(workflow::Command),
    /// Sign in the service account of a tenant
    ///
    /// Shows a code to enter in a browser, waits for the sign-in, and writes the refresh token to the tenant's
    /// refresh_token_file, which only its owner can read. The account signs in as usual. The application must allow
    /// public client flows.
    Connect(connect::Args),
    /// Read a tenant's people or licences; needs no broker, changes nothing
    #[command(subcommand)]
    Sync(sync::Command),
    /// Show, declare and export the exchanges and queues in the broker
    #[command(subcommand)]
    Topology(topology::Command),
    /// Show the effective settings
    #[command(subcommand)]
    Config(config::Command),
    /// Print the JSON Schema of a message, of workflow files, of a row of a sync or of an action's parameters
    Schema(schema::Args),
    /// Ask a worker on this machine whether it is ready; exit code 1 if it is not
    ///
    /// Needs no other program, such as for the health check of a container.
    Probe(probe::Args),
    /// Print what a shell needs to complete commands and options
    Completions(completions::Args),
    /// Write the manual pages into a folder
    Man(man::Args),
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings are invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file or an argument, or its content, is invalid.
    #[error("{0}")]
    Input(String),
    /// The broker is unavailable or refused the operation.
    #[error("{0}")]
    Broker(#[from] broker::Error),
    /// Nobody signed in, or the sign-in service refused.
    #[error("{0}")]
    SignIn(#[from] msgraph::Error),
    /// A tenant could not be read to the end.
    #[error("{0}")]
    Sync(#[from] directory_sync::Error),
    /// Somebody stopped the command.
    #[error("stopped before the end; nothing was written")]
    Stopped,
    /// Standard output is closed, or a similar error.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl CommandError {
    /// The exit code, see [`EXIT_CODES`].
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_) | Self::Input(_) => 3,
            Self::Broker(_) => 4,
            Self::SignIn(_) | Self::Sync(_) | Self::Stopped | Self::Io(_) => 1,
        })
    }
}

/// Runs the command.
pub async fn run(cli: Cli) -> Result<ExitCode, CommandError> {
    let config = || Config::load(cli.config.as_deref());
    // In boxes: the future of one command shall not be as large as that of the largest.
    match cli.command {
        Command::Run(args) => Box::pin(run::run(args, config()?)).await,
        Command::Plan(args) => Box::pin(plan::run(args, config()?)).await,
        Command::Check(args) => Box::pin(check::run(args, config()?)).await,
        Command::Publish(args) => Box::pin(publish::run(args, config()?)).await,
        Command::Dead(command) => Box::pin(dead::run(*command, config()?)).await,
        Command::Allow(args) => Box::pin(allow::run(args, config()?)).await,
        Command::Brake(command) => Box::pin(brake::run(command, config()?)).await,
        Command::History(args) => Box::pin(history::run(args, config()?)).await,
        Command::Runs(command) => Box::pin(runs::run(command, config()?)).await,
        Command::Restore(args) => Box::pin(restore::run(args, config()?)).await,
        Command::Ledger(command) => Box::pin(ledger::run(command, config()?)).await,
        Command::Workflow(command) => workflow::run(command, config()?),
        Command::Connect(args) => Box::pin(connect::run(args, config()?)).await,
        Command::Sync(command) => Box::pin(sync::run(command, config()?)).await,
        Command::Topology(command) => Box::pin(topology::run(command, config()?)).await,
        Command::Config(command) => config::run(command, config),
        Command::Schema(args) => schema::run(&args),
        Command::Probe(args) => Box::pin(probe::run(args, config)).await,
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// The default is `human`, for a pipe as well; a script asks for `json`.
#[derive(clap::Args, Clone, Copy)]
struct OutputArgs {
    /// Output format
    #[arg(long, short, value_enum, default_value_t = Format::Human)]
    output: Format,
}

/// What an operator says of what they do, for the result event that reports it.
#[derive(clap::Args)]
struct Said {
    /// Reason to record in the result event
    #[arg(long)]
    why: String,
    /// Name to record beside your user in the broker [default: your login name]
    #[arg(long)]
    by: Option<String>,
}

impl Said {
    /// The operator's name.
    fn name(&self) -> String {
        self.by.clone().unwrap_or_else(dead::login_name)
    }
}

/// Reports what the operator who connects as `user` is about to do.
async fn announce(
    settings: &broker::Settings,
    user: &str,
    cause: Cause,
    at: Timestamp,
    data: impl Into<ResultData>,
) -> Result<(), CommandError> {
    let Some(result) = outbox::result(&ResultEvent::new(cause, at, data)) else {
        return Err(CommandError::Input("the result event could not be written".to_owned()));
    };
    let client = broker::Client::connect(settings).await?;
    report_alarms(client.publisher().blocked());
    // The broker refuses any user but that of the connection.
    let published = client.publisher().publish(&result.published_by(user)).await;
    client.close().await;
    Ok(published?)
}

/// Exit code 0 if all is well, else 1.
fn verdict(well: bool) -> ExitCode {
    ExitCode::from(u8::from(!well))
}

/// Says at once that the broker accepts no messages. A command waits for the end of the alarm: what it has sent until
/// then is stored afterwards, so to send it again would store it twice.
fn report_alarms(mut blocked: watch::Receiver<bool>) {
    tokio::spawn(async move {
        while blocked.wait_for(|blocked| *blocked).await.is_ok() {
            eprintln!(
                "gatehouse: the broker accepts no messages: it has an alarm (memory or disk); waiting for its end"
            );
            if blocked.wait_for(|blocked| !blocked).await.is_err() {
                return;
            }
        }
    });
}

/// The compiled-in workflows, overridden by the operator's; checked.
fn definitions(file: Option<&Path>) -> Result<Definitions, CommandError> {
    let mut definitions =
        actions::default_definitions().map_err(|error| CommandError::Input(error.to_string()))?;
    if let Some(path) = file {
        let own = Definitions::read(&path.display().to_string(), &read(path)?, &roster());
        definitions = definitions.with(own.map_err(|mistakes| CommandError::Input(mistakes.to_string()))?);
    }
    Ok(definitions)
}

fn roster() -> Roster<actions::World> {
    let steps = actions::roster().into_iter().map(|entry| entry.step);
    Roster::new(steps.chain([actions::report_unrestored()]))
        .for_events(EventKind::ALL.into_iter().filter_map(EventKind::default_workflow))
        .looking_again(EventKind::AccessRevoke.default_workflow())
}

/// Everything a run needs.
fn workflows(config: &Config, tenants: Tenants) -> Result<Workflows, CommandError> {
    let (definitions, roster) = (definitions(config.workflows.file())?, roster());
    Ok(Workflows {
        takes: Takes::of_all(&definitions, &roster),
        definitions,
        mail: config.mail(),
        protections: config.protections()?,
        tenants,
        roster,
        snapshots: snapshots(config)?,
        policy: config.retry(),
        limits: config.workflows.limits(),
    })
}

/// What runs took, if there is a broker to read it from.
fn snapshots(config: &Config) -> Result<Option<Snapshots>, CommandError> {
    match config.broker() {
        Ok(settings) => Ok(Some(Snapshots::new(settings, config.snapshot_seal()?))),
        Err(_) => Ok(None),
    }
}

/// Reads a file, or standard input for `-`.
fn read(path: &Path) -> Result<String, CommandError> {
    let text =
        if path.as_os_str() == "-" { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
    text.map_err(|error| CommandError::Input(format!("cannot read {}: {error}", path.display())))
}

/// Reads an event as a publisher writes it: a CloudEvent in structured mode.
fn read_event(path: &Path) -> Result<(Event, String), CommandError> {
    let text = read(path)?;
    let content_type = Some(messages::CLOUDEVENT_CONTENT_TYPE);
    match messages::decode(&Incoming { content_type, routing_key: None, headers: &[], body: text.as_bytes() })
    {
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
