//! The emulator as a program: reads the command line, serves until it is told to stop.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use msgraph_emulator::{Emulator, Options, Tenant};
use tokio::signal::unix::{SignalKind, signal};

/// A Microsoft 365 tenant in memory behind real HTTP.
///
/// Prints one line, `listening on http://…`, when it is ready. Graph is at /v1.0 below that address,
/// the token endpoint at /{tenant id}/oauth2/v2.0/token, the controls at /_emulator.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:
  msgraph-emulator
  msgraph-emulator --listen 127.0.0.1:8080 --tenant tenant.json
  msgraph-emulator --seed 7 --users 10000

Ends with 0 after SIGINT or SIGTERM, with 1 where it cannot start."
)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Tenant to start with, as JSON; without it a built-in one
    #[arg(long, value_name = "FILE")]
    tenant: Option<PathBuf>,
    /// Seed of the users to add
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Number of users to add
    #[arg(long, value_name = "N", default_value_t = 0)]
    users: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("msgraph-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    // Before the line that says "ready": whoever reads it may send a signal at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut tenant = match &arguments.tenant {
        Some(path) => Tenant::from_file(path)?,
        None => Tenant::contoso(),
    };
    tenant.grow(arguments.seed, arguments.users)?;
    let emulator = Emulator::start(Options::new(tenant).listen(arguments.listen))?;
    let mut out = std::io::stdout();
    writeln!(out, "listening on {}", emulator.url())?;
    out.flush()?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
