//! A CSV parser for a connection: takes bytes in chunks, returns records one by one.
//!
//! It uses `csv-core`, because `csv` reads from a blocking source and would need a thread. A line that is whole and has
//! no quotation mark is split at its commas without it, as fast as it can be copied: reports have no other lines.
//!
//! **Guarantees.** It holds one record at a time, of at most [`MAX_RECORD_BYTES`]. It drops a byte order mark, skips
//! blank lines, and reports an error for bytes that are not UTF-8.

use std::fmt;

use bytes::{Buf as _, Bytes};
use csv_core::ReadRecordResult;

/// The longest line of a usage report is some kilobytes.
const MAX_RECORD_BYTES: usize = 256 * 1024;
/// The widest usage report has about forty columns.
const MAX_COLUMNS: usize = 1_000;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The records of a file in transfer.
pub(crate) struct Records {
    parser: csv_core::Reader,
    /// Whether the parser has read a part of a record.
    is_within: bool,
    chunk: Bytes,
    /// How many bytes of a byte order mark were read; its whole length once it can no longer follow.
    mark: usize,
    fields: Vec<u8>,
    filled: usize,
    ends: Vec<usize>,
    columns: usize,
    /// How many bytes stand between two fields: the comma of a line that was copied as it is.
    gap: usize,
    /// Whether the held record is complete.
    is_whole: bool,
    /// The number of records so far.
    number: u64,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Read the record.
    Record,
    /// Feed the next chunk, or an empty one after the last.
    NeedsMore,
    /// Nothing: the file has ended.
    End,
}

/// The line of a file that is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    TooLong(u64),
    NoText(u64),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(number) => write!(f, "line {number}, which is too long"),
            Self::NoText(number) => write!(f, "line {number}, which is not UTF-8"),
        }
    }
}

impl Records {
    pub(crate) fn new() -> Self {
        Self {
            parser: csv_core::Reader::new(),
            is_within: false,
            chunk: Bytes::new(),
            mark: 0,
            fields: vec![0; 1024],
            filled: 0,
            ends: vec![0; 64],
            columns: 0,
            gap: 0,
            is_whole: false,
            number: 0,
        }
    }

    /// Takes the next chunk. An empty one means the end of the file.
    pub(crate) fn feed(&mut self, mut chunk: Bytes) {
        // The end of a chunk can split the mark. An incomplete mark is not valid text anyway.
        while let Some(expected) = BYTE_ORDER_MARK.get(self.mark) {
            match chunk.first() {
                Some(byte) if byte == expected => {
                    self.mark += 1;
                    chunk.advance(1);
                }
                Some(_) => self.mark = BYTE_ORDER_MARK.len(),
                None => break,
            }
        }
        self.chunk = chunk;
    }

    /// Advances to the next record. Call [`feed`](Self::feed) when it needs more, and only then.
    pub(crate) fn step(&mut self, is_last: bool) -> Result<Step, Unreadable> {
        if self.is_whole {
            (self.filled, self.columns, self.gap, self.is_whole) = (0, 0, 0, false);
        }
        if !self.is_within && self.plain_line() {
            return self.whole();
        }
        loop {
            if self.chunk.is_empty() && !is_last {
                return Ok(Step::NeedsMore);
            }
            let (Some(fields), Some(ends)) =
                (self.fields.get_mut(self.filled..), self.ends.get_mut(self.columns..))
            else {
                return Err(Unreadable::TooLong(self.number + 1));
            };
            let (result, read, written, ended) = self.parser.read_record(&self.chunk, fields, ends);
            self.chunk.advance(read.min(self.chunk.len()));
            self.filled += written;
            self.columns += ended;
            self.is_within = result != ReadRecordResult::Record;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.fields.len() < MAX_RECORD_BYTES => {
                    self.fields.resize(self.fields.len() * 2, 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_COLUMNS => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(Unreadable::TooLong(self.number + 1));
                }
                ReadRecordResult::Record => return self.whole(),
                ReadRecordResult::End => return Ok(Step::End),
            }
        }
    }

    /// The record that is held is whole.
    fn whole(&mut self) -> Result<Step, Unreadable> {
        self.number += 1;
        self.is_whole = true;
        let is_text = self.fields.get(..self.filled).is_some_and(|all| std::str::from_utf8(all).is_ok());
        if is_text { Ok(Step::Record) } else { Err(Unreadable::NoText(self.number)) }
    }

    /// Takes a line that the chunk has to its end and that `csv-core` would split at every comma; whether there is one.
    fn plain_line(&mut self) -> bool {
        // The parser ends a record at the first byte of a line break.
        while self.chunk.first() == Some(&b'\n') {
            self.chunk.advance(1);
        }
        let Some(end) = memchr::memchr(b'\n', &self.chunk) else { return false };
        let line = self.chunk.get(..end).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // A blank line is no record, and a bare carriage return ends one.
        if line.is_empty() || line.len() > self.fields.len() || memchr::memchr2(b'"', b'\r', line).is_some() {
            return false;
        }
        let mut columns = 0;
        for (at, byte) in line.iter().enumerate() {
            // Without a branch: half of the fields are as long as the other half.
            let Some(place) = self.ends.get_mut(columns) else { return false };
            *place = at;
            columns += usize::from(*byte == b',');
        }
        let (Some(place), Some(fields)) = (self.ends.get_mut(columns), self.fields.get_mut(..line.len()))
        else {
            return false;
        };
        *place = line.len();
        fields.copy_from_slice(line);
        (self.columns, self.filled, self.gap) = (columns + 1, line.len(), 1);
        self.chunk.advance(end + 1);
        true
    }

    /// The record's number, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// How many fields the record has.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// A field of the record.
    pub(crate) fn field(&self, column: usize) -> Option<&str> {
        std::str::from_utf8(self.bytes(column)?).ok()
    }

    /// The same as bytes.
    pub(crate) fn bytes(&self, column: usize) -> Option<&[u8]> {
        let end = *self.ends.get(..self.columns)?.get(column)?;
        let start = match column.checked_sub(1) {
            Some(before) => *self.ends.get(before)? + self.gap,
            None => 0,
        };
        self.fields.get(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of a file that arrives in chunks of this size.
    fn records(file: &[u8], size: usize) -> Result<Vec<Vec<String>>, Unreadable> {
        let mut records = Records::new();
        let mut chunks = file.chunks(size).map(Bytes::copy_from_slice);
        let mut is_last = false;
        let mut all = Vec::new();
        loop {
            match records.step(is_last)? {
                Step::Record => {
                    let fields = (0..records.columns()).map(|at| records.field(at).unwrap().to_owned());
                    all.push(fields.collect());
                    assert_eq!(records.field(records.columns()), None);
                }
                Step::NeedsMore => {
                    let chunk = chunks.next();
                    is_last = chunk.is_none();
                    records.feed(chunk.unwrap_or_default());
                }
                Step::End => return Ok(all),
            }
        }
    }

    #[test]
    fn a_file_reads_the_same_however_it_is_cut() {
        let file = "\u{feff}Name,Note\r\nAda,\"says \"\"hi\"\",\r\nand goes\"\r\n\r\n\r\nGrâce,\r\nEdsger,x";
        let expected =
            [["Name", "Note"], ["Ada", "says \"hi\",\r\nand goes"], ["Grâce", ""], ["Edsger", "x"]];
        for size in 1..=file.len() {
            assert_eq!(records(file.as_bytes(), size).unwrap(), expected, "chunks of {size}");
        }
    }

    #[test]
    fn lines_of_every_form_read_as_csv_core_alone_reads_them() {
        let parts = ["a", ",", "\"", "\r", "\n", "\r\n"];
        for number in 0..parts.len().pow(4) {
            let pick = |place: u32| parts[number / parts.len().pow(place) % parts.len()];
            let file = (0..4).map(pick).collect::<String>() + "\nb,c\n";
            // Chunks of one byte hold no whole line.
            let alone = records(file.as_bytes(), 1).unwrap();
            assert_eq!(records(file.as_bytes(), file.len()).unwrap(), alone, "{file:?}");
            assert_eq!(records(file.as_bytes(), 5).unwrap(), alone, "{file:?}");
        }
    }

    #[test]
    fn an_empty_file_has_no_record() {
        for file in ["", "\u{feff}", "\r\n\n"] {
            assert_eq!(records(file.as_bytes(), 2).unwrap(), [[""; 0]; 0], "{file:?}");
        }
    }

    #[test]
    fn an_endless_record_is_not_held() {
        let too_wide = ",".repeat(MAX_COLUMNS * 3);
        let too_long = format!("a,b\n\"{}", "x".repeat(MAX_RECORD_BYTES * 2));
        for (file, number) in [(too_wide, 1), (too_long, 2)] {
            assert_eq!(records(file.as_bytes(), 10_000), Err(Unreadable::TooLong(number)));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error() {
        assert_eq!(records(b"a,b\nc,\xff\n", 3), Err(Unreadable::NoText(2)));
        assert!(records(b"\xef\xbba,b\n", 1).is_ok_and(|records| records == [["a", "b"]]));
    }
}
