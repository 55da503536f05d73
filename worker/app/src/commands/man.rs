//! `gatehouse man`: the manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory as _;

use super::{Cli, CommandError};

/// Writes the manual pages.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse man /usr/local/share/man/man1")]
pub struct Args {
    /// Folder to write them into; it must exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn run(args: &Args) -> Result<ExitCode, CommandError> {
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(|error| {
        CommandError::Input(format!("cannot write manual pages into {}: {error}", args.folder.display()))
    })?;
    Ok(ExitCode::SUCCESS)
}
