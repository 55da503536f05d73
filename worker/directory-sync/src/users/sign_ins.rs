//! When people last signed in: a pass of its own, because Graph counts it apart and shows five hundred people a page.

use msgraph::{Page, PagesAhead, Reader};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::note::{Note, Subject};
use crate::pages::next_page;
use crate::rows::sign_in::SignIn;
use crate::text::Text;

/// A pass over everyone's last sign-in. Graph allows ten pages in a minute: five thousand people.
pub struct SignInsPass {
    pages: PagesAhead,
    page: Option<Page>,
    is_over: bool,
    summary: SignInsSummary,
}

/// What a pass over last sign-ins found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SignInsSummary {
    /// How many people were seen.
    pub people: u64,
    /// How many of them never signed in.
    pub never: u64,
    /// Why last sign-ins could not be seen, if so.
    pub unavailable: Option<Note>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    sign_in_activity: Option<Activity<'a>>,
}

/// Only the successful sign-in counts: Graph sets the other dates at failed attempts, too (microsoft-graph-docs issues
/// 441 and 21082, 2019 to 2023).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Activity<'a> {
    #[serde(borrow)]
    last_successful_sign_in_date_time: Option<Text<'a>>,
}

/// How Graph also writes that nobody signed in.
const NEVER: &str = "0001-01-01";

impl SignInsPass {
    /// Begins the pass. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// None that depend on the tenant.
    pub fn begin(reader: Reader<'_>) -> Result<Self, Error> {
        let pages = reader.sign_ins()?;
        Ok(Self { pages, page: None, is_over: false, summary: SignInsSummary::default() })
    }

    /// The next batch; `None` after the last, or at once if the tenant has no licence or the application no permission
    /// to see sign-ins: the summary says so.
    ///
    /// # Errors
    ///
    /// Graph refuses, or cannot be reached: the pass is over, and not complete.
    pub async fn next(&mut self) -> Result<Option<Vec<SignIn<'_>>>, Error> {
        self.page = None;
        if self.is_over {
            return Ok(None);
        }
        self.page = match next_page(&mut self.pages).await {
            Ok(page) => page,
            Err(error) if self.summary.people == 0 && (error.is_forbidden() || error.is_not_bought()) => {
                self.summary.unavailable = Some(unavailable(&error));
                None
            }
            Err(error) => return Err(error.into()),
        };
        let Some(page) = &self.page else {
            self.is_over = true;
            return Ok(None);
        };
        let people: Vec<Person<'_>> = page.objects()?;
        let rows: Vec<_> = people.into_iter().map(sign_in).collect();
        self.summary.people += rows.len() as u64;
        self.summary.never += rows.iter().filter(|row| row.last_successful_sign_in.is_none()).count() as u64;
        Ok(Some(rows))
    }

    /// What the pass found; `None` if it did not reach its end.
    pub fn finish(self) -> Option<SignInsSummary> {
        self.is_over.then_some(self.summary)
    }
}

fn unavailable(error: &msgraph::Error) -> Note {
    let why = if error.is_not_bought() {
        "the tenant has no Entra ID P1 or P2"
    } else {
        "grant AuditLog.Read.All; a service account also needs the role Reports Reader"
    };
    Note::new(Subject::SignIns, why)
}

fn sign_in(person: Person<'_>) -> SignIn<'_> {
    let last = person.sign_in_activity.and_then(|activity| activity.last_successful_sign_in_date_time);
    let last = last.filter(|moment| !moment.as_str().starts_with(NEVER));
    SignIn { id: person.id.into_cow(), last_successful_sign_in: last.map(Text::into_cow) }
}
