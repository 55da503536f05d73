//! Replaying and discarding: which dead letters, how fast, by whom, and what is reported of it.

use std::io::{self, IsTerminal as _};
use std::num::NonZeroU32;
use std::process::ExitCode;

use broker::{DeadLetters, Entry, Filter, Message, Outgoing, Report, Selection};
use jiff::Timestamp;
use messages::{Cause, OperatorAction, OperatorDiscarded, OperatorReplayed, ResultData, ResultEvent};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::facts::is_continuation;
use super::filter::{Classes, Which};
use super::list::{listed, only_tenant};
use super::show;
use super::stop::stopping;
use crate::commands::{CommandError, OutputArgs, report_alarms, verdict};
use crate::delivery::outbox;
use crate::print::{self, Format};
use crate::settings::Config;

/// The dead letters to act on, the pace, the operator and the reason.
#[derive(clap::Args)]
pub struct Work {
    /// Ids, as shown by `dead list`
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub ids: Vec<String>,
    /// Every dead letter that matches the filters
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    pub which: Which,
    /// Maximum number of dead letters
    #[arg(long)]
    pub limit: Option<usize>,
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
    pub format: OutputArgs,
}

/// Sends dead letters back to work.
pub(super) async fn replay(
    work: &Work,
    to: Option<&str>,
    approved: bool,
    config: &Config,
) -> Result<ExitCode, CommandError> {
    let settings = config.broker()?;
    let dead = DeadLetters::open(&settings, &work.which.queue).await?;
    report_alarms(dead.blocked());
    let refuse = |message: &Message| (!approved && is_approved(message)).then(|| NOT_APPROVED.to_owned());
    let user = settings.user()?;
    let announce = |entry: &Entry| work.announce(entry, &user, |action| OperatorReplayed(action).into());
    let (filter, classes) = work.filter(config);
    let report =
        stopping(async |stop| dead.replay(&work.selection(filter, stop), to, refuse, announce).await);
    let report = report.await;
    dead.close().await;
    work.show_report("replayed", &report??, &classes)
}

/// Deletes dead letters, if the operator is sure.
pub(super) async fn discard(work: &Work, yes: bool, config: &Config) -> Result<ExitCode, CommandError> {
    let settings = config.broker()?;
    let dead = DeadLetters::open(&settings, &work.which.queue).await?;
    report_alarms(dead.blocked());
    let user = settings.user()?;
    // What comes in while the operator thinks is not meant.
    let limit = match yes {
        true => work.limit,
        false => match work.is_sure(&dead, config).await {
            Ok(counted) => Some(counted),
            Err(error) => {
                dead.close().await;
                return Err(error);
            }
        },
    };
    let (filter, classes) = work.filter(config);
    let report = stopping(async |stop| {
        let selection = Selection { limit, ..work.selection(filter, stop) };
        let announce = |entry: &Entry| work.announce(entry, &user, |action| OperatorDiscarded(action).into());
        dead.discard(&selection, announce).await
    });
    let report = report.await;
    dead.close().await;
    work.show_report("discarded", &report??, &classes)
}

/// Only lists what would be done.
pub(super) async fn dry_run(work: &Work, done: &str, config: &Config) -> Result<ExitCode, CommandError> {
    let dead = DeadLetters::open(&config.broker()?, &work.which.queue).await?;
    let letters = work.list(&dead, config).await;
    dead.close().await;
    let letters = letters?;
    show::list(&letters, work.format.output)?;
    eprintln!("{} would be {done}; this dry run {done} none", letters.len());
    Ok(ExitCode::SUCCESS)
}

/// The result event that reports what an operator did to a dead letter.
pub(in crate::commands) fn announcement(
    entry: &Entry,
    queue: &str,
    user: &str,
    (name, why): (String, Option<String>),
    data: impl Fn(OperatorAction) -> ResultData,
) -> Option<Outgoing> {
    let run_id = outbox::run_of(&entry.properties);
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

/// The name under which the operator is logged in here.
pub(in crate::commands) fn login_name() -> String {
    let name =
        std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).or_else(|_| std::env::var("LOGNAME"));
    name.unwrap_or_else(|_| "unknown".to_owned())
}

impl Work {
    /// The filter, and the classes that it comes across.
    pub fn filter(&self, config: &Config) -> (Filter, Classes) {
        self.which.filter(self.ids.clone(), only_tenant(config))
    }

    fn selection(&self, filter: Filter, stop: watch::Receiver<bool>) -> Selection {
        Selection { filter, limit: self.limit, per_second: self.rate, stop: Some(stop) }
    }

    /// The dead letters that are meant, no more than the limit.
    pub async fn list(&self, dead: &DeadLetters, config: &Config) -> Result<Vec<show::Listed>, CommandError> {
        let mut letters = listed(dead, &self.which, self.ids.clone(), config).await?;
        letters.truncate(self.limit.unwrap_or(usize::MAX));
        Ok(letters)
    }

    /// Asks on a terminal; how many the operator was asked about.
    async fn is_sure(&self, dead: &DeadLetters, config: &Config) -> Result<usize, CommandError> {
        if !io::stdin().is_terminal() {
            return Err(CommandError::Input(
                "discarding deletes for good: look with --dry-run, then give --yes to do it without being asked"
                    .to_owned(),
            ));
        }
        let count = self.list(dead, config).await?.len();
        eprint!("Discard {count} dead letters of queue {} for good? [y/N] ", self.which.queue);
        let answer = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).map(|_| answer)
        });
        let answer = answer.await.map_err(io::Error::other)??;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(count),
            _ => Err(CommandError::Input("nothing was discarded".to_owned())),
        }
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

    fn show_report(&self, done: &str, report: &Report, classes: &Classes) -> Result<ExitCode, CommandError> {
        if report.done.is_empty() && report.failed.is_empty() && report.left == 0 {
            self.which.check_class(classes)?;
        }
        let is_named =
            |id: &String| report.done.contains(id) || report.failed.iter().any(|(failed, _)| failed == id);
        // Of those it did not come to it is not known whether they are there.
        let was_cut = report.left > 0 || report.stopped.is_some();
        let missing: Vec<_> = self.ids.iter().filter(|id| !was_cut && !is_named(id)).collect();
        let failed: Vec<_> = report.failed.iter().map(|(id, error)| (id, error.to_string())).collect();
        let stopped = report.stopped.as_ref().map(ToString::to_string);
        let (interrupted, left) = (report.interrupted, report.left);
        if self.format.output == Format::Json {
            print::json(&json!({
                done: report.done, "examined": report.examined, "left": left, "interrupted": interrupted,
                "failed": failed, "stopped": stopped, "missing": missing,
            }))?;
        } else {
            print::lines(&format!("{done} {} of {} dead letters", report.done.len(), report.examined))?;
            for (id, error) in &failed {
                print::lines(&format!("  {id} not {done}: {error}"))?;
            }
            for id in &missing {
                print::lines(&format!("  {id} not found"))?;
            }
            if left > 0 {
                let why = if interrupted { "you stopped it" } else { "the limit is reached" };
                print::lines(&format!("  {left} more match and are left: {why}"))?;
            }
            if let Some(error) = &stopped {
                print::lines(&format!("  stopped early: {error}; the last message may exist twice"))?;
            }
        }
        let is_whole = failed.is_empty() && missing.is_empty() && stopped.is_none() && !interrupted;
        Ok(verdict(is_whole))
    }
}

/// Why a run stays a dead letter whose plan was approved.
pub(super) const NOT_APPROVED: &str = "the run carries out a plan that was approved as a whole, and what is left is another plan; \
    look at it with `gatehouse dead show`, and give --approved to replay it";

/// Whether the message is of a run that carries out a plan which its publisher approved.
pub(super) fn is_approved(message: &Message) -> bool {
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
