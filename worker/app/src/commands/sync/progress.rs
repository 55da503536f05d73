//! How far a sync, or a reading of the history, is, for a person who waits at a terminal. Scripts see nothing of it.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use msgraph::Reader;

use crate::print::Format;

/// A bar on standard error.
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar up to the number of people, or a count if nobody knows it. The number comes from an index that lags behind,
    /// so it is for this bar alone.
    pub async fn of_people(reader: Reader<'_>, format: Format) -> Self {
        if !is_watched(format) {
            return Self(ProgressBar::hidden());
        }
        let people = reader.user_count().await.ok();
        Self::draw(people)
    }

    /// A bar up to the number of days of reports.
    pub fn of_days(days: usize, format: Format) -> Self {
        if !is_watched(format) {
            return Self(ProgressBar::hidden());
        }
        Self::show(ProgressBar::new(days as u64), "{wide_bar} {human_pos} of {human_len} days {msg}")
    }

    /// A bar up to the number of entries of the history.
    pub fn of_entries(entries: u64, is_for_people: bool) -> Self {
        if !is_for_people || !io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        Self::show(
            ProgressBar::new(entries),
            "{wide_bar} {human_pos} of {human_len} entries, {per_sec:.0}, {eta} left",
        )
    }

    fn draw(people: Option<u64>) -> Self {
        match people {
            Some(people) => Self::show(
                ProgressBar::new(people),
                "{wide_bar} {human_pos} of {human_len} people, {per_sec:.0}, {eta} left",
            ),
            None => {
                Self::show(ProgressBar::no_length(), "{spinner} {human_pos} people, {per_sec:.0}, {elapsed}")
            }
        }
    }

    fn show(bar: ProgressBar, look: &str) -> Self {
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template(look) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows how many people, days or entries were read so far.
    pub fn reach(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Waits, and shows why and how long.
    pub async fn wait(&self, why: &str, wait: Duration) {
        let mut left = wait;
        while !left.is_zero() {
            let seconds = left.as_secs();
            self.0.set_message(format!("({why}: {}:{:02} left)", seconds / 60, seconds % 60));
            let step = left.min(Duration::from_secs(1));
            tokio::time::sleep(step).await;
            left = left.saturating_sub(step);
        }
        self.0.set_message("");
    }
}

fn is_watched(format: Format) -> bool {
    format == Format::Human && io::stderr().is_terminal()
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
