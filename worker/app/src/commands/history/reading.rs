//! Reads the history to the end that it had when the command began, and shows how far it is.

use broker::{End, History, HistoryEntry, Since};

use super::form::Form;
use crate::commands::CommandError;
use crate::commands::sync::progress::Progress;
use crate::settings::Config;

/// How often the progress is shown: after so many entries.
const SHOWN_EVERY: u64 = 1_000;

/// A session with the history.
pub struct Reading {
    history: History,
    end: Option<End>,
    form: Form,
}

impl Reading {
    /// Opens it, and looks for its end.
    pub async fn open(config: &Config, form: Form) -> Result<Self, CommandError> {
        let history = History::open(&config.broker()?).await?;
        let end = history.end().await?;
        Ok(Self { history, end, form })
    }

    /// Hands out each entry from a place to the end, or until one with a higher number than this. With people in `about`,
    /// those about others may be left out.
    pub async fn each(
        &self,
        since: Since,
        until: Option<u64>,
        about: &[String],
        mut take: impl FnMut(HistoryEntry),
    ) -> Result<(), CommandError> {
        let Some(end) = &self.end else { return Ok(()) };
        let mut entries = self.history.read(since, end, about).await?;
        let last = until.map_or(end.offset, |until| until.min(end.offset));
        let mut progress: Option<(u64, Progress)> = None;
        while let Some(entry) = entries.next().await? {
            if entry.offset > last {
                break;
            }
            let (first, bar) = progress.get_or_insert_with(|| {
                let all = last.saturating_sub(entry.offset).saturating_add(1);
                (entry.offset, Progress::of_entries(all, self.form == Form::Human))
            });
            let read = entry.offset.saturating_sub(*first);
            if read.is_multiple_of(SHOWN_EVERY) {
                bar.reach(read);
            }
            take(entry);
        }
        Ok(())
    }

    /// Ends the session.
    pub async fn close(self) {
        self.history.close().await;
    }
}
