//! `gatehouse dead count`: dead letters by cause. Letters with one cause need one repair.

use std::collections::BTreeMap;
use std::io;

use broker::Entry;
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::facts::Facts;
use super::show::{Listed, age};
use crate::commands::CommandError;
use crate::print::{self, Format};

/// What letters with one cause have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Cause {
    class: String,
    code: String,
    action: Option<String>,
    /// The reason without the ids in it.
    reason: String,
}

/// How many letters have a cause, and since when.
#[derive(Debug, Serialize)]
struct Counted<'a> {
    #[serde(flatten)]
    cause: &'a Cause,
    count: usize,
    oldest: Option<Timestamp>,
    newest: Option<Timestamp>,
    /// The id of one of them.
    example: &'a str,
}

/// Shows how many letters have each cause, the most frequent first.
pub(super) fn by_cause(letters: &[Listed], format: Format) -> Result<(), CommandError> {
    let mut causes: BTreeMap<Cause, Vec<&Entry>> = BTreeMap::new();
    for (entry, facts) in letters {
        causes.entry(Cause::of(entry, facts)).or_default().push(entry);
    }
    let mut counted: Vec<_> = causes.iter().map(|(cause, entries)| Counted::of(cause, entries)).collect();
    counted.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(b.cause)));
    if format == Format::Json {
        for counted in &counted {
            print::json(counted)?;
        }
        return Ok(());
    }
    if counted.is_empty() {
        return Ok(print::lines("no dead letters")?);
    }
    let now = Timestamp::now();
    let mut rows = vec![["Count", "Class", "Oldest", "Newest"].map(str::to_owned)];
    rows.extend(counted.iter().map(|Counted { cause, count, oldest, newest, .. }| {
        [count.to_string(), cause.class.clone(), age(now, *oldest), age(now, *newest)]
    }));
    let lines = print::aligned(&rows);
    let (header, lines) = lines.split_first().ok_or_else(|| io::Error::other("a table without a header"))?;
    print::lines(header)?;
    for (line, Counted { cause, example, .. }) in lines.iter().zip(&counted) {
        print::lines(line)?;
        print::indented(&cause.reason)?;
        let action = cause.action.as_deref().map(|action| format!("action {action}, ")).unwrap_or_default();
        let code = if cause.code == cause.class { String::new() } else { format!("code {}, ", cause.code) };
        print::indented(&format!("{action}{code}for example {example}"))?;
    }
    let causes = if counted.len() == 1 { "cause" } else { "causes" };
    Ok(print::lines(&format!("{} dead letters, {} {causes}", letters.len(), counted.len()))?)
}

impl Cause {
    fn of(entry: &Entry, facts: &Facts) -> Self {
        Self {
            class: entry.letter.class.clone(),
            code: facts.code.clone(),
            action: facts.action.clone(),
            reason: without_ids(&entry.letter.reason),
        }
    }
}

impl<'a> Counted<'a> {
    fn of(cause: &'a Cause, entries: &[&'a Entry]) -> Self {
        let times = || entries.iter().filter_map(|entry| entry.letter.at);
        Self {
            cause,
            count: entries.len(),
            oldest: times().min(),
            newest: times().max(),
            example: entries.first().map(|entry| entry.id.as_str()).unwrap_or_default(),
        }
    }
}

/// A text with an ellipsis for every id in it: what differs from letter to letter is no other cause.
fn without_ids(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end.max(first.len_utf8()).min(rest.len()));
        kept.push_str(if token.len() == 36 && Uuid::try_parse(token).is_ok() { "…" } else { token });
        rest = after;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_loses_its_ids_and_nothing_else() {
        for (text, expected) in [
            ("", ""),
            ("no unit of SPE_E5 is left", "no unit of SPE_E5 is left"),
            ("user 0d3b7c1a-9a44-4c5f-8f0e-2b6a7d8e1906 is gone", "user … is gone"),
            ("(0d3b7c1a-9a44-4c5f-8f0e-2b6a7d8e1906)", "(…)"),
            ("0d3b7c1a9a444c5f8f0e2b6a7d8e1906", "0d3b7c1a9a444c5f8f0e2b6a7d8e1906"),
            ("École: 3 of 4 – wait", "École: 3 of 4 – wait"),
        ] {
            assert_eq!(without_ids(text), expected);
        }
    }
}
