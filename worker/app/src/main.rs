//! The `gatehouse` binary: lets people into Microsoft 365 and lets them out again.
//!
//! Start reading at `consume`, which takes one event from arrival to acknowledgement; `commands/` has one file for
//! each subcommand. No other crate of the worker knows more than one of broker, Graph, wire and engine; this one
//! puts them together.

mod commands;
mod delivery;
mod operate;
mod print;
mod runs;
mod settings;
mod tenants;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    match commands::run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gatehouse: {error}");
            error.code()
        }
    }
}
