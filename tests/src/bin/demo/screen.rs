//! The demo's output: lines of at most 80 columns, in colour only on a terminal.

use std::io::{self, IsTerminal as _, Write as _};

use messages::{Outcome, State};
use system_tests::site::COLUMNS;

/// Standard output.
pub struct Screen {
    colour: bool,
}

/// How a word stands out.
#[derive(Clone, Copy)]
pub enum Style {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
}

impl Screen {
    pub fn new() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { colour: wanted && io::stdout().is_terminal() }
    }

    /// A word in its style.
    pub fn paint(&self, style: Style, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => 1,
            Style::Dim => 2,
            Style::Red => 31,
            Style::Green => 32,
            Style::Yellow => 33,
            Style::Blue => 36,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    pub fn line(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// The title of an act.
    pub fn act(&self, title: &str) -> io::Result<()> {
        let rule = "─".repeat(COLUMNS.saturating_sub(title.chars().count() + 4));
        let (before, after) = (self.paint(Style::Dim, "──"), self.paint(Style::Dim, &rule));
        self.line(&format!("{before} {} {after}", self.paint(Style::Bold, title)))
    }

    /// A command as a user would type it, and what to know about it.
    pub fn command(&self, command: &str, remark: &str) -> io::Result<()> {
        let gap = if remark.is_empty() { "" } else { "  # " };
        let remark = self.paint(Style::Dim, &format!("{gap}{remark}"));
        self.line(&format!("{}{remark}", self.paint(Style::Blue, &format!("$ {command}"))))
    }

    /// An event, its subject, and the state of its run if that has ended.
    pub fn event(&self, file: &str, what: &str, state: Option<(Style, &str)>) -> io::Result<()> {
        let file = self.paint(Style::Bold, &format!("{file:<18}"));
        let state = state.map(|(style, word)| format!(": {}", self.paint(style, word)));
        self.line(&format!("{file}{what}{}", state.unwrap_or_default()))
    }

    /// `label` in a column of its own, `word` in its style, and wrapped text.
    pub fn row(&self, label: &str, (style, word): (Style, &str), text: &str) -> io::Result<()> {
        const INDENT: usize = 43;
        let word = format!("{word:<9}");
        let mut lines = wrapped(text, COLUMNS - INDENT).into_iter();
        let first = lines.next().unwrap_or_default();
        let row = format!("  {label:<30} {} {first}", self.paint(style, &word));
        self.line(row.trim_end())?;
        lines.try_for_each(|line| self.line(&format!("{:INDENT$}{line}", "")))
    }

    /// A file and the result of its comparison.
    pub fn file(&self, result: &str, text: &str) -> io::Result<()> {
        let style = if result == "identical" { Style::Green } else { Style::Yellow };
        let mut lines = wrapped(text, COLUMNS - 27).into_iter();
        let first = lines.next().unwrap_or_default();
        self.line(&format!("  {} {first}", self.paint(style, &format!("{result:<24}"))))?;
        lines.try_for_each(|line| self.line(&format!("{:27}{line}", "")))
    }

    /// A person and every change, each with its sign.
    pub fn changes(&self, person: &str, changes: &[String]) -> io::Result<()> {
        let painted = changes.iter().map(|change| {
            let style = if change.starts_with('+') { Style::Green } else { Style::Red };
            self.paint(style, change)
        });
        let mut lines = vec![String::new()];
        let mut length = 0;
        for (change, painted) in changes.iter().zip(painted) {
            let more = change.chars().count() + 2;
            if length + more > COLUMNS - 18 {
                lines.push(String::new());
                length = 0;
            }
            length += more;
            if let Some(line) = lines.last_mut() {
                line.push_str(&painted);
                line.push_str("  ");
            }
        }
        let mut person = self.paint(Style::Bold, &format!("{person:<16}"));
        for line in lines {
            self.line(format!("  {person}{line}").trim_end())?;
            person = " ".repeat(16);
        }
        Ok(())
    }
}

/// A step's outcome, as its word in its colour.
pub fn outcome(outcome: Outcome) -> (Style, &'static str) {
    match outcome {
        Outcome::Changed => (Style::Green, "changed"),
        Outcome::Unchanged => (Style::Dim, "unchanged"),
        Outcome::Planned => (Style::Blue, "planned"),
        Outcome::Skipped => (Style::Dim, "skipped"),
        Outcome::Waiting => (Style::Yellow, "waiting"),
        Outcome::Failed => (Style::Red, "failed"),
    }
}

/// A run's state, as its word in its colour.
pub fn state(state: State) -> (Style, &'static str) {
    match state {
        State::Succeeded => (Style::Green, "succeeded"),
        State::Partial => (Style::Yellow, "partial"),
        State::Failed => (Style::Red, "failed"),
        State::Rejected => (Style::Yellow, "rejected"),
        State::Superseded => (Style::Yellow, "superseded"),
        State::Cancelled => (Style::Yellow, "cancelled"),
    }
}

/// Lines of at most so many columns, broken between words.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= columns {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_keep_every_word() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensibilities", 8), ["incomprehensibilities"]);
        assert_eq!(wrapped("", 8), [""]);
    }
}
