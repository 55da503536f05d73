//! What a run has said of its end.
//!
//! A worker may die when it has reported the end of a run and the ledger does not know of it yet. If others shut the run
//! then, its message comes again, and the ledger would have it end otherwise. The history has what was said.

use broker::{Error, History, Settings, Since};
use jiff::{SignedDuration, Timestamp};
use messages::{ResultData, ResultEvent, RunFinished};
use uuid::Uuid;

/// The clocks of two workers differ by less.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

/// Reads what runs have said. A session is opened for each reading: it is read after a crash alone.
pub struct Said {
    settings: Settings,
}

impl Said {
    /// In the broker of these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// The first end of a run after so many replays that was reported since this time.
    ///
    /// # Errors
    ///
    /// When the history cannot be read.
    pub async fn end(
        &self,
        (run, replays): (Uuid, u32),
        since: Timestamp,
        person: Option<Uuid>,
    ) -> Result<Option<RunFinished>, Error> {
        let since = since.checked_sub(CLOCKS).unwrap_or(since);
        let history = History::open(&self.settings).await?;
        let about: Vec<String> = person.iter().map(Uuid::to_string).collect();
        let mut found = None;
        if let Some(end) = history.end().await? {
            let mut entries = history.read(Since::Time(since), &end, &about).await?;
            while found.is_none()
                && let Some(entry) = entries.next().await?
            {
                found = end_of(run, replays, &entry.body);
            }
        }
        history.close().await;
        Ok(found)
    }
}

/// The end of this run, if a result is that.
fn end_of(run: Uuid, replays: u32, body: &[u8]) -> Option<RunFinished> {
    // Nearly all are of other runs, and the schema takes longer than a look at the text.
    let id = run.to_string();
    if !body.windows(id.len()).any(|window| window == id.as_bytes()) {
        return None;
    }
    let ResultData::RunFinished(end) = ResultEvent::from_bytes(body).ok()?.data else { return None };
    (end.run_id == run && end.replays == replays).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::Cause;
    use outcome::State;

    #[test]
    fn an_end_is_that_of_its_run_and_of_its_replay() {
        let (run, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let at: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let said = |data: ResultData| ResultEvent::new(Cause::default(), at, data).to_bytes().unwrap();
        let finished = |run, replays| RunFinished::of_nothing(run, State::Succeeded, at, replays);
        let end = said(finished(run, 1).into());
        assert_eq!(end_of(run, 1, &end), Some(finished(run, 1)));
        assert_eq!(end_of(run, 0, &end), None, "the replay before it");
        assert_eq!(end_of(run, 2, &end), None, "the next replay");
        let shut_it = RunFinished { ended_by: Some(run), ..finished(other, 1) };
        assert_eq!(end_of(run, 1, &said(shut_it.into())), None, "a run that names this one");
        let state = messages::KnownState::Done;
        let duplicate = messages::EventDuplicate { run_id: run, state };
        assert_eq!(end_of(run, 0, &said(duplicate.into())), None, "no end");
    }
}
