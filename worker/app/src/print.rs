//! Output of the commands: tables and sentences for people, JSON for scripts.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{Cell, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};
use messages::{
    EventDuplicate, KnownState, PlannedStep, RunFinished, RunPlanned, RunWaiting, ShutRun, ShutState,
    StepFinished, SyncDay, SyncFinished, SyncWaiting,
};
use outcome::{Class, Failure, Finished, Left, Needs, Outcome};
use serde::Serialize;
use serde_json::{Map, Value};

/// Output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Tables and sentences
    Human,
    /// JSON, one document per line
    Json,
}

/// Writes a line of JSON.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(value)?;
    text.push('\n');
    io::stdout().lock().write_all(text.as_bytes())
}

/// Writes lines for people; ignores a closed pipe. Texts of events and of the tenant are among them, so nothing in them
/// reaches the terminal as a command.
pub fn lines(text: &str) -> io::Result<()> {
    write_lines(&printable(text))
}

/// Writes a table, whose cells are made with [`cell`]. No word in it is broken, if they fit.
pub fn show(table: Table) -> io::Result<()> {
    write_lines(&unbroken(table).to_string())
}

/// A cell of a table.
pub fn cell(text: impl ToString) -> Cell {
    Cell::new(printable(&text.to_string()))
}

/// A text whose control characters, and the characters that turn the direction of writing, are shown as text.
pub fn printable(text: &str) -> Cow<'_, str> {
    let is_command = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.chars().any(is_command) {
        return Cow::Borrowed(text);
    }
    let shown =
        text.chars().map(|c| if is_command(c) { c.escape_unicode().to_string() } else { c.to_string() });
    Cow::Owned(shown.collect())
}

fn write_lines(text: &str) -> io::Result<()> {
    let written = writeln!(io::stdout().lock(), "{text}");
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Rows with every column as wide as its widest cell. Cells are never wrapped, so that an id can be copied.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// Writes text indented below its line, wrapped between words at the width of the terminal.
pub fn indented(text: &str) -> io::Result<()> {
    let columns = table(&[]).width().map_or(usize::MAX, usize::from).saturating_sub(4);
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > columns {
            lines(&format!("    {line}"))?;
            line.clear();
        }
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(word);
    }
    if line.is_empty() { Ok(()) } else { lines(&format!("    {line}")) }
}

/// Writes lines for people that fit the width of the terminal, or 80 columns of a pipe. A longer one goes on below its
/// last column. A word is broken only if it has no room on a line of its own.
pub fn fitted(text: &str) -> io::Result<()> {
    let columns = table(&[]).width().map_or(usize::MAX, usize::from);
    lines(&fit(&printable(text), columns))
}

/// A text with no line longer than this.
fn fit(text: &str, columns: usize) -> String {
    let fitted = text.lines().map(|line| match line.chars().count() <= columns {
        true => Cow::Borrowed(line),
        false => Cow::Owned(fit_line(line, columns)),
    });
    fitted.collect::<Vec<_>>().join("\n")
}

fn fit_line(line: &str, columns: usize) -> String {
    // Two spaces end a column; more than half of the line is left to the last one.
    let head: String = line.chars().take(columns / 2).collect();
    let begin = line.chars().take_while(|c| *c == ' ').count();
    let indent = match head.rfind("  ").and_then(|at| head.get(..at + 2)) {
        Some(before) if before.chars().count() > begin => before.chars().count(),
        _ => begin + 2,
    };
    let blank = " ".repeat(indent.min(columns / 2));
    let (mut done, mut now) = (String::new(), String::new());
    for part in line.split_inclusive(' ') {
        let length = |text: &str| text.chars().count();
        if length(&now) + length(part.trim_end()) > columns && !now.trim().is_empty() {
            done.push_str(now.trim_end());
            done.push('\n');
            now.clone_from(&blank);
        }
        for c in part.chars() {
            if c != ' ' && length(&now) == columns {
                done.push_str(&now);
                done.push('\n');
                now.clone_from(&blank);
            }
            now.push(c);
        }
    }
    done + now.trim_end()
}

/// A table with a header. Its width is the terminal's, or COLUMNS for a pipe; colours appear only on a terminal.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if !io::stdout().is_terminal() {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        table.force_no_tty().set_width(columns.unwrap_or(80));
    }
    table.set_header(header.iter().map(|title| Cell::new(title).add_attribute(comfy_table::Attribute::Bold)));
    table
}

/// The same table with no column narrower than its longest word, so that none is broken, if they fit side by side.
pub fn unbroken(mut table: Table) -> Table {
    let rows = table.header().into_iter().chain(table.row_iter());
    let mut longest: Vec<u16> = Vec::new();
    for (index, cell) in rows.flat_map(|row| row.cell_iter().enumerate()) {
        if longest.len() <= index {
            longest.resize(index + 1, 0);
        }
        let content = cell.content();
        let words = content.split_whitespace().map(|word| word.chars().count());
        let word = u16::try_from(words.max().unwrap_or_default()).unwrap_or(u16::MAX);
        if let Some(longest) = longest.get_mut(index) {
            *longest = word.max(*longest);
        }
    }
    let widths = table.column_iter().zip(longest).map(|(column, word)| word + column.padding_width());
    let widths: Vec<u16> = widths.collect();
    // A space stands between two columns.
    let all: usize = widths.iter().map(|width| usize::from(*width) + 1).sum();
    if table.width().is_some_and(|width| all <= usize::from(width) + 1) {
        for (column, width) in table.column_iter_mut().zip(widths) {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width)));
        }
    }
    table
}

fn color(outcome: Outcome) -> Color {
    match outcome {
        Outcome::Changed => Color::Green,
        Outcome::Planned => Color::Cyan,
        Outcome::Waiting => Color::Yellow,
        Outcome::Failed => Color::Red,
        Outcome::Unchanged | Outcome::Skipped => Color::DarkGrey,
    }
}

/// Who must act, in words.
pub fn who(class: Class) -> &'static str {
    match class {
        Class::Retry => "a later attempt may succeed",
        Class::Rejected => "the publisher must act",
        Class::Blocked => "an operator must act",
        Class::Fault => "a defect of Gatehouse",
    }
}

/// The steps of a plan, as a table.
pub fn plan_table(steps: &[PlannedStep]) -> Table {
    let mut table = table(&["Step", "Changes"]);
    let mut stage = None;
    for step in steps {
        // A stage has a row of its own, and an outcome stands below its step: side by side they would leave an object id
        // no room in 80 columns.
        if stage.replace(&step.stage) != Some(&step.stage) {
            let name = cell(stage_and_delay(step)).add_attribute(comfy_table::Attribute::Bold);
            table.add_row(vec![name, cell("")]);
        }
        let what = described(
            &step.changes,
            &step.details,
            step.failure.as_ref(),
            step.reason.as_deref(),
            &step.left,
        );
        let name = cell(format!("{}\n  {}", step.step, step.outcome.as_str())).fg(color(step.outcome));
        table.add_row(vec![name, cell(what)]);
    }
    table
}

/// The stage, with its delay after the previous stage or the time from which it may start.
fn stage_and_delay(step: &PlannedStep) -> String {
    match (step.after_seconds, step.starts_at) {
        (Some(seconds), _) => format!("{} (after {})", step.stage, delay(seconds)),
        (None, Some(at)) => format!("{} ({at:.0})", step.stage),
        (None, None) => step.stage.clone(),
    }
}

/// A delay, as the author of a workflow writes it.
fn delay(seconds: u64) -> String {
    let text = format!("{seconds}s");
    text.parse::<workflow::Delay>().map_or(text, |delay| delay.to_string())
}

/// When a plan takes effect: lines for the end of a plan, empty if its event names no date.
pub fn plan_date(plan: &RunPlanned) -> String {
    let Some(at) = plan.effective_at else { return String::new() };
    let late = plan
        .late_by_seconds
        .map_or_else(String::new, |late| format!(": {} ago, so that apply starts at once", delay(late)));
    format!("takes effect {at:.0}{late}\n")
}

/// A run that went to sleep: why, and until when.
pub fn waiting_lines(run: &RunWaiting) -> String {
    let mut lines = Vec::new();
    for step in &run.steps {
        let (name, word) = (&step.step, Outcome::Waiting.as_str());
        lines.push(format!(
            "  {name:<20} {word:<10} for {}, until {:.0} at the latest",
            step.reason, step.deadline
        ));
        lines.extend(step.changes.iter().map(|change| format!("  {:<31} {change}", "")));
    }
    lines.extend(run.reason.iter().map(|reason| format!("  waits for {reason}")));
    let (run_id, stage, until) = (run.run_id, &run.stage, run.until);
    lines.push(format!("run {run_id} sleeps until {until:.0}"));
    lines.push(format!("  in stage {stage}; a worker then resumes it"));
    lines.join("\n")
}

/// One finished step of a run.
pub fn step_line(step: &StepFinished) -> String {
    let what =
        described(&step.changes, &step.details, step.failure.as_ref(), step.reason.as_deref(), &step.left);
    let word = step.outcome.as_str();
    let mut lines = what.lines();
    let first = lines.next().unwrap_or_default();
    let mut text = format!("  {:<20} {word:<10} {first}", step.step);
    for line in lines {
        text.push_str(&format!("\n  {:<31} {line}", ""));
    }
    text.trim_end().to_owned()
}

/// The end of a run, with the reason if it did not succeed.
pub fn run_line(run: &RunFinished) -> String {
    let mut text = format!("run {} {}", run.run_id, run.state.as_str());
    if let Some(failure) = &run.failure {
        text.push_str(&format!(": {} ({}; {})", failure.message, failure.code, who(failure.class)));
    }
    if let Some(by) = &run.ended_by {
        text.push_str(&format!(" by run {by}"));
    }
    if let Some(step) = &run.point_of_no_return {
        text.push_str(&format!("\n  nobody can give back what {step} removed"));
    }
    text.extend(run.shut.iter().map(shut_line));
    text.extend(run.had_ended.iter().map(|run| format!("\n  run {} had ended before", run.run_id)));
    if let Some(late) = run.late_by_seconds {
        text.push_str(&format!("\n  came {} after its effective date", delay(late)));
    }
    for violation in &run.violations {
        text.push_str(&format!("\n  {violation}"));
    }
    let waiting = run.steps.iter().filter(|step| step.left.iter().any(|left| left.needs == Needs::Operator));
    let waiting: Vec<_> = waiting.map(|step: &Finished| step.step.as_str()).collect();
    if !waiting.is_empty() {
        text.push_str(&format!("\n  left for an operator by {}", waiting.join(", ")));
    }
    text
}

/// A run that another one shut.
fn shut_line(run: &ShutRun) -> String {
    let state = match (run.state, &run.until) {
        (ShutState::Asleep, Some(until)) => format!("sleeps until {until:.0}"),
        (ShutState::Asleep, None) => "sleeps".to_owned(),
        (ShutState::Waiting, _) => "waits".to_owned(),
        (ShutState::Braked, _) => "is held by the brake".to_owned(),
        (ShutState::Running, _) => "is stopping".to_owned(),
        (ShutState::Ended, _) => "has stopped".to_owned(),
    };
    let more = run.more_changed.map_or_else(String::new, |more| format!(" and {more} more"));
    let changed = match run.changed.as_slice() {
        [] if run.state == ShutState::Running => String::new(),
        [] => "\n    it changed nothing".to_owned(),
        changed => format!("\n    it changed something in {}{more}", changed.join(", ")),
    };
    format!("\n  run {} {state}, and does nothing more{changed}", run.run_id)
}

/// An event whose run is known.
pub fn duplicate_line(EventDuplicate { run_id, state }: &EventDuplicate) -> String {
    let stands = match state {
        KnownState::Open => "it has not ended yet",
        KnownState::Done => "it has reached its end",
        KnownState::Failed => "it failed: look for it among the dead letters",
        KnownState::Superseded => "a newer event took charge of the person",
        KnownState::Cancelled => "it was cancelled",
    };
    format!("run {run_id} was asked for before: {stands}")
}

/// A sync that waits for a limit: how far it is, and until when.
pub fn sync_waiting_line(sync: &SyncWaiting) -> String {
    let SyncWaiting { sync_id, until, days_done, days_wanted, .. } = sync;
    format!(
        "sync {sync_id} has read {days_done} of {days_wanted} days; Microsoft's limit has room again at {until:.0}"
    )
}

/// The end of a sync: what it sent and found, and what it could not see.
pub fn sync_lines(sync: &SyncFinished) -> String {
    let mut text = format!("sync {} {}", sync.sync_id, sync.state.as_str());
    if let Some(failure) = &sync.failure {
        text.push_str(&format!(": {} ({}; {})", failure.message, failure.code, who(failure.class)));
    }
    if sync.pages > 0 {
        let whole = if sync.complete { "complete" } else { "not complete: older rows stay" };
        text.push_str(&format!("\n  {} rows in {} pages, {whole}", sync.rows, sync.pages));
    }
    text.extend(["read", "kept", "missing"].into_iter().filter_map(|state| days_line(&sync.days, state)));
    for (name, total) in &sync.totals {
        match total {
            Value::Object(totals) => {
                text.extend((!totals.is_empty()).then(|| format!("\n  {name}")));
                text.extend(totals.iter().map(|(name, total)| format!("\n    {name} {}", plain(total))));
            }
            total => text.push_str(&format!("\n  {name} {}", plain(total))),
        }
    }
    for note in &sync.notes {
        text.push_str(&format!("\n  {} ({})", note.detail, note.code));
    }
    for violation in &sync.violations {
        text.push_str(&format!("\n  {violation}"));
    }
    text
}

/// How many days of usage are in this state. Each is complete by itself, in pages of its own.
fn days_line(days: &[SyncDay], state: &str) -> Option<String> {
    let found: Vec<&SyncDay> = days.iter().filter(|day| day.state == state).collect();
    let pages: u64 = found.iter().filter_map(|day| day.pages).sum();
    let (days, own) = if found.len() == 1 {
        ("1 day".to_owned(), "its")
    } else {
        (format!("{} days", found.len()), "their")
    };
    let pages = if pages > 0 { format!(" in {pages} pages of {own} own") } else { String::new() };
    (!found.is_empty()).then(|| format!("\n  {days} {state}{pages}"))
}

/// A value without quotes.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Changes, counts, failure, reason and leftovers of a step, one per line.
fn described(
    changes: &[String],
    details: &Map<String, Value>,
    failure: Option<&Failure>,
    reason: Option<&str>,
    left: &[Left],
) -> String {
    let mut lines: Vec<String> = changes.to_vec();
    if !details.is_empty() {
        let counts = details.iter().map(|(name, count)| match count {
            Value::String(text) => format!("{name} {text}"),
            count => format!("{name} {count}"),
        });
        lines.push(counts.collect::<Vec<_>>().join(", "));
    }
    lines.extend(
        failure.map(|failure| format!("{} ({}; {})", failure.message, failure.code, who(failure.class))),
    );
    lines.extend(reason.map(ToOwned::to_owned));
    lines.extend(left.iter().map(|left| match left.needs {
        Needs::Nobody => format!("left: {}", left.detail),
        Needs::Operator => format!("left for an operator: {}", left.detail),
    }));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_sync_of_usage_has_its_days_and_no_json() {
        let example = include_str!("../../../schemas/examples/sync.finished.v1.usage.json");
        let mut data = serde_json::from_str::<Value>(example).unwrap()["data"].take();
        data["totals"] =
            serde_json::json!({ "from": "2026-03-04", "people": { "any": 7, "word": 3 }, "unused_cost": {} });
        let text = sync_lines(&serde_json::from_value(data).unwrap());
        assert!(text.contains("\n  from 2026-03-04\n  people\n    any 7\n    word 3"), "{text}");
        assert!(text.contains("\n  1 day read in 2 pages of its own\n  2 days missing"), "{text}");
        assert!(!text.contains(['{', '"']) && !text.contains("unused_cost"), "{text}");
    }

    #[test]
    fn a_long_line_goes_on_below_its_last_column() {
        let id = "6f0a8a6c-0001-4000-8000-000000000001";
        let step = format!("  remove_from_groups   changed    remove user {id} from group {id}");
        let blank = " ".repeat(34);
        let fitted =
            format!("  remove_from_groups   changed    remove user\n{blank}{id} from\n{blank}group {id}");
        assert_eq!(fit(&step, 80), fitted);
        let run = format!("run {id} failed: Microsoft Graph answered 404 ({id})\nshort");
        assert_eq!(fit(&run, 80), format!("run {id} failed: Microsoft Graph answered 404\n  ({id})\nshort"));
        let path = format!("    DELETE /groups/{id}/members/{id}/$ref");
        for columns in [40, 60, 80] {
            let fitted = fit(&path, columns);
            assert!(fitted.lines().all(|line| line.chars().count() <= columns), "{columns}: {fitted}");
            let word = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(word(&fitted), word(&path));
        }
    }

    #[test]
    fn a_text_cannot_command_the_terminal() {
        let rows = [
            ("Ada Lovelace\n  École", "Ada Lovelace\n  École"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("over\rwritten\u{7}", "over\\u{d}written\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("ada\u{202e}nimda", "ada\\u{202e}nimda"),
        ];
        for (text, expected) in rows {
            assert_eq!(printable(text), expected, "{text:?}");
        }
    }
}
