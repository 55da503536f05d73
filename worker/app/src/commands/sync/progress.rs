//! How far a sync is, for a person who waits at a terminal. Scripts see nothing of it.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use msgraph::Reader;

use crate::print::Format;

/// A bar on standard error.
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar up to the number of people, or a count if nobody knows it. The number comes from an index that lags behind,
    /// so it is for this bar alone.
    pub async fn of_people(reader: Reader<'_>, format: Format) -> Self {
        let is_watched = format == Format::Human && io::stderr().is_terminal();
        if !is_watched {
            return Self(ProgressBar::hidden());
        }
        let people = reader.user_count().await.ok();
        Self::draw(people)
    }

    fn draw(people: Option<u64>) -> Self {
        let (bar, look) = match people {
            Some(people) => (
                ProgressBar::new(people),
                "{wide_bar} {human_pos} of {human_len} people, {per_sec:.0}, {eta} left",
            ),
            None => (ProgressBar::no_length(), "{spinner} {human_pos} people, {per_sec:.0}, {elapsed}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) = ProgressStyle::with_template(look) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows how many people were read so far.
    pub fn reach(&self, people: u64) {
        self.0.set_position(people);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
