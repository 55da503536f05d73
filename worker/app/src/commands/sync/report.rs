//! What a sync says at its end, besides its file.

use std::path::Path;

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle};
use directory_sync::{Money, Note};

use crate::commands::CommandError;
use crate::print;

/// One line below the header: a tenant has dozens of licences.
const COMPACT: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));

/// A table whose numbers stand below one another, and in which no word is broken.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> Table {
    print::unbroken(aligned(header, rows))
}

/// The same with one space between its columns, for one that has many.
pub fn narrow_table(header: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut table = aligned(header, rows);
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 0));
    });
    print::unbroken(table)
}

fn aligned(header: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut table = print::table(header);
    table.load_style(COMPACT);
    for row in rows {
        table.add_row(row.into_iter().map(|text| {
            // A date has dashes.
            let is_number = text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('-');
            let cell = Cell::new(&text);
            if is_number { cell.set_alignment(CellAlignment::Right) } else { cell }
        }));
    }
    table
}

/// A number with its thousands apart.
pub fn grouped(number: impl TryInto<i128>) -> String {
    let digits = number.try_into().unwrap_or_default().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What rows cost together, in words; nothing if no row has a price, and it says so where others do. A sum of rows
/// without a price is no sum of nothing.
pub fn a_month(sum: &Money, mut costs: impl Iterator<Item = Money>) -> Option<String> {
    let has_gaps = costs.any(|cost| cost.is_empty());
    match (sum.is_empty(), sum.is_zero(), has_gaps) {
        (true, _, _) | (false, true, false) => None,
        (false, true, true) => Some("no price is known".to_owned()),
        (false, false, true) => Some(format!("{sum} a month, for those with a price")),
        (false, false, false) => Some(format!("{sum} a month")),
    }
}

/// The notes of a pass, and where its rows or its page are.
pub fn end(notes: &[Note], out: Option<(&Path, u64)>, page: Option<&Path>) -> Result<(), CommandError> {
    for note in notes {
        print::lines("  note:")?;
        print::indented(&note.to_string())?;
    }
    if let Some((path, rows)) = out {
        print::lines(&format!("{} rows are in {}", grouped(rows), path.display()))?;
    }
    if let Some(path) = page {
        print::lines(&format!("a page to read is in {}", path.display()))?;
    }
    Ok(())
}

/// Asserts that a table fits 80 columns and breaks none of these texts.
#[cfg(test)]
pub(super) fn assert_fits(mut table: Table, whole: &[&str]) {
    table.set_width(80);
    let text = print::unbroken(table).to_string();
    assert!(text.lines().all(|line| line.trim_end().chars().count() <= 80), "{text}");
    for word in whole {
        assert!(text.contains(word), "{word} is broken:\n{text}");
    }
}
