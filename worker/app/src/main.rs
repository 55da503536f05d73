//! The `gatehouse` binary: onboards, updates and offboards people in Microsoft 365.
//!
//! Start reading at `consume`, which takes one event from arrival to acknowledgement; `commands/` has one file per
//! subcommand. Every other crate of the worker knows only one of broker, Graph, wire and engine; this crate connects
//! them.

mod admin;
mod commands;
mod config;
mod connection;
mod consume;
mod memory;
mod metrics;
mod outbox;
mod output;
mod telemetry;
mod tenant_settings;
mod tenants;
mod wire;
mod workflows;

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
