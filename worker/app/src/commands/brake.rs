//! `gatehouse brake ...`: how many people may leave, and what an operator lets pass.
//!
//! What an operator does is a record of the ledger, so that every worker reads it at the same place, and a result, which
//! is published first: a deed that nobody could read of does not happen.

use std::num::NonZeroU32;
use std::process::ExitCode;

use jiff::Timestamp;
use ledger::BrakeState;
use messages::{BrakeChange, Cause, OperatorBrakeChanged};
use serde::Serialize;
use serde_json::json;
use workflow::Delay;

use super::{CommandError, OutputArgs, Said};
use crate::print::{self, Format};
use crate::runs::brake::{self, Brake, Brakes};
use crate::settings::Config;
use crate::settings::error::ConfigError;
use crate::settings::ledger::Directory;
use crate::tenants::{Tenants, unobserved};

/// Shows the brake, and lets leavers pass it.
#[derive(clap::Subcommand)]
#[command(after_help = "\
Examples:
  gatehouse brake show
  gatehouse brake allow 15 --why \"the office closes, ticket 1816\"
  gatehouse brake off --for 2h --why \"the office closes, ticket 1816\"
  gatehouse brake on --why \"all of them have left\"

A run that is held asks again by itself, every 15 minutes at least.")]
pub enum Command {
    /// Show the limit, how many have begun to leave, and which runs wait
    Show {
        /// Tenant [default: all]
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        format: OutputArgs,
    },
    /// Let so many more people leave than the limit allows
    ///
    /// Whichever runs ask first may pass. What is allowed does not lapse.
    Allow {
        /// How many
        number: NonZeroU32,
        #[command(flatten)]
        args: DeedArgs,
    },
    /// Let everybody leave for a time
    #[command(group = clap::ArgGroup::new("end").required(true))]
    Off {
        /// For how long, such as 90m, 12h or 2d
        #[arg(long = "for", value_name = "DELAY", group = "end")]
        lasts: Option<Delay>,
        /// Until when (RFC 3339)
        #[arg(long, value_name = "TIME", group = "end")]
        until: Option<Timestamp>,
        #[command(flatten)]
        args: DeedArgs,
    },
    /// Let nobody leave above the limit again, before the time has passed
    On {
        #[command(flatten)]
        args: DeedArgs,
    },
}

/// The tenant, the operator and the reason.
#[derive(clap::Args)]
pub struct DeedArgs {
    /// Tenant [default: the only one]
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    format: OutputArgs,
}

/// The brake of a tenant, for people and scripts.
#[derive(Serialize)]
struct Shown {
    tenant: String,
    /// Nothing if the settings have switched it off.
    limit: Option<u32>,
    window_seconds: u64,
    /// How many people the limit follows from, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<u64>,
    admitted: usize,
    allowance: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    off_until: Option<Timestamp>,
    #[serde(skip)]
    setting: String,
}

/// What an operator does.
#[derive(Clone, Copy)]
struct Deed {
    change: BrakeChange,
    allow: Option<NonZeroU32>,
    until: Option<Timestamp>,
}

pub async fn run(command: Command, config: Config) -> Result<ExitCode, CommandError> {
    let now = Timestamp::now();
    let deed = |change| Deed { change, allow: None, until: None };
    match command {
        Command::Show { tenant, format } => show(&config, tenant.as_deref(), format.output).await,
        Command::Allow { number, args } => {
            let deed = Deed { allow: Some(number), ..deed(BrakeChange::Allowed) };
            act(&config, args, deed, now).await
        }
        Command::Off { lasts, until, args } => {
            let lasts = lasts.map(|lasts| now.checked_add(lasts.duration()).unwrap_or(Timestamp::MAX));
            let until = until.or(lasts);
            if until.is_none_or(|until| until <= now) {
                return Err(CommandError::Input(
                    "the brake would be off until a time that has passed".into(),
                ));
            }
            act(&config, args, Deed { until, ..deed(BrakeChange::Off) }, now).await
        }
        Command::On { args } => act(&config, args, deed(BrakeChange::On), now).await,
    }
}

async fn show(config: &Config, tenant: Option<&str>, format: Format) -> Result<ExitCode, CommandError> {
    let brakes = brakes(config)?;
    if let Some(name) = tenant {
        named(&brakes, Some(name))?;
    }
    let client = super::ledger::read(config).await?;
    let directories = config.directories()?;
    let mut all = Vec::new();
    for (name, brake) in brakes.iter().filter(|(name, _)| tenant.is_none_or(|tenant| tenant == *name)) {
        let limit = brake.limit().await.map(|it| it.limit);
        let members = brake.members().await;
        let window = brake.settings().window().as_secs();
        let keys = directories.get(name).map(Directory::tenant).unwrap_or_default();
        let window_of_claims = u32::try_from(window).unwrap_or(u32::MAX);
        let stands = client.book().ledger().brake_of(&keys, Timestamp::now(), window_of_claims);
        let BrakeState { admitted, allowance, off_until } = stands;
        let (tenant, setting) = (name.to_owned(), brake.settings().limit().to_string());
        let window_seconds = window;
        all.push(Shown { tenant, limit, window_seconds, members, admitted, allowance, off_until, setting });
    }
    let waiting = super::ledger::braked(client.book().ledger());
    if format == Format::Json {
        print::json(&json!({ "tenants": all, "waiting": waiting }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for shown in &all {
        print::lines(&shown.lines())?;
    }
    let whose = if brakes.iter().count() > 1 { ", of all tenants" } else { "" };
    print::lines(&format!("waiting{whose}: {}", waiting.len()))?;
    for run in &waiting {
        print::lines(&run.line())?;
    }
    if !waiting.is_empty() {
        print::lines("`gatehouse runs cancel RUN --why ...` drops one of them")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Does it, once it is reported.
async fn act(config: &Config, args: DeedArgs, deed: Deed, now: Timestamp) -> Result<ExitCode, CommandError> {
    let brakes = brakes(config)?;
    let (tenant, brake) = named(&brakes, args.tenant.as_deref())?;
    let directories = config.directories()?;
    let keys = directories.get(tenant).map(Directory::tenant).unwrap_or_default();
    let ledger = super::ledger::read(config).await?;
    announce(config, tenant, &args.said, deed, now).await?;
    let until = deed.until.or((deed.change == BrakeChange::On).then_some(now));
    let record = ledger::Brake { tenant: keys, allow: deed.allow.map_or(0, NonZeroU32::get), until };
    ledger.brake(record).await.map_err(|error| {
        CommandError::Input(format!("it was reported and is not done ({error}); give the command again"))
    })?;
    match args.format.output {
        Format::Json => print::json(&json!({
            "tenant": tenant, "change": deed.change, "allow": deed.allow, "until": deed.until,
        }))?,
        Format::Human => print::lines(&deed.line(tenant, brake))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reports what an operator is about to do.
async fn announce(
    config: &Config,
    tenant: &str,
    said: &Said,
    deed: Deed,
    at: Timestamp,
) -> Result<(), CommandError> {
    let settings = config.broker()?;
    let user = settings.user()?;
    let data = OperatorBrakeChanged {
        at,
        change: deed.change,
        allow: deed.allow.map(NonZeroU32::get),
        until: deed.until,
        by: user.clone(),
        name: Some(said.name()),
        why: said.why.clone(),
    };
    let cause = Cause { tenant: Some(tenant.to_owned()), ..Cause::default() };
    super::announce(&settings, &user, cause, at, data).await
}

fn brakes(config: &Config) -> Result<Brakes, CommandError> {
    Ok(Brakes::new(config.brakes(), &Tenants::as_far_as_usable(config, &unobserved)?))
}

/// The brake of this tenant, or of the only one.
fn named<'a>(brakes: &'a Brakes, name: Option<&str>) -> Result<(&'a str, &'a Brake), CommandError> {
    let known: Vec<_> = brakes.iter().map(|(name, _)| name).collect();
    let found = brakes.of(name).filter(|_| name.is_some() || known.len() == 1);
    found.ok_or_else(|| {
        let known = known.join(", ");
        let text = match name {
            Some(name) => format!("there is no tenant `{name}`; known: {known}"),
            None => format!("name one of the tenants with --tenant: {known}"),
        };
        ConfigError::Invalid(text).into()
    })
}

impl Shown {
    /// The brake in lines of at most 80 columns.
    fn lines(&self) -> String {
        let window = brake::words(u32::try_from(self.window_seconds).unwrap_or(u32::MAX));
        let limit = match (self.limit, self.setting.as_str(), self.members) {
            (None, ..) => "none: the settings say off".to_owned(),
            (Some(limit), "auto", Some(members)) => {
                format!("{limit} within {window}, by {members} enabled members")
            }
            (Some(limit), "auto", None) => format!("{limit} within {window}: the members cannot be counted"),
            (Some(limit), ..) => format!("{limit} within {window}"),
        };
        let off = self.off_until.map_or_else(|| "no".to_owned(), |until| format!("until {until:.0}"));
        format!(
            "tenant {}\n  limit     {limit}\n  admitted  {} within {window}\n  allowed   {} more\n  off       {off}",
            self.tenant, self.admitted, self.allowance
        )
    }
}

impl Deed {
    /// What was done, in lines of at most 80 columns.
    fn line(&self, tenant: &str, brake: &Brake) -> String {
        let (_, most) = brake.settings().delays();
        let again = brake::words(u32::try_from(most.as_secs()).unwrap_or(u32::MAX));
        let done = match (self.change, self.allow, self.until) {
            (BrakeChange::Allowed, Some(number), _) => format!("tenant {tenant}: {number} more may leave"),
            (BrakeChange::Off, _, Some(until)) => {
                format!("tenant {tenant}: the brake is off until {until:.0}")
            }
            _ => return format!("tenant {tenant}: the brake is on"),
        };
        format!("{done}\nRuns that wait ask again within {again}")
    }
}
