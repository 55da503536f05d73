//! A timeline for people, scripts and spreadsheets.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use serde_json::json;
use uuid::Uuid;

use super::form::Form;
use super::summary::{Head, Summary};
use super::telling::told;
use super::trail::Kept;
use crate::commands::CommandError;
use crate::commands::sync::file::write_field;
use crate::print;

/// How wide everything for people is.
pub const COLUMNS: usize = 80;
/// Where what happened begins in a line.
const INDENT: usize = 32;

const HEADER: [&str; 11] = [
    "time",
    "run",
    "person",
    "tenant",
    "workflow",
    "source",
    "event",
    "publisher",
    "type",
    "outcome",
    "text",
];

/// Writes the timeline of somebody.
pub fn show(whom: &str, entries: &[Kept], form: Form) -> Result<(), CommandError> {
    match form {
        Form::Human => timeline(whom, entries)?,
        Form::Json => {
            for kept in entries {
                print::json(&json!({
                    "offset": kept.offset, "person": kept.person, "text": told(kept), "event": kept.event,
                }))?;
            }
        }
        Form::Csv => table(&HEADER, entries.iter().map(row))?,
    }
    Ok(())
}

/// The runs of these entries, with what became of each, in the order in which they came.
pub fn runs(entries: &[Kept]) -> Vec<Summary> {
    let (mut order, mut found) = (Vec::new(), BTreeMap::new());
    for kept in entries {
        let Ok(head) = serde_json::from_value::<Head>(kept.event.clone()) else { continue };
        let Some(run) = head.subject else { continue };
        let summary = found.entry(run).or_insert_with(|| {
            order.push(run);
            Summary::begun(run, head.time)
        });
        summary.take(head, kept.person);
    }
    order.into_iter().filter_map(|run| found.remove(&run)).collect()
}

fn timeline(whom: &str, entries: &[Kept]) -> io::Result<()> {
    if entries.is_empty() {
        return print::lines(&format!("the history has nothing about {whom}"));
    }
    for run in runs(entries) {
        print::lines(&format!("{}  {}, {}", run.run_id, cut(run.what(), 28), run.state.as_str()))?;
        wrapped(&asked(&run), 4)?;
    }
    print::lines("")?;
    for kept in entries {
        let at = kept.at.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
        let run = kept.run.map_or_else(|| "operator".to_owned(), short);
        hanging(&format!("{at:<20}  {run:<8}  "), &told(kept))?;
    }
    Ok(())
}

/// Who asked for a run.
pub fn asked(run: &Summary) -> String {
    let mut text = match (&run.event_id, &run.source) {
        (Some(id), Some(source)) => format!("asked for by event {id} of {source}"),
        (Some(id), None) => format!("asked for by event {id}"),
        (None, _) => "its event is not known".to_owned(),
    };
    if let Some(publisher) = &run.publisher {
        text.push_str(&format!(", publisher {publisher}"));
    }
    if let Some(tenant) = &run.tenant {
        text.push_str(&format!(", in tenant {tenant}"));
    }
    text
}

/// The beginning of a run's id, which is enough to tell it from a few others.
fn short(run: Uuid) -> String {
    run.simple().to_string().chars().take(8).collect()
}

/// The beginning of a text that is too long.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Writes a text behind this beginning, its further lines below its first.
pub fn hanging(begin: &str, text: &str) -> io::Result<()> {
    let mut line = begin.to_owned();
    let indent = " ".repeat(INDENT);
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            print::lines(line.trim_end())?;
            line.clone_from(&indent);
            is_empty = true;
        }
        line.push_str(if is_empty { "" } else { " " });
        line.push_str(word);
        is_empty = false;
    }
    print::lines(line.trim_end())
}

/// Writes a text with every line so far to the right.
pub fn wrapped(text: &str, indent: usize) -> io::Result<()> {
    let (begin, mut line) = (" ".repeat(indent), String::new());
    for word in text.split_whitespace() {
        if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > COLUMNS {
            print::lines(&format!("{begin}{line}"))?;
            line.clear();
        }
        line.push_str(if line.is_empty() { "" } else { " " });
        line.push_str(word);
    }
    print::lines(&format!("{begin}{line}"))
}

fn row(kept: &Kept) -> [String; 11] {
    let text = |value: Option<&serde_json::Value>| {
        value.and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    let attribute = |name: &str| text(kept.event.get(name));
    let data = |name: &str| text(kept.event.get("data").and_then(|data| data.get(name)));
    let outcome =
        Some(data("outcome")).filter(|outcome| !outcome.is_empty()).unwrap_or_else(|| data("state"));
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    [
        attribute("time"),
        id(kept.run),
        id(kept.person),
        attribute("tenant"),
        data("workflow"),
        attribute("causationsource"),
        attribute("causationid"),
        attribute("publisher"),
        attribute("type"),
        outcome,
        told(kept),
    ]
}

/// Writes a table for spreadsheets: with a byte order mark, and no formulas.
pub fn table<const N: usize>(header: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    writeln!(out, "\u{feff}{}", header.join(","))?;
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.iter().enumerate() {
            line.push_str(if at > 0 { "," } else { "" });
            write_field(cell, &mut line);
        }
        writeln!(out, "{line}")?;
    }
    out.flush()
}
