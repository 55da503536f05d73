//! `gatehouse runs cancel`: takes a run, or a sync, out.
//!
//! What an operator does is a record of the ledger and a result, which is published first: a deed that nobody could read
//! of does not happen. What a cancelled run does then is the same as after an event that cancels it.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ledger::{Ledger, State, Stop};
use messages::{Cause, EventName, OperatorRunCancelled};
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use crate::commands::ledger::{Shown, read};
use crate::commands::{self, CommandError, OutputArgs, Said};
use crate::ledger::client::Client;
use crate::ledger::identifiers::stop_of;
use crate::ledger::log::Stream;
use crate::print::{self, Format};
use crate::settings::Config;

/// How long the record may take to be read back.
const READ_BACK: Duration = Duration::from_secs(10);

/// The run, the operator and the reason.
#[derive(clap::Args)]
pub struct Args {
    /// Id of the run or sync, or of its event
    #[arg(value_name = "RUN|EVENT")]
    id: String,
    /// Source of the event, if its id is given
    #[arg(long)]
    source: Option<String>,
    /// It is a sync, which the ledger does not know
    #[arg(long)]
    sync: bool,
    /// Cancel without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    format: OutputArgs,
}

/// What is to be cancelled.
struct Target {
    /// What the record stops.
    stop: Uuid,
    /// The run or sync, if its id is known.
    run_id: Option<Uuid>,
    /// Its event, if that is named.
    event: Option<EventName>,
    /// The run as the ledger knows it; nothing for a sync.
    shown: Option<Shown>,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let client = read(&config).await?;
    let target = args.target(client.book().ledger())?;
    let format = args.format.output;
    if format == Format::Human {
        target.show()?;
    }
    if let Some(text) = target.shown.as_ref().and_then(nothing_to_cancel) {
        return target.tell(format, false, &text).map(|()| ExitCode::FAILURE);
    }
    let is_sure = args.yes || (format == Format::Human && asked()?);
    if !is_sure {
        let text = "nothing was done; give --yes to cancel it without being asked";
        return target.tell(format, false, text).map(|()| ExitCode::FAILURE);
    }
    announce(&config, &args, &target).await?;
    client.stop(Stop { run: target.stop }).await.map_err(|error| {
        CommandError::Input(format!("it was reported and is not done ({error}); give the command again"))
    })?;
    let (is_cancelled, text) = done(&client, &target).await?;
    target.tell(format, is_cancelled, &text)?;
    Ok(commands::verdict(is_cancelled))
}

impl Args {
    /// What is meant.
    fn target(&self, ledger: &Ledger) -> Result<Target, CommandError> {
        let event = self.source.clone().map(|source| EventName { source, id: self.id.clone() });
        let run_id = match &event {
            Some(_) => None,
            None => Some(Uuid::parse_str(&self.id).map_err(|_| {
                CommandError::Input(format!(
                    "{} is not the id of a run; if it is that of an event, name its --source",
                    self.id
                ))
            })?),
        };
        if self.sync {
            let of_event = event.as_ref().map(|event| stop_of(&event.source, &event.id));
            let stop = run_id.or(of_event).unwrap_or_default();
            return Ok(Target { stop, run_id, event, shown: None });
        }
        let fingerprint = event.as_ref().map(|event| ledger::event_fingerprint(&event.source, &event.id));
        let runs = ledger.people().flat_map(|person| person.runs.iter().map(move |run| (person, run)));
        let is_meant = |run: &ledger::Run| match run_id {
            Some(id) => run.id == id,
            None => Some(run.event) == fingerprint,
        };
        let mut found: Vec<_> = runs.filter(|(_, run)| is_meant(run)).collect();
        if found.len() > 1 {
            let ids: Vec<_> = found.iter().map(|(_, run)| run.id.to_string()).collect();
            let text = format!("the event has several runs; name one of them: {}", ids.join(", "));
            return Err(CommandError::Input(text));
        }
        let (person, run) = found.pop().ok_or_else(|| {
            CommandError::Input(format!(
                "the ledger knows no run of {}; `gatehouse ledger show PERSON` lists those of a person. A run that has \
                 not come yet is cancelled by an event, and a sync with --sync",
                self.id
            ))
        })?;
        Ok(Target { stop: run.id, run_id: Some(run.id), event, shown: Some(Shown::of(ledger, person, run)) })
    }
}

impl Target {
    /// What is known of it.
    fn show(&self) -> Result<(), CommandError> {
        let Some(shown) = &self.shown else {
            print::lines(&format!("{}\n  the ledger does not say where it stands", self.name()))?;
            return Ok(());
        };
        print::lines(&shown.line())?;
        for text in shown.changes() {
            print::indented(&text)?;
        }
        Ok(())
    }

    fn name(&self) -> String {
        match (&self.shown, self.run_id, &self.event) {
            (None, Some(id), _) => format!("sync {id}"),
            (None, None, Some(EventName { source, id })) => format!("sync of event {id} of {source}"),
            (_, id, _) => format!("run {}", id.unwrap_or_default()),
        }
    }

    fn tell(&self, format: Format, cancelled: bool, text: &str) -> Result<(), CommandError> {
        match format {
            Format::Human => print::lines(&format!("{}: {text}", self.name()))?,
            Format::Json => print::json(&json!({
                "cancelled": cancelled, "run_id": self.run_id, "event": self.event, "run": self.shown, "what": text,
            }))?,
        }
        Ok(())
    }
}

/// Asks on a terminal.
fn asked() -> Result<bool, CommandError> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    print::lines("Cancel it? Type yes:")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

/// Reports what an operator is about to do.
async fn announce(config: &Config, args: &Args, target: &Target) -> Result<(), CommandError> {
    let settings = config.broker()?;
    let (user, at) = (settings.user()?, Timestamp::now());
    let data = OperatorRunCancelled {
        at,
        run_id: target.run_id,
        event: target.event.clone(),
        by: user.clone(),
        name: Some(args.said.name()),
        why: args.said.why.clone(),
    };
    commands::announce(&settings, &user, Cause::default(), at, data).await
}

/// What became of it, once the record has been read back: the run may have ended before.
async fn done(client: &Arc<Client<Stream>>, target: &Target) -> Result<(bool, String), CommandError> {
    let mut changes = client.changes();
    let stands = || {
        let book = client.book();
        let ledger = book.ledger();
        let run = ledger.person_of(target.stop).and_then(|person| Some(person.run(target.stop)?.state));
        let state = run.filter(|state| state.is_over());
        (state.is_some() || ledger.is_stopped(target.stop)).then_some(state)
    };
    let read_back = async {
        loop {
            if let Some(state) = stands() {
                return Some(state);
            }
            changes.changed().await.ok()?;
        }
    };
    match timeout(READ_BACK, read_back).await.ok().flatten() {
        Some(None | Some(State::Cancelled)) => Ok((true, target.will())),
        Some(Some(state)) => Ok((false, has_ended(state))),
        None => Err(CommandError::Input(
            "it is recorded, and could not be read back within ten seconds; `gatehouse ledger show` tells"
                .to_owned(),
        )),
    }
}

impl Target {
    /// What follows from the record.
    fn will(&self) -> String {
        match self.shown.as_ref().map(Shown::stands) {
            None => "it ends as cancelled, now or when it comes".to_owned(),
            Some(State::Asleep) => "cancelled; it says so when it would have woken".to_owned(),
            Some(State::Braked) => "cancelled; it says so when it asks the brake again".to_owned(),
            Some(_) => "cancelled; it stops before its next write".to_owned(),
        }
    }
}

/// Why a cancel would change nothing.
fn nothing_to_cancel(shown: &Shown) -> Option<String> {
    if shown.will_be_cancelled() {
        return Some("nothing to cancel; it is cancelled already".to_owned());
    }
    Some(shown.stands()).filter(|state| state.is_over()).map(has_ended)
}

fn has_ended(state: State) -> String {
    let what = match state {
        State::Failed | State::SetAside => {
            "it has failed: `gatehouse dead discard` deletes its dead letter, if it has one"
        }
        State::Superseded => "it has ended: newer word took charge",
        State::Cancelled => "it has ended: it was cancelled",
        _ => "it has ended: it is done",
    };
    format!("nothing to cancel; {what}")
}
