//! What the pages have in common: where they are written, their head, and their measures.

use std::path::Path;

use directory_sync::Note;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sync_report::Page;

use super::super::file::Form;
use super::super::partial::{Partial, replace};
use crate::commands::CommandError;

/// The most bars of a chart; the table has every row.
pub const LONGEST_CHART: usize = 15;

/// The file if it is to be a page, and the file if it is to have rows.
///
/// # Errors
///
/// When the file's ending says neither, or no page can be written there: better now than after a pass of ten minutes.
pub fn or_rows(out: Option<&Path>) -> Result<(Option<&Path>, Option<&Path>), CommandError> {
    match out {
        Some(path) if !is_page(path) => Form::of(path).map(|_| (None, out)),
        _ => {
            out.map(|path| Partial::create(path).map_err(|error| cannot_write(path, &error))).transpose()?;
            Ok((out, None))
        }
    }
}

/// Whether the file's ending asks for a page.
pub fn is_page(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html"))
}

/// Writes the page in one step.
pub fn write(path: &Path, page: &Page) -> Result<(), CommandError> {
    let html = page.html().map_err(|error| cannot_write(path, &error))?;
    replace(path, &html).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &dyn std::error::Error) -> CommandError {
    CommandError::Input(format!("cannot write {}: {error}", path.display()))
}

/// An empty page about a tenant, read now.
pub fn of(title: &str, tenant: &str, notes: &[Note]) -> Page {
    Page {
        title: title.to_owned(),
        tenant: tenant.to_owned(),
        read_at: now(),
        made_by: format!("Gatehouse {}", env!("CARGO_PKG_VERSION")),
        tiles: Vec::new(),
        figures: Vec::new(),
        unseen: notes.iter().map(sentence).collect(),
    }
}

/// A note as a sentence.
pub fn sentence(note: &Note) -> String {
    let text = note.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let end = if text.ends_with(['.', '!']) { "" } else { "." };
    first.chain(letters).collect::<String>() + end
}

pub fn now() -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How much of the whole a part is, from 0 to 100.
pub fn percent(part: impl TryInto<i64>, whole: impl TryInto<i64>) -> f64 {
    let number = |number: Option<i64>| number.map_or(0.0, |number| number as f64);
    let (part, whole) = (number(part.try_into().ok()), number(whole.try_into().ok()));
    if whole > 0.0 { part / whole * 100.0 } else { 0.0 }
}

/// What the chart leaves to the table.
pub fn more(rows: usize) -> Option<String> {
    (rows > LONGEST_CHART).then(|| format!("The chart has the first {LONGEST_CHART} of {rows} rows."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_nothing() {
        assert!((percent(1, 4) - 25.0).abs() < 1e-9);
        assert!(percent(3, 0) == 0.0 && percent(u64::MAX, 10) == 0.0);
        assert_eq!(more(15), None);
        assert!(more(16).unwrap().contains("first 15 of 16"));
        assert!(is_page(Path::new("a/Report.HTML")) && !is_page(Path::new("report.csv")));
    }
}
