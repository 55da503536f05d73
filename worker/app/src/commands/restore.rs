//! `gatehouse restore RUN`: shows what a run took and what of it can come back, and gives it back on request.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use messages::{Event, EventKind, Incoming, Request, TakenKind};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{CommandError, OutputArgs, plan, publish};
use crate::print::{self, Format};
use crate::runs::snapshots::{Snapshot, Snapshots};
use crate::settings::Config;

/// Arguments of `gatehouse restore`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse restore 4a13d646-2c5e-5aad-9782-3c0f47b4512d
  gatehouse restore 4a13d646-2c5e-5aad-9782-3c0f47b4512d --kinds license,membership
  gatehouse restore 4a13d646-2c5e-5aad-9782-3c0f47b4512d --apply

Without --apply nothing is changed. With it an event restore.requested is published,
and its run is followed to its end. Exits with 1 unless that run succeeds: what cannot
come back is listed, and makes it partial if somebody still has to act.")]
pub struct Args {
    /// Id of the run that took something away
    run: Uuid,
    /// What to give back, separated by commas [default: everything]
    #[arg(long, value_delimiter = ',', value_parser = kind)]
    kinds: Vec<TakenKind>,
    /// Object id of the account, if the run took something from several
    #[arg(long)]
    person: Option<String>,
    /// Give it back
    #[arg(long)]
    apply: bool,
    /// Longest wait for the run, in seconds
    #[arg(long, default_value_t = 300, requires = "apply", value_name = "SECONDS")]
    timeout: u64,
    #[command(flatten)]
    format: OutputArgs,
}

/// Reads a kind, or names all.
fn kind(word: &str) -> Result<TakenKind, String> {
    TakenKind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| {
        format!("there is no kind `{word}`; use {}", TakenKind::ALL.map(TakenKind::as_str).join(", "))
    })
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let snapshots = Snapshots::new(config.broker()?, config.snapshot_seal()?);
    let found = snapshots.of(args.run).await.map_err(|failure| CommandError::Input(failure.message))?;
    let snapshot = found.ok_or_else(|| {
        CommandError::Input(format!(
            "run {} took nothing away, or that is no longer kept: snapshots are kept for {} days",
            args.run,
            snapshots.kept_days()
        ))
    })?;
    let user = args.account(&snapshot)?;
    let format = args.format.output;
    if format == Format::Human {
        print::fitted(&taken(&snapshot, &user, args.run))?;
    }
    let (event, text) = args.event(&snapshot, &user)?;
    if args.apply {
        let wait = Some(Duration::from_secs(args.timeout));
        return publish::send(&[(event, text)], None, wait, &config, format).await;
    }
    let Request::Person(request) = &event.request else {
        return Err(CommandError::Input("a restore is about a person".to_owned()));
    };
    let code = plan::show(&event, request, &config, format).await?;
    if format == Format::Human {
        print::fitted(&format!("`gatehouse restore {} --apply` gives it back", args.run))?;
    }
    Ok(code)
}

impl Args {
    /// The account from which the run took something.
    fn account(&self, snapshot: &Snapshot) -> Result<String, CommandError> {
        if let Some(person) = &self.person {
            return Ok(person.clone());
        }
        let mut users: Vec<_> = snapshot.things.iter().map(|thing| thing.taken.user.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        match users.as_slice() {
            [user] => Ok((*user).to_owned()),
            several => Err(CommandError::Input(format!(
                "the run took something from {} accounts; name one with --person: {}",
                several.len(),
                several.join(", ")
            ))),
        }
    }

    /// The event that asks for the restore.
    fn event(&self, snapshot: &Snapshot, user: &str) -> Result<(Event, String), CommandError> {
        let mode = if self.apply { "apply" } else { "plan" };
        let kinds = (!self.kinds.is_empty()).then(|| ("kinds".to_owned(), json!(self.kinds)));
        let data = [
            ("person".to_owned(), json!({ "entra_id": user })),
            ("run_id".to_owned(), json!(self.run)),
            ("mode".to_owned(), json!(mode)),
        ];
        let data: Map<_, _> = data.into_iter().chain(kinds).collect();
        let tenant = snapshot.tenant.iter().map(|tenant| ("tenant".to_owned(), json!(tenant)));
        let attributes = [
            ("specversion", json!("1.0")),
            ("id", json!(format!("restore-{}", Uuid::new_v4()))),
            ("source", json!("/gatehouse/operator")),
            ("type", json!(EventKind::Restore.event_type())),
            ("time", json!(Timestamp::now())),
            ("data", Value::Object(data)),
        ];
        let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
        let event = Value::Object(attributes.chain(tenant).collect());
        let text = event.to_string();
        let content_type = Some(messages::CLOUDEVENT_CONTENT_TYPE);
        let incoming = Incoming { content_type, routing_key: None, headers: &[], body: text.as_bytes() };
        let event = messages::decode(&incoming).map_err(|error| CommandError::Input(error.to_string()))?;
        Ok((event, text))
    }
}

/// What a run took from an account: how many of each kind.
fn taken(snapshot: &Snapshot, user: &str, run: Uuid) -> String {
    let mut counts: BTreeMap<TakenKind, (usize, usize)> = BTreeMap::new();
    for thing in snapshot.things.iter().filter(|thing| thing.taken.user == user) {
        let (count, unknown) = counts.entry(thing.taken.kind).or_default();
        *count += 1;
        *unknown += usize::from(thing.lacks.is_some());
    }
    let mut lines = vec![format!("Run {run} of workflow {} took from user {user}:", snapshot.workflow)];
    for (kind, (count, unknown)) in counts {
        let unknown =
            if unknown > 0 { format!(", {unknown} of them without their texts") } else { String::new() };
        lines.push(format!("  {:<22} {count}{unknown}", kind.as_str()));
    }
    lines.join("\n")
}
