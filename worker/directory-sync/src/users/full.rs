//! A pass over everyone.
//!
//! The token for changes is taken before the first page. So whoever changes while the pass runs is in the next round of
//! changes, and nobody is missed; some people are in both.

use jiff::Timestamp;
use msgraph::{Page, PagesAhead, Reader};

use super::fields::{Fields, Managers, why_leave_dates_are_hidden};
use super::totals::UserTotals;
use crate::cursor::{Cursor, Place};
use crate::error::Error;
use crate::note::{Note, Subject};
use crate::pages::next_page;
use crate::rows::user::{Source, User};
use crate::users::people::users;

/// A pass over everyone, pulled batch by batch.
///
/// ```no_run
/// # async fn example(client: &msgraph::Client) -> Result<(), directory_sync::Error> {
/// let mut pass = directory_sync::UsersPass::begin(client.reader()).await?;
/// while let Some(users) = pass.next().await? {
///     for user in &users {
///         println!("{}", serde_json::to_string(user).unwrap_or_default());
///     }
/// }
/// let summary = pass.finish();
/// # Ok(())
/// # }
/// ```
pub struct UsersPass<'a> {
    reader: Reader<'a>,
    fields: Fields,
    cursor: Option<Cursor>,
    pages: PagesAhead,
    /// The first page until it is returned, then the last one that was.
    page: Option<Page>,
    is_first: bool,
    is_over: bool,
    totals: UserTotals,
    notes: Vec<Note>,
}

/// What a pass over everyone found.
#[derive(Debug, Clone)]
pub struct UsersSummary {
    /// How many people there are.
    pub totals: UserTotals,
    /// Where the next round of changes begins; `None` if a note says why.
    pub cursor: Option<Cursor>,
    /// What could not be seen.
    pub notes: Vec<Note>,
}

impl<'a> UsersPass<'a> {
    /// Takes the token for changes and reads the first page.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached.
    pub async fn begin(reader: Reader<'a>) -> Result<Self, Error> {
        let grants = reader.grants().await?;
        let mut notes = Vec::new();
        let hidden = why_leave_dates_are_hidden(&grants);
        let leave_dates = hidden.is_none();
        notes.extend(hidden.map(|why| Note::new(Subject::LeaveDates, why)));
        let fields = Fields { leave_dates, managers: Managers::Expanded };
        let cursor = match reader.users_delta_from_now(&fields.select_of_delta()).await {
            Ok(token) => {
                Some(Cursor::at(reader.tenant_id(), &Place { token, leave_dates }, Timestamp::now()))
            }
            // Without changes the people can still be read. Whatever else is wrong, the first page meets it, too.
            Err(error) if error.is_forbidden() || error.status() == Some(400) => {
                notes.push(Note::new(Subject::Cursor, error.to_string()));
                None
            }
            Err(error) => return Err(error.into()),
        };
        let mut pass = Self {
            reader,
            fields,
            cursor,
            pages: pages_of(reader, fields)?,
            page: None,
            is_first: true,
            is_over: false,
            totals: UserTotals::default(),
            notes,
        };
        pass.open().await?;
        Ok(pass)
    }

    /// The next batch of people; `None` after the last.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached: the pass is over, and not complete.
    pub async fn next(&mut self) -> Result<Option<Vec<User<'_>>>, Error> {
        if !std::mem::take(&mut self.is_first) {
            // Free it first: the next page takes its place.
            self.page = None;
            self.page = next_page(&mut self.pages).await?;
        }
        let Some(page) = &self.page else {
            self.is_over = true;
            return Ok(None);
        };
        let source = Source::Whole { unknown: self.fields.unknown() };
        let users = users(page, source)?;
        for user in &users {
            self.totals.add(user);
        }
        Ok(Some(users))
    }

    /// What the pass found; `None` if it did not reach its end.
    pub fn finish(self) -> Option<UsersSummary> {
        let Self { totals, cursor, notes, .. } = self;
        self.is_over.then_some(UsersSummary { totals, cursor, notes })
    }

    /// Reads the first page, and reads less of each person where Graph refuses to show more.
    async fn open(&mut self) -> Result<(), Error> {
        loop {
            let error = match next_page(&mut self.pages).await {
                Ok(page) => {
                    self.page = page;
                    return Ok(());
                }
                Err(error) => error,
            };
            self.fields = match (self.fields, error.status()) {
                (fields @ Fields { leave_dates: true, .. }, Some(403)) => {
                    let why =
                        "this account may not see them: it needs a role that may, besides the permission";
                    self.notes.push(Note::new(Subject::LeaveDates, why));
                    Fields { leave_dates: false, ..fields }
                }
                (fields @ Fields { managers: Managers::Expanded, .. }, Some(400)) => {
                    Fields { managers: Managers::ExpandedOneLevel, ..fields }
                }
                (fields @ Fields { managers: Managers::ExpandedOneLevel, .. }, Some(400)) => {
                    self.notes.push(Note::new(Subject::Managers, error.to_string()));
                    Fields { managers: Managers::Unread, ..fields }
                }
                _ => return Err(Error::for_want_of("User.Read.All")(error)),
            };
            self.pages = pages_of(self.reader, self.fields)?;
        }
    }
}

fn pages_of(reader: Reader<'_>, fields: Fields) -> Result<PagesAhead, msgraph::Error> {
    reader.users(fields.of(&fields.select()))
}
