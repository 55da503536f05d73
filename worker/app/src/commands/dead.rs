//! `gatehouse dead ...`: lists, shows, replays and discards dead letters.

use std::io;
use std::num::NonZeroU32;
use std::process::ExitCode;

use broker::{DeadLetters, Entry, Filter, Message, Origin, Outgoing, Report, Selection};
use jiff::Timestamp;
use messages::{
    Cause, Continuation, OperatorAction, OperatorDiscarded, OperatorReplayed, ResultData, ResultEvent,
};
use serde_json::{Value, json};

use super::{CommandError, OutputArgs};
use crate::delivery::outbox;
use crate::delivery::queues::WORKFLOWS;
use crate::print::{self, Format};
use crate::settings::Config;

/// Lists, shows, replays and discards dead letters.
#[derive(clap::Subcommand)]
#[command(after_help = "\
Examples:
  gatehouse dead list
  gatehouse dead show 6f0a8a6c-1b5e-5f0e-9d4c-0c2f5fd54f27
  gatehouse dead replay --all --class retries_exhausted --why \"Graph is back\"
  gatehouse dead discard 6f0a8a6c-1b5e-5f0e-9d4c-0c2f5fd54f27 --why \"by mistake\"")]
pub enum Command {
    /// List dead letters, oldest first
    List {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        format: OutputArgs,
    },
    /// Show one dead letter with its message
    Show {
        /// Id of the dead letter
        id: String,
        /// Queue in which the message failed, or `unrouted`
        #[arg(long, default_value = WORKFLOWS)]
        queue: String,
        #[command(flatten)]
        format: OutputArgs,
    },
    /// Return dead letters to their work queue; a run resumes where it failed
    Replay {
        #[command(flatten)]
        work: Work,
        /// Work queue to replay to [default: the queue in which each message failed]
        #[arg(long, value_name = "QUEUE")]
        to: Option<String>,
        /// Also replay runs that carry out an approved plan: what is left of them counts as approved
        #[arg(long)]
        approved: bool,
        /// Only list the dead letters that would be replayed
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete dead letters permanently
    Discard {
        #[command(flatten)]
        work: Work,
    },
}

/// Filters for dead letters. A dead letter must match all of them.
#[derive(clap::Args)]
pub struct Which {
    /// Queue in which they failed, or `unrouted` for messages that no queue accepted
    #[arg(long, default_value = WORKFLOWS)]
    queue: String,
    /// Only dead letters of this class
    #[arg(long)]
    class: Option<String>,
    /// Only dead letters that failed in this step
    #[arg(long)]
    step: Option<String>,
    /// Only dead letters set aside before this time (RFC 3339)
    #[arg(long)]
    before: Option<Timestamp>,
}

/// The dead letters to act on, the pace, the operator and the reason.
#[derive(clap::Args)]
pub struct Work {
    /// Ids, as shown by `dead list`
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// Every dead letter that matches the filters
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: Which,
    /// Maximum number of dead letters
    #[arg(long)]
    limit: Option<usize>,
    /// Maximum number of dead letters per second
    #[arg(long, default_value = "10")]
    rate: NonZeroU32,
    /// Reason to record in the result event
    #[arg(long)]
    why: Option<String>,
    /// Name to record beside your user in the broker [default: your login name]
    #[arg(long)]
    by: Option<String>,
    #[command(flatten)]
    format: OutputArgs,
}

pub async fn run(command: Command, config: Config) -> Result<ExitCode, CommandError> {
    match command {
        Command::List { which, format } => {
            let dead = DeadLetters::open(&config.broker()?, &which.queue).await?;
            let letters = dead.list_with(&which.filter(Vec::new()), Origination::of).await;
            dead.close().await;
            show_list(&letters?, format.output)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Show { id, queue, format } => {
            let dead = DeadLetters::open(&config.broker()?, &queue).await?;
            let found = dead.get(&id).await;
            dead.close().await;
            match found? {
                Some((entry, message)) => {
                    show_one(&entry, &message, format.output).map(|()| ExitCode::SUCCESS)
                }
                None => Err(CommandError::Input(format!(
                    "queue {queue} has no dead letter with the id {id}; `gatehouse dead list` shows the ids"
                ))),
            }
        }
        Command::Replay { work, to, dry_run: true, .. } => {
            let which = &work.which;
            let dead = DeadLetters::open(&config.broker()?, &which.queue).await?;
            let letters = dead.list_with(&which.filter(work.ids.clone()), Origination::of).await;
            dead.close().await;
            let letters = letters?;
            let target = to.as_deref().unwrap_or("the queue in which each failed");
            show_list(&letters, work.format.output)?;
            eprintln!("{} would be replayed to {target}; this dry run replayed none", letters.len());
            Ok(ExitCode::SUCCESS)
        }
        Command::Replay { work, to, approved, dry_run: false } => {
            let dead = DeadLetters::open(&config.broker()?, &work.which.queue).await?;
            super::report_alarms(dead.blocked());
            let refuse =
                |message: &Message| (!approved && is_approved(message)).then(|| NOT_APPROVED.to_owned());
            let user = config.broker()?.user()?;
            let announce =
                |entry: &Entry| work.announce(entry, &user, |action| OperatorReplayed(action).into());
            let report = dead.replay(&work.selection(), to.as_deref(), refuse, announce).await;
            dead.close().await;
            work.show_report("replayed", &report?)
        }
        Command::Discard { work } => {
            let dead = DeadLetters::open(&config.broker()?, &work.which.queue).await?;
            super::report_alarms(dead.blocked());
            let user = config.broker()?.user()?;
            let report = dead
                .discard(&work.selection(), |entry| {
                    work.announce(entry, &user, |action| OperatorDiscarded(action).into())
                })
                .await;
            dead.close().await;
            work.show_report("discarded", &report?)
        }
    }
}

/// The result event that reports what an operator did to a dead letter.
pub(super) fn announcement(
    entry: &Entry,
    queue: &str,
    user: &str,
    (name, why): (String, Option<String>),
    data: impl Fn(OperatorAction) -> ResultData,
) -> Option<Outgoing> {
    let run_id = entry.properties.correlation_id.as_deref().and_then(|id| id.parse().ok());
    let action = OperatorAction {
        message_id: entry.id.clone(),
        run_id,
        queue: queue.to_owned(),
        by: user.to_owned(),
        name: Some(name),
        why,
        dead_class: Some(entry.letter.class.clone()),
        replays: entry.letter.replays.saturating_add(1),
    };
    let announced = outbox::result(&ResultEvent::new(Cause::default(), Timestamp::now(), data(action)))?;
    // The broker refuses any user but that of the connection.
    Some(announced.published_by(user))
}

impl Which {
    fn filter(&self, ids: Vec<String>) -> Filter {
        Filter { ids, class: self.class.clone(), step: self.step.clone(), before: self.before }
    }
}

impl Work {
    fn selection(&self) -> Selection {
        let filter = self.which.filter(self.ids.clone());
        Selection { filter, limit: self.limit, per_second: self.rate }
    }

    /// The result event that reports the action: operator, message, reason.
    fn announce(
        &self,
        entry: &Entry,
        user: &str,
        data: impl Fn(OperatorAction) -> ResultData,
    ) -> Option<Outgoing> {
        let (name, why) = (self.by.clone().unwrap_or_else(login_name), self.why.clone());
        announcement(entry, &self.which.queue, user, (name, why), data)
    }

    fn show_report(&self, done: &str, report: &Report) -> Result<ExitCode, CommandError> {
        let missing: Vec<_> = self.ids.iter().filter(|id| !report.done.contains(id)).collect();
        let failed: Vec<_> = report.failed.iter().map(|(id, error)| (id, error.to_string())).collect();
        let stopped = report.stopped.as_ref().map(ToString::to_string);
        if self.format.output == Format::Json {
            print::json(&json!({
                done: report.done, "examined": report.examined, "failed": failed, "stopped": stopped, "missing": missing,
            }))?;
        } else {
            print::lines(&format!("{done} {} of {} dead letters", report.done.len(), report.examined))?;
            for (id, error) in &failed {
                print::lines(&format!("  {id} not {done}: {error}"))?;
            }
            for id in missing.iter().filter(|id| failed.iter().all(|(failed, _)| failed != *id)) {
                print::lines(&format!("  {id} not found"))?;
            }
            if let Some(error) = &stopped {
                print::lines(&format!("  stopped early: {error}; the last message may exist twice"))?;
            }
        }
        Ok(super::verdict(failed.is_empty() && missing.is_empty() && stopped.is_none()))
    }
}

/// The event of a dead letter, as far as its message says.
#[derive(Clone, Debug, Default, PartialEq)]
struct Origination {
    id: Option<String>,
    source: Option<String>,
}

impl Origination {
    fn of(message: &Message) -> Self {
        let body: Value = serde_json::from_slice(&message.body).unwrap_or_default();
        // The message of a run that resumes holds its event.
        let event = body.get("event").unwrap_or(&body);
        let attribute = |name: &str| {
            let in_body = event.get(name).and_then(Value::as_str);
            // CloudEvents over AMQP in binary mode.
            let headers = [format!("cloudEvents:{name}"), format!("cloudEvents_{name}")];
            let in_headers = || {
                headers.iter().find_map(|name| match message.headers.get(name)? {
                    broker::Value::Text(text) => Some(text.as_str()),
                    _ => None,
                })
            };
            in_body.or_else(in_headers).map(str::to_owned)
        };
        Self { id: attribute("id"), source: attribute("source") }
    }

    fn line(&self, entry: &Entry) -> String {
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
        format!("event {} of {}, key {}", word(&self.id), word(&self.source), key(entry))
    }
}

/// The routing key under which a message was published.
fn key(entry: &Entry) -> &str {
    match &entry.origin {
        Origin::Publisher { routing_key, .. } => routing_key,
        Origin::Worker => &entry.routing_key,
    }
}

fn show_list(letters: &[(Entry, Origination)], format: Format) -> Result<(), CommandError> {
    if format == Format::Json {
        for (entry, event) in letters {
            print::json(&described(entry, event))?;
        }
        return Ok(());
    }
    if letters.is_empty() {
        return Ok(print::lines("no dead letters")?);
    }
    let now = Timestamp::now();
    let mut rows = vec![["Id", "Class", "Step", "Age", "Replays"].map(str::to_owned)];
    rows.extend(letters.iter().map(|(entry, _)| {
        let letter = &entry.letter;
        let step = letter.step.clone().unwrap_or_else(|| "-".to_owned());
        let age = letter.at.map_or_else(|| "-".to_owned(), |at| age(now, at));
        [entry.id.clone(), letter.class.clone(), step, age, letter.replays.to_string()]
    }));
    let lines = print::aligned(&rows);
    let (header, lines) = lines.split_first().ok_or_else(|| io::Error::other("a table without a header"))?;
    print::lines(header)?;
    for (line, (entry, event)) in lines.iter().zip(letters) {
        print::lines(line)?;
        print::indented(&entry.letter.reason)?;
        print::indented(&event.line(entry))?;
    }
    Ok(())
}

fn show_one(entry: &Entry, message: &Message, format: Format) -> Result<(), CommandError> {
    let body = String::from_utf8_lossy(&message.body);
    let parsed: Option<Value> = serde_json::from_str(&body).ok();
    let event = Origination::of(message);
    let mut described = described(entry, &event);
    if let Some(fields) = described.as_object_mut() {
        fields.insert("body".to_owned(), parsed.unwrap_or_else(|| json!(body)));
    }
    if format == Format::Json {
        return Ok(print::json(&described)?);
    }
    for line in [
        format!("id         {}", entry.id),
        format!("event      {}", event.id.as_deref().unwrap_or("-")),
        format!("source     {}", event.source.as_deref().unwrap_or("-")),
        format!("key        {}", key(entry)),
        format!("class      {}", entry.letter.class),
        format!("reason     {}", entry.letter.reason),
        format!("step       {}", entry.letter.step.as_deref().unwrap_or("-")),
        format!("set aside  {}", entry.letter.at.map_or_else(|| "-".to_owned(), |at| at.to_string())),
        format!(
            "attempts   {}",
            entry.letter.attempts.map_or_else(|| "-".to_owned(), |attempts| attempts.to_string())
        ),
        format!("replays    {}", entry.letter.replays),
        format!(
            "Graph      status {}, request {}",
            status(entry),
            entry.letter.request_id.as_deref().unwrap_or("-")
        ),
        format!("worker     {}", entry.letter.worker.as_deref().unwrap_or("-")),
        format!("origin     {}", origin_line(&entry.origin)),
    ] {
        print::lines(&line)?;
    }
    if let Some(whole) = &entry.letter.whole {
        print::lines(&format!(
            "kept       the first {} of {} bytes, whose SHA-256 is {}",
            entry.bytes, whole.bytes, whole.sha256
        ))?;
    }
    if entry.origin == Origin::Worker && is_continuation(message) {
        print::lines("on replay  the run resumes from the progress in the message")?;
    }
    let pretty = described.get("body").and_then(|body| serde_json::to_string_pretty(body).ok());
    Ok(print::lines(&pretty.unwrap_or_default())?)
}

fn is_continuation(message: &Message) -> bool {
    message.properties.content_type.as_deref() == Some(Continuation::CONTENT_TYPE)
}

const NOT_APPROVED: &str = "the run carries out a plan that was approved as a whole, and what is left is another plan; \
    look at it with `gatehouse dead show`, and give --approved to replay it";

/// Whether the message is of a run that carries out a plan which its publisher approved.
fn is_approved(message: &Message) -> bool {
    let body: Value = serde_json::from_slice(&message.body).unwrap_or_default();
    let progress = body.get("progress").filter(|_| is_continuation(message));
    let expects = body.pointer("/event/data/expected_plan").is_some();
    match progress.map(|progress| progress.get("approved").and_then(Value::as_bool)) {
        None => false,
        // A worker of the version before began only what was approved.
        Some(None) => expects,
        Some(Some(approved)) => approved,
    }
}

fn origin_line(origin: &Origin) -> String {
    match origin {
        Origin::Worker => "written by a worker".to_owned(),
        Origin::Publisher { exchange, routing_key, user } => {
            let user = user.as_ref().map(|user| format!(" by the broker user {user}")).unwrap_or_default();
            format!("published to {exchange} with the key {routing_key}{user}")
        }
    }
}

fn origin_fields(origin: &Origin) -> Value {
    match origin {
        Origin::Worker => json!({ "writer": "worker" }),
        Origin::Publisher { exchange, routing_key, user } => json!({
            "writer": "publisher", "exchange": exchange, "routing_key": routing_key, "user": user,
        }),
    }
}

fn status(entry: &Entry) -> String {
    entry.letter.http_status.map_or_else(|| "-".to_owned(), |status| status.to_string())
}

fn described(entry: &Entry, event: &Origination) -> Value {
    let letter = &entry.letter;
    json!({
        "id": entry.id,
        "event_id": event.id,
        "event_source": event.source,
        "class": letter.class,
        "reason": letter.reason,
        "queue": letter.queue,
        "step": letter.step,
        "at": letter.at,
        "first_failed_at": letter.first_failed_at,
        "attempts": letter.attempts,
        "replays": letter.replays,
        "http_status": letter.http_status,
        "request_id": letter.request_id,
        "worker": letter.worker,
        "origin": origin_fields(&entry.origin),
        "fingerprint": letter.fingerprint(),
        "message_type": entry.properties.kind,
        "routing_key": entry.routing_key,
        "bytes": entry.bytes,
        "whole": letter.whole.as_ref().map(|whole| json!({ "bytes": whole.bytes, "sha256": whole.sha256 })),
    })
}

/// The age in its largest unit.
fn age(now: Timestamp, at: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

pub(super) fn login_name() -> String {
    let name =
        std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).or_else(|_| std::env::var("LOGNAME"));
    name.unwrap_or_else(|_| "unknown".to_owned())
}
