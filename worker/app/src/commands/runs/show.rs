//! `gatehouse runs show`: one run, from who asked for it to what became of it.

use std::process::ExitCode;

use broker::Since;
use jiff::SignedDuration;
use messages::{ResultData, RunFinished, StepFinished};
use serde_json::json;
use uuid::Uuid;

use crate::commands::history::follow;
use crate::commands::history::form::Form;
use crate::commands::history::reading::Reading;
use crate::commands::history::show::{asked, cut, hanging, runs, wrapped};
use crate::commands::history::summary::Summary;
use crate::commands::history::telling::told;
use crate::commands::history::trail::{Kept, Trail};
use crate::commands::history::whom::Meant;
use crate::commands::ledger::{Shown, read};
use crate::commands::{self, CommandError, OutputArgs};
use crate::print::{self, Format};
use crate::settings::Config;

/// The run, and how to show it.
#[derive(clap::Args)]
pub struct Args {
    /// Id of the run
    run: Uuid,
    #[command(flatten)]
    format: OutputArgs,
}

pub async fn run(args: Args, config: Config) -> Result<ExitCode, CommandError> {
    let shown = shown(&config, args.run).await;
    let form = if args.format.output == Format::Json { Form::Json } else { Form::Human };
    let mut trail = Trail::of(&Meant { runs: [args.run].into(), ..Meant::default() }).with_mentions();
    let reading = Reading::open(&config, form).await?;
    let followed = follow(&reading, Since::First, &mut trail).await;
    reading.close().await;
    followed?;
    let (entries, others): (Vec<_>, Vec<_>) =
        trail.into_entries().into_iter().partition(|kept| kept.run == Some(args.run));
    let Some(summary) = runs(&entries).pop() else {
        let text = format!("the history has nothing about run {}", args.run);
        print::lines(&text)?;
        return Ok(commands::verdict(false));
    };
    let shut_by: Vec<Uuid> =
        others.iter().filter(|kept| has_shut(kept, args.run)).filter_map(|kept| kept.run).collect();
    match args.format.output {
        Format::Json => print::json(&json!({
            "run": summary, "ledger": shown, "shut_by": shut_by,
            "entries": entries.iter().map(|kept| &kept.event).collect::<Vec<_>>(),
        }))?,
        Format::Human => human(&summary, shown.as_ref(), &shut_by, &entries)?,
    }
    Ok(commands::verdict(!summary.needs_somebody()))
}

/// Whether the end of another run says that it shut this one.
fn has_shut(kept: &Kept, run: Uuid) -> bool {
    match kept.result.as_ref().map(|result| &result.data) {
        Some(ResultData::RunFinished(end)) => end.shut.iter().any(|shut| shut.run_id == run),
        _ => false,
    }
}

/// The run as the ledger knows it, if it does.
async fn shown(config: &Config, run: Uuid) -> Option<Shown> {
    let ledger = match read(config).await {
        Ok(ledger) => ledger,
        Err(error) => {
            eprintln!("gatehouse: where the run stands is as it said last: {error}");
            return None;
        }
    };
    let book = ledger.book();
    let person = book.ledger().person_of(run)?;
    Some(Shown::of(book.ledger(), person, person.run(run)?))
}

fn human(
    run: &Summary,
    shown: Option<&Shown>,
    shut_by: &[Uuid],
    entries: &[Kept],
) -> Result<(), CommandError> {
    print::lines(&format!("run {}  {}, {}", run.run_id, cut(run.what(), 24), run.state.as_str()))?;
    wrapped(&asked(run), 2)?;
    if let Some(person) = run.person {
        wrapped(&format!("about person {person}"), 2)?;
    }
    let took = run.last_at.duration_since(run.started_at);
    wrapped(
        &format!("began {:.0}, last heard of {:.0}, {} later", run.started_at, run.last_at, plain(took)),
        2,
    )?;
    if let Some(shown) = shown.filter(|shown| !shown.stands().is_over()) {
        print::lines(&indented(&shown.line()))?;
    }
    for text in shown.map(Shown::changes).unwrap_or_default() {
        wrapped(&text, 2)?;
    }
    for by in shut_by {
        wrapped(&format!("shut by run {by}"), 2)?;
    }
    for kept in entries {
        match kept.result.as_ref().map(|result| &result.data) {
            Some(ResultData::StepFinished(step)) => step_line(step, &told(kept))?,
            Some(ResultData::RunFinished(end)) => end_lines(end, &told(kept))?,
            _ => {
                let at = kept.at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
                hanging(&begin(at), &told(kept))?;
            }
        }
    }
    Ok(())
}

/// A step, with how long its last attempt took.
fn step_line(step: &StepFinished, told: &str) -> Result<(), CommandError> {
    let took = SignedDuration::from_millis(i64::try_from(step.duration_ms).unwrap_or(i64::MAX));
    let attempts = if step.attempts > 1 { format!(", attempt {}", step.attempts) } else { String::new() };
    // One that was skipped took no time.
    let took = if step.attempts > 0 { format!(" ({}{attempts})", plain(took)) } else { String::new() };
    hanging(&begin(Some(cut(&step.stage, 28))), &format!("{told}{took}"))?;
    Ok(())
}

/// The end, with whether it left a message to replay.
fn end_lines(end: &RunFinished, told: &str) -> Result<(), CommandError> {
    let attempts = if end.attempts > 1 { format!(" (attempt {})", end.attempts) } else { String::new() };
    hanging(&begin(Some("end".to_owned())), &format!("{told}{attempts}"))?;
    let has_letter = end.failure.is_some() && end.state != messages::State::Rejected;
    if has_letter {
        hanging(
            &begin(None),
            "its message is set aside: `gatehouse dead show` has it until it is replayed or deleted",
        )?;
    }
    Ok(())
}

fn begin(text: Option<String>) -> String {
    format!("  {:<30}", text.unwrap_or_default())
}

fn indented(text: &str) -> String {
    text.lines().skip(1).collect::<Vec<_>>().join("\n")
}

/// A time, in two units at most.
fn plain(took: SignedDuration) -> String {
    let seconds = took.as_secs().max(0);
    match seconds {
        0..10 => format!("{:.1} s", took.as_secs_f64().max(0.0)),
        10..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
