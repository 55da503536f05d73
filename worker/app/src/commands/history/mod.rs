//! `gatehouse history ...`: everything that happened to a person, or in a run, in one timeline.
//!
//! The results of all runs are in one stream. It is read once, and only what belongs to the person is kept: memory grows
//! with the person's own story and not with the company's.

pub mod form;
pub mod reading;
pub mod show;
pub mod since;
pub mod summary;
pub mod telling;
pub mod trail;
pub mod whom;

use std::process::ExitCode;

use self::form::FormArgs;
use self::reading::Reading;
use self::since::SinceArgs;
use self::trail::Trail;
use super::CommandError;
use crate::settings::Config;

/// The person or run, and how to show it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse history ada@contoso.example
  gatehouse history 6f0a8a6c-0001-4000-8000-000000000001 --since 30d
  gatehouse history 4a13d646-2c5e-5aad-9782-3c0f47b4512d --output json")]
pub struct Args {
    /// Object id, user principal name or employee id of a person, or the id of a run
    ///
    /// Results name people by object id alone. The tenant is asked whose the other identifiers are, and changed in
    /// nothing.
    #[arg(value_name = "PERSON|RUN")]
    whom: String,
    /// Tenant of the person [default: all]
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    since: SinceArgs,
    #[command(flatten)]
    format: FormArgs,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let since = args.since.start()?;
    let form = args.format.output;
    let meant = whom::meant(&config, args.tenant.as_deref(), &args.whom).await?;
    let mut trail = Trail::of(&meant);
    let reading = Reading::open(&config, form).await?;
    let followed = follow(&reading, since, &mut trail).await;
    reading.close().await;
    followed?;
    let entries = trail.into_entries();
    show::show(&args.whom, &entries, form)?;
    Ok(super::verdict(!entries.is_empty()))
}

/// Reads as often as it takes: what came before it was known whose it was takes a second look.
pub async fn follow(reading: &Reading, since: broker::Since, trail: &mut Trail) -> Result<(), CommandError> {
    let about = trail.about();
    reading.each(since, None, &about, |entry| trail.take(entry)).await?;
    while let Some(until) = trail.look_again(!about.is_empty()) {
        reading.each(since, until, &[], |entry| trail.take(entry)).await?;
    }
    Ok(())
}
