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
                let head = format!("\u{feff}{}\n", writing.sheet.columns.join(","));
                file.write_all(head.as_bytes())?;
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
    places: Vec<Places>,
}

/// Where the columns of a kind are.
struct Places {
    kind: &'static str,
    places: Vec<usize>,
    /// Whether they stand in the order in which a row names them.
    in_order: bool,
}

impl Sheet {
    fn of(kinds: &[&str]) -> Self {
        let mut columns = vec!["kind"];
        let mut all = Vec::new();
        for kind in kinds.iter().filter_map(|kind| Kind::named(kind)) {
            let mut places = Vec::new();
            for column in kind.columns {
                let known = columns.iter().position(|name| *name == column.name);
                places.push(known.unwrap_or_else(|| {
                    columns.push(column.name);
                    columns.len() - 1
                }));
            }
            let in_order = places.is_sorted();
            all.push(Places { kind: kind.name, places, in_order });
        }
        Self { columns, places: all }
    }

    /// Room for the cells of a line.
    fn line(&self) -> Vec<String> {
        vec![String::new(); self.columns.len()]
    }

    /// Appends a row as a line. `line` is room for its cells.
    fn write(&self, row: &impl AnyRow, line: &mut [String], text: &mut String) {
        let kind = row.kind();
        let last = self.columns.len() - 1;
        match self.places.iter().find(|places| places.kind == kind) {
            Some(Places { places, in_order: true, .. }) => {
                text.push_str(kind);
                let (mut places, mut at) = (places.iter(), 0);
                row.cells(&mut |cell| {
                    let Some(place) = places.next() else { return };
                    text.extend((at..*place).map(|_| ','));
                    at = *place;
                    write_cell(&cell, text);
                });
                text.extend((at..last).map(|_| ','));
            }
            found => {
                line.iter_mut().for_each(String::clear);
                if let Some(first) = line.first_mut() {
                    first.push_str(kind);
                }
                let mut places = found.iter().flat_map(|found| &found.places);
                row.cells(&mut |cell| {
                    if let Some(text) = places.next().and_then(|place| line.get_mut(*place)) {
                        write_cell(&cell, text);
                    }
                });
                text.push_str(&line.join(","));
            }
        }
        text.push('\n');
    }
}

/// Appends a cell as a field.
fn write_cell(cell: &Cell<'_>, text: &mut String) {
    match cell {
        Cell::Absent | Cell::Null => {}
        Cell::Text(value) => write_field(value, text),
        Cell::Flag(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Cell::Number(number) => write_field(&number.to_string(), text),
        Cell::Texts(texts) => write_field(&texts.join(";"), text),
        // Ids have neither signs nor commas.
        Cell::Ids(ids) => {
            for (index, id) in ids.iter().enumerate() {
                text.push_str(if index > 0 { ";" } else { "" });
                text.push_str(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
            }
        }
        Cell::Names(names) => write_field(&names.join(";"), text),
    }
}

/// Appends a field as RFC 4180 has it, and never as a formula: a spreadsheet would run it (OWASP, "CSV Injection").
pub fn write_field(field: &str, text: &mut String) {
    if field.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return write_quoted(&format!("'{field}"), text);
    }
    write_quoted(field, text);
}

/// Appends a field, between quotation marks where it needs them.
fn write_quoted(field: &str, text: &mut String) {
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
                write_quoted(field, &mut line);
            }
            assert_eq!(line + "\n", expected, "{fields:?}");
        }
    }

    /// A row whose first cell is a formula.
    #[derive(serde::Serialize)]
    struct Odd(&'static str);

    impl AnyRow for Odd {
        fn kind(&self) -> &'static str {
            self.0
        }

        fn cells(&self, put: &mut dyn FnMut(Cell<'_>)) {
            [Cell::Text("=1,2"), Cell::Null, Cell::Number(-1), Cell::Text("b")].into_iter().for_each(put);
        }
    }

    #[test]
    fn kinds_that_share_columns_in_any_order_have_their_cells_in_their_columns() {
        let places =
            |kind, places: &[usize]| Places { kind, places: places.to_vec(), in_order: places.is_sorted() };
        let columns = vec!["kind", "a", "b", "c", "d", "e"];
        let places = vec![places("up", &[1, 2, 4, 5]), places("down", &[4, 3, 2, 1])];
        let sheet = Sheet { columns, places };
        let mut text = String::new();
        for kind in ["up", "down", "other"] {
            sheet.write(&Odd(kind), &mut sheet.line(), &mut text);
        }
        assert_eq!(text, "up,\"'=1,2\",,,'-1,b\ndown,b,'-1,,\"'=1,2\",\nother,,,,,\n");
    }
}
