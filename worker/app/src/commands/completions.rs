//! `gatehouse completions`: what a shell needs to complete commands and options.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, CommandError};
use crate::print;

/// Prints the completions of one shell.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse completions bash > /etc/bash_completion.d/gatehouse
  gatehouse completions zsh > /usr/local/share/zsh/site-functions/_gatehouse
  gatehouse completions fish > ~/.config/fish/completions/gatehouse.fish")]
pub struct Args {
    /// The shell
    shell: Shell,
}

pub fn run(args: &Args) -> Result<ExitCode, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gatehouse", &mut script);
    print::lines(String::from_utf8_lossy(&script).trim_end())?;
    Ok(ExitCode::SUCCESS)
}
