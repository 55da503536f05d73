//! The file of a sync: CSV, NDJSON or JSON by its ending, written under a temporary name until it is complete.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use directory_sync::{AnyRow, Cell, Kind, write_json};

use super::partial::Partial;
use crate::commands::CommandError;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Csv,
    Ndjson,
    Json,
}

impl Form {
    /// The form that a file's ending names.
    pub fn of(path: &Path) -> Result<Self, CommandError> {
        let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
        match ending.as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("ndjson") => Ok(Self::Ndjson),
            Some("json") => Ok(Self::Json),
            _ => Err(CommandError::Input(format!(
                "{}: the name must end in .csv, .ndjson or .json, which is how the rows are written, or in .html, \
                 which is a page to read",
                path.display()
            ))),
        }
    }
}

/// A file whose rows arrive batch by batch. Without [`finish`](Self::finish) nothing is left of it.
pub struct OutFile {
    file: BufWriter<Partial>,
    writing: Writing,
    count: u64,
}

/// How the rows of a file are written: several threads can write rows at once, each its own.
#[derive(Clone)]
pub struct Writing {
    form: Form,
    sheet: Arc<Sheet>,
}

/// Rows as they stand in a file.
#[derive(Default)]
pub struct Written {
    text: String,
    rows: u64,
}

impl OutFile {
    /// A file for rows of these kinds.
    pub fn create(path: &Path, kinds: &[&str]) -> Result<Self, CommandError> {
        let form = Form::of(path)?;
        let cannot = |error| CommandError::Input(format!("cannot write {}: {error}", path.display()));
        let partial = Partial::create(path).map_err(cannot)?;
        let mut file = BufWriter::with_capacity(256 * 1024, partial);
        let writing = Writing { form, sheet: Arc::new(Sheet::of(kinds)) };
        match form {
            // Without the mark Excel reads names as Latin text.
            Form::Csv => {
                file.write_all(format!("\u{feff}{}\n", writing.sheet.columns.join(",")).as_bytes())?
            }
            Form::Ndjson => {}
            Form::Json => file.write_all(b"[")?,
        }
        Ok(Self { file, writing, count: 0 })
    }

    /// How its rows are written.
    pub fn writing(&self) -> Writing {
        self.writing.clone()
    }

    /// Appends rows.
    pub fn write<R: AnyRow>(&mut self, rows: &[R]) -> io::Result<()> {
        self.append(&self.writing.write(rows))
    }

    /// Appends rows that are written.
    pub fn append(&mut self, rows: &Written) -> io::Result<()> {
        let mut text = rows.text.as_str();
        if self.writing.form == Form::Json && self.count == 0 {
            text = text.strip_prefix(',').unwrap_or(text);
        }
        self.file.write_all(text.as_bytes())?;
        self.count += rows.rows;
        Ok(())
    }

    /// Gives the file its name. Returns the number of rows.
    pub fn finish(mut self) -> io::Result<u64> {
        if self.writing.form == Form::Json {
            self.file.write_all(b"\n]\n")?;
        }
        self.file.into_inner().map_err(io::IntoInnerError::into_error)?.keep()?;
        Ok(self.count)
    }
}

/// About as many bytes as a row has.
const ROW_BYTES: usize = 1024;

impl Writing {
    /// Writes rows.
    pub fn write<R: AnyRow>(&self, rows: &[R]) -> Written {
        let mut text = String::with_capacity(rows.len() * ROW_BYTES);
        let mut line = self.sheet.line();
        for row in rows {
            match self.form {
                Form::Csv => self.sheet.write(row, &mut line, &mut text),
                Form::Ndjson => {
                    write_json(row, &mut text);
                    text.push('\n');
                }
                Form::Json => {
                    text.push_str(",\n");
                    write_json(row, &mut text);
                }
            }
        }
        Written { text, rows: rows.len() as u64 }
    }
}

/// The columns of several kinds of rows side by side.
struct Sheet {
    columns: Vec<&'static str>,
    /// For each kind where its columns are.
    places: Vec<(&'static str, Vec<usize>)>,
}

impl Sheet {
    fn of(kinds: &[&str]) -> Self {
        let mut columns = vec!["kind"];
        let mut places = Vec::new();
        for kind in kinds.iter().filter_map(|kind| Kind::named(kind)) {
            let mut own = Vec::new();
            for column in kind.columns {
                let known = columns.iter().position(|name| *name == column.name);
                own.push(known.unwrap_or_else(|| {
                    columns.push(column.name);
                    columns.len() - 1
                }));
            }
            places.push((kind.name, own));
        }
        Self { columns, places }
    }

    /// Room for the cells of a line.
    fn line(&self) -> Vec<String> {
        vec![String::new(); self.columns.len()]
    }

    /// Appends a row as a line. `line` is room for its cells.
    fn write(&self, row: &impl AnyRow, line: &mut [String], text: &mut String) {
        line.iter_mut().for_each(String::clear);
        let kind = row.kind();
        let places = self.places.iter().find(|(name, _)| *name == kind).map(|(_, places)| places);
        let mut places = places.into_iter().flatten();
        if let Some(first) = line.first_mut() {
            first.push_str(kind);
        }
        row.cells(&mut |cell| {
            if let Some(text) = places.next().and_then(|place| line.get_mut(*place)) {
                write_cell(text, &cell);
            }
        });
        for (at, cell) in line.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            write_field(cell, text);
        }
        text.push('\n');
    }
}

/// Appends a field as RFC 4180 has it. `csv` takes four times as long for a file of a million people.
fn write_field(field: &str, text: &mut String) {
    // All bytes are looked at, whatever the first ones are: several at a time.
    let is_special = |found, byte| found | matches!(byte, b',' | b'"' | b'\r' | b'\n');
    if !field.bytes().fold(false, is_special) {
        return text.push_str(field);
    }
    text.push('"');
    for (at, part) in field.split('"').enumerate() {
        text.push_str(if at > 0 { "\"\"" } else { "" });
        text.push_str(part);
    }
    text.push('"');
}

fn write_cell(text: &mut String, cell: &Cell<'_>) {
    match cell {
        Cell::Absent | Cell::Null => {}
        Cell::Text(value) => text.push_str(value),
        Cell::Flag(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Cell::Number(number) => text.push_str(&number.to_string()),
        Cell::Texts(texts) => text.push_str(&texts.join(";")),
        Cell::Ids(ids) => {
            for (index, id) in ids.iter().enumerate() {
                text.push_str(if index > 0 { ";" } else { "" });
                text.push_str(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
            }
        }
        Cell::Names(names) => text.push_str(&names.join(";")),
    }
    // A spreadsheet runs a text that begins like this as a formula (OWASP, "CSV Injection").
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        text.insert(0, '\'');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_written_as_the_csv_crate_writes_them() {
        let parts = ["", "a", ",", "\"", "\r", "\n", " ", "é", ";"];
        for number in 0..parts.len().pow(4) {
            let part = |place: u32| parts[number / parts.len().pow(place) % parts.len()];
            let fields = [part(0).to_owned() + part(1), part(2).repeat(9) + part(3), part(1).to_owned()];
            let mut expected = csv::Writer::from_writer(Vec::new());
            expected.write_record(&fields).unwrap();
            let expected = String::from_utf8(expected.into_inner().unwrap()).unwrap();
            let mut line = String::new();
            for (at, field) in fields.iter().enumerate() {
                line.push_str(if at > 0 { "," } else { "" });
                write_field(field, &mut line);
            }
            assert_eq!(line + "\n", expected, "{fields:?}");
        }
    }
}
