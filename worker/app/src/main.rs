//! The `gatehouse` binary: onboards, updates and offboards people in Microsoft 365.
//!
//! Start reading at `consume`, which takes one event from arrival to acknowledgement; `commands/` has one file per
//! subcommand. Every other crate of the worker knows only one of broker, Graph, wire and engine; this crate connects
//! them.

mod commands;
mod delivery;
mod ledger;
mod operate;
mod print;
mod runs;
mod settings;
mod sync;
mod tenants;
mod traces;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = operate::memory::close() {
        eprintln!("gatehouse: secrets in memory are not kept from core dumps: {error}");
    }
    let cli = commands::Cli::parse();
    match commands::run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("gatehouse: {}", print::printable(&error.to_string()));
            error.code()
        }
    }
}
