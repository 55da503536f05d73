//! Who changed since the last pass.
//!
//! A person can come several times in a round, and the last entry is not necessarily the newest (Microsoft Graph
//! documentation, "Delta query", 2022). So whoever comes again is held back and read once more at the end of the round.
//! That needs to know who came before: a number for each, up to [`MOST`].

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};

use futures_util::future::join_all;
use jiff::Timestamp;
use msgraph::{DeltaStep, Page, Reader, Record, UserKey};
use serde::Serialize;

use super::change::{Change, changed, removal};
use super::fields::{Fields, Managers};
use crate::cursor::{Cursor, Place};
use crate::error::{Error, FullPassReason};
use crate::rows::removed_user::{Removal, RemovedUser};
use crate::rows::user::{Person, Source};

/// With more changes than this a full pass needs fewer requests: its pages are ten times as large.
const MOST: usize = 500_000;
/// How many people are read once more at the same time: a batch.
const TOGETHER: usize = 20;

/// Who changed since a cursor, pulled batch by batch.
pub struct UsersDelta<'a> {
    reader: Reader<'a>,
    fields: Fields,
    round: msgraph::UsersDelta,
    end: Option<Cursor>,
    page: Option<Page>,
    /// Who came already, by a hash of the id. Two people with one hash are both read once more, which is right, too.
    came: HashSet<u64>,
    hasher: RandomState,
    again: BTreeSet<String>,
    reread: Vec<Reread>,
    is_over: bool,
    summary: ChangeCounts,
}

/// What a round of changes found.
#[derive(Debug, Clone)]
pub struct ChangesSummary {
    /// How many changes there were.
    pub counts: ChangeCounts,
    /// Where the next round begins.
    pub cursor: Cursor,
}

/// How many changes a round had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ChangeCounts {
    /// People who are new or changed.
    pub changed: u64,
    /// People who were deleted and can be restored.
    pub deleted: u64,
    /// People who are gone.
    pub purged: u64,
    /// People who came several times and were read once more.
    pub read_again: u64,
}

/// A person who was read once more.
struct Reread {
    id: String,
    found: Found,
}

enum Found {
    Person(Record),
    Removed(Removal),
}

impl<'a> UsersDelta<'a> {
    /// Begins a round. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::FullPassNeeded`] if the cursor cannot be used.
    pub fn begin(reader: Reader<'a>, cursor: &Cursor) -> Result<Self, Error> {
        let place = cursor.read(reader.tenant_id(), Timestamp::now());
        let Place { token, leave_dates } =
            place.map_err(|problem| Error::FullPassNeeded(FullPassReason::Cursor(problem)))?;
        Ok(Self {
            reader,
            fields: Fields { leave_dates, managers: Managers::Expanded },
            round: reader.users_delta(&[], Some(&token))?,
            end: None,
            page: None,
            came: HashSet::new(),
            hasher: RandomState::new(),
            again: BTreeSet::new(),
            reread: Vec::new(),
            is_over: false,
            summary: ChangeCounts::default(),
        })
    }

    /// The next batch of changes; `None` after the last. A later batch overrules an earlier one.
    ///
    /// # Errors
    ///
    /// [`Error::FullPassNeeded`] if Graph has forgotten the state, or too many people changed. Any other error: Graph
    /// refuses, or cannot be reached. The cursor stays where it was.
    pub async fn next(&mut self) -> Result<Option<Vec<Change<'_>>>, Error> {
        self.page = None;
        self.reread.clear();
        if self.end.is_none() {
            self.read_on().await?;
            return self.changes().map(Some);
        }
        self.read_again().await?;
        if self.reread.is_empty() {
            self.is_over = true;
            return Ok(None);
        }
        let unknown = self.fields.unknown();
        let changes =
            self.reread.iter().map(|reread| reread.change(unknown)).collect::<Result<Vec<_>, _>>()?;
        for change in &changes {
            self.summary.add(change);
        }
        Ok(Some(changes))
    }

    /// What the round found; `None` if it did not reach its end.
    pub fn finish(self) -> Option<ChangesSummary> {
        let Self { summary, end, is_over, .. } = self;
        let cursor = end.filter(|_| is_over)?;
        Some(ChangesSummary { counts: summary, cursor })
    }

    async fn read_on(&mut self) -> Result<(), Error> {
        match self.round.next().await? {
            Some(DeltaStep::Page(page)) => self.page = Some(page),
            Some(DeltaStep::End(page, token)) => {
                let place = Place { token, leave_dates: self.fields.leave_dates };
                self.end = Some(Cursor::at(self.reader.tenant_id(), &place, Timestamp::now()));
                self.page = Some(page);
            }
            Some(DeltaStep::Resync) | None => {
                return Err(Error::FullPassNeeded(FullPassReason::TokenExpired));
            }
        }
        Ok(())
    }

    /// The entries of the page, without those of people who came before.
    fn changes(&mut self) -> Result<Vec<Change<'_>>, Error> {
        let Some(page) = &self.page else { return Ok(Vec::new()) };
        let entries: Vec<Person<'_>> = page.objects()?;
        let mut changes = Vec::with_capacity(entries.len());
        for person in entries {
            if !self.came.insert(self.hasher.hash_one(person.id.as_str())) {
                self.again.insert(person.id.as_str().to_owned());
                continue;
            }
            changes.push(match removal(&person) {
                None => changed(person, Source::Change),
                Some(removal) => Change::Removed(RemovedUser { id: person.id.into_cow(), removal }),
            });
        }
        if self.came.len() > MOST {
            return Err(Error::FullPassNeeded(FullPassReason::TooManyChanges));
        }
        for change in &changes {
            self.summary.add(change);
        }
        Ok(changes)
    }

    /// Reads some of those who came several times.
    async fn read_again(&mut self) -> Result<(), Error> {
        let ids: Vec<String> = std::iter::from_fn(|| self.again.pop_first()).take(TOGETHER).collect();
        self.summary.read_again += ids.len() as u64;
        let people = ids.into_iter().map(|id| read(self.reader, self.fields, id));
        for read in join_all(people).await {
            self.reread.push(read?);
        }
        Ok(())
    }
}

async fn read(reader: Reader<'_>, fields: Fields, id: String) -> Result<Reread, Error> {
    let found = match reader.user_record(&id, fields.of(&fields.select())).await? {
        Some(record) => Found::Person(record),
        None if reader.deleted_users(&UserKey::Id(id.clone())).await?.is_empty() => {
            Found::Removed(Removal::Purged)
        }
        None => Found::Removed(Removal::Deleted),
    };
    Ok(Reread { id, found })
}

impl Reread {
    fn change(&self, unknown: &'static [&'static str]) -> Result<Change<'_>, Error> {
        Ok(match &self.found {
            Found::Person(record) => changed(record.object()?, Source::Whole { unknown }),
            Found::Removed(removal) => {
                Change::Removed(RemovedUser { id: self.id.as_str().into(), removal: *removal })
            }
        })
    }
}

impl ChangeCounts {
    fn add(&mut self, change: &Change<'_>) {
        match change {
            Change::Changed(_) => self.changed += 1,
            Change::Removed(RemovedUser { removal: Removal::Deleted, .. }) => self.deleted += 1,
            Change::Removed(RemovedUser { removal: Removal::Purged, .. }) => self.purged += 1,
        }
    }
}
