//! `gatehouse allow`: releases one run that was refused because of somebody who is protected.
//!
//! The release rides in the run's own message, which only comes from the exchange of workers, signed where there is a
//! key. So an operator can give it, and an event cannot. It is for the people whom the run was refused for, and no others.

use std::process::ExitCode;

use actions::{PROTECTED, PROTECTION_UNKNOWN};
use broker::{DeadLetters, Entry, Message, Origin, Outgoing, Settings};
use messages::{Continuation, OperatorAllowed};
use serde_json::json;

use super::{CommandError, OutputArgs, Said};
use crate::delivery::queues::{ACCESS, WORKFLOWS};
use crate::print::{self, Format};
use crate::settings::Config;

/// Releases one run that may not change somebody.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  gatehouse allow 6f0a8a6c-1b5e-5f0e-9d4c-0c2f5fd54f27 --why \"Ada leaves, ticket 1815\"

The release is for this run and the people it was refused for. The run resumes
where it was; what it does is in its results, and the release is a result
`operator.allowed`.")]
pub struct Args {
    /// Id of the run, as shown by `dead list`
    run: String,
    #[command(flatten)]
    said: Said,
    #[command(flatten)]
    format: OutputArgs,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let settings = config.broker()?;
    for queue in [WORKFLOWS, ACCESS] {
        let dead = DeadLetters::open(&settings, queue).await?;
        super::report_alarms(dead.blocked());
        let released = release(&dead, queue, &args, &settings).await;
        dead.close().await;
        if !released? {
            continue;
        }
        match args.format.output {
            Format::Json => print::json(&json!({ "allowed": args.run }))?,
            Format::Human => print::lines(&format!("run {} is released and resumes", args.run))?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    Err(CommandError::Input(format!(
        "no run with the id {} was set aside; `gatehouse dead list` shows the ids",
        args.run
    )))
}

/// Whether the run is among these dead letters, and so released now.
async fn release(
    dead: &DeadLetters,
    queue: &str,
    args: &Args,
    settings: &Settings,
) -> Result<bool, CommandError> {
    let Some((entry, message)) = dead.get(&args.run).await? else { return Ok(false) };
    if let Some(why_not) = why_not(&entry, &message, settings.keys.is_some()) {
        return Err(CommandError::Input(why_not));
    }
    let user = settings.user()?;
    let announce = |entry: &Entry| -> Option<Outgoing> {
        let said = (args.said.name(), Some(args.said.why.clone()));
        super::dead::announcement(entry, queue, &user, said, |action| OperatorAllowed(action).into())
    };
    let mut report = dead.replay_rewritten(&args.run, released, announce).await?;
    match (report.failed.pop(), report.stopped) {
        (Some((_, error)), _) | (None, Some(error)) => Err(error.into()),
        (None, None) if report.done.is_empty() => {
            Err(CommandError::Input(format!("run {} was taken by somebody else meanwhile", args.run)))
        }
        (None, None) => Ok(true),
    }
}

/// Why this dead letter needs no release, or cannot have one.
fn why_not(entry: &Entry, message: &Message, signs: bool) -> Option<String> {
    let class = entry.letter.class.as_str();
    if ![PROTECTED, PROTECTION_UNKNOWN].contains(&class) {
        return Some(format!(
            "the dead letter is of the class {class}, which nobody needs to release; use `gatehouse dead replay`"
        ));
    }
    if message.is_signed() && !signs {
        return Some(
            "the workers sign their messages, and worker.key_file is not set here; set it to their key"
                .to_owned(),
        );
    }
    if entry.origin != Origin::Worker || released(message).is_none() {
        return Some(
            "no worker of these settings wrote this dead letter, so it cannot be released; the command needs the same \
             worker.key_file as the workers"
                .to_owned(),
        );
    }
    None
}

/// The message of the run with its release; nothing if it is no run's.
fn released(message: &Message) -> Option<Vec<u8>> {
    let mut run = Continuation::from_bytes(&message.body).ok()?;
    if run.progress.progress.protected.is_empty() {
        return None;
    }
    run.progress.progress = run.progress.progress.release();
    run.to_bytes().ok()
}
