//! Dead letters to a file and back, one line of JSON each.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use broker::{DeadLetters, Entry, Message, Outgoing, Portable, Settings};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::filter::Which;
use super::list::only_tenant;
use crate::commands::sync::partial::Partial;
use crate::commands::{CommandError, OutputArgs, report_alarms, verdict};
use crate::delivery::outbox;
use crate::print::{self, Format};
use crate::settings::Config;

/// Which dead letters go to which file.
#[derive(clap::Args)]
pub struct Export {
    /// File to write, one dead letter a line; it must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    format: OutputArgs,
}

/// Which file comes back.
#[derive(clap::Args)]
pub struct Import {
    /// File that `dead export` wrote
    file: PathBuf,
    #[command(flatten)]
    format: OutputArgs,
}

/// The numbers of the lines that belong to each queue.
type ByQueue = BTreeMap<String, Vec<usize>>;

/// A line that could not be imported, and why.
type Broken = (usize, String);

/// Writes the dead letters that match to a file that only its owner can read. They stay dead letters.
pub(super) async fn export(args: Export, config: &Config) -> Result<ExitCode, CommandError> {
    let Export { out, which, format } = args;
    if out.exists() {
        return Err(CommandError::Input(format!("{} exists: name a new file", out.display())));
    }
    let cannot = |error: io::Error| CommandError::Input(format!("cannot write {}: {error}", out.display()));
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let file = RefCell::new(BufWriter::new(Partial::create(&out).map_err(cannot)?));
    let work = async {
        let dead = DeadLetters::open(&config.broker()?, &which.queue).await?;
        let written = written(&dead, &which, config, &file).await;
        dead.close().await;
        written
    };
    // Half a file has no name, and is gone with this command.
    let count = tokio::select! {
        done = work => done?,
        _ = terminate.recv() => return Err(CommandError::Stopped),
        _ = interrupt.recv() => return Err(CommandError::Stopped),
    };
    let file = file.into_inner().into_inner().map_err(|error| cannot(error.into_error()))?;
    file.keep().map_err(cannot)?;
    match format.output {
        Format::Json => print::json(&json!({ "exported": count, "file": out }))?,
        Format::Human => print::lines(&format!("exported {count} dead letters to {}", out.display()))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// How many were written. No more than one is held at a time.
async fn written(
    dead: &DeadLetters,
    which: &Which,
    config: &Config,
    file: &RefCell<BufWriter<Partial>>,
) -> Result<usize, CommandError> {
    let (filter, classes) = which.filter(Vec::new(), only_tenant(config));
    let write = |entry: &Entry, message: &Message| -> Result<(), CommandError> {
        let line = dead.line_of(entry, message)?;
        Ok(writeln!(file.borrow_mut(), "{line}")?)
    };
    let letters = dead.list_with(&filter, write).await?;
    if letters.is_empty() {
        which.check_class(&classes)?;
    }
    let count = letters.len();
    letters.into_iter().try_for_each(|(_, written)| written)?;
    Ok(count)
}

/// Puts the dead letters of a file back, each into the queue it was in, but for those that are there.
pub(super) async fn import(args: Import, config: &Config) -> Result<ExitCode, CommandError> {
    let settings = config.broker()?;
    let (by_queue, mut broken) = read(&args.file, &settings)?;
    let (mut added, mut skipped) = (0_usize, 0_usize);
    for (queue, lines) in by_queue {
        let dead = DeadLetters::open(&settings, &queue).await?;
        report_alarms(dead.blocked());
        let done = add(&dead, (&queue, &lines), &args.file, &settings).await;
        dead.close().await;
        let done = done?;
        added = added.saturating_add(done.added);
        skipped = skipped.saturating_add(done.skipped);
        broken.extend(done.broken);
    }
    broken.sort();
    match args.format.output {
        Format::Json => print::json(&json!({
            "imported": added, "skipped": skipped,
            "broken": broken.iter().map(|(line, why)| json!({ "line": line, "why": why })).collect::<Vec<_>>(),
        }))?,
        Format::Human => {
            print::lines(&format!("imported {added} dead letters, skipped {skipped} that are there"))?;
            for (line, why) in &broken {
                print::lines(&format!("  line {line} not imported: {why}"))?;
            }
        }
    }
    Ok(verdict(broken.is_empty()))
}

/// What became of the lines of one queue.
#[derive(Default)]
struct Added {
    added: usize,
    skipped: usize,
    broken: Vec<Broken>,
}

/// Checks every line before the first one is stored. What is kept of a line is where it stands: the file may be larger
/// than the memory.
fn read(path: &Path, settings: &Settings) -> Result<(ByQueue, Vec<Broken>), CommandError> {
    let (mut by_queue, mut broken) = (ByQueue::new(), Vec::new());
    let mut lines = Lines::open(path)?;
    while let Some((number, line)) = lines.next()? {
        match Portable::read(&line, settings) {
            Ok(letter) => by_queue.entry(letter.queue().to_owned()).or_default().push(number),
            Err(error) => broken.push((number, error.to_string())),
        }
    }
    Ok((by_queue, broken))
}

/// Stores the dead letters of these lines, each confirmed, but for those whose id and body are there already. So an
/// import that was interrupted is given again.
async fn add(
    dead: &DeadLetters,
    (queue, wanted): (&str, &[usize]),
    path: &Path,
    settings: &Settings,
) -> Result<Added, CommandError> {
    let mut there = dead.names().await?;
    let user = settings.user()?;
    let short = queue.strip_prefix(&settings.prefix).and_then(|name| name.strip_prefix('.')).unwrap_or(queue);
    let mut done = Added::default();
    let mut wanted = wanted.iter().copied().peekable();
    let mut lines = Lines::open(path)?;
    while let Some((number, line)) = lines.next()? {
        if wanted.next_if_eq(&number).is_none() {
            continue;
        }
        let letter = match Portable::read(&line, settings) {
            Ok(letter) => letter,
            Err(error) => {
                done.broken.push((number, error.to_string()));
                continue;
            }
        };
        if !there.insert(letter.name()) {
            done.skipped = done.skipped.saturating_add(1);
            continue;
        }
        let announce = |entry: &Entry, outgoing: &Outgoing| {
            Some(outbox::added_unread(short, &entry.letter, outgoing)?.published_by(&user))
        };
        match dead.add(&letter, announce).await {
            Ok(()) => done.added = done.added.saturating_add(1),
            Err(error) if error.is_session_lost() => return Err(error.into()),
            Err(error) => done.broken.push((number, error.to_string())),
        }
    }
    Ok(done)
}

/// The lines of a file that are not empty, with their numbers, from 1.
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    number: usize,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, CommandError> {
        let file = File::open(path).map_err(|error| cannot_read(path, &error))?;
        Ok(Self { path: path.to_owned(), reader: BufReader::new(file), number: 0 })
    }

    fn next(&mut self) -> Result<Option<(usize, String)>, CommandError> {
        loop {
            let mut line = Vec::new();
            let read = self.reader.read_until(b'\n', &mut line);
            if read.map_err(|error| cannot_read(&self.path, &error))? == 0 {
                return Ok(None);
            }
            self.number = self.number.saturating_add(1);
            // What is not UTF-8 is no line of ours, and is named as such.
            let line = String::from_utf8_lossy(&line);
            if !line.trim().is_empty() {
                return Ok(Some((self.number, line.trim().to_owned())));
            }
        }
    }
}

fn cannot_read(path: &Path, error: &io::Error) -> CommandError {
    CommandError::Input(format!("cannot read {}: {error}", path.display()))
}
