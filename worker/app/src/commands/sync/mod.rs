//! `gatehouse sync`: reads a tenant and writes what is in it to a file, or shows it.

pub(super) mod file;
mod licenses;
mod overview;
mod page;
pub(super) mod partial;
pub(super) mod progress;
mod report;
mod usage;
mod users;

use std::path::Path;
use std::process::ExitCode;

use directory_sync::Prices;
use msgraph::{Client, Priority};
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::settings::Config;
use crate::settings::sync::read_prices;
use crate::tenants::{Tenants, unobserved};

/// What to read.
#[derive(clap::Subcommand)]
pub enum Command {
    /// Read everyone, or who changed since the last time
    ///
    /// Without --out shows totals. With --out writes one row for each person; a file is complete or not there.
    Users(users::Args),
    /// Read licences: who has them, which are unused, and what they cost
    ///
    /// Without --out shows utilisation and waste. With --out writes rows for licences, purchases, each licence of each
    /// person, and waste; a file is complete or not there.
    Licenses(licenses::Args),
    /// Read which apps people use, by platform and day, and find licences that nobody uses
    ///
    /// Without --out shows totals. With --out writes rows for each person and day, each app, each department and each
    /// unused licence; a file is complete or not there.
    Usage(usage::Args),
    /// Read licences, usage and people, and write one page about all three
    ///
    /// The page has charts and tables to read, print and pass on. It has sums and names nobody.
    Report(overview::Args),
}

#[derive(clap::Args)]
struct TenantArgs {
    /// Name of the tenant in the settings; optional if there is only one
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

/// Runs a sync. Whoever stops it leaves no file behind: half a file of people is nothing to keep.
pub async fn run(command: Command, config: Config) -> Result<ExitCode, CommandError> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let work = async {
        match command {
            Command::Users(args) => users::run(args, config).await,
            Command::Licenses(args) => licenses::run(args, config).await,
            Command::Usage(args) => usage::run(args, config).await,
            Command::Report(args) => overview::run(args, config).await,
        }
    };
    tokio::select! {
        done = work => done,
        _ = terminate.recv() => Err(CommandError::Stopped),
        _ = interrupt.recv() => Err(CommandError::Stopped),
    }
}

/// The name and the client of the tenant to read. A sync gives way to every other call.
fn tenant_of(args: &TenantArgs, config: &Config) -> Result<(String, Client), CommandError> {
    let tenants = Tenants::new(config, &unobserved)?;
    let known = || tenants.iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    let (name, client) = tenants.find(args.tenant.as_deref()).map_err(|failure| {
        CommandError::Input(match &args.tenant {
            Some(_) => failure.message,
            None => format!("there are several tenants; choose one with --tenant: {}", known()),
        })
    })?;
    Ok((name.to_owned(), client.with_priority(Priority::Sync)))
}

/// What licences cost: by this file, or by the one in the settings of the tenant.
fn prices(file: Option<&Path>, tenant: &str, config: &Config) -> Result<Prices, CommandError> {
    match file {
        Some(file) => read_prices(file).map_err(CommandError::Input),
        None => Ok(config.prices()?.remove(tenant).unwrap_or_default()),
    }
}
