//! Mistakes in a workflow file: each with its line and column and with what was expected there.

use std::fmt;

/// A line and a column of a file, both counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mistake {
    pub(super) at: At,
    pub(super) problem: String,
}

impl Mistake {
    pub(super) fn new(at: At, problem: impl Into<String>) -> Self {
        Self { at, problem: problem.into() }
    }
}

/// Every mistake in a workflow file, in the order of the file. Prints a line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    file: String,
    all: Vec<Mistake>,
}

impl Mistakes {
    /// Sorts them; an alias repeats the mistakes of its anchor, which count once.
    pub(super) fn new(file: &str, mut all: Vec<Mistake>) -> Self {
        all.sort();
        all.dedup();
        Self { file: file.to_owned(), all }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Mistake { at, problem }) in self.all.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{}:{}: {problem}", self.file, at.line, at.column)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}
