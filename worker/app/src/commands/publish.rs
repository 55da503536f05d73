//! `gatehouse publish FILE...`: publishes events and, on request, follows their runs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use broker::{Outgoing, Properties};
use jiff::Timestamp;
use messages::{Event, KnownState, ResultData, ResultEvent, SyncState};
use outcome::State;
use uuid::Uuid;

use super::{CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;

/// Arguments of `gatehouse publish`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  gatehouse publish hire.json
  gatehouse publish --now example.json
  gatehouse publish --wait hire.json leaver.json
  gatehouse publish --wait --timeout 600 --output json - < leaver.json

With --wait, exits with 1 unless every run succeeds or is planned in time. A run whose next stage is due after
that time is followed no further and counts as well done.")]
pub struct Args {
    /// Files with events, CloudEvents in JSON; - for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Set the time of each event to now
    #[arg(long)]
    now: bool,
    /// Follow each run to its end and print its steps
    #[arg(long)]
    wait: bool,
    /// Longest wait for all runs, in seconds
    #[arg(long, default_value_t = 300, requires = "wait", value_name = "SECONDS")]
    timeout: u64,
    #[command(flatten)]
    format: OutputArgs,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let events = args.files.iter().map(|file| super::read_event(file)).collect::<Result<Vec<_>, _>>()?;
    let now = args.now.then(Timestamp::now);
    let wait = args.wait.then(|| Duration::from_secs(args.timeout));
    send(&events, now, wait, &config, args.format.output).await
}

/// Publishes events, with another time if one is given, and follows their runs for so long if it is to wait.
pub(super) async fn send(
    events: &[(Event, String)],
    now: Option<Timestamp>,
    wait: Option<Duration>,
    config: &Config,
    format: Format,
) -> Result<ExitCode, CommandError> {
    let settings = config.broker()?;
    let user = settings.user()?;
    let client = broker::Client::connect(&settings).await?;
    super::report_alarms(client.publisher().blocked());
    // Subscribes before it publishes the first event, so no result can be missed.
    let mut results = if wait.is_some() { Some(client.results(&["#"]).await?) } else { None };
    let mut waiting = BTreeSet::new();
    for (event, text) in events {
        client.publisher().publish(&outgoing(event, text, now).published_by(&user)).await?;
        waiting.insert(event.run_id());
        if format == Format::Human {
            let text = format!("published {} as run {}", event.kind.event_type(), event.run_id());
            print::fitted(&text)?;
        } else if wait.is_none() {
            print::json(
                &serde_json::json!({ "id": event.id, "source": event.source, "run_id": event.run_id() }),
            )?;
        }
    }
    let mut well = true;
    if let Some((results, limit)) = results.as_mut().zip(wait) {
        let ends = Timestamp::now().checked_add(limit).unwrap_or(Timestamp::MAX);
        let following = follow(results, &mut waiting, ends, format);
        let followed = tokio::time::timeout(limit, following).await;
        well = match followed {
            Ok(well) => well?,
            Err(_) => {
                for run_id in &waiting {
                    eprintln!("gatehouse: run {run_id} still goes on after {} s", limit.as_secs());
                }
                false
            }
        };
    }
    client.close().await;
    Ok(super::verdict(well))
}

/// Prints the results of the runs until each of them has ended or sleeps until after `ends`.
async fn follow(
    results: &mut broker::Results,
    waiting: &mut BTreeSet<Uuid>,
    ends: Timestamp,
    format: Format,
) -> Result<bool, CommandError> {
    let mut well = true;
    let several = waiting.len() > 1;
    while !waiting.is_empty() {
        let message = results.next().await?;
        let Ok(result) = ResultEvent::from_bytes(&message.body) else { continue };
        let Some(run_id) = result.data.run_id().filter(|run_id| waiting.contains(run_id)) else {
            continue;
        };
        if format == Format::Json {
            let value: serde_json::Value = serde_json::from_slice(&message.body).unwrap_or_default();
            print::json(&value)?;
        }
        let Some(news) = News::of(&result.data, several, ends) else { continue };
        if news.is_last {
            waiting.remove(&run_id);
        }
        well &= news.is_well;
        if format == Format::Human {
            print::fitted(&news.text)?;
        }
    }
    Ok(well)
}

/// What a result says about a run that is followed.
struct News {
    text: String,
    /// Whether nothing more is to be waited for.
    is_last: bool,
    is_well: bool,
}

impl News {
    /// Nothing for results that are about no run, or about rows of a sync.
    fn of(data: &ResultData, several: bool, ends: Timestamp) -> Option<Self> {
        let (text, is_last, is_well) = match data {
            ResultData::StepFinished(step) if several => {
                (format!("[{:.8}]{}", step.run_id.to_string(), print::step_line(step)), false, true)
            }
            ResultData::StepFinished(step) => (print::step_line(step), false, true),
            ResultData::RunPlanned(plan) => {
                let (table, date) = (print::plan_table(&plan.steps), print::plan_date(plan));
                (format!("run {} planned\n{table}\n{date}digest {}", plan.run_id, plan.digest), true, true)
            }
            // A stage that waits for its time follows stages that succeeded; a step that waits is undone.
            ResultData::RunWaiting(run) => {
                let is_last = run.until > ends;
                (print::waiting_lines(run), is_last, !is_last || run.steps.is_empty())
            }
            ResultData::RunFinished(run) => (print::run_line(run), true, run.state == State::Succeeded),
            // A run that has not ended is followed to its end.
            ResultData::EventDuplicate(event) => {
                let is_last = event.state != KnownState::Open;
                (print::duplicate_line(event), is_last, !is_last || event.state == KnownState::Done)
            }
            // What is left of the sync is unknown.
            ResultData::SyncWaiting(sync) => {
                let is_last = sync.until > ends;
                (print::sync_waiting_line(sync), is_last, !is_last)
            }
            ResultData::SyncFinished(sync) => {
                (print::sync_lines(sync), true, sync.state == SyncState::Succeeded)
            }
            ResultData::SyncPage(_)
            | ResultData::DeadLetterAdded(_)
            | ResultData::RunSnapshot(_)
            | ResultData::OperatorReplayed(_)
            | ResultData::OperatorDiscarded(_)
            | ResultData::OperatorAllowed(_)
            | ResultData::OperatorBrakeChanged(_)
            | ResultData::OperatorRunCancelled(_) => return None,
        };
        Some(Self { text, is_last, is_well })
    }
}

/// The event as it was written, or with another time.
fn outgoing(event: &Event, text: &str, now: Option<Timestamp>) -> Outgoing {
    let text = now.map_or_else(
        || text.to_owned(),
        |now| {
            let mut event = event.raw.clone();
            if let Some(attributes) = event.as_object_mut() {
                attributes.insert("time".to_owned(), now.to_string().into());
            }
            event.to_string()
        },
    );
    Outgoing::event(event.kind.routing_key(), text).with_properties(Properties {
        content_type: Some(messages::CLOUDEVENT_CONTENT_TYPE.to_owned()),
        message_id: Some(event.id.clone()).filter(|id| id.len() <= 255),
        kind: Some(event.kind.event_type().to_owned()),
        timestamp: Some(now.unwrap_or(event.time)),
        ..Properties::default()
    })
}
