//! A pass over everyone.
//!
//! The token for changes is taken before the first page. So whoever changes while the pass runs is in the next round of
//! changes, and nobody is missed; some people are in both.
//!
//! Pages are read on other threads than the one that asks for them, two at a time: a tenant has a million people.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::sync::Arc;

use jiff::Timestamp;
use msgraph::{Page, PagesAhead, Reader};
use tokio::task::{JoinHandle, spawn_blocking};

use super::fields::{Fields, Managers, why_leave_dates_are_hidden};
use super::totals::UserTotals;
use crate::cursor::{Cursor, Place};
use crate::error::Error;
use crate::note::{Note, Subject};
use crate::pages::next_page;
use crate::rows::user::{Source, User};
use crate::users::people::users;

/// How many pages are read at the same time.
const AT_ONCE: usize = 2;

/// What makes something of the people of a page.
type Make<T> = Arc<dyn Fn(&[User<'_>]) -> T + Send + Sync>;

/// A pass over everyone, pulled batch by batch: what the caller makes of the people of each page.
///
/// ```no_run
/// # async fn example(client: &msgraph::Client) -> Result<(), directory_sync::Error> {
/// use directory_sync::{User, UsersPass, write_json};
///
/// let lines = |users: &[User<'_>]| {
///     let mut lines = String::new();
///     for user in users {
///         write_json(user, &mut lines);
///         lines.push('\n');
///     }
///     lines
/// };
/// let mut pass = UsersPass::begin(client.reader(), lines).await?;
/// while let Some(lines) = pass.next().await? {
///     print!("{lines}");
/// }
/// let summary = pass.finish();
/// # Ok(())
/// # }
/// ```
pub struct UsersPass<'a, T> {
    reader: Reader<'a>,
    fields: Fields,
    cursor: Option<Cursor>,
    pages: PagesAhead,
    make: Make<T>,
    /// The first page until it is read.
    first: Option<Page>,
    /// Pages that are being read, in their order.
    reading: VecDeque<JoinHandle<Result<(T, UserTotals), msgraph::Error>>>,
    /// How the listing ended: with its last page or with an error.
    end: Option<Result<(), msgraph::Error>>,
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

impl<'a, T: Send + 'static> UsersPass<'a, T> {
    /// Takes the token for changes and reads the first page. `make` makes what [`next`](Self::next) returns.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached.
    pub async fn begin(
        reader: Reader<'a>,
        make: impl Fn(&[User<'_>]) -> T + Send + Sync + 'static,
    ) -> Result<Self, Error> {
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
            make: Arc::new(make),
            first: None,
            reading: VecDeque::new(),
            end: None,
            is_over: false,
            totals: UserTotals::default(),
            notes,
        };
        pass.open().await?;
        Ok(pass)
    }

    /// What was made of the next page; `None` after the last.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached: the pass is over, and not complete.
    pub async fn next(&mut self) -> Result<Option<T>, Error> {
        while self.end.is_none() && self.reading.len() < AT_ONCE {
            let page = match self.first.take() {
                Some(page) => Ok(Some(page)),
                None => next_page(&mut self.pages).await,
            };
            match page {
                Ok(Some(page)) => self.reading.push_back(self.read(page)),
                Ok(None) => self.end = Some(Ok(())),
                Err(error) => self.end = Some(Err(error)),
            }
        }
        let Some(reading) = self.reading.pop_front() else {
            self.end.clone().unwrap_or(Ok(()))?;
            self.is_over = true;
            return Ok(None);
        };
        match reading.await.unwrap_or_else(|error| resume_unwind(error.into_panic())) {
            Ok((made, totals)) => {
                self.totals.add_all(totals);
                Ok(Some(made))
            }
            Err(error) => {
                self.reading.clear();
                self.end = Some(Err(error.clone()));
                Err(error.into())
            }
        }
    }

    /// Reads a page on another thread.
    fn read(&self, page: Page) -> JoinHandle<Result<(T, UserTotals), msgraph::Error>> {
        let (make, source) = (Arc::clone(&self.make), Source::Whole { unknown: self.fields.unknown() });
        spawn_blocking(move || {
            let users = users(&page, source)?;
            let mut totals = UserTotals::default();
            users.iter().for_each(|user| totals.add(user));
            Ok((make(&users), totals))
        })
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
                    self.first = page;
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
