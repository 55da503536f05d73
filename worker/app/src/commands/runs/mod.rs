//! `gatehouse runs ...`: lists runs, shows one, and takes a run or a sync out.

mod cancel;
mod list;
mod listing;
mod show;
mod stands;

use std::process::ExitCode;

use super::CommandError;
use crate::settings::Config;

/// Lists runs, shows one, and takes runs and syncs out.
#[derive(clap::Subcommand)]
#[command(after_help = "\
Examples:
  gatehouse runs list --failed --since 1d --tenant contoso
  gatehouse runs list --state asleep --workflow offboarding --output csv
  gatehouse runs show 4a13d646-2c5e-5aad-9782-3c0f47b4512d
  gatehouse runs cancel 4a13d646-2c5e-5aad-9782-3c0f47b4512d --why \"she stays\"
  gatehouse runs cancel leave-2026-0012 --source /hr/contoso --why \"she stays\" --yes
  gatehouse runs cancel users-2026-06-12 --source /inventory/contoso --sync \\
      --why \"asked for twice\" --yes")]
pub enum Command {
    /// List runs, the one that was last heard of first
    ///
    /// Reads the history of results, from its beginning or from --since, and asks the ledger where those runs stand that
    /// have not ended. Keeps as many runs as it shows, and those that have not ended.
    List(list::Args),
    /// Show one run: who asked for it, what its steps did, and what became of it
    Show(show::Args),
    /// Take one run out, wherever it stands: it writes nothing more
    ///
    /// First shows the run and what it has changed, and asks. Nothing is given back. A run that sleeps, or that the
    /// brake holds, says that it is cancelled when it would have woken.
    Cancel(cancel::Args),
}

pub async fn run(command: Command, config: Config) -> Result<ExitCode, CommandError> {
    match command {
        Command::List(args) => list::run(args, config).await,
        Command::Show(args) => show::run(args, config).await,
        Command::Cancel(args) => cancel::run(args, config).await,
    }
}
