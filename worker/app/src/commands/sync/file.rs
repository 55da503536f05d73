//! The file of a sync: CSV, NDJSON or JSON by its ending, written under a temporary name until it is complete.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

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
    rows: Rows,
    count: u64,
}

enum Rows {
    Csv(Box<csv::Writer<BufWriter<Partial>>>, Sheet),
    Lines(BufWriter<Partial>, String),
    List(BufWriter<Partial>, String),
}

impl OutFile {
    /// A file for rows of these kinds.
    pub fn create(path: &Path, kinds: &[&str]) -> Result<Self, CommandError> {
        let form = Form::of(path)?;
        let cannot = |error| CommandError::Input(format!("cannot write {}: {error}", path.display()));
        let partial = Partial::create(path).map_err(cannot)?;
        let mut file = BufWriter::with_capacity(256 * 1024, partial);
        let rows = match form {
            Form::Csv => {
                // Without the mark Excel reads names as Latin text.
                file.write_all("\u{feff}".as_bytes())?;
                let sheet = Sheet::of(kinds);
                let mut writer = csv::WriterBuilder::new().from_writer(file);
                writer.write_record(&sheet.columns).map_err(io::Error::from)?;
                Rows::Csv(Box::new(writer), sheet)
            }
            Form::Ndjson => Rows::Lines(file, String::new()),
            Form::Json => {
                file.write_all(b"[")?;
                Rows::List(file, String::new())
            }
        };
        Ok(Self { rows, count: 0 })
    }

    /// Appends a row.
    pub fn write(&mut self, row: &impl AnyRow) -> io::Result<()> {
        match &mut self.rows {
            Rows::Csv(writer, sheet) => {
                sheet.fill(row);
                writer.write_record(&sheet.line)?;
            }
            Rows::Lines(file, buffer) => {
                buffer.clear();
                write_json(row, buffer);
                buffer.push('\n');
                file.write_all(buffer.as_bytes())?;
            }
            Rows::List(file, buffer) => {
                buffer.clear();
                buffer.push_str(if self.count == 0 { "\n" } else { ",\n" });
                write_json(row, buffer);
                file.write_all(buffer.as_bytes())?;
            }
        }
        self.count += 1;
        Ok(())
    }

    /// Gives the file its name. Returns the number of rows.
    pub fn finish(self) -> io::Result<u64> {
        let file = match self.rows {
            Rows::Csv(writer, _) => {
                writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?
            }
            Rows::Lines(file, _) => file,
            Rows::List(mut file, _) => {
                file.write_all(b"\n]\n")?;
                file
            }
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.keep()?;
        Ok(self.count)
    }
}

/// The columns of several kinds of rows side by side, and the line that is being written.
struct Sheet {
    columns: Vec<&'static str>,
    /// For each kind where its columns are.
    places: Vec<(&'static str, Vec<usize>)>,
    line: Vec<String>,
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
        let line = vec![String::new(); columns.len()];
        Self { columns, places, line }
    }

    fn fill(&mut self, row: &impl AnyRow) {
        self.line.iter_mut().for_each(String::clear);
        let kind = row.kind();
        let places = self.places.iter().find(|(name, _)| *name == kind).map(|(_, places)| places);
        let mut places = places.into_iter().flatten();
        let line = &mut self.line;
        if let Some(first) = line.first_mut() {
            first.push_str(kind);
        }
        row.cells(&mut |cell| {
            if let Some(text) = places.next().and_then(|place| line.get_mut(*place)) {
                write_cell(text, &cell);
            }
        });
    }
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
